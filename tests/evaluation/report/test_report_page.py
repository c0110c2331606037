"""The page: everything of the evaluation is on it, nothing is loaded, names are only text."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_sample import NAMES, evaluation, figure, scores, system

from clipkind.evaluation.report.page import page, write_html
from clipkind.evaluation.report.rows import confusion, f1
from clipkind.evaluation.report.surface import Svg

_VOID = ("meta", "img", "br")
_EMPTY_LISTS = ("learning_curve", "robustness", "selective", "outliers", "errors", "comparisons")


class Reader(HTMLParser):
    """Collects text, tags and attributes; fails where tags do not nest."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[str] = []
        self.feed(content)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\xa0", " ")


def read(**changes: Any) -> Reader:
    return Reader(page({**evaluation(), **changes}))  # type: ignore[typeddict-item]


def test_every_systems_figures_are_in_the_page() -> None:
    reader = read()
    for one in evaluation()["systems"]:
        assert one["name"] in reader.text
        assert one["what"] in reader.text
        assert f"{one['scores']['accuracy']['value']:.1%}".replace("%", " %") in reader.text
        for key in ("macro_f1", "weighted_f1", "ece", "brier", "nll"):
            found = one["scores"][key]  # type: ignore[literal-required]
            if found:
                assert f"{found['value']:.3f}" in reader.text
                assert f"{found['low']:.3f} to {found['high']:.3f}" in reader.text


def test_every_part_is_in_the_page() -> None:
    text = read().text
    for expected in (
        "83.7 % accuracy 95 % interval 78.7 to 88.7 %",  # the ensemble, though it is not the first
        "Is this head worth it? Not shown: the verdict of this test.",
        "ensemble is better than member-0",
        "+12.5 +7.5 to +17.5",
        "0.610 0.560 to 0.660",
        "65.5 % 60.5 to 70.5 %",
        "+14.5 +9.5 to +19.5",
        "10 and 1 refused",
        "5.0 % with TTA",
        "58.0 %",
        "one camera8 (1)5 of 8 right one source",
        "Fewer than 6 sources say too little about others for an interval.",
        "none was given",
        "9.3 % 4.3 to 14.3 %",
        "0.913",
        "short worse",
        "one.mp4",
        "A note of this test.",
        "sha256 abcd",
        "clipkind evaluate run --split test",
        "1.25",
        "Seed",
    ):
        assert expected in text
    assert "Not in this report" not in text
    assert "0.0 to 100.0 %" not in text


def test_an_interval_of_few_sources_is_not_shown() -> None:
    for groups, shown in ((1, False), (2, False), (5, False), (6, True)):
        part = {"value": "v", "videos": 8, "groups": groups, "worse": False}
        content = page(
            {**evaluation(), "slices": {"height": [{**part, "accuracy": figure(0.75, 0.0123)}]}}  # type: ignore[list-item,typeddict-item]
        )
        section = content.partition('id="slices"')[2].partition("</section>")[0]
        text = Reader(section.partition(">")[2]).text
        assert ("73.8 to 76.2 %" in text) is shown
        assert ("<circle" in section) is shown
        assert ("6 of 8 right" in text) is not shown
        assert ("few sources" in text) is (1 < groups < 6)
        assert ("Fewer than 6 sources" in text) is not shown


def test_every_cell_of_the_systems_bears_its_name_for_where_the_head_is_not_shown() -> None:
    section = page(evaluation()).partition('id="systems"')[2].partition("</section>")[0]
    found = re.findall(r'data-head="([^"]*)"', section)
    heads = ["Accuracy", "Macro F1", "Weighted F1", "ECE", "Brier", "NLL"]
    assert found == heads * len(evaluation()["systems"])


def test_a_claim_is_made_only_where_it_is_shown() -> None:
    tags = re.findall(r'class="tag[^"]*">((?:not )?shown)<', page(evaluation()))
    assert tags == ["not shown", "shown"]


def test_the_page_loads_nothing() -> None:
    content = page(evaluation(np.full((40, 100, 3), 200, np.uint8)))
    reader = Reader(content)
    loads = ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
    loaded = [value for _, name, value in reader.attributes if name in loads]
    assert all(value.startswith(("#", "data:image/jpeg;base64,/9j/")) for value in loaded)
    assert sum(value.startswith("data:") for value in loaded) == 1
    assert not {"script", "link", "iframe", "object", "embed"} & set(reader.tags)
    assert not re.search(r"@import|url\(|https?:", content)
    anchors = {value for _, name, value in reader.attributes if name == "id"}
    assert {value[1:] for value in loaded if value.startswith("#")} <= anchors


