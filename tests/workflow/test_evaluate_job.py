"""Evaluations of a run and of its bundle: what is in them, what is kept, what is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import clipkind
from clipkind.dataset.splits.table import SplitTable, read_split, write_split
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.evaluation.result import Evaluation, System
from clipkind.model.bundle import load_bundle
from clipkind.training.run import load_run
from clipkind.workflow.evaluate import evaluate
from clipkind.workflow.evaluate_input import EvaluateOptions, Sources
from clipkind.workflow.train import TrainOptions, train
from evaluation import schema_of
from training.small_set import RECIPE, SmallSet, make_small_set

pytestmark = pytest.mark.usefixtures("one_torch_thread")
PLAIN = EvaluateOptions(ablations=False)
WHOLE = EvaluateOptions(tta=True, learning_curve=True, risk=0.3, train_jobs=1)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"), per_split=(24, 16, 16))


@pytest.fixture(scope="module")
def run(small_set: SmallSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pets"
    train(small_set.features, small_set.split, out, RECIPE, TrainOptions(seeds=(7, 8), jobs=1))
    return out


@pytest.fixture(scope="module")
def whole(run: Path) -> Evaluation:
    """With all that is trained for it."""
    return evaluate(run, WHOLE)


def names(found: Evaluation) -> list[str]:
    return [system["name"] for system in found["systems"]]


def system(found: Evaluation, name: str) -> System:
    return next(system for system in found["systems"] if system["name"] == name)


def resplit(small_set: SmallSet, path: Path, change: Callable[[SplitTable], SplitTable]) -> Path:
    write_split(path, change(read_split(small_set.split)))
    return path


def test_everything_is_there_and_as_the_schema_says(whole: Evaluation) -> None:
    jsonschema.validate(whole, json.loads(schema_of.SCHEMA.read_text()))
    json.dumps(whole, allow_nan=False)
    left_out = [row["kind"] for row in whole["outliers"]]
    assert left_out == ["class left out: Cats", "class left out: Dogs"]
    assert names(whole) == [
        "ensemble",
        "member-0",
        "member-1",
        "ensemble + TTA",
        "member-0 + TTA",
        "member-1 + TTA",
        "majority class",
        "logistic regression",
        "linear SVM",
        "single frame",
        "without BiLSTM",
        "without attention",
    ]
    assert (whole["videos"], whole["groups"]) == (16, 8)
    assert whole["videos_by_class"] == {"Cats": 8, "Dogs": 8}
    assert {c["b"] for c in whole["comparisons"] if c["a"] == "ensemble"} == {
        "mean member",
        next(name for name in ("member-0", "member-1") if name in str(whole["comparisons"])),
        "logistic regression",
        "without BiLSTM",
        "without attention",
    }
    risks = [(row["tta"], row["risk"]) for row in whole["selective"]]
    assert risks == [(tta, r) for tta in (False, True) for r in (0.01, 0.05, 0.1, 0.2, 0.3)]


def test_all_systems_are_made_alike(run: Path, whole: Evaluation) -> None:
    """Voting by the same rule, a temperature for whatever has probabilities, by validation."""
    rule = "2 members, equal weights"
    assert whole["combination"] == rule
    for found in whole["systems"]:
        probable = found["scores"]["ece"] is not None
        assert ("; temperature " in found["what"]) == probable, found["name"]
        assert (rule in found["what"]) == (found["kind"] in ("ensemble", "ablation"))
    by_name = {found["name"]: found["what"].rpartition(" ")[2] for found in whole["systems"]}
    for tta, name in ((False, "ensemble"), (True, "ensemble + TTA")):
        calibration = load_bundle(run).calibration_for(tta=tta)
        assert calibration is not None
        assert by_name[name] == f"{calibration.temperature:.2f}"
        assert by_name[name] != by_name[name.replace("ensemble", "member-0")]
    assert whole["question"] == "Is the temporal network worth it?"
    protocol = load_bundle(run).calibrations["single"].protocol
    assert any(note.startswith(f"Calibration (on {protocol}) ") for note in whole["notes"])
    for share in (25, 50):
        assert any(
            note.startswith("Learning curve: ") and f"{share} % of the groups: {rule};" in note
            for note in whole["notes"]
        )


def test_weights_are_fitted_for_the_networks_without_a_part_too(
    small_set: SmallSet, tmp_path: Path
) -> None:
    """Two of the members learn nothing: whoever votes by selection is told so, here and there."""
    out = tmp_path / "pets"
    options = TrainOptions(seeds=(7, 8, 9), jobs=1, combine="selected")
    train(small_set.features, small_set.split, out, replace(RECIPE, num_epochs=3), options)
    found = evaluate(out, EvaluateOptions(train_jobs=1))
    voters = len(load_bundle(out).combination.weights)
    assert voters < 3
    assert found["combination"].startswith("one network" if voters == 1 else f"{voters} of 3")
    for name in ("without BiLSTM", "without attention"):
        what = system(found, name)["what"]
        assert "weights by selection" in what or "one network" in what
    assert "equal weights" not in str(found["systems"])


def test_the_schema_file_is_that_of_the_types() -> None:
    """After a change of result.py: python tests/evaluation/schema_of.py"""
    assert schema_of.SCHEMA.read_text() == schema_of.text()


def test_answers_are_those_of_classify(run: Path, small_set: SmallSet, whole: Evaluation) -> None:
    table = read_split(small_set.split)
    truth = {row.id: row.label for row in table.rows if row.split == "test"}
    with clipkind.load(run) as classifier:
        for tta, name in ((False, "ensemble"), (True, "ensemble + TTA")):
            answers = list(classifier.classify_features(small_set.features, truth, tta=tta))
            assert all(answer.probabilities is not None for answer in answers)
            sure = [answer.probabilities[truth[answer.path]] for answer in answers]
            right = [answer.label == truth[answer.path] for answer in answers]
            scores = system(whole, name)["scores"]
            assert scores["accuracy"]["value"] == pytest.approx(np.mean(right), abs=1e-6)
            assert scores["nll"]["value"] == pytest.approx(-np.mean(np.log(sure)), abs=1e-4)


def test_a_run_keeps_what_was_found_and_trained(run: Path, whole: Evaluation) -> None:
    kept = run / "evaluation"
    assert json.loads((kept / "test.json").read_text()) == whole
    analysis = json.loads((kept / "configuration_analysis.json").read_text())
    assert analysis["member-1"]["hidden_dim"] == RECIPE.hidden_dim
    assert analysis["member-1"]["bidirectional"] is True
    weights = sorted(kept.rglob("best.safetensors"))
    assert len(weights) == 2 * 2 + 2 * 2  # ablations and two points of the curve
    before = [file.stat().st_mtime_ns for file in weights]
    assert evaluate(run, WHOLE) == whole
    assert [file.stat().st_mtime_ns for file in weights] == before


def test_the_learning_curve_rises_to_all_groups(whole: Evaluation) -> None:
    by_system = {
        name: [point for point in whole["learning_curve"] if point["system"] == name]
        for name in ("logistic regression", "ensemble")
    }
    for points in by_system.values():
        assert [point["videos"] for point in points] == [6, 12, 24]
    last = by_system["ensemble"][-1]["accuracy"]
    assert last == system(whole, "ensemble")["scores"]["accuracy"]


def test_moved_files_can_be_named(run: Path, small_set: SmallSet, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(run, moved, ignore=shutil.ignore_patterns("evaluation"))
    about = json.loads((moved / "run.json").read_text())
    assert about["sources"]["features"] == str(small_set.features)
    about["sources"] = {"features": "/no/such/f.h5", "split": "/no/such/s.csv"}
    (moved / "run.json").write_text(json.dumps(about))
    with pytest.raises(ClipkindError, match=r"/no/such/f\.h5.*--features"):
        evaluate(moved, PLAIN)
    with pytest.raises(ClipkindError, match=r"/no/such/s\.csv.*--split-file"):
        evaluate(moved, replace(PLAIN, sources=Sources(features=small_set.features)))
    given = Sources(features=small_set.features, split=small_set.split)
    assert evaluate(moved, replace(PLAIN, sources=given))["videos"] == 16
    # and where fit puts them they are found
    (moved / "dataset").mkdir()
    shutil.copyfile(small_set.features, moved / "features.h5")
    shutil.copyfile(small_set.split, moved / "dataset" / "manifest.split.csv")
    assert evaluate(moved, PLAIN)["features"] == str(moved / "features.h5")


def test_a_run_is_not_evaluated_by_another_split(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    """Its test videos may be those that were trained on."""

    def swapped(table: SplitTable) -> SplitTable:
        other = {"train": "test", "test": "train"}
        rows = (replace(row, split=other.get(row.split, row.split)) for row in table.rows)
        return SplitTable(tuple(rows))  # type: ignore[arg-type]

    sources = Sources(split=resplit(small_set, tmp_path / "s.csv", swapped))
    with pytest.raises(FileFormatError, match="was trained with other split"):
        evaluate(run, replace(PLAIN, sources=sources))


def bundle_options(small_set: SmallSet, split: Path | None = None) -> EvaluateOptions:
    return EvaluateOptions(sources=Sources(features=small_set.features, split=split))


def test_a_bundle_has_what_needs_no_training(
    run: Path, small_set: SmallSet, whole: Evaluation
) -> None:
    with pytest.raises(ClipkindError, match="without its training run: say with --features"):
        evaluate(run / "bundle", EvaluateOptions())
    found = evaluate(run / "bundle", bundle_options(small_set, small_set.split))
    assert system(found, "ensemble") == system(whole, "ensemble")
    assert "without BiLSTM" not in names(found)
    assert any("only a training run" in note for note in found["notes"])
    assert not any("may have seen" in note for note in found["notes"])


def test_a_split_without_a_class_is_answered(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    def no_cats(table: SplitTable) -> SplitTable:
        gone = [row.split == "test" and row.label == "Cats" for row in table.rows]
        rows = zip(table.rows, gone, strict=True)
        return SplitTable(tuple(replace(r, split="excluded") if g else r for r, g in rows))

    split = resplit(small_set, tmp_path / "s.csv", no_cats)
    found = evaluate(run / "bundle", bundle_options(small_set, split))
    jsonschema.validate(found, json.loads(schema_of.SCHEMA.read_text()))
    json.dumps(found, allow_nan=False)
    assert found["videos_by_class"] == {"Cats": 0, "Dogs": 8}
    assert any("no video of class Cats" in note for note in found["notes"])
    assert any("may have seen" in note for note in found["notes"])
    assert system(found, "ensemble")["scores"]["roc"] == {}


def test_a_single_video_is_answered(
    run: Path, small_set: SmallSet, tmp_path: Path, whole: Evaluation
) -> None:
    def one(table: SplitTable) -> SplitTable:
        keep = {"test-3"}
        rows = (r if r.id in keep else replace(r, split="excluded") for r in table.rows)
        return SplitTable(tuple(replace(row, group=row.id) for row in rows))

    split = resplit(small_set, tmp_path / "s.csv", one)
    found = evaluate(run / "bundle", bundle_options(small_set, split))
    json.dumps(found, allow_nan=False)
    accuracy = system(found, "ensemble")["scores"]["accuracy"]
    assert (accuracy["low"], accuracy["high"]) == (0.0, 1.0)
    assert any("of one group" in note for note in found["notes"])
    assert any("Sources are not known" in note for note in found["notes"])
    assert not any("Sources are not known" in note for note in whole["notes"])
    assert any("no baselines" in note for note in found["notes"])
    assert found["verdict"].startswith("Not known")
    assert not any(comparison["shown"] for comparison in found["comparisons"])


def test_what_does_not_fit_is_refused_in_a_line(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    def birds(table: SplitTable) -> SplitTable:
        return SplitTable(
            tuple(replace(r, label="Birds" if r.label == "Cats" else r.label) for r in table.rows)
        )

    def empty(table: SplitTable) -> SplitTable:
        return SplitTable(tuple(row for row in table.rows if row.split != "test"))

    bundle = run / "bundle"
    for number, (change, message) in enumerate(
        [
            (birds, r"its class Birds is none of model pets \(Cats, Dogs\)"),
            (empty, "no video is in"),
        ]
    ):
        split = resplit(small_set, tmp_path / f"{number}.csv", change)
        with pytest.raises(ClipkindError, match=message):
            evaluate(bundle, bundle_options(small_set, split))
    with pytest.raises(FileFormatError, match="does not exist"):
        evaluate(tmp_path / "nowhere", PLAIN)


def test_features_that_are_missing_are_counted(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    other = make_small_set(tmp_path / "more", per_split=(24, 16, 16))
    from clipkind.errors import Reason
    from clipkind.features.store import FeatureWriter, RefusedRow, open_features
    from training.small_set import CONTRACT

    features = tmp_path / "f.h5"
    with open_features(other.features) as file, FeatureWriter(features, CONTRACT) as writer:
        for row in file.rows:
            if row.id == "test-0":
                message = "cannot be decoded"
                writer.refuse(
                    RefusedRow(id=row.id, path=row.path, reason=Reason.UNDECODABLE, message=message)
                )
            else:
                writer.add(row, file.features([row.id])[0, : row.length])
        writer.name_classes()
    sources = Sources(features=features, split=small_set.split)
    found = evaluate(run / "bundle", replace(PLAIN, sources=sources))
    assert found["missing"] == ["test-0"]
    assert found["videos"] == 15


def test_the_manifest_says_what_else_is_known(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    manifest = tmp_path / "m.csv"
    lines = [f"test-{n},test-{n}.mp4,{('Cats', 'Dogs')[n % 2]},{n % 2}" for n in range(15)]
    manifest.write_text("\n".join(["id,path,label,overlay", *lines]) + "\n")
    found = evaluate(run, replace(PLAIN, sources=Sources(videos=manifest)))
    overlay = {part["value"]: part["videos"] for part in found["slices"]["overlay"]}
    assert overlay == {"no": 8, "yes": 7}
    assert any("1 of 16 videos are not in" in note for note in found["notes"])


def test_videos_that_are_gone_are_said_to_be(run: Path) -> None:
    found = evaluate(run, replace(PLAIN, robustness=True))
    assert found["robustness"] == []
    assert any("16 of 16 videos are not where they were" in note for note in found["notes"])
    assert all(error["thumbnail"] is None for error in found["errors"])


def test_the_sources_of_a_run_are_no_part_of_it(run: Path) -> None:
    about = load_run(run)
    assert replace(about, sources={}).to_json() == about.to_json()


def test_going_on_with_a_run_learns_where_its_files_are_now(
    small_set: SmallSet, run: Path, tmp_path: Path
) -> None:
    moved = SmallSet(tmp_path / "f.h5", tmp_path / "s.csv")
    shutil.copyfile(small_set.features, moved.features)
    shutil.copyfile(small_set.split, moved.split)
    again = tmp_path / "run"
    shutil.copytree(run, again)
    train(moved.features, moved.split, again, RECIPE, TrainOptions(seeds=(7, 8), jobs=1))
    assert load_run(again).sources == {"features": str(moved.features), "split": str(moved.split)}
