"""What is evaluated on what: a run or a bundle, its features, its split, and what fits together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.checks import MOST_JOBS, require_whole
from clipkind.dataset.splits.table import SplitName, SplitRow, SplitTable
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.evaluation.voting import combination_in_words
from clipkind.features.store import FeatureFile, open_features
from clipkind.model.bundle import Bundle, load_bundle
from clipkind.model.calibration import Calibration
from clipkind.model.risk import require_risk
from clipkind.text import printable
from clipkind.training.prepare import identity
from clipkind.training.run import Run, load_run
from clipkind.workflow.split_file import read_given_split


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where things lie that a run does not know, or that have moved since."""

    features: Path | None = None
    split: Path | None = None
    videos: Path | None = None
    """A manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """What is asked for, besides the model."""

    split: SplitName = "test"
    tta: bool = False
    sources: Sources = field(default_factory=Sources)
    ablations: bool | None = None
    """Train the network without its parts; None: unless that takes hours."""
    learning_curve: bool = False
    """Train the network on part of the data, too."""
    robustness: bool = False
    risk: float = 0.05
    device: str = "cpu"
    train_jobs: int | None = None
    """Members trained at a time; None: as many as there are cores for."""
    jobs: int = 1
    """Videos decoded at a time, for thumbnails and robustness."""
    command: str = ""
    stage: Callable[[str], None] = lambda _name: None
    """Told what begins."""
    step: Callable[[int, int], None] = lambda _done, _total: None
    """Told how far it is."""

    def __post_init__(self) -> None:
        require_risk(self.risk)
        require_whole("jobs", self.jobs, 1, MOST_JOBS)
        if self.train_jobs is not None:
            require_whole("train_jobs", self.train_jobs, 1, MOST_JOBS)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A model and the videos it is asked about; all of it fits together."""

    bundle: Bundle
    run: Run | None
    """The training run it comes from; None where only the bundle was given."""
    file: FeatureFile
    table: SplitTable
    split_file: Path
    manifest: Path | None
    split: SplitName
    rows: tuple[SplitRow, ...]
    """The videos of the split that have features. At least one."""
    missing: tuple[str, ...]
    """Ids of the split's videos that have none."""
    notes: tuple[str, ...]

    def trained_on(self) -> tuple[SplitRow, ...]:
        """The videos of the train split that have features."""
        return _with_features(self.file, self.table, "train")[0]

    def chosen_by(self) -> "Chosen":
        """The same of the validation split."""
        rows = _with_features(self.file, self.table, "val")[0]
        names = self.bundle.contract.class_names
        labels = np.array([names.index(row.label) for row in rows], np.int64)
        return Chosen(tuple(row.id for row in rows), labels)

    @property
    def votes(self) -> str:
        """How the members vote, in words."""
        trained = len(self.run.seeds) if self.run else None
        return combination_in_words(self.bundle.combination, trained)

    def calibration(self, tta: bool = False) -> Calibration | None:
        """The bundle's, for features like these."""
        return self.bundle.calibration_for(self.file.contract.multi_scale, tta)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The V videos that temperatures are fitted on, and the best member is chosen by."""

    ids: tuple[str, ...]
    y_true: NDArray[np.int64]
    """[V], class indices."""


@contextmanager
def open_subject(model: Path, split: SplitName, sources: Sources) -> Iterator[Subject]:
    """Open a run's or a bundle's folder with its data, and check that all of it fits together.

    Raises FileFormatError or ContractMismatch where it does not, ClipkindError where something is
    missing that an option can name or the split has no video with features.
    """
    run = load_run(model) if (model / "run.json").exists() else None
    if run is not None and not run.bundle.is_dir():
        raise ClipkindError(
            f"{printable(str(model))}: has no model yet; go on with its training first"
        )
    bundle = load_bundle(model)
    features = _place(model, run, "features", "features.h5", sources.features)
    split_file = _place(model, run, "split", "dataset/manifest.split.csv", sources.split)
    table = read_given_split(split_file)
    with open_features(features) as file:
        if run is not None:  # first: what is known of the features follows from the split's videos
            _require_trained_with(run, "split", identity(file, table), split_file)
        _require_fit(bundle, file, table, split_file)
        rows, missing = _with_features(file, table, split)
        if not rows:
            there = "no video" if not missing else "no video with features"
            raise ClipkindError(f"{printable(str(split_file))}: {there} is in split {split}")
        notes = _require_same_data(run, bundle, file, table)
        manifest = _manifest(run, split_file, sources.videos)
        yield Subject(bundle, run, file, table, split_file, manifest, split, rows, missing, notes)


_OPTIONS = {"features": "--features", "split": "--split-file"}
_DIFFERS = {
    "features": "which videos have some, or how they are seen, differs",
    "split": "videos, sides or labels differ",
}


def _place(model: Path, run: Run | None, what: str, usual: str, given: Path | None) -> Path:
    """A file: as given, as the run has recorded it, or where `clipkind fit` puts it."""
    if given is not None:
        return given
    option = _OPTIONS[what]
    if run is None:
        raise ClipkindError(
            f"{printable(str(model))} is a model without its training run: say with {option} "
            f"{'which features' if what == 'features' else 'by which split'} to evaluate it on"
        )
    places = [Path(run.sources[what])] if what in run.sources else []
    places.append(run.folder / usual)
    for place in places:
        if place.is_file():
            return place
    raise ClipkindError(
        f"{printable(str(places[0]))}: the {what} of the run are not there any more; "
        f"say with {option} where they are"
    )


def _manifest(run: Run | None, split_file: Path, given: Path | None) -> Path | None:
    """The manifest: as given, or the one the split was made from where it still lies beside it."""
    if given is not None:
        if not given.is_file():  # it is read only after the networks were asked
            raise ClipkindError(f"--videos {printable(str(given))}: there is no such file")
        return given
    name = split_file.name.removesuffix(".split.csv")
    beside = split_file.with_name(f"{name}.csv")
    usual = [run.folder / "dataset" / "manifest.csv"] if run else []
    places = [beside, *usual] if name != split_file.name else usual
    return next((place for place in places if place.is_file()), None)


def _with_features(
    file: FeatureFile, table: SplitTable, split: SplitName
) -> tuple[tuple[SplitRow, ...], tuple[str, ...]]:
    there = set(file.ids)
    rows = [row for row in table.rows if row.split == split]
    found = tuple(row for row in rows if row.id in there)
    return found, tuple(row.id for row in rows if row.id not in there)


def _require_fit(bundle: Bundle, file: FeatureFile, table: SplitTable, split_file: Path) -> None:
    """The rules and the classes must be the model's."""
    bundle.contract_for(file.contract.multi_scale).require_same(
        file.contract, ours=f"model {bundle.name}", theirs=str(file.path), classes=False
    )
    shown = printable(str(split_file))
    refused = {row.id for row in file.refused}
    table.require_in({*file.ids, *refused}, ours=str(split_file), theirs=str(file.path))
    classes = bundle.contract.class_names
    unknown = [name for name in table.class_names if name not in classes]
    if unknown:
        raise FileFormatError(
            f"{shown}: its class {printable(unknown[0])} is none of model {bundle.name} "
            f"({', '.join(classes)}); split videos of the model's classes"
        )


