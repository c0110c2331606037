"""Who is told what happens while an ensemble trains."""

from collections.abc import Callable
from dataclasses import dataclass

from clipkind.training.history import EpochResult
from clipkind.training.run import MemberResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Called member by member, each by its name."""

    on_start: Callable[[str, tuple[EpochResult, ...]], None] = lambda _member, _epochs: None
    """An attempt begins, or goes on after these epochs."""
    on_epoch: Callable[[str, EpochResult], None] = lambda _member, _result: None
    on_failure: Callable[[str, str], None] = lambda _member, _why: None
    """An attempt has failed and the member begins again with another seed."""
    on_member: Callable[[MemberResult], None] = lambda _result: None
    """A member is done."""
