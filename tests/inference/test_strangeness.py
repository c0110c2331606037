"""How strange the classifier says videos are, and answers that it leaves out for it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import clipkind
from broken_media import truncated_mkv
from clipkind.errors import FileFormatError, Reason
from clipkind.features.store import FeatureWriter, open_features
from inference.calibrated import calibrated_bundle, strange_bundle, write_features
from media import numbered_frames, write_video

LAST = "13"


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_features(tmp_path_factory.mktemp("features") / "f.h5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Iterator[clipkind.Classifier]:
    with clipkind.load(strange_bundle(folder / "strange").path) as classifier:
        yield classifier


def test_every_answer_says_how_strange_the_video_is(
    classifier: clipkind.Classifier, features: Path
) -> None:
    outliers = classifier.bundle.outliers
    assert outliers is not None
    answers = list(classifier.classify_features(features))
    with open_features(features) as file:
        for answer, sequence in zip(answers, file.features(list(file.ids)), strict=True):
            assert answer.strangeness == outliers.percentile(outliers.score(sequence[:20]))
    assert answers[0].strangeness is not None
    assert 0.0 < answers[0].strangeness < 0.9
    assert answers[-1].strangeness == 120 / 121
    augmented = next(classifier.classify_features(features, [LAST], tta=True))
    assert augmented.strangeness == answers[-1].strangeness


def test_a_video_from_a_file_has_one_too(classifier: clipkind.Classifier, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "a.mp4", numbered_frames(10))
    answer = classifier.classify(clip)
    assert answer.strangeness is not None
    assert answer.decision == "single"
    unsure = classifier.classify(clip, max_strangeness=answer.strangeness / 2)
    assert (unsure.status, unsure.decision, unsure.reason) == ("ok", "unsure", Reason.STRANGE)


@pytest.mark.parametrize("risk", [None, 0.1])
def test_what_is_too_strange_gets_no_label_and_the_rest_is_as_ever(
    classifier: clipkind.Classifier, features: Path, risk: float | None
) -> None:
    plain = list(classifier.classify_features(features, risk=risk))
    limit = 0.99
    found = list(classifier.classify_features(features, risk=risk, max_strangeness=limit))
    strange = [answer.strangeness is not None and answer.strangeness > limit for answer in plain]
    assert 0 < sum(strange) < len(strange)
    for before, after, left_out in zip(plain, found, strange, strict=True):
        if not left_out:
            assert after == before
            continue
        assert (after.label, after.labels, after.confidence) == (None, (), None)
        assert (after.status, after.decision, after.reason) == ("ok", "unsure", Reason.STRANGE)
        assert "unlike" in after.message
        assert after.probabilities == before.probabilities
    everything = list(classifier.classify_features(features, risk=risk, max_strangeness=1.0))
    assert everything == plain


def test_nothing_is_said_for_a_mode_or_by_a_model_without_the_score(
    classifier: clipkind.Classifier, folder: Path, features: Path, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "a.mp4", numbered_frames(10))
    with clipkind.load(classifier.bundle.path, multi_scale="aligned") as other:
        assert other.classify(clip).strangeness is None
        with pytest.raises(FileFormatError, match="--multi-scale aligned"):
            other.classify_many([], max_strangeness=0.99)
    with clipkind.load(calibrated_bundle(folder / "without").path) as without:
        assert next(without.classify_features(features)).strangeness is None
        with pytest.raises(FileFormatError, match="leave --max-strangeness out") as caught:
            next(without.classify_features(features, max_strangeness=0.99))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [0.0, 1.1, float("nan")])
def test_a_limit_that_is_none_is_refused(classifier: clipkind.Classifier, limit: float) -> None:
    with pytest.raises(ValueError, match="max_strangeness is"):
        classifier.classify_many([], max_strangeness=limit)


def test_a_refused_video_is_not_strange(classifier: clipkind.Classifier, features: Path) -> None:
    (answer,) = classifier.classify_features(features, ["nobody"], max_strangeness=0.99)
    assert (answer.status, answer.strangeness) == ("refused", None)


def test_a_partial_and_strange_video_says_both(
    classifier: clipkind.Classifier, tmp_path: Path
) -> None:
    cut = truncated_mkv(tmp_path)
    plain = classifier.classify(cut)
    assert (plain.status, plain.decision) == ("partial", "single")
    assert plain.message
    assert plain.strangeness is not None
    both = classifier.classify(cut, max_strangeness=plain.strangeness / 2)
    assert (both.status, both.decision, both.reason) == ("partial", "unsure", plain.reason)
    assert both.message == f"{plain.message}; and it is too unlike the videos the model knows"


def test_a_partial_row_of_a_feature_file_says_that_it_is_strange_too(
    classifier: clipkind.Classifier, features: Path, tmp_path: Path
) -> None:
    """Feature files keep the reason, no message."""
    with open_features(features) as file, FeatureWriter(tmp_path / "p.h5", file.contract) as writer:
        row = replace(file.rows[file.index(LAST)], reason="truncated")
        writer.add(row, file.features([LAST])[0, : row.length])
    (both,) = classifier.classify_features(tmp_path / "p.h5", max_strangeness=0.99)
    assert (both.status, both.decision, both.reason) == ("partial", "unsure", Reason.TRUNCATED)
    assert both.message == "and it is too unlike the videos the model knows"
