"""A job's result as pages tell it: the answer in words, its bars, and which frames count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clipkind.web.jobs.job import Job
from clipkind.web.pages.reasons import title_of
from clipkind.web.pages.words import SPACE, clock, percent, spaced, spaced_list, whole_percent

EVEN = 1e-6
"""Weights that differ by less are the same."""
DECISIVE = 3
"""How many frames are marked."""
STRANGE = 0.95
"""Strangeness from which it is pointed out."""
_ORDINALS = ("most", "second most", "third most")


@dataclass(frozen=True, slots=True)
class Bar:
    """A class and its probability."""

    label: str
    share: float
    chosen: bool
    """Whether it belongs to the answer."""
    true: bool = False


@dataclass(frozen=True, slots=True)
class MemberVote:
    """What one network of the ensemble says by itself."""

    name: str
    bars: tuple[Bar, ...]
    """In the order of the answer's."""
    agrees: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know beside the answer."""

    kind: str
    """warn or info."""
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of the sequence that the model saw."""

    k: int
    time: float
    """Seconds."""
    weight: float
    """Attention; where that is even, the probability of the answer by this frame alone."""
    rank: int
    """1 to 3: among the most decisive; 0: not."""
    picture: int | None
    """Number of its picture; None: none is there."""
    shown: str
    """The weight in figures."""
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said."""

    headline: str
    decision: str
    confidence: float | None
    about: str
    bars: tuple[Bar, ...]
    """The most probable first."""
    members: tuple[MemberVote, ...]
    truth: str | None
    right: bool | None
    """None: not known, or the answer is not one label."""
    among: bool | None
    """Of several labels: whether the true class is one of them."""
    partial: bool
    """Only part of the video could be looked at."""
    notices: tuple[Notice, ...]
    frames: tuple[Frame, ...]
    even: bool
    """All frames count the same for the model."""
    alone: tuple[tuple[float, ...], ...]
    """For each step the probabilities by this frame alone, in the order of `classes`; or empty."""
    classes: tuple[str, ...]
    """In the model's order."""
    best: str
    """The most probable class."""

    @property
    def film_note(self) -> str:
        """What stands below the pictures of the frames."""
        if not self.even:
            return (
                "Below each picture: how much it counts in the answer. The three that count most "
                "are marked."
            )
        if self.alone:
            return (
                f"This model looks at all frames alike. Below each picture: how probable "
                f"{spaced(self.best)} is by this frame alone. The three that speak for it most "
                "are marked."
            )
        return "This model looks at all frames alike: none counts more than another."


def answer_of(job: Job) -> Answer | None:
    """The answer of a job that is done; None of any other."""
    result = job.result
    if job.state != "done" or not result or not result.get("probabilities"):
        return None
    shares: Mapping[str, float] = result["probabilities"]
    labels: Sequence[str] = result["labels"]
    order = sorted(shares, key=lambda name: -shares[name])
    attention = result.get("attention") or ()
    even = not attention or max(attention) - min(attention) < EVEN
    alone = tuple(tuple(row) for row in result.get("by_frame") or ())
    classes = tuple(shares)
    return Answer(
        headline=_headline(labels),
        decision=result["decision"],
        confidence=result["confidence"],
        about=_about(job, result),
        bars=tuple(Bar(n, shares[n], n in labels, n == job.truth) for n in order),
        members=tuple(_votes(result, order)),
        truth=job.truth,
        right=job.truth == labels[0] if job.truth and len(labels) == 1 else None,
        among=job.truth in labels if job.truth and len(labels) > 1 else None,
        partial=result["status"] == "partial",
        notices=tuple(_notices(result)),
        frames=_frames(result, attention, even, alone, classes.index(order[0])),
        even=even,
        alone=alone,
        classes=classes,
        best=order[0],
    )


def _headline(labels: Sequence[str]) -> str:
    return spaced_list(labels) if labels else "Unsure"