def _require_same_data(
    run: Run | None, bundle: Bundle, file: FeatureFile, table: SplitTable
) -> tuple[str, ...]:
    """A run must be evaluated on what it was trained on. Of a bundle, what is known is noted."""
    found = identity(file, table)
    if run is not None:
        _require_trained_with(run, "features", found, file.path)
        return ()
    trained: dict[str, Any] = bundle.provenance.get("identity", {})
    if trained.get("split") == found["split"]:
        return ()
    return (
        f"Model {bundle.name} was not trained by this split, so it may have seen some of these "
        f"videos, or others of their sources. It was made from: {bundle.provenance.get('data')}.",
    )


def _require_trained_with(run: Run, what: str, found: dict[str, Any], place: Path) -> None:
    """Raises FileFormatError where the features or the split at `place` are not the run's."""
    if found[what] == run.identity[what]:
        return
    differs, shown = _DIFFERS[what], printable(str(place))
    known = run.sources.get(what, "")
    where = f" (it was {printable(known)})" if known and known != str(place.resolve()) else ""
    raise FileFormatError(
        f"{printable(str(run.folder))}: was trained with other {what} than {shown} ({differs}): "
        f"give with {_OPTIONS[what]} what it was trained with{where}, or evaluate RUN/bundle "
        "instead of RUN to measure it on other videos"
    )
