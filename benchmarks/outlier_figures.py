"""What is said about outliers: intervals, and the table of docs/evaluation.md from the results.

Clips of one generator or source are no independent witnesses, so intervals come from draws of
groups, of both sides.
"""

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clipkind.evaluation.intervals import ROUNDS, Drawn, Draws, draw_groups, interval
from clipkind.evaluation.result import Figure

PASS = 0.95
"""Share of known videos that pass."""
SHIPPED = "nearest class mean, scaled, cosine"
"""Of the candidates the one that clipkind has."""
MEAN = "mean of families"
_BLOCK = re.compile(r"(?<=<!-- outliers -->\n).*?(?=<!-- /outliers -->)", re.DOTALL)
Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


def figures(wins: Array, known: Names, foreign: Names) -> dict[str, Any]:
    """AUROC and FPR at 95 % TPR of one foreign kind, with 95 % intervals.

    `wins` [N, F]: 1 where foreign clip f is stranger than known video n, 0.5 where they tie;
    `known` [N] and `foreign` [F] are their groups, which both sides may share.
    """
    draws = draw_groups(np.concatenate([known, foreign]))
    weights = draws.counts[:, draws.index].astype(np.float64)
    ours, theirs = weights[:, : len(known)], weights[:, len(known) :]
    with np.errstate(invalid="ignore"):  # a draw may hold none of either
        percentiles = ours @ wins / ours.sum(axis=1, keepdims=True)
        auroc = (percentiles * theirs).sum(axis=1) / theirs.sum(axis=1)
        passing = np.where(np.isnan(percentiles), np.nan, percentiles < PASS)
        rate = (passing * theirs).sum(axis=1) / theirs.sum(axis=1)
    whole = wins.mean(axis=0)
    groups = len(np.unique(foreign))
    fewest = min(len(np.unique(known)), groups)
    return {
        "videos": len(foreign),
        "groups": groups,
        **_with_room(
            Drawn(float(whole.mean()), auroc),
            Drawn(float((whole < PASS).mean()), rate),
            draws,
            fewest,
        ),
    }


def _with_room(auroc: Drawn, rate: Drawn, draws: Draws, groups: int) -> dict[str, Figure]:
    """Intervals of both figures.

    Where all clips of a kind do alike (none passes, or all do), groups nobody has seen may still do
    otherwise: as many as a binomial with so many groups leaves room for. What such clips score can
    be anything.
    """
    high_or_low = interval(auroc, draws, alike=groups)
    passes = interval(rate, draws, alike=groups)
    if rate.value in (0.0, 1.0):
        room = interval(Drawn(rate.value, np.full(ROUNDS, rate.value)), draws, alike=groups)
        passes["low"] = min(passes["low"], room["low"])
        passes["high"] = max(passes["high"], room["high"])
        kept = auroc.value * (1.0 - room["high"]), 1.0 - (1.0 - auroc.value) * room["low"]
        if rate.value == 0.0:
            high_or_low["low"] = min(high_or_low["low"], kept[0])
        else:
            high_or_low["high"] = max(high_or_low["high"], kept[1])
    return {"auroc": _rounded(high_or_low), "fpr_at_95_tpr": _rounded(passes)}


def _rounded(figure: Figure) -> Figure:
    value, low, high = (round(figure[end], 4) for end in ("value", "low", "high"))
    return {"value": value, "low": low, "high": high}


def rows(results: dict[str, Any]) -> list[str]:
    """The rows of the table, as Markdown."""
    lines = ["| foreign kind | clips | groups | AUROC | 95 % interval |", "|" + "---|" * 5]
    for kind, found in results["kinds"].items():
        auroc = found["auroc"]
        lines.append(
            f"| {kind} | {found['videos']} | {found['groups']} | {auroc['value']:.2f} | "
            f"{auroc['low']:.2f} to {auroc['high']:.2f} |"
        )
    return lines


def sentences(results: dict[str, Any]) -> list[str]:
    """What the results say in words, with every kind named that mostly passes."""
    rates = {kind: row["fpr_at_95_tpr"]["value"] for kind, row in results["kinds"].items()}
    most = [kind for kind, rate in rates.items() if rate > 0.5]
    none = [kind for kind, rate in rates.items() if rate == 0.0]
    says = [
        f"Known are {results['videos']} videos of {results['groups']} groups.",
        f"Where {PASS:.0%} of them pass, most clips of ".replace("%", " %")
        + (f"these kinds pass too: {', '.join(most)}." if most else "no kind pass."),
        f"None passes of: {', '.join(none)}." if none else "Of every kind some pass.",
    ]
    means = {name: row[MEAN] for name, row in results["candidates_auroc"].items()}
    place = 1 + sum(mean > means[SHIPPED] for mean in means.values())
    best = max(means, key=lambda name: means[name])
    told = f"Of the {len(means)} scores compared, by the mean of made clips, footage and classes "
    if place == 1:
        return [*says, f"{told}left out, this was the best ({means[SHIPPED]:.2f})."]
    return [
        *says,
        f"{told}left out, this was number {place} ({means[SHIPPED]:.2f}; {best} "
        f"{means[best]:.2f}).",
    ]


def write_table(document: Path, results: dict[str, Any]) -> None:
    """Renew what stands in a document between `<!-- outliers -->` and `<!-- /outliers -->`."""
    text = document.read_text(encoding="utf-8")
    if not _BLOCK.search(text):
        raise SystemExit(f"{document}: has no line <!-- outliers -->, and <!-- /outliers --> below")
    said = textwrap.wrap(" ".join(sentences(results)), 100)
    block = "\n".join(["", *rows(results), "", *said, "", ""])
    document.write_text(_BLOCK.sub(lambda _: block, text), encoding="utf-8")