def test_what_names_say_is_text_wherever_they_stand() -> None:
    evil = "<script>alert(1)</script>\"'&\x1b$title{0}caf\udce9"
    shown = "<script>alert(1)</script>\"'&\\x1b$title{0}caf\\xe9"

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            keep = key in ("scores", "accuracy", "f1", "roc")
            items = {k: poisoned(v, k) for k, v in value.items()}
            named = {evil if k in (*NAMES, "duration", "Seed") else k: v for k, v in items.items()}
            return items if keep and not set(NAMES) & set(value) else named
        if isinstance(value, list):
            return [poisoned(v, key) for v in value]
        return evil if isinstance(value, str) and key not in ("kind", "format") else value

    sample = poisoned(copy.deepcopy(evaluation()))
    content = page(sample)
    content.encode("utf-8")
    reader = Reader(content)
    assert not {"script", "i"} & set(reader.tags)
    assert "\x1b" not in content
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert reader.text.count(shown) > 30
    labels = [value for _, name, value in reader.attributes if name == "aria-label"]
    assert any(shown in value for value in labels)


def test_only_a_jpeg_of_the_evaluation_itself_is_shown_as_a_picture() -> None:
    sample = evaluation()
    sample["errors"][0]["thumbnail"] = "https://example.org/spy.jpg"
    reader = Reader(page(sample))
    assert "img" not in reader.tags
    assert "no picture" in reader.text


def test_a_figure_that_cannot_be_had_is_explained_and_never_nan() -> None:
    blank = system("hard", 0.8, probabilities=False)
    reader = read(systems=[blank])
    assert "n/a: the system gives no probabilities" in reader.text
    assert "curves and calibration (no probabilities)" in reader.text
    broken = system("broken", 0.8)
    broken["scores"]["accuracy"] = figure(float("nan"))
    broken["scores"]["ece"] = figure(float("nan"))
    content = page({**evaluation(), "systems": [broken]})
    assert not re.search(r"\bnan\b|\binf\b", content, re.IGNORECASE)
    assert "n/a" in content


@pytest.mark.parametrize("name", _EMPTY_LISTS)
def test_an_empty_part_is_left_out_and_the_notes_say_so(name: str) -> None:
    whole, without = read(), read(**{name: []})
    titles = whole.tags.count("h2")
    assert without.tags.count("h2") == titles - 1
    assert "Not in this report: " in without.text


def test_an_evaluation_without_systems_or_videos_is_still_a_page() -> None:
    nothing: dict[str, Any] = {key: [] for key in (*_EMPTY_LISTS, "systems", "notes")}
    reader = read(**nothing, slices={}, videos=0, groups=0, videos_by_class={}, class_names=[])
    assert "There is no system to report on." in reader.text


def test_many_classes_are_all_in_the_tables_and_the_weakest_in_the_plots() -> None:
    names = [f"class-{i}" for i in range(40)]
    one = system("ensemble", 0.8)
    one["scores"] = scores(0.8, names=names)
    reader = read(systems=[one], class_names=names)
    assert all(name in reader.text for name in names)
    assert "the 8 weakest of 40 classes" in reader.text


def test_tables_have_names_and_headings_for_who_hears_the_page() -> None:
    content = page(evaluation())
    reader = Reader(content)
    assert reader.tags.count("table") == reader.tags.count("caption")
    assert reader.tags.count("h1") == 1
    pictures = [name for tag, name, _ in reader.attributes if tag == "svg"]
    assert pictures.count("aria-label") + pictures.count("aria-hidden") == reader.tags.count("svg")
    assert ("html", "lang", "en") in reader.attributes


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    """As WCAG 2.2 defines it."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_what_is_behind_them(scheme: int) -> None:
    style = page(evaluation()).partition("</style>")[0]
    found: dict[str, list[str]] = {}
    for name, color in re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style.partition("@page")[0]):
        found.setdefault(name, []).append(color)
    color = {name: values[scheme] for name, values in found.items() if len(values) > 1}
    for name in ("ink", "soft", "accent", "bad", "good"):
        for behind in ("page", "card"):
            assert _contrast(color[name], color[behind]) >= 4.5, (name, behind)
    for name in ("bad", "good", "warn"):
        assert _contrast(color[name], color[f"{name}-bg"]) >= 4.5, name
    for number in range(8):
        assert _contrast(color[f"class-{number}"], color["card"]) >= 3


def test_a_page_replaces_the_one_before_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_html(evaluation(), path)
    assert path.read_text(encoding="utf-8") == page(evaluation())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("classes", [3, 12])
def test_the_plots_tell_classes_that_look_alike_apart(classes: int) -> None:
    names = [f"{'playing_music_' * 3}{n}_{'indoors_' * 3}" for n in range(classes)]
    sample = scores(0.8, names=names)
    for plot in (confusion(sample, names), f1(sample)):
        assert plot
        drawn = Svg()
        plot.draw(drawn)
        texts = re.findall(r">([^<>]*)</text>", "".join(drawn.parts))
        shown = [text for text in texts if text.startswith("p")]
        assert (
            len(shown) == len(set(shown)) == classes * (2 if plot.name == "confusion_matrix" else 1)
        )