def _about(job: Job, result: Mapping[str, Any]) -> str:
    """What the confidence means, and why the answer is not one label where it is not."""
    if result["decision"] == "unsure":
        if result.get("reason") == "strange":
            return "The video is too unlike those the model knows for any label."
        return f"At a risk of {whole_percent(job.risk or 0)} no label is safe enough to give."
    if result["decision"] == "several":
        return (
            f"The model is {percent(result['confidence'])} sure that it is one of these. To give "
            f"one label alone is not safe enough at a risk of {whole_percent(job.risk or 0)}, "
            "which is that of a wrong single label."
        )
    if not result["calibrated"]:
        return "This confidence is not calibrated: a score to rank by, not a probability."
    of = round(result["confidence"] * 100)
    if of >= 100:
        return "Calibrated: answers as sure as this one are nearly always right."
    return f"Calibrated: of 100 answers as sure as this one, about {of} are right."


def _votes(result: Mapping[str, Any], order: Sequence[str]) -> list[MemberVote]:
    votes = []
    for number, shares in enumerate(result.get("members") or ()):
        best = max(shares, key=lambda name: shares[name])
        bars = tuple(Bar(name, shares[name], name == best) for name in order)
        votes.append(MemberVote(f"Member {number + 1}", bars, best == order[0]))
    return votes


def _notices(result: Mapping[str, Any]) -> list[Notice]:
    notices = []
    if result["status"] == "partial":
        why = f": {result['message']}" if result.get("message") else ""
        notices.append(Notice("warn", f"Only part of the video: {title_of(result['reason'])}{why}"))
    strange = result.get("strangeness")
    if strange is not None and strange >= STRANGE:
        text = (
            f"Stranger than {percent(min(strange, 0.999))} of the videos the model knows: it may "
            "be of a kind that is none of its classes."
        )
        notices.append(Notice("warn", text))
    return notices


def _frames(
    result: Mapping[str, Any],
    attention: Sequence[float],
    even: bool,
    alone: Sequence[Sequence[float]],
    best: int,
) -> tuple[Frame, ...]:
    """The steps, of which the decisive are marked; where all count the same and no frame was
    asked by itself, none is."""
    times: Sequence[float] = result.get("times_s") or ()
    weights = list(attention) if attention else [1 / len(times)] * len(times)
    name, says = "", "weight {0}"
    figure: Callable[[float], str] = _two_places
    if even and alone:
        weights, figure = [row[best] for row in alone], percent
        name, says = spaced(list(result["probabilities"])[best]), "by itself {0} {1}"
    pictures = _pictures(result, len(times))
    marked = {} if even and not alone else _ranked(weights, pictures)
    frames = []
    for k, (time, weight) in enumerate(zip(times, weights, strict=False)):
        rank = marked.get(k, 0)
        shown = figure(weight)
        rest = f", {_ORDINALS[rank - 1]} decisive" if rank else ""
        words = f"Frame {k + 1} at {clock(time)}, {says.format(shown, name)}{rest}"
        frames.append(Frame(k, time, weight, rank, pictures[k], shown, words))
    return tuple(frames)


def _two_places(weight: float) -> str:
    """Weights of 64 frames are small."""
    return f"{weight * 100:.2f}{SPACE}%"


def _ranked(weights: Sequence[float], pictures: Sequence[int | None]) -> dict[int, int]:
    """Step -> its rank, of the highest; of equal ones the earliest, and each picture once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    for k in sorted(range(len(weights)), key=lambda k: (-weights[k], k)):
        picture = pictures[k]
        if picture is not None and picture in seen:
            continue
        if picture is not None:
            seen.add(picture)
        found[k] = len(found) + 1
        if len(found) == DECISIVE:
            break
    return found


def _pictures(result: Mapping[str, Any], steps: int) -> list[int | None]:
    """For each step the number of its picture."""
    kept = int(result.get("frames") or 0)
    numbers = result.get("frame_of") or range(steps)
    shown = [number if number < kept else None for number in numbers]
    return [*shown, *[None] * steps][:steps]
