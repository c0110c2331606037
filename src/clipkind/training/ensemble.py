"""Training of all members of a run: by themselves or side by side, and which of them vote."""

import os
import shutil

import torch

from clipkind.errors import ClipkindError
from clipkind.text import printable
from clipkind.training import distributed
from clipkind.training.member import train_member
from clipkind.training.pool import train_side_by_side
from clipkind.training.precision import SMALL_HIDDEN
from clipkind.training.prepare import TrainingData
from clipkind.training.run import MemberResult, Run, read_result
from clipkind.training.watch import Watch


class EnsembleFailed(ClipkindError):
    """No member of a run has learned the classes."""

    exit_code = 1


def jobs_and_threads(run: Run, jobs: int | None, device: str) -> tuple[int, int]:
    """How many members train at a time (`jobs`, or as many as there are cores for), and with how
    many threads each."""
    cores = max(1, len(os.sched_getaffinity(0)) // distributed.neighbours())
    if jobs is None:
        jobs = len(run.seeds) if device.startswith("cuda") else cores
    jobs = 1 if distributed.size() > 1 else max(1, min(jobs, len(run.seeds)))
    threads = 1 if run.recipe.hidden_dim < SMALL_HIDDEN else max(1, cores // jobs)
    return jobs, threads


def train_ensemble(
    run: Run,
    data: TrainingData,
    *,
    jobs: int,
    threads: int,
    device: str = "cpu",
    watch: Watch | None = None,
) -> tuple[MemberResult, ...]:
    """Train every member that is not done yet; results in the run's order, failed ones included.

    With `jobs` above 1 `data` must be in the run's cache. Raises EnsembleFailed when no member can
    vote, and as `train_member`.
    """
    watch = watch or Watch()
    before = [read_result(run.member_folder(member)) for member in run.members]
    todo = distributed.of_first([n for n, result in enumerate(before) if result is None])
    for result in filter(None, before):
        watch.on_member(result)
    if jobs > 1 and len(todo) > 1:
        train_side_by_side(run, todo, device=device, jobs=jobs, threads=threads, watch=watch)
    else:
        _train_here(run, todo, data, threads, device, watch)
    results = tuple(_result(run, number) for number in range(len(run.seeds)))
    shutil.rmtree(run.cache, ignore_errors=True)
    if all(result.failure for result in results):
        raise EnsembleFailed(
            f"no member has learned the classes ({results[0].failure}); look at "
            f"{printable(str(run.progress_folder))} and at the labels, or change the recipe"
        )
    return results


def voting(results: tuple[MemberResult, ...]) -> list[int]:
    """The numbers of the members that vote: those that have not failed."""
    return [number for number, result in enumerate(results) if not result.failure]


def _train_here(
    run: Run, numbers: list[int], data: TrainingData, threads: int, device: str, watch: Watch
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for number in numbers:
            watch.on_member(train_member(run, number, data, device=device, watch=watch))
    finally:
        torch.set_num_threads(before)


def _result(run: Run, number: int) -> MemberResult:
    result = read_result(run.member_folder(run.members[number]))
    assert result is not None  # noqa: S101 - every member has been trained
    return result
