"""From a trained model and its split to an evaluation: every figure of the report, once."""

import json
from datetime import date
from pathlib import Path

import numpy as np

import clipkind
from clipkind.dataset.manifest import UNKNOWN_SOURCES
from clipkind.dataset.splits.table import sources_known
from clipkind.evaluation.answers import Answers, Questions, questions
from clipkind.evaluation.baselines import Training, baselines
from clipkind.evaluation.comparisons import comparisons, question, verdict
from clipkind.evaluation.documented import write_configuration_analysis
from clipkind.evaluation.mistakes import mistakes
from clipkind.evaluation.outliers import left_out
from clipkind.evaluation.pooled import Pooled, pool
from clipkind.evaluation.result import (
    FORMAT,
    FORMAT_VERSION,
    Evaluation,
    LearningPoint,
    Outliers,
    Selective,
)
from clipkind.evaluation.scores import system
from clipkind.evaluation.selective import RISKS, selective
from clipkind.evaluation.slices import slices
from clipkind.evaluation.voting import with_temperature
from clipkind.files import write_file
from clipkind.inference.tta import MODES
from clipkind.model.heads import DEFAULT_HEAD
from clipkind.text import printable
from clipkind.workflow.evaluate_input import EvaluateOptions, Subject, open_subject
from clipkind.workflow.evaluate_networks import networks
from clipkind.workflow.evaluate_retrained import ablated, linear_curve, network_curve
from clipkind.workflow.evaluate_videos import robustness, videos_of, with_thumbnails


def evaluate(model: Path, options: EvaluateOptions) -> Evaluation:
    """Measure the model in `model` (a run or a bundle) on one split.

    Of a run the result, and `configuration_analysis.json`, are also kept in its `evaluation/`.
    Raises as `open_subject`, and as training does.
    """
    with open_subject(model, options.split, options.sources) as subject:
        evaluation = _evaluated(subject, options)
        if subject.run is not None:
            folder = subject.run.evaluation
            folder.mkdir(exist_ok=True)
            write_evaluation(folder / f"{options.split}.json", evaluation)
            write_configuration_analysis(folder / "configuration_analysis.json", subject.bundle)
        return evaluation


def write_evaluation(path: Path, evaluation: Evaluation) -> None:
    """Write the JSON that report and card are made from, in one step."""
    text = json.dumps(evaluation, indent=1, allow_nan=False) + "\n"
    write_file(path, text)


def _evaluated(subject: Subject, options: EvaluateOptions) -> Evaluation:
    bundle, rows = subject.bundle, subject.rows
    asked = questions(
        tuple(row.id for row in rows),
        [row.label for row in rows],
        [row.group for row in rows],
        bundle.contract.class_names,
    )
    notes = [*subject.notes, *_notes_on(subject, asked)]
    options.stage("ask the networks")
    systems, best = networks(subject, asked, options, notes)
    ensemble = systems[0]
    answered = [answers for answers in systems if answers.kind == "ensemble"]
    options.stage("fit the baselines")
    simple, curve, foreign = _simple(subject, asked, ensemble, options, notes)
    systems += [*simple, *ablated(subject, options, notes)]
    options.stage("score")
    compared = comparisons(asked, systems, best)
    videos = videos_of(subject.file, rows, subject.manifest)
    notes += videos.notes
    calibration = subject.calibration()
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_by": f"clipkind {clipkind.__version__}",
        "date": date.today().isoformat(),
        "command": options.command,
        "model": bundle.name,
        "class_names": list(asked.class_names),
        "features": printable(str(subject.file.path)),
        "split_file": printable(str(subject.split_file)),
        "split": subject.split,
        "videos": len(asked),
        "groups": asked.draws.groups,
        "videos_by_class": asked.counts,
        "missing": list(subject.missing),
        "combination": subject.votes,
        "tta_modes": list(MODES) if options.tta else [],
        "temperature": calibration.temperature if calibration else None,
        "systems": [system(asked, answers) for answers in systems],
        "comparisons": compared,
        "question": question([m.config.get("head", DEFAULT_HEAD) for m in bundle.members]),
        "verdict": verdict(asked, systems, compared),
        "slices": slices(asked, ensemble, videos.attributes),
        "errors": with_thumbnails(mistakes(asked, ensemble, videos.paths), options.jobs),
        "learning_curve": curve,
        "robustness": robustness(subject, asked, videos, options, notes),
        "selective": _selective(subject, asked, answered, options, notes),
        "outliers": foreign,
        "notes": notes,
    }


