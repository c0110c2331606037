"""The benchmark of outliers claims no more than its groups show, and the documents quote it."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from documents import DOCS, ROOT

RESULTS = ROOT / "benchmarks" / "results" / "outliers.json"


def load() -> Any:
    path = ROOT / "benchmarks" / "outlier_figures.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


benchmark = load()
KNOWN = np.array([f"known {n // 2}" for n in range(80)])


def found(share: float, groups: int, noise: float = 0.0) -> dict[str, Any]:
    """Figures of two clips a group, each stranger than `share` of the known videos."""
    wins = np.zeros((len(KNOWN), 2 * groups))
    ups = np.random.default_rng(0).normal(share, noise, 2 * groups).clip(0, 1)
    for column, up in enumerate(ups):
        wins[: round(up * len(KNOWN)), column] = 1.0
    foreign = np.repeat([f"foreign {n}" for n in range(groups)], 2)
    figures: dict[str, Any] = benchmark.figures(wins, KNOWN, foreign)
    return figures


@pytest.mark.parametrize("groups", [2, 5, 20])
@pytest.mark.parametrize("share", [1.0, 0.9875])
def test_a_kind_of_which_none_passes_leaves_the_room_of_its_groups(
    groups: int, share: float
) -> None:
    figures = found(share, groups)
    auroc, rate = figures["auroc"], figures["fpr_at_95_tpr"]
    assert figures["groups"] == groups
    assert (auroc["value"], rate["value"], rate["low"]) == (pytest.approx(share, abs=1e-4), 0, 0)
    # of n groups none passes by chance in 1 of 40 cases where so many do
    assert (1 - rate["high"]) ** groups <= 0.0251
    assert auroc["low"] <= share * (1 - rate["high"]) + 1e-4
    assert auroc["high"] >= auroc["value"]


def test_one_group_says_nothing_about_others() -> None:
    figures = found(1.0, 1)
    for name in ("auroc", "fpr_at_95_tpr"):
        assert (figures[name]["low"], figures[name]["high"]) == (0.0, 1.0)


def test_a_kind_of_which_all_pass_leaves_room_above() -> None:
    figures = found(0.5, 4)
    assert figures["fpr_at_95_tpr"]["value"] == 1.0
    assert figures["fpr_at_95_tpr"]["low"] < 0.45
    assert figures["auroc"]["high"] > 0.75


def test_more_groups_say_more_and_hold_the_figure() -> None:
    few, many = found(0.7, 6, 0.2)["auroc"], found(0.7, 60, 0.2)["auroc"]
    for auroc in (few, many):
        assert auroc["low"] < auroc["value"] < auroc["high"]
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_groups_on_both_sides_are_drawn_together() -> None:
    """A class left out shares sources with others: all videos of a source are drawn or none."""
    wins = (np.arange(len(KNOWN))[:, None] < np.arange(len(KNOWN))[None]).astype(float)
    figures = benchmark.figures(wins, KNOWN, KNOWN)
    assert figures["groups"] == 40
    assert figures["auroc"]["low"] <= figures["auroc"]["value"] <= figures["auroc"]["high"]
    apart = benchmark.figures(wins, KNOWN, np.char.add("other ", KNOWN))
    assert apart["auroc"]["high"] - apart["auroc"]["low"] > 2 * (
        figures["auroc"]["high"] - figures["auroc"]["low"]
    )


def results() -> Any:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_figures_of_outliers_are_the_benchmarks() -> None:
    text = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    assert "\n".join(benchmark.rows(results())) in text
    words = " ".join(text.split())
    for sentence in benchmark.sentences(results()):
        assert sentence in words


def test_every_kind_that_mostly_passes_is_named_and_no_other() -> None:
    given = results()
    given["kinds"] = {
        "fog": found(0.5, 4),
        "rain": found(0.9, 4),
        "snow": found(1.0, 4),
    }
    said = " ".join(benchmark.sentences(given))
    assert "most clips of these kinds pass too: fog, rain." in said
    assert "None passes of: snow." in said
    del given["kinds"]["fog"], given["kinds"]["rain"]
    assert "most clips of no kind pass." in " ".join(benchmark.sentences(given))


def test_a_score_that_another_beats_does_not_claim_to_be_the_best() -> None:
    given = results()
    given["candidates_auroc"] = {
        benchmark.SHIPPED: {benchmark.MEAN: 0.8},
        "other": {benchmark.MEAN: 0.9},
        "third": {benchmark.MEAN: 0.7},
    }
    said = " ".join(benchmark.sentences(given))
    assert "Of the 3 scores" in said
    assert "this was number 2 (0.80; other 0.90)" in said


def test_the_table_is_renewed_in_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- outliers -->\nold\n<!-- /outliers -->\nbelow\n")
    for _ in range(2):
        benchmark.write_table(page, results())
        text = page.read_text()
        assert text.startswith("above\n<!-- outliers -->\n\n| foreign kind |")
        assert text.endswith("\n\n<!-- /outliers -->\nbelow\n")
        assert "old" not in text
    page.write_text("no marks\n")
    with pytest.raises(SystemExit, match="has no line"):
        benchmark.write_table(page, results())
