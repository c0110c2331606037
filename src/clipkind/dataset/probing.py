"""Each file of a data set read once: its content's hash, and whether a picture comes out."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from clipkind.contract import Contract
from clipkind.errors import Reason, VideoError
from clipkind.features.extract import file_sha256
from clipkind.features.feed import IDLE, Feed
from clipkind.video.isolation import DecodeWorker, End
from clipkind.video.probe import VideoInfo

FIRST_FRAME = Contract(
    num_frames=1,
    window=(0.0, 1e-6),
    multi_scale="single",
    resize=16,
    crop=16,
    backbone="none",
    weights_sha256="",
    feature_dim=1,
)
"""What is decoded of a file to see that it can be: its first frame, small."""

Progress = Callable[[int, int], None]
"""Called after each file: how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What reading one file showed."""

    sha256: str
    """Of its content; empty where that cannot be read."""
    found: VideoInfo | VideoError
    """What it is, or why it is no video that can be used."""
    note: str = ""
    """What is missing of a video that can be used."""


def look_at(paths: Collection[str], *, jobs: int, progress: Progress) -> dict[str, Seen]:
    """Read `paths`, `jobs` at a time, in decoding processes. Files of equal content decode once."""
    digests: dict[str, str] = {}
    originals: dict[str, str] = {}
    repeats: list[str] = []
    seen: dict[str, Seen] = {}

    def fresh() -> Iterator[str]:  # runs in the decoding threads, one at a time
        for path in sorted(paths):
            digest = file_sha256(path)
            digests[path] = digest
            if not digest or originals.setdefault(digest, path) == path:
                yield path
            else:
                repeats.append(path)

    with ExitStack() as stack:
        count = max(min(jobs, len(paths)), 1)
        workers = [stack.enter_context(DecodeWorker(threads=1)) for _ in range(count)]
        for worker in workers:
            worker.start()
        feed = stack.enter_context(Feed(fresh(), workers, FIRST_FRAME))
        while item := feed.next(idle=False, eager=False):
            if item is not IDLE and isinstance(item.message, End | VideoError):
                feed.release()
                seen[item.path] = _seen(digests[item.path], item.message)
                progress(len(seen) + len(repeats), len(paths))
    progress(len(paths), len(paths))
    return {path: seen[originals.get(digest, path)] for path, digest in digests.items()}


def _seen(digest: str, message: End | VideoError) -> Seen:
    if isinstance(message, VideoError):
        return Seen(digest, message)
    if not digest:  # a bad disk: the first frame can be read and the rest cannot
        return Seen("", VideoError(Reason.UNDECODABLE, "cannot be read to its end; copy it again"))
    _, note = message.missing(wanted=1)
    return Seen(digest, message.info, note)
