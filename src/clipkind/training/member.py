"""Training of one member of a run: attempts until one succeeds, each fully recorded."""

from contextlib import ExitStack
from pathlib import Path

import torch

from clipkind.errors import ClipkindError
from clipkind.model.heads import build_head
from clipkind.model.temporal_head import TemporalHead
from clipkind.model.weights import load_weights, save_weights
from clipkind.training import distributed
from clipkind.training.dashboard import Dashboard, LiveDashboard
from clipkind.training.history import EpochResult, History
from clipkind.training.learner import TrainingDiverged
from clipkind.training.prepare import TrainingData
from clipkind.training.run import MemberResult, Run, locked, read_result, write_result
from clipkind.training.tensorboard import TensorBoardLog
from clipkind.training.trainer import Saving, Trainer, TrainResult, network_config
from clipkind.training.watch import Watch

ATTEMPTS = 3
"""A member that fails is begun again with its next seed, at most twice."""
SEED_STEP = 1000
"""The next seed of a member, far from those of the other members."""
_BEST = "best.safetensors"


def train_member(
    run: Run,
    number: int,
    data: TrainingData,
    *,
    device: str = "cpu",
    watch: Watch | None = None,
) -> MemberResult:
    """Train member `number`, or go on with it, or return what it came to.

    Its weights are then in its folder (`member_model`). Raises as `Trainer.fit`, and ClipkindError
    when another process works on it.
    """
    folder = run.member_folder(run.members[number])
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if distributed.rank() == 0:
            stack.enter_context(locked(folder))
        result = distributed.of_first(read_result(folder))
        if result is None:
            try:
                result = _attempts(run, number, data, device, watch or Watch())
            except torch.OutOfMemoryError:
                raise ClipkindError(
                    f"{device}: its memory ran out; go on with fewer --train-jobs, or begin anew "
                    f"with --set batch_size={max(1, run.recipe.batch_size // 2)}"
                ) from None
            if distributed.rank() == 0:
                write_result(folder, result)
    return distributed.of_first(result)  # nobody goes on before it is written


def member_model(run: Run, number: int, data: TrainingData) -> TemporalHead:
    """The trained network of a member, in eval mode, on the CPU."""
    contract = data.contract
    config = network_config(run.recipe, contract.feature_dim, len(contract.class_names))
    model = build_head(config)
    load_weights(model, run.member_folder(run.members[number]) / _BEST)
    return model.eval()


def _attempts(
    run: Run,
    number: int,
    data: TrainingData,
    device: str,
    watch: Watch,
) -> MemberResult:
    failures: list[str] = []
    while True:
        seed = run.seeds[number] + SEED_STEP * len(failures)
        folder = _attempt_folder(run, number, len(failures))
        found = _attempt(run, number, seed, folder, data, device, watch)
        result = None if isinstance(found, TrainingDiverged) else found
        failure = result.failure if result else str(found)
        if result and distributed.rank() == 0:
            save_weights(result.model.cpu(), run.member_folder(run.members[number]) / _BEST)
        if not failure or len(failures) + 1 == ATTEMPTS:
            return MemberResult(
                name=run.members[number],
                seed=seed,
                attempts=len(failures) + 1,
                best=result.best if result else None,
                epochs=len(result.epochs) if result else 0,
                failure=failure,
                failed_attempts=tuple(failures),
            )
        failures.append(f"seed {seed}: {failure}")
        watch.on_failure(run.members[number], failures[-1])


def _attempt_folder(run: Run, number: int, failed: int) -> Path:
    folder = run.member_folder(run.members[number])
    return folder / f"attempt-{failed + 1}" if failed else folder


def _attempt(
    run: Run,
    number: int,
    seed: int,
    folder: Path,
    data: TrainingData,
    device: str,
    watch: Watch,
) -> TrainResult | TrainingDiverged:
    """One training with one seed, told to everything that keeps or shows it."""
    contract = data.contract
    trainer = Trainer(
        run.recipe, contract.feature_dim, contract.class_names, seed=seed, device=device
    )
    saving = Saving(folder / "checkpoint.safetensors", {**run.to_json(), "seed": seed})
    folder.mkdir(parents=True, exist_ok=True)
    recorder = _Recorder(run, number, folder, trainer, watch)
    try:
        train, val = data.split("train"), data.split("val")
        return trainer.fit(train, val, recorder.epoch, recorder.start, saving)
    except TrainingDiverged as error:
        return error
    finally:
        recorder.close()


class _Recorder:
    """Tells of every epoch: history, TensorBoard, dashboard, and whoever watches.

    Of several processes that train one member only the first one does.
    """

    def __init__(self, run: Run, number: int, folder: Path, trainer: Trainer, watch: Watch) -> None:
        self._run = run
        self._member = run.members[number]
        self._folder = folder
        self._trainer = trainer
        self._watch = watch
        self._open = ExitStack()

    def start(self, epochs: tuple[EpochResult, ...]) -> None:
        """Open everything at the point where training goes on."""
        if distributed.rank():
            return
        self._watch.on_start(self._member, epochs)
        names, done = self._trainer.class_names, len(epochs)
        self._history = History(self._folder, names)
        self._history.replace(epochs)
        self._log = TensorBoardLog(self._folder / "tensorboard", names, keep_epochs=done)
        self._open.callback(self._log.close)
        shown = self._member
        if self._folder.name != self._member:
            shown += f"-{self._folder.name}"  # a second attempt must not overwrite the first
        dashboard = Dashboard(self._run.progress_folder, shown, names, keep_epochs=done)
        self._dashboard = self._open.enter_context(LiveDashboard(dashboard))

    def epoch(self, epochs: tuple[EpochResult, ...]) -> None:
        """Tell of the last of `epochs`."""
        if distributed.rank():
            return
        self._history.append(epochs[-1])
        self._log.append(epochs[-1])
        total, best = self._run.recipe.num_epochs, self._trainer.best(epochs)
        self._dashboard.submit(epochs, total_epochs=total, best=best)
        self._watch.on_epoch(self._member, epochs[-1])

    def close(self) -> None:
        """Finish what waits to be drawn and written."""
        self._open.close()
