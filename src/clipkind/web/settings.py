"""What the operator of a server decides, as one frozen value."""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from clipkind.checks import LONGEST_S, MOST, MOST_BYTES, MOST_JOBS, require_number, require_whole

MEGABYTE = 1_000_000
_COUNTS = {
    **{"port": 65535, "workers": MOST_JOBS, "threads": 1000, "streams": 1000, "burst": MOST},
    **{"max_upload": MOST_BYTES, "quota": MOST_BYTES, "max_queue": MOST, "keep_jobs": MOST},
}
"""The most of what is counted."""
_MEASURES = {"keep_s": 0.0, "fetch_timeout_s": 0.0, "decode_timeout_s": 1e-3, "rate": 1e-3}
"""The least of what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the server listens, what it serves, and how much of it a client may have.

    Raises ValueError for a number that makes no sense.
    """

    state: Path
    """Folder of the job store and of what was received; made where it is absent."""
    models: tuple[Path | None, ...] = (None,)
    """Model bundles to choose from (None: the one that comes with the package), the first first."""
    dataset: Path | None = None
    """Folder or manifest of videos to choose from."""
    host: str = "127.0.0.1"
    port: int = 8000
    trusted_hosts: tuple[str, ...] = ()
    """Names clients may call the server by, besides the address it listens on."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) of proxies that tell in `X-Forwarded-For` whom they were asked by."""
    workers: int = 1
    """Processes that classify, each with the models loaded once."""
    token: str | None = field(default=None, repr=False)
    """What clients must show; None: nothing."""
    max_upload: int = 500 * MEGABYTE
    """Bytes of one video, uploaded or fetched."""
    max_queue: int = 1000
    """Jobs that may wait; more are turned away until there is room."""
    quota: int = 20_000 * MEGABYTE
    """Bytes of all videos kept."""
    keep_s: float = 24 * 3600.0
    """Seconds after the end of a job for which its video and frames are kept, if there is room."""
    keep_jobs: int = 10_000
    """Finished jobs of which the answers are kept, the newest ones."""
    rate: float = 20.0
    """Jobs a client may send in a minute, on average."""
    burst: int = 100
    """Jobs a client may send at once."""
    links: bool = True
    """Whether links are fetched."""
    allowed_addresses: tuple[str, ...] = ()
    """Networks (CIDR) that links may lead to though they are not public."""
    fetch_timeout_s: float = 300.0
    """Seconds a link may take to fetch."""
    decode_timeout_s: float = 300.0
    """Seconds a video may take to decode."""
    threads: int = 16
    """Of the web server."""
    streams: int = 8
    """Event streams at a time, each of which takes a thread; others are told to poll."""

    def __post_init__(self) -> None:
        for name, most in _COUNTS.items():
            require_whole(name, getattr(self, name), 0, most)
        for name, low in _MEASURES.items():
            require_number(name, getattr(self, name), low, LONGEST_S)
        # workers may start later, from another folder; and files are sent to clients from `state`,
        # where Flask takes a relative path for one beside its code
        object.__setattr__(self, "state", self.state.absolute())
        object.__setattr__(self, "dataset", self.dataset and self.dataset.absolute())
        models = tuple(model and model.absolute() for model in self.models)
        object.__setattr__(self, "models", models)

    @property
    def database(self) -> Path:
        return self.state / "jobs.sqlite3"

    @property
    def files(self) -> Path:
        """Where received videos and sampled frames lie, by job."""
        return self.state / "files"

    def to_json(self) -> dict[str, Any]:
        """For `from_json` in another process."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        data["models"] = [None if model is None else os.fspath(model) for model in self.models]
        for name in ("state", "dataset"):
            data[name] = None if data[name] is None else os.fspath(data[name])
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        values["models"] = tuple(None if m is None else Path(m) for m in values["models"])
        values["state"] = Path(values["state"])
        values["dataset"] = None if values["dataset"] is None else Path(values["dataset"])
        return cls(**values)
