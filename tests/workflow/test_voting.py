"""`train --combine`: who votes is decided anew without training anew, and told in the card."""

from dataclasses import replace

import numpy as np
import pytest

import clipkind
from clipkind.errors import FileFormatError
from clipkind.features.store import open_features
from clipkind.model.bundle import load_bundle
from clipkind.workflow.train import Trained, TrainOptions, train
from training.small_set import RECIPE, SmallSet, make_small_set

OPTIONS = TrainOptions(seeds=(7, 8), jobs=1)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def trained(small_set: SmallSet, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("run") / "pets"
    done = train(small_set.features, small_set.split, out, RECIPE, OPTIONS)
    assert done is not None
    return done


def test_a_run_is_calibrated_on_its_validation_videos(
    trained: Trained, small_set: SmallSet
) -> None:
    bundle = load_bundle(trained.run.bundle)
    assert bundle.combination.how == "equal"
    assert set(bundle.calibrations) == {"single", "single+tta"}
    with clipkind.load(bundle.path) as classifier, open_features(small_set.features) as file:
        videos = [id for id in file.ids if id.startswith("val-")]
        for tta in (False, True):
            calibration = bundle.calibrations["single+tta" if tta else "single"]
            assert calibration.num_groups == 6
            answers = classifier.classify_features(small_set.features, videos, tta=tta)
            found = sorted(answer.confidence or 0.0 for answer in answers)
            np.testing.assert_allclose(sorted(calibration.confidence), found, atol=2e-3)
    card = (bundle.path / "README.md").read_text()
    assert "12 videos of 6 groups: the validation split, which also chose the epochs" in card


def test_a_risk_that_the_epochs_were_chosen_by_too_is_no_promise(trained: Trained) -> None:
    with clipkind.load(trained.run.folder) as classifier:
        for tta in (False, True):
            rule = classifier.risk_rule(0.5, tta=tta)
            assert rule.single_from < 1
            assert rule.note == (
                "a risk of 0.5 is aimed at, not promised: the videos that the model was "
                "calibrated with also chose the epochs"
            )
    card = (trained.run.bundle / "README.md").read_text()
    assert "a risk is therefore aimed at, not promised" in card


def test_the_same_call_leaves_it_alone_and_another_vote_makes_the_model_anew(
    trained: Trained, small_set: SmallSet
) -> None:
    checkpoints = sorted(trained.run.folder.glob("members/*/*.safetensors"))
    made = [file.stat().st_mtime_ns for file in checkpoints]
    card = trained.run.bundle / "README.md"
    before = card.stat().st_mtime_ns
    train(small_set.features, small_set.split, trained.run.folder, RECIPE, OPTIONS)
    assert card.stat().st_mtime_ns == before
    options = replace(OPTIONS, combine="selected")
    again = train(small_set.features, small_set.split, trained.run.folder, RECIPE, options)
    assert again is not None
    assert [file.stat().st_mtime_ns for file in checkpoints] == made
    bundle = load_bundle(trained.run.bundle)
    assert bundle.combination.how == "selected"
    assert sum(bundle.combination.weights) == pytest.approx(1)
    assert len(bundle.members) == len(bundle.combination.weights)
    left_out = bundle.provenance["members_without_weight"]
    assert len(bundle.members) + len(left_out) == len(OPTIONS.seeds)
    assert "greedy selection" in card.read_text()
    also_chose = {calibration.also_chose for calibration in bundle.calibrations.values()}
    assert also_chose == {"the epochs and the members' weights"}
    assert "which also chose the epochs and the members' weights" in card.read_text()


def test_a_dozen_videos_cannot_carry_a_small_risk(trained: Trained, small_set: SmallSet) -> None:
    with clipkind.load(trained.run.folder) as classifier:
        rule = classifier.risk_rule(0.05)
        assert "no answer is a single label at a risk of 0.05" in rule.note
        answers = classifier.classify_features(small_set.features, ["val-0", "val-1"], risk=0.05)
        assert [answer.decision for answer in answers] == ["unsure", "unsure"]  # of two classes
        with pytest.raises(FileFormatError, match="not measured"):
            clipkind.load(trained.run.folder, multi_scale="aligned")
