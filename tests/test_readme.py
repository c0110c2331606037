"""Figures in the README are those that were measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from clipkind.model.bundle import load_bundle

ROOT = Path(__file__).parent.parent
CASES = {
    "480p-10s": "10 s of 480p",
    "1080p-10s": "10 s of 1080p",
    "480p-60s": "1 min of 480p",
    "1080p-60s": "1 min of 1080p",
    "480p-10min": "10 min of 480p",
    "1080p-10min": "10 min of 1080p",
}


@pytest.mark.parametrize("case", CASES)
def test_the_speed_table_is_the_benchmarks(case: str) -> None:
    name = "pipeline-10min.json" if "10min" in case else "pipeline.json"
    results = json.loads((ROOT / "benchmarks" / "results" / name).read_text())
    measured = results["cases"][case]
    ours, faster = measured["ways"]["single"], measured["documented_over"]["single"]
    row = (
        f"| {CASES[case]} | {ours['wall_s']:.2f} s | {faster['wall']:.0f} | "
        f"{faster['wall_if_decoded_once']:.0f} | {ours['peak_mb']['sum']:.0f} MB |"
    )
    assert row in (ROOT / "README.md").read_text().splitlines()


def test_the_clips_both_ways_agree_on_are_counted() -> None:
    cases = [
        case["documented_over"]["single"]["same_label"]
        for name in ("pipeline.json", "pipeline-10min.json")
        for case in measured(name)["cases"].values()
    ]
    readme = " ".join((ROOT / "README.md").read_text().split())
    assert f"the same label to {sum(cases)} of the {len(cases)} clips" in readme


def measured(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / name).read_text())


def test_the_limits_quote_the_benchmarks() -> None:
    limits = " ".join((ROOT / "docs" / "limits.md").read_text().split())
    copies = measured("duplicates.json")
    assert f"of planted copies {copies['found']:.1%} are".replace("%", " %") in limits
    assert f"of the links {copies['false_share']:.2%} are".replace("%", " %") in limits
    times = measured("training.json")["times"]["ours"]
    assert f"trains only {times} times as fast" in limits


def test_the_accuracy_table_is_the_benchmarks() -> None:
    lines = (ROOT / "docs" / "evaluation.md").read_text().splitlines()
    for name, found in measured("accuracy.json")["systems"].items():
        backbone, system = name.split(": ")
        less = found["less_the_first"]
        row = (
            f"| `{backbone}` | {system} | {_interval(found)} | "
            f"{found['macro_f1']:.3f} | {found['nll']:.3f} | "
            f"{100 * less['value']:+.1f} ({100 * less['low']:+.1f} to {100 * less['high']:+.1f}) |"
        )
        assert row in lines


def test_the_page_quotes_the_benchmarks_of_single_systems() -> None:
    page = " ".join((ROOT / "docs" / "evaluation.md").read_text().split())
    full = measured("accuracy-documented.json")["systems"]["efficientnet_lite0: documented"]
    behind = {key: -100 * value for key, value in full["less_the_first"].items()}
    linear = full["accuracy"]["value"] - full["less_the_first"]["value"]
    chosen = measured("accuracy-l2.json")["systems"]["efficientnet_lite0_stages: linear_chosen"]
    for said in (
        f"{full['videos']} videos, it gets {_interval(full)}, macro F1 {full['macro_f1']:.3f}"
        f" ({full['trainings'][0].split(': ')[1]})",
        f"`linear` gets {linear:.3f} on the same videos",
        f"{behind['value']:.1f} points behind ({behind['high']:.1f} to {behind['low']:.1f})",
        f"as well: {_interval(chosen)}, {100 * chosen['less_the_first']['value']:+.1f} points",
    ):
        assert said in page


def _interval(found: Any) -> str:
    accuracy = found["accuracy"]
    return f"{accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})"


def test_the_table_of_disturbances_is_an_evaluations() -> None:
    lines = (ROOT / "docs" / "evaluation.md").read_text().splitlines()
    for found in measured("evaluation.json")["robustness"]:
        drop = found["drop"]
        row = (
            f"| {found['name']} | {_interval(found)} | "
            f"{100 * drop['value']:+.1f} ({100 * drop['low']:+.1f} to {100 * drop['high']:+.1f}) |"
        )
        assert row in lines
        assert drop["low"] <= 0 <= drop["high"]  # as the text says


def test_the_web_page_quotes_the_benchmark() -> None:
    page = " ".join((ROOT / "docs" / "web.md").read_text().split())
    found = measured("web.json")
    throughput, pages, crowd = (found[name] for name in ("throughput", "pages", "crowd"))
    memory = crowd["memory"]
    for said in (
        f"{throughput['videos']} uploads of 10 s of 480p are answered "
        f"{throughput['ratio']:.2f} times as fast",
        f"Pages take {pages['p50_ms']:.0f} ms while the queue is full",
        f"99 of 100 at most {pages['p99_ms']:.0f} ms",
        f"{crowd['clients']} clients at a time sent {crowd['jobs_accepted']} videos: "
        f"{crowd['jobs_lost']} were lost",
        f"{memory['first_quarter_mb']:.0f} MB in the first quarter, "
        f"{memory['last_quarter_mb']:.0f} MB in the last",
    ):
        assert said in page


def test_the_readme_quotes_the_bundled_models_card() -> None:
    readme = " ".join((ROOT / "README.md").read_text().split())
    result = load_bundle().measured["single"]
    for found in (result, result["baseline"]):
        low, high = found["accuracy_95"]
        assert f"{found['accuracy']:.3f}" in readme
        assert f"{low:.3f} to {high:.3f})" in readme
    assert ", ".join(f"{name} {value:.2f}" for name, value in result["f1"].items()) in readme
