"""All systems are looked at alike: a temperature each, and members told as they vote."""

import numpy as np
import pytest

from clipkind.evaluation.answers import Answers
from clipkind.evaluation.scores import scores
from clipkind.evaluation.voting import combination_in_words, with_temperature
from clipkind.model.calibration import fit_temperature, tempered
from clipkind.model.combination import Combination, equal
from evaluation.asked import ask, doubt


def test_a_system_far_too_sure_is_no_worse_for_it_once_tempered() -> None:
    """The same answers, three times as sure: tempered alike they are the same."""
    plain, sure = doubt(600, 0), tempered(doubt(600, 0), 1 / 3)
    truth = np.array([np.random.default_rng(n).choice(3, p=p) for n, p in enumerate(plain)])
    asked, val = slice(0, 300), slice(300, 600)
    questions = ask(truth[asked])
    losses = []
    for found in (plain, sure):
        raw = Answers("x", "baseline", "how", found[asked])
        answers = with_temperature(raw, found[val], truth[val])
        temperature = fit_temperature(found[val], truth[val])
        assert answers.what == f"how; temperature {temperature:.2f}"
        assert np.array_equal(answers.labels, raw.labels)
        loss = scores(questions, answers)["nll"]
        assert loss is not None
        losses.append(loss["value"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    before = scores(questions, Answers("x", "baseline", "", sure[asked]))["nll"]
    assert before is not None
    assert before["value"] > losses[1] + 0.1


def test_margins_and_systems_without_videos_stay_as_they_are() -> None:
    margins = Answers("x", "baseline", "", doubt(9, 1) - 2, has_probabilities=False)
    assert with_temperature(margins, doubt(5, 2), np.zeros(5, int)) is margins
    sure = Answers("x", "baseline", "", doubt(9, 1))
    assert with_temperature(sure, np.empty((0, 3)), np.empty(0, int)) is sure


def test_votes_in_words() -> None:
    assert combination_in_words(equal(1)) == "one network"
    assert combination_in_words(equal(1), 4) == "one network of 4"
    assert combination_in_words(equal(2), 2) == "2 members, equal weights"
    assert combination_in_words(equal(3), 4) == "3 of 4 members, equal weights"
    weighted = Combination("weighted", (0.25, 0.75))
    words = "2 of 4 members, weights fitted on the validation videos (0.25, 0.75)"
    assert combination_in_words(weighted, 4) == words
