"""The answer for one video, and its JSON form."""

from dataclasses import dataclass
from typing import Any, Literal

from clipkind.errors import Reason
from clipkind.model.risk import Decision
from clipkind.text import printable

Status = Literal["ok", "partial", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What kind of content a video is, or why there is no answer."""

    path: str
    status: Status
    """`ok`; `partial`: answered, but something is missing (see `reason`); `refused`: no answer."""
    label: str | None = None
    """The answer, where it is one label: always, unless a risk was stated."""
    labels: tuple[str, ...] = ()
    """The answer, most probable first: one label, several, or none where it is `unsure`."""
    decision: Decision | None = None
    """Which of them it is."""
    confidence: float | None = None
    """Probability that one of `labels` is right, 0 to 1."""
    calibrated: bool = False
    """Whether probabilities were fitted to what came true; if not, they are mostly too sure or not
    sure enough."""
    probabilities: dict[str, float] | None = None
    """For every class, in the model's order; they sum to 1."""
    strangeness: float | None = None
    """Share, 0 to 1, of videos like those the model knows that are less strange: near 1 it may be
    of a kind the model does not know. None where the model cannot say."""
    duration_s: float | None = None
    frames_used: int = 0
    """Distinct frames the answer rests on."""
    elapsed_s: float = 0.0
    """Seconds from opening the file to the answer; in a batch this includes waiting for others."""
    model: str = ""
    reason: Reason | None = None
    """Why the video was refused, what is missing from a partial answer, or why it is `unsure`."""
    message: str = ""
    """The reason in words, with the way out."""
    members: tuple[dict[str, float], ...] = ()
    """What each network that took part would say alone, in the bundle's order; not calibrated."""
    times_s: tuple[float, ...] = ()
    """Times of the sampled frames, in seconds."""
    attention: tuple[float, ...] = ()
    """Weight of each step of the sequence in the answer, averaged over members; sums to 1."""
    by_frame: tuple[tuple[float, ...], ...] = ()
    """What each step of the sequence would say if it were all of the video: probabilities of every
    class, in the model's order, calibrated as the answer is. Empty unless it was asked for."""

    def to_json(self) -> dict[str, Any]:
        """The documented JSON object (`details` has more); text in it is printable."""
        return {
            "path": printable(self.path),
            "status": self.status,
            "label": self.label,
            "labels": list(self.labels),
            "decision": self.decision,
            "confidence": self.confidence,
            "calibrated": self.calibrated,
            "probabilities": self.probabilities,
            "strangeness": None if self.strangeness is None else round(self.strangeness, 4),
            "duration_s": self.duration_s,
            "frames_used": self.frames_used,
            "elapsed_s": round(self.elapsed_s, 4),
            "model": self.model,
            "reason": self.reason,
            "message": printable(self.message),
        }

    def details(self) -> dict[str, Any]:
        """The same with what each network says, the attention and each frame's own answer."""
        return {
            **self.to_json(),
            "members": list(self.members),
            "times_s": list(self.times_s),
            "attention": list(self.attention),
            "by_frame": [[round(share, 4) for share in shares] for shares in self.by_frame],
        }
