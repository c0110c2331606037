"""What a classifier answers with a calibrated model, with and without a risk, and without one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import clipkind
from clipkind.errors import FileFormatError
from clipkind.features.store import open_features
from clipkind.inference.heads import Heads
from inference.calibrated import VIDEOS, calibrated_bundle, without_calibration, write_features


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_features(tmp_path_factory.mktemp("features") / "f.h5")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clipkind.Classifier]:
    bundle = calibrated_bundle(tmp_path_factory.mktemp("bundle") / "calibrated")
    with clipkind.load(bundle.path) as classifier:
        yield classifier


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clipkind.Classifier]:
    bundle = without_calibration(tmp_path_factory.mktemp("bundle") / "old")
    with clipkind.load(bundle.path) as classifier:
        yield classifier


def test_without_a_risk_every_answer_is_one_label_with_a_calibrated_confidence(
    classifier: clipkind.Classifier, features: Path
) -> None:
    heads = Heads([classifier.bundle.path / m.onnx for m in classifier.bundle.members])
    weights = np.array(classifier.bundle.combination.weights)
    calibration = classifier.bundle.calibrations["single"]
    with open_features(features) as file:
        rows = file.features(list(file.ids))
    for number, answer in enumerate(classifier.classify_features(features)):
        votes, _ = heads(rows[number, :20])
        raw = (weights[:, None] * votes).sum(axis=0)
        assert answer.label == classifier.class_names[int(raw.argmax())]
        assert (answer.labels, answer.decision) == ((answer.label,), "single")
        assert answer.probabilities is not None
        wanted = raw ** (1 / calibration.temperature)
        np.testing.assert_allclose(
            list(answer.probabilities.values()), wanted / wanted.sum(), atol=1e-5
        )
        assert answer.confidence == answer.probabilities[answer.label]
        assert answer.calibrated


@pytest.mark.parametrize("tta", [False, True])
def test_at_a_risk_an_answer_is_one_label_or_several_or_none(
    classifier: clipkind.Classifier, features: Path, tta: bool
) -> None:
    seen = set()
    for risk in (0.001, 0.1, 0.2):
        rule = classifier.risk_rule(risk, tta=tta)
        for answer in classifier.classify_features(features, tta=tta, risk=risk):
            assert answer.probabilities is not None
            values = answer.probabilities
            best = max(values, key=lambda name: values[name])
            seen.add(answer.decision)
            match answer.decision:
                case "single":
                    assert answer.label == best
                    assert values[best] >= rule.single_from
                case "several":
                    assert 2 <= len(answer.labels) < len(values)
                    assert answer.labels[0] == best
                    assert list(answer.labels) == sorted(answer.labels, key=lambda n: -values[n])
                case _:
                    assert answer.labels == ()
            if answer.decision != "single":
                assert answer.label is None
                assert values[best] < rule.single_from
            if answer.labels:
                assert answer.confidence == pytest.approx(sum(values[n] for n in answer.labels))
            else:
                assert answer.confidence is None
    assert seen == {"single", "several", "unsure"}


def test_augmented_answers_have_a_calibration_of_their_own(
    classifier: clipkind.Classifier, features: Path
) -> None:
    plain = next(classifier.classify_features(features, ["3"]))
    asked = next(classifier.classify_features(features, ["3"], tta=True))
    assert plain.probabilities != asked.probabilities
    assert asked.attention == pytest.approx(plain.attention, abs=1e-5)
    assert classifier.risk_rule(0.1) != classifier.risk_rule(0.1, tta=True)


def test_a_model_of_old_answers_as_ever_and_promises_no_risk(
    old: clipkind.Classifier, features: Path
) -> None:
    answers = list(old.classify_features(features))
    assert len(answers) == VIDEOS
    assert not any(answer.calibrated for answer in answers)
    assert all(answer.decision == "single" for answer in answers)
    count = len(old.bundle.members)
    assert old.bundle.combination.weights == (1 / count,) * count
    for ask in (
        lambda: list(old.classify_features(features, risk=0.05)),
        lambda: old.classify_many([], risk=0.05),
        lambda: old.risk_rule(0.05),
    ):
        with pytest.raises(FileFormatError, match="holds no calibration") as caught:
            ask()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("risk", [0, 0.6, -1])
def test_a_risk_that_is_none_is_refused(classifier: clipkind.Classifier, risk: float) -> None:
    with pytest.raises(ValueError, match="risk is"):
        classifier.classify_many([], risk=risk)


def test_a_refused_video_has_no_labels(classifier: clipkind.Classifier, features: Path) -> None:
    (answer,) = classifier.classify_features(features, ["nobody"], risk=0.1)
    assert (answer.status, answer.labels, answer.decision) == ("refused", (), None)
