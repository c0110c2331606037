"""How often answers stay right when the same videos are disturbed."""

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.intervals import difference, draw_groups, interval
from clipkind.evaluation.result import Robustness
from clipkind.evaluation.robustness.disturbances import DISTURBANCES, Disturbance

TIMEOUT_S = 600.0
"""For writing all copies of one video."""
Right = list[bool | None]
"""Of one video: whether its answers are right, undisturbed first; None: refused."""
Answering = Callable[[Sequence[str]], Sequence[str | None]]
"""Gives the label of each video, by its path, in order; None where it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A video whose class is known."""

    path: str
    label: str
    group: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One row for each disturbance that at least one video could be answered under."""

    rows: list[Robustness]
    notes: list[str]
    """Which videos were chosen, and what could not be measured."""


def measure(
    classify: Answering,
    videos: Sequence[Labelled],
    *,
    disturbances: Sequence[Disturbance] = DISTURBANCES,
    limit: int | None = None,
    jobs: int = 1,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Measured:
    """Classify `videos`, and copies of them under each of `disturbances`, by the same path.

    `limit` takes so many of them, evenly by class and source. Copies are written in `jobs`
    processes of their own to a temporary folder, which holds those of 1 + `jobs` videos at most
    and is gone afterwards. `progress` is told of videos done, and of how many. A video that is
    refused, undisturbed or disturbed, is counted and in no accuracy.
    """
    chosen = list(videos) if limit is None else choose(videos, limit)
    notes = []
    if len(chosen) < len(videos):
        notes.append(
            f"Robustness: measured on {len(chosen)} of {len(videos)} videos, "
            "taken evenly by class and source."
        )
    answers: list[Right] = []
    refused: Right = [None] * (1 + len(disturbances))
    progress(0, len(chosen))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="clipkind-")))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        stack.callback(pool.shutdown, cancel_futures=True)
        written = _written(chosen, disturbances, folder, pool, jobs, timeout_s)
        for video, copies in zip(chosen, written, strict=True):
            answers.append(_answers(classify, video, copies) if copies else refused)
            progress(len(answers), len(chosen))
    right = np.array([[np.nan if r is None else r for r in row] for row in answers], np.float64)
    groups = np.array([video.group for video in chosen], np.str_)
    rows = []
    for column, disturbance in enumerate(disturbances, start=1):
        if not len(right) or np.isnan(right[:, (0, column)]).any(axis=1).all():
            notes.append(f"Robustness: no video could be answered under {disturbance.name!r}.")
        else:
            rows.append(_row(disturbance, right[:, 0], right[:, column], groups))
    return Measured(rows, notes)


def choose(videos: Sequence[Labelled], limit: int) -> list[Labelled]:
    """At most `limit` videos, in turn of every class and within it of every group. Repeatable."""
    order = np.random.default_rng(0).permutation(len(videos))
    taken_of_group: dict[tuple[str, str], int] = {}
    ranked: dict[str, list[tuple[int, int]]] = {}
    for place, i in enumerate(order.tolist()):
        of = (videos[i].label, videos[i].group)
        taken_of_group[of] = taken_of_group.get(of, -1) + 1
        ranked.setdefault(videos[i].label, []).append((taken_of_group[of], place))
    queues = [deque(sorted(places)) for _, places in sorted(ranked.items())]
    chosen: list[int] = []
    while len(chosen) < min(limit, len(videos)):
        for queue in queues:
            if queue and len(chosen) < limit:
                chosen.append(int(order[queue.popleft()[1]]))
    return [videos[i] for i in sorted(chosen)]


def _written(
    videos: Sequence[Labelled],
    disturbances: Sequence[Disturbance],
    folder: Path,
    pool: ThreadPoolExecutor,
    ahead: int,
    timeout_s: float,
) -> Iterator[list[Path]]:
    """The copies of each video, which last until those of the next are asked for."""
    waiting: deque[tuple[Path, Future[list[Path]]]] = deque()
    for number in range(len(videos) + ahead):
        if number < len(videos):
            place = folder / f"{number}"
            place.mkdir()
            task = pool.submit(_write, videos[number].path, disturbances, place, timeout_s)
            waiting.append((place, task))
        if number >= ahead:
            place, task = waiting.popleft()
            yield task.result()
            rmtree(place)


def _write(
    source: str, disturbances: Sequence[Disturbance], folder: Path, timeout_s: float
) -> list[Path]:
    """The copies; none where the video cannot be read or takes too long."""
    names = [disturbance.name for disturbance in disturbances]
    module = "clipkind.evaluation.robustness.worker"
    command = [sys.executable, "-P", "-m", module, source, str(folder), str(timeout_s), *names]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return []
    if done.returncode:
        return []
    return [folder / f"{number}.mp4" for number in range(len(disturbances))]


def _answers(classify: Answering, video: Labelled, copies: list[Path]) -> Right:
    labels = classify([video.path, *map(str, copies)])
    return [None if label is None else label == video.label for label in labels]


def _row(
    disturbance: Disturbance,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    groups: NDArray[np.str_],
) -> Robustness:
    kept = ~(np.isnan(before) | np.isnan(after))
    draws = draw_groups(groups[kept])
    undisturbed, disturbed = draws.means(np.stack([before[kept], after[kept]], axis=1))
    return {
        "name": disturbance.name,
        "what": disturbance.what,
        "videos": int(kept.sum()),
        "refused": int((~kept).sum()),
        "accuracy": interval(disturbed, draws),
        "drop": difference(undisturbed, disturbed, draws, before[kept] != after[kept]),
    }
