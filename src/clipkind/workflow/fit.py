"""From a folder of labelled videos to a measured model, in steps that can each be gone on with.

RUN/dataset/    manifest, links, check page, split and certificate
RUN/features.h5
RUN/...         the training run (see `clipkind.training.run`)
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clipkind.checks import LONGEST_S, MOST_JOBS, require_number, require_whole
from clipkind.contract import Contract
from clipkind.dataset.check.run import CheckRun, run_check
from clipkind.dataset.layouts import items_of
from clipkind.dataset.manifest import write_manifest
from clipkind.dataset.scan import ScanResult, scan
from clipkind.dataset.splits.run import WrittenSplit, split_dataset
from clipkind.dataset.taxonomy import Taxonomy
from clipkind.errors import ClipkindError
from clipkind.features.engines import Engine
from clipkind.features.extract import Summary, extract_to_store
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.files import write_file
from clipkind.text import printable
from clipkind.training.prepare import TrainingData
from clipkind.training.recipe import Recipe
from clipkind.training.run import Run, locked
from clipkind.training.watch import Watch
from clipkind.workflow.engine import choose_engine
from clipkind.workflow.train import Trained, TrainOptions, train

SHOWN = 20
"""Refused files named; the manifest has them all."""
DEFAULT_BACKBONE = "efficientnet_lite0_stages"


class View(Protocol):
    """Who shows how far a fit has come."""

    @property
    def watch(self) -> Watch: ...

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, done: int, total: int) -> None:
        """So many of the stage's videos are done."""

    def note(self, text: str) -> None:
        """Something to stay on the screen."""

    def start(self, run: Run, data: TrainingData, resumed: bool) -> None:
        """Training begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """How to fit, besides the recipe."""

    train: TrainOptions
    backbone: str = DEFAULT_BACKBONE
    multi_scale: str = "single"
    min_duration_s: float = 1.0
    taxonomy: Taxonomy | None = None
    jobs: int = 1
    """Videos read at a time."""
    fresh: bool = False
    """Split anew instead of keeping each video on its side."""

    def __post_init__(self) -> None:
        require_whole("jobs", self.jobs, 1, MOST_JOBS)
        require_number("min_duration_s", self.min_duration_s, 0.0, LONGEST_S)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What each stage came to."""

    scanned: ScanResult
    checked: CheckRun
    split: WrittenSplit
    extracted: Summary
    trained: Trained


def fit(source: Path, out: Path, recipe: Recipe, options: FitOptions, view: View) -> Fitted:
    """Scan, check, split, extract, train, measure and bundle; the same call goes on after a stop.

    Raises ClipkindError where the videos cannot be trained on, as the stages do.
    """
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise ClipkindError(
            f"--out {printable(str(out))}: lies among the videos, where it would be taken for a "
            "class; choose a folder elsewhere"
        )
    embedder = choose_engine(  # first: that it cannot be had must not show after an hour
        options.backbone, weights=options.train.weights, multi_scale=options.multi_scale
    )
    view.stage("scan")
    scanned = scan(
        source,
        min_duration_s=options.min_duration_s,
        taxonomy=options.taxonomy,
        jobs=options.jobs,
        progress=view.step,
    )
    refused = [entry for entry in scanned.entries if entry.status == "refused"]
    view.note(
        f"scan     {len(scanned.entries)} files = {len(scanned.ok)} ok + {len(refused)} refused"
    )
    if told := str(scanned.passed_over):
        view.note(f"         {told}")
    for entry in refused[:SHOWN]:
        view.note(f"         refused: {entry.path}: {entry.reason}: {entry.message}")
    folder = out / "dataset"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        return _fit_scanned(scanned, folder / "manifest.csv", embedder, out, recipe, options, view)


def _fit_scanned(
    scanned: ScanResult,
    manifest: Path,
    embedder: tuple[Engine, Contract],
    out: Path,
    recipe: Recipe,
    options: FitOptions,
    view: View,
) -> Fitted:
    """All that comes after the scan."""
    write_manifest(manifest, list(scanned.entries))

    view.stage("check")
    engine, contract = choose_engine(DEFAULT_BACKBONE, engine="openvino")
    entries = list(scanned.entries)
    checked = run_check(
        manifest,
        entries,
        engine,
        contract,
        jobs=options.jobs,
        stage=lambda _what, done, total: view.step(done, total),
    )
    report = checked.report
    view.note(
        f"check    {len(report.links)} pairs show the same footage, {len(report.conflicts)} of "
        f"them under two labels; {checked.page}"
    )
    for warning in report.warnings:
        view.note(f"         ! {warning}")

    view.stage("split")
    (split,) = split_dataset(manifest, fresh=options.fresh)
    certificate = split.certificate
    counts = ", ".join(f"{n} {c.videos}" for n, c in certificate.total.items() if c.videos)
    crossing = f"{certificate.cross_split_near_duplicates} near-duplicates cross"
    if certificate.not_compared:
        crossing += f"; {certificate.not_compared} videos could not be compared"
    view.note(f"split    {counts}; {crossing}")

    view.stage("extract")
    features = out / "features.h5"
    extracted = _extract(manifest, features, embedder, options.jobs, view)
    view.note(
        f"extract  {extracted.ok + extracted.reused} ok + {extracted.partial} partial + "
        f"{extracted.refused} refused"
    )

    view.stage("train")
    trained = train(features, split.path, out, recipe, options.train, view.watch, view.start)
    if trained is None:
        raise ClipkindError("fit runs in one process: leave torchrun to clipkind.training")
    write_file(out / "metrics.json", json.dumps(trained.scores, indent=2) + "\n")
    return Fitted(scanned, checked, split, extracted, trained)


def _extract(
    manifest: Path, features: Path, embedder: tuple[Engine, Contract], jobs: int, view: View
) -> Summary:
    items, _ = items_of(manifest)
    engine, contract = embedder

    def show(result: VideoFeatures | Refusal | None, summary: Summary) -> None:
        done = summary.ok + summary.partial + summary.refused + summary.reused
        view.step(done, len(items))
        if isinstance(result, Refusal):
            view.note(f"refused: {result.path}: {result.reason}: {result.message}")

    with FeatureExtractor(engine, contract, jobs=jobs) as extractor:
        return extract_to_store(items, extractor, features, progress=show)
