"""What is known of the videos that are asked about: where they lie, and how to slice them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from clipkind.dataset.manifest import manifest_rows, video_path
from clipkind.dataset.splits.table import SplitRow
from clipkind.dataset.tables import Row
from clipkind.evaluation.answers import Questions
from clipkind.evaluation.report.thumbnails import thumbnails
from clipkind.evaluation.result import Error, Robustness
from clipkind.evaluation.robustness.measure import Labelled, measure
from clipkind.evaluation.slices import BANDS
from clipkind.features.layout import stored
from clipkind.features.store import FeatureFile, FeatureRow
from clipkind.inference.classifier import Classifier
from clipkind.text import printable
from clipkind.workflow.evaluate_input import EvaluateOptions, Subject

_DISTURBED = 100
"""Videos of which disturbed copies are made, at most: each is decoded and coded a dozen times."""
_COLUMNS = ("overlay", "ambiguous")
"""Of a manifest; 0 and 1 there mean no and yes."""
_WORDS = {"0": "no", "1": "yes", "false": "no", "true": "yes"}


@dataclass(frozen=True, slots=True)
class Videos:
    """What is known of N videos, in order."""

    paths: tuple[str | None, ...]
    """Where each can be opened; None where it is not there any more."""
    attributes: dict[str, list[str]]
    """Name -> [N] values; empty: unknown."""
    notes: tuple[str, ...]


def videos_of(file: FeatureFile, rows: Sequence[SplitRow], manifest: Path | None) -> Videos:
    """What feature file, split and manifest say of the videos in `rows`.

    Raises FileFormatError where the manifest is none, OSError where it cannot be read.
    """
    known = [file.rows[file.index(row.id)] for row in rows]
    found = _in_manifest(known, manifest) if manifest else [None] * len(rows)
    attributes = {
        "subcategory": [row.subcategory for row in rows],
        "duration": [BANDS["duration"].of(row.duration_s) for row in known],
        "height": [BANDS["height"].of(row.height) for row in known],
        "frame rate": [BANDS["frame rate"].of(row.fps) for row in known],
        "source": [row.group for row in rows],
    }
    for name in _COLUMNS:
        values = [row.first(name).strip().lower() if row else "" for row in found]
        attributes[name] = [printable(_WORDS.get(value, value)) for value in values]
    places = [_place(row, about, manifest) for row, about in zip(found, known, strict=True)]
    notes = []
    absent = sum(row is None for row in found)
    if manifest and absent:
        shown = printable(str(manifest))
        notes.append(f"{absent} of {len(rows)} videos are not in {shown} (by id or path).")
    return Videos(tuple(places), attributes, tuple(notes))


def _in_manifest(known: list[FeatureRow], manifest: Path) -> list[Row | None]:
    by_id: dict[str, Row] = {}
    by_path: dict[str, Row] = {}
    for row in manifest_rows(manifest):
        if id := row.first("id"):
            by_id.setdefault(stored(id), row)
        by_path.setdefault(_place_name(video_path(row, manifest.parent)), row)
    return [by_id.get(about.id) or by_path.get(_place_name(about.path)) for about in known]


def _place_name(path: str) -> str:
    return stored(os.path.abspath(path))  # noqa: PTH100 - pathlib keeps the .. of a path


def _place(row: Row | None, about: FeatureRow, manifest: Path | None) -> str | None:
    """The manifest's path, whose bytes are those of the file's name, or else the feature file's."""
    places = [about.path]
    if row and manifest:
        places.insert(0, video_path(row, manifest.parent))
    return next((place for place in places if Path(place).is_file()), None)


def with_thumbnails(errors: list[Error], jobs: int) -> list[Error]:
    """The same, with a picture of each video that can still be opened, and paths fit to show."""
    pictures = thumbnails([error["path"] for error in errors if error["path"]], jobs=jobs)
    for error in errors:
        if error["path"]:
            error["thumbnail"] = pictures.get(error["path"])
            error["path"] = printable(error["path"])
    return errors


def robustness(
    subject: Subject,
    asked: Questions,
    videos: Videos,
    options: EvaluateOptions,
    notes: list[str],
) -> list[Robustness]:
    """How the answers hold when the videos are disturbed, if that is asked for.

    What is not there any more is noted.
    """
    if not options.robustness:
        return []
    options.stage("disturb videos")
    there = [
        Labelled(path=path, label=asked.class_names[label], group=str(group))
        for path, label, group in zip(videos.paths, asked.y_true, asked.groups, strict=True)
        if path is not None
    ]
    if len(there) < len(asked):
        notes.append(
            f"Robustness: {len(asked) - len(there)} of {len(asked)} videos are not where they were "
            "and were left out; --videos MANIFEST says where they are."
        )
    if not there:
        return []
    multi_scale, jobs = subject.file.contract.multi_scale, options.jobs
    with Classifier(subject.bundle, multi_scale=multi_scale, jobs=jobs) as classifier:
        classify = partial(_labels, classifier)
        found = measure(classify, there, limit=_DISTURBED, jobs=jobs, progress=options.step)
    notes += found.notes
    return found.rows


def _labels(classifier: Classifier, paths: Sequence[str]) -> list[str | None]:
    found = {answer.path: answer.label for answer in classifier.classify_many(paths)}
    return [found[path] for path in paths]
