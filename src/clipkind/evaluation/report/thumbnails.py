"""Pictures of videos that were answered wrong, to stand in the evaluation itself."""

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from clipkind.contract import Contract
from clipkind.dataset.check.thumbnails import strips
from clipkind.video.isolation import TIMEOUT_S

# strips look at nothing of a contract but the size of its pictures
_VIEW = Contract(backbone="", weights_sha256="", feature_dim=1, multi_scale="single")


def thumbnail(path: Path | str) -> str | None:
    """Four moments of a video side by side, as a JPEG in a `data:` URL; None where unreadable."""
    return thumbnails([str(path)]).get(str(path))


def thumbnails(
    paths: Iterable[str], *, jobs: int = 1, timeout_s: float = TIMEOUT_S
) -> dict[str, str]:
    """The same of many videos, by path; one that cannot be read is left out."""
    found = strips(paths, _VIEW, jobs=jobs, timeout_s=timeout_s)
    return {
        path: f"data:image/jpeg;base64,{b64encode(jpeg).decode()}" for path, jpeg in found.items()
    }
