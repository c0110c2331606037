"""A temperature makes confidences true, changes no answer, and survives its way through a file."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.errors import FileFormatError
from clipkind.model.calibration import (
    FEWEST,
    Calibration,
    fit_calibration,
    fit_temperature,
    tempered,
)
from model.sources import answered

ROWS = st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=6)


def sharpened(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


@given(ROWS, st.floats(0.05, 20))
@settings(max_examples=100, deadline=None)
def test_probabilities_stay_probabilities_and_the_answer_the_answer(
    weights: list[list[float]], temperature: float
) -> None:
    values = np.array(weights) + 1e-6
    probabilities = (values / values.sum(axis=1, keepdims=True)).astype(np.float32)
    found = tempered(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    assert (found >= 0).all()
    best = found[np.arange(len(found)), probabilities.argmax(axis=1)]
    assert (best == found.max(axis=1)).all()


def test_a_certain_answer_stays_a_number() -> None:
    found = tempered(np.array([[1.0, 0.0, 0.0]], np.float32), 0.05)
    assert np.isfinite(found).all()
    assert found.argmax() == 0


@pytest.mark.parametrize("made", [0.3, 1.0, 2.5])
def test_overconfidence_is_undone(made: float) -> None:
    """Answers sharpened by a known temperature come out as those that were not."""
    videos = answered(4000, 0.0, seed=0)
    right = fit_temperature(videos.probabilities, videos.y_true)
    found = fit_temperature(sharpened(videos.probabilities, made), videos.y_true)
    assert found * made == pytest.approx(right, rel=1e-3)


def test_calibrated_confidence_is_the_share_of_right_answers() -> None:
    videos = answered(6000, 0.0, seed=4)
    overconfident = sharpened(videos.probabilities, 0.4)
    half = len(videos.y_true) // 2
    calibration = fit_calibration(overconfident[:half], videos.y_true[:half], videos.groups[:half])
    confidence = calibration(overconfident[half:]).max(axis=1)
    right = overconfident[half:].argmax(axis=1) == videos.y_true[half:]
    before = overconfident[half:].max(axis=1).mean() - right.mean()
    assert abs(confidence.mean() - right.mean()) < 0.02 < before


def test_a_dozen_right_answers_are_no_licence_for_certainty() -> None:
    probabilities = np.tile([0.8, 0.2], (12, 1))
    temperature = fit_temperature(probabilities, np.zeros(12, np.int64))
    assert tempered(probabilities, temperature).max() < 0.97


def test_there_must_be_something_to_fit_on() -> None:
    with pytest.raises(ValueError, match="no video"):
        fit_temperature(np.empty((0, 4)), np.empty(0, np.int64))


def test_it_reads_back_from_json_as_it_was_and_names_no_source() -> None:
    videos = answered(30, 0.4, seed=1)
    names = np.array([f"source {group}" for group in videos.groups])
    made = fit_calibration(
        videos.probabilities, videos.y_true, names, "thirty sources", also_chose="the epochs"
    )
    text = json.dumps(made.to_json())
    assert "source 1" not in text
    read = Calibration.from_json(json.loads(text), "here")
    assert read.to_json() == made.to_json()
    assert read.num_groups == len(set(names))
    assert read.also_chose == "the epochs"


def test_where_it_is_not_recorded_what_else_was_chosen_nothing_is_promised() -> None:
    videos = answered(30, 0.4, seed=1)
    data = fit_calibration(videos.probabilities, videos.y_true, videos.groups).to_json()
    assert Calibration.from_json(data, "here").also_chose == ""
    del data["also_chose"]
    assert Calibration.from_json(data, "here").also_chose


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0}, {"temperature": None}, {"temperature": float("nan")},
        {"confidence": [0.5]}, {"confidence": [[0.5], [0.5]]}, {"truth": [0.5, 1.5]},
        {"groups": [0, -1]}, {"groups": [0, 10**12]}, {"groups": [0, "a"]}, {"right": "yes"},
        {"groups": [], "right": [], "truth": [], "confidence": []},
    ],
)  # fmt: skip
def test_damage_is_one_line(change: dict[str, Any]) -> None:
    sound = {
        "temperature": 1.0, "protocol": "", "confidence": [0.5, 0.9], "truth": [0.5, 0.1],
        "right": [1, 0], "groups": [0, 1],
    }  # fmt: skip
    Calibration.from_json(sound, "here")
    with pytest.raises(FileFormatError, match=r"^here: .*copy the bundle again") as caught:
        Calibration.from_json(sound | change, "here")
    assert "\n" not in str(caught.value)
    with pytest.raises(FileFormatError):
        Calibration.from_json([], "here")


def test_too_few_videos_leave_confidences_as_they_are() -> None:
    """Four validation videos once turned a log-likelihood of 0.085 into 0.649."""
    sure = np.full((FEWEST, 2), 0.1)
    sure[:, 0] = 0.9
    right = np.zeros(FEWEST, np.int64)
    few = fit_calibration(sure[:-1], right[:-1], np.arange(FEWEST - 1))
    assert few.temperature == 1.0
    enough = fit_calibration(sure, right, np.arange(FEWEST))
    assert enough.temperature != 1.0
