"""The results of pipeline.py as tables for the terminal."""

from collections.abc import Sequence
from typing import Any

NOISE = 0.05
"""Share of the machine taken by others from which the table says so."""


def print_report(results: dict[str, Any]) -> None:
    """All figures a reader looks for first; the rest is in the JSON."""
    cases: dict[str, Any] = results["cases"]
    print(f"\n{results['machine']['cpu']}, {results['machine']['cores']} cores, {results['date']}")
    _table(
        "Seconds, CPU seconds, videos a minute, peak memory (medians)",
        ("clip", "way", "wall s", "CPU s", "videos/min", "in a batch", "peak MB", "faster"),
        [row for name, case in cases.items() for row in _ways(name, case)],
    )
    _table(
        "Frames decoded",
        ("clip", "way", "wanted", "decoded", "unavoidable", "ratio", "of frames"),
        [
            (
                name,
                way,
                row["wanted"],
                row["decoded"],
                row["unavoidable"],
                f"{row['decoded_over_unavoidable']:.3f}",
                row["frames"],
            )
            for name, case in cases.items()
            for way, row in case["decoding"].items()
        ],
    )
    _table(
        "Overlap of decoding and embedding",
        ("clip", "cores", "decode s", "embed s", "together s", "/ longer", "none is", "/ bound"),
        [row for name, case in cases.items() for row in _overlaps(name, case)],
    )
    for name, case in cases.items():
        others = case["disturbance"]["others_share"] + case["disturbance"]["stolen_share"]
        if others > NOISE:
            print(f"{name}: others took {others:.0%} of the machine meanwhile")
    for mode, summary in results["summary"].items():
        print(
            f"{mode}: {summary['wall_ratio_least']} to {summary['wall_ratio_most']} times as fast; "
            f"same label on {summary['same_label']} clips"
        )


def _ways(name: str, case: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            name,
            way,
            f"{row['wall_s']:.2f}",
            f"{row['cpu_s']:.2f}",
            f"{row['videos_per_min']:.1f}",
            row.get("batch_videos_per_min", "–"),
            f"{row['peak_mb']['sum']:.0f}",
            _faster(case, way),
        )
        for way, row in case["ways"].items()
    ]


def _faster(case: dict[str, Any], way: str) -> str:
    ratios = case["documented_over"].get(way)
    return f"{ratios['wall']:.1f}x" if ratios else ""


def _overlaps(name: str, case: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            name,
            setting.replace("_", " "),
            f"{row['decode_s']:.2f}",
            f"{row['embed_s']:.2f}",
            f"{row['together_s']:.2f}",
            f"{row['over_longer']:.2f}",
            f"{row['over_longer_without_overlap']:.2f}",
            f"{row['over_bound']:.2f}",
        )
        for setting, row in case["overlap"].items()
        if row is not None
    ]


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    texts = [list(head), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in texts) for i in range(len(head))]
    print(f"\n{title}")
    for row in texts:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