def _simple(
    subject: Subject,
    asked: Questions,
    ensemble: Answers,
    options: EvaluateOptions,
    notes: list[str],
) -> tuple[list[Answers], list[LearningPoint], list[Outliers]]:
    """The simple systems, the learning curve, and how classes left out are told."""
    rows = subject.trained_on()
    labels = np.array([asked.class_names.index(row.label) for row in rows], np.int64)
    if len(set(labels.tolist())) < 2:
        notes.append("There are no baselines: the train split has not two classes to fit them on.")
        return [], [], []
    groups = np.array([row.group for row in rows], np.str_)
    pooled = pool(subject.file, tuple(row.id for row in rows))
    train = Training(pooled, labels, groups, asked.class_names)
    pooled = pool(subject.file, asked.ids)
    curve = linear_curve(asked, pooled, train, rows)
    if options.learning_curve:
        curve += network_curve(subject, asked, ensemble, options, notes)
    foreign = left_out(asked, pooled.mean, train.pooled.mean, labels, groups)
    return _baselines(subject, train, pooled), curve, foreign


def _baselines(subject: Subject, train: Training, pooled: Pooled) -> list[Answers]:
    """Their answers, tempered where the ensemble's are."""
    fitted = baselines(train)
    found = [baseline.answers(pooled) for baseline in fitted]
    chosen = subject.chosen_by()
    if subject.calibration() is None or not chosen.ids:
        return found
    on_val = pool(subject.file, chosen.ids)
    return [
        with_temperature(answers, baseline.ranking(on_val), chosen.y_true)
        for answers, baseline in zip(found, fitted, strict=True)
    ]


def _selective(
    subject: Subject,
    asked: Questions,
    ensembles: list[Answers],
    options: EvaluateOptions,
    notes: list[str],
) -> list[Selective]:
    """For the ensemble, without and with TTA; each has its own calibration."""
    found: list[Selective] = []
    for ensemble in ensembles:
        calibration = subject.calibration(ensemble.tta)
        if calibration is None:
            notes.append(
                f"Model {subject.bundle.name} has no calibration{' with TTA' * ensemble.tta}, so "
                "nothing is known of its answers at a stated risk; the command that made it, given "
                "again, adds one."
            )
        else:
            found += selective(asked, ensemble, calibration, (*RISKS, options.risk))
    return found


def _notes_on(subject: Subject, asked: Questions) -> list[str]:
    """What must be known of the videos to read the figures."""
    notes = []
    if subject.split == "train":
        notes.append("These videos were trained on: the figures say nothing about others.")
    if subject.split == "val":
        notes.append(
            "These are the videos that epochs, temperature and risks were chosen by: the figures "
            "are too good."
        )
    if subject.calibration() is not None and not subject.chosen_by().ids:
        notes.append(
            "The split has no validation videos, so only the ensemble has a temperature: the "
            "calibration figures of the other systems are not like its own."
        )
    notes += [
        f"The split has no video of class {name}: its precision, recall and F1 are 0, it has no "
        "curves, and macro F1 is the mean over the other classes."
        for name, count in asked.counts.items()
        if not count
    ]
    if not sources_known(subject.table.rows):
        notes.append(
            f"{UNKNOWN_SOURCES.capitalize()}: where several are of one film or channel, intervals "
            "are too narrow, and figures perhaps too good, as others of it may be trained on."
        )
    if asked.draws.groups == 1:
        notes.append(
            "All videos are of one group: the intervals are all that is possible, and nothing is "
            "shown about others."
        )
    return notes
