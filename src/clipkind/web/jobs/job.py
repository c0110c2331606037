"""A job: one video on its way to an answer, as it is stored and told to clients."""

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
FINAL: tuple[State, ...] = ("done", "failed", "cancelled")
"""States that no job leaves."""
Step = Literal["waiting", "fetching", "decoding", "network", "finished"]
Source = Literal["upload", "link", "dataset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a client asks for."""

    id: str
    """From `Spool.new_id`; an upload's file lies there already."""
    source: Source
    name: str
    """What people call the video, printable; never a path on this machine."""
    model: str
    """As in `Models.names`: a bundle, or one of its members."""
    tta: bool = False
    risk: float | None = None
    video_id: str | None = None
    """Of a video of the data set."""
    url: str | None = None
    truth: str | None = None
    """The true class, where it is known."""
    client: str = ""
    """Address of who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(NewJob):
    """Where the job is."""

    state: State = "queued"
    step: Step = "waiting"
    done: int = 0
    """Of the step: frames decoded, or bytes fetched."""
    total: int = 0
    """0: not known."""
    created_at: float
    """Seconds since 1970, as the other times."""
    started_at: float | None = None
    finished_at: float | None = None
    attempts: int = 0
    """How often a worker began it: a worker's death does not end a job at once."""
    result: dict[str, Any] | None = None
    """When done: `Prediction.details()` less its path, that is with `members`, `times_s` and
    `attention`; `frames`, how many pictures are kept; `frame_of`, for each of `times_s` the number
    of the picture of that time (those of one content are kept once)."""
    reason: str | None = None
    """When failed: a code of `clipkind.errors.Reason`, or one of `clipkind.web.jobs.failures`."""
    message: str = ""
    """The reason in words, with the way out."""
    kept: bool = True
    """Whether the video and its frames are still there."""

    @property
    def over(self) -> bool:
        return self.state in FINAL

    def to_json(self, place: int | None = None, eta_s: float | None = None) -> dict[str, Any]:
        """What clients are told: the same in the API, in event streams and in downloads.

        `place` is how many jobs are before it in the queue, plus one, `eta_s` the seconds left.
        """
        return {
            "id": self.id,
            "state": self.state,
            "step": self.step,
            "done": self.done,
            "total": self.total,
            "place": place,
            "eta_s": eta_s,
            "name": self.name,
            "source": self.source,
            "video_id": self.video_id,
            "url": self.url,
            "model": self.model,
            "tta": self.tta,
            "risk": self.risk,
            "truth": self.truth,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "result": self.result,
            "reason": self.reason,
            "message": self.message,
            "kept": self.kept,
        }
