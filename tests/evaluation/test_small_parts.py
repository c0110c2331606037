"""Learning curve, selective answers, errors and the documented configuration."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from clipkind.dataset.splits.table import SplitRow, SplitTable
from clipkind.evaluation.ablations import ablations
from clipkind.evaluation.answers import Answers
from clipkind.evaluation.documented import configuration_analysis
from clipkind.evaluation.learning_curve import part_of, without_others
from clipkind.evaluation.mistakes import MOST, mistakes
from clipkind.evaluation.selective import selective
from clipkind.model.bundle import load_bundle
from clipkind.model.calibration import fit_calibration
from clipkind.training.recipe import DEFAULT, DOCUMENTED
from evaluation.asked import ask, doubt

ROWS = [
    SplitRow(f"{label}-{group}-{n}", "train", label, "", f"{label}-{group}")
    for label, groups in (("a", 16), ("b", 8), ("c", 1))
    for group in range(groups)
    for n in range(1 + group % 3)
]


def test_parts_of_the_data_are_nested_whole_and_of_every_class() -> None:
    parts = [part_of(ROWS, share) for share in (0.25, 0.5, 1.0)]
    assert parts[2] == ROWS
    for part, larger in pairwise(parts):
        assert set(part) < set(larger)
    for part in parts:
        groups = {row.group for row in part}
        assert [row for row in ROWS if row.group in groups] == part
    quarter = Counter(group[0] for group in {row.group for row in parts[0]})
    assert quarter == {"a": 4, "b": 2, "c": 1}


def test_a_class_that_is_the_most_in_no_group_is_in_every_part() -> None:
    """Class z shares its sources with others, which are more."""
    mixed = [
        SplitRow(f"{label}-{group}-{n}", "train", label, "", f"{group}")
        for group in range(12)
        for label, count in (("a", 3), ("z", 1 if group > 8 else 0))
        for n in range(count)
    ]
    rows = [*mixed, *(SplitRow(f"b-{g}", "train", "b", "", f"b-{g}") for g in range(8))]
    parts = [part_of(rows, share) for share in (0.05, 0.25, 0.5, 1.0)]
    for part, larger in pairwise(parts):
        assert set(part) <= set(larger)
    for part in parts:
        assert {row.label for row in part} == {"a", "b", "z"}
    assert parts[-1] == rows


def test_only_training_videos_are_left_out() -> None:
    others = [SplitRow("x", "test", "a", "", "x"), SplitRow("y", "val", "b", "", "y")]
    table = SplitTable((*ROWS, *others))
    kept = part_of(ROWS, 0.25)
    smaller = without_others(table, kept)
    assert smaller.ids("train") == tuple(row.id for row in kept)
    assert (smaller.ids("test"), smaller.ids("val")) == (("x",), ("y",))


def test_selective_answers_add_up() -> None:
    found = doubt(400, 0)
    y_true = np.array([np.random.default_rng(n).choice(3, p=p) for n, p in enumerate(found)])
    calibration = fit_calibration(found, y_true, np.arange(400))
    answers = Answers("ensemble + TTA", "ensemble", "", found, tta=True)
    rows = selective(ask(y_true), answers, calibration, (0.2, 0.05, 0.2, 0.4))
    assert all(row["tta"] for row in rows)
    assert [row["risk"] for row in rows] == [0.05, 0.2, 0.4]
    for row in rows:
        assert row["single"] + row["several"] + row["unsure"] == pytest.approx(1.0)
        assert (row["single_error"] is None) == (row["single"] == 0)
        assert (row["several_error"] is None) == (row["several"] == 0)
    singles = [row["single"] for row in rows]
    assert singles == sorted(singles)
    last = rows[-1]["single_error"]
    assert last is not None
    assert last["value"] < 0.4


def test_the_most_confident_errors_come_first() -> None:
    found = doubt(300, 1)
    y_true = np.zeros(300, int)
    asked = ask(y_true)
    errors = mistakes(asked, Answers("x", "ensemble", "", found), (None,) * 300)
    confidences = [error["confidence"] for error in errors]
    assert confidences == sorted(confidences, reverse=True)
    assert len(errors) == MOST
    assert confidences[0] == pytest.approx(found[found.argmax(1) != 0].max(), abs=1e-6)
    assert all(error["answered"] != error["true"] == "a" for error in errors)


def test_configurations_are_as_documented() -> None:
    bundle = load_bundle()
    found = configuration_analysis(bundle)
    assert list(found) == [member.name for member in bundle.members]
    for entry in found.values():
        assert list(entry) == [
            "feature_dim",
            "hidden_dim",
            "num_classes",
            "num_lstm_layers",
            "num_attention_heads",
            "dropout",
            "bidirectional",
        ]


def test_ablations_take_out_one_part_each() -> None:
    for recipe in (DEFAULT, DOCUMENTED):
        first, second = ablations(recipe)
        assert first.recipe == replace(recipe, num_lstm_layers=0)
        assert second.recipe == replace(recipe, num_attention_heads=0)
    assert ablations(replace(DEFAULT, head="pooled")) == []
    plain = replace(DEFAULT, num_lstm_layers=0, num_attention_heads=0)
    assert ablations(plain) == []
    odd = replace(DEFAULT, hidden_dim=9, num_attention_heads=6)  # 18 wide, then 9
    assert ablations(odd)[0].recipe.num_attention_heads == 3
