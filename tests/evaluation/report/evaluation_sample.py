"""An evaluation with every part filled, for the tests of the report."""

from typing import Any

from clipkind.evaluation.result import Evaluation, Figure, Scores, System
from clipkind.video.jpeg import jpeg

NAMES = ["Cat", "Dog"]


def figure(value: float, width: float = 0.05) -> Figure:
    return {"value": value, "low": round(value - width, 6), "high": round(value + width, 6)}


def scores(value: float, *, probabilities: bool = True, names: list[str] = NAMES) -> Scores:
    """Every figure is another one, so that a test can tell where it went."""
    curve = {"x": [0.0, 0.2, 1.0], "y": [0.0, 0.9, 1.0], "area": value}
    full = [{"low": 0.5, "high": 1.0, "videos": 9, "confidence": 0.8, "accuracy": 0.7}]
    return {
        "accuracy": figure(value),
        "macro_f1": figure(value - 0.001),
        "weighted_f1": figure(value - 0.002),
        "ece": figure(value / 7) if probabilities else None,
        "brier": figure(value / 3) if probabilities else None,
        "nll": figure(value / 2) if probabilities else None,
        "classes": {
            name: {
                "precision": 0.61,
                "recall": 0.62,
                "f1": figure(0.6 + i / 100),
                "support": 5 + i,
            }
            for i, name in enumerate(names)
        },
        "confusion": [[4 if i == j else 1 for j in range(len(names))] for i in range(len(names))],
        "roc": {name: dict(curve) for name in names} if probabilities else None,  # type: ignore[misc]
        "pr": {name: dict(curve) for name in names} if probabilities else None,  # type: ignore[misc]
        "reliability": full if probabilities else None,  # type: ignore[typeddict-item]
    }


def system(name: str, value: float, kind: Any = "ensemble", **more: Any) -> System:
    answers = scores(value, **more)
    return {"name": name, "kind": kind, "tta": False, "what": f"what {name} is", "scores": answers}


def evaluation(picture: Any = None) -> Evaluation:
    """Everything; `picture` [height, width, 3] becomes the first error's thumbnail."""
    from base64 import b64encode

    url = None if picture is None else f"data:image/jpeg;base64,{b64encode(jpeg(picture)).decode()}"
    error = {"true": "Cat", "answered": "Dog", "confidence": 0.97}
    return {
        "format": "clipkind-evaluation",
        "format_version": 1,
        "made_by": "clipkind 0.1.0",
        "date": "2026-01-02",
        "command": "clipkind evaluate run --split test",
        "model": "run",
        "class_names": list(NAMES),
        "features": "run/features.h5 (sha256 abcd)",
        "split_file": "run/split.csv (sha256 ef01)",
        "split": "test",
        "videos": 11,
        "groups": 7,
        "videos_by_class": {"Cat": 5, "Dog": 6},
        "missing": [],
        "combination": "4 members, equal weights",
        "tta_modes": ["original", "reverse"],
        "temperature": 1.25,
        "systems": [
            system("member-0", 0.712, "member"),
            system("ensemble", 0.837),
            system("linear SVM", 0.801, "baseline", probabilities=False),
        ],
        "comparisons": [
            {
                "a": "ensemble",
                "b": "linear SVM",
                "accuracy": figure(0.036),
                "shown": False,
                "sentence": "no difference is shown between them",
            },
            {
                "a": "ensemble",
                "b": "member-0",
                "accuracy": figure(0.125),
                "shown": True,
                "sentence": "ensemble is better than member-0",
            },
        ],
        "question": "Is this head worth it?",
        "verdict": "Not shown: the verdict of this test.",
        "slices": {
            "duration": [
                {
                    "value": "short",
                    "videos": 4,
                    "groups": 3,
                    "accuracy": figure(0.75),
                    "worse": True,
                }
            ],
            "source": [
                {
                    "value": "one camera",
                    "videos": 8,
                    "groups": 1,
                    "accuracy": {"value": 0.625, "low": 0.0, "high": 1.0},
                    "worse": False,
                }
            ],
        },
        "errors": [
            {"id": "e1", "path": "/videos/one.mp4", "thumbnail": url, **error},  # type: ignore[typeddict-item]
            {"id": "e2", "path": None, "thumbnail": None, **error},  # type: ignore[typeddict-item]
        ],
        "learning_curve": [
            {"system": "ensemble", "groups": 3, "videos": 20, "accuracy": figure(0.6)},
            {"system": "ensemble", "groups": 6, "videos": 40, "accuracy": figure(0.7)},
        ],
        "robustness": [
            {
                "name": "grey",
                "what": "without colour",
                "videos": 10,
                "refused": 1,
                "accuracy": figure(0.655),
                "drop": figure(0.145),
            }
        ],
        "selective": [
            {
                "tta": True,
                "risk": 0.05,
                "single": 0.58,
                "several": 0.31,
                "unsure": 0.11,
                "single_error": None,
                "several_error": figure(0.093),
            }
        ],
        "outliers": [{"kind": "colour bars", "videos": 12, "auroc": figure(0.913)}],
        "notes": ["A note of this test."],
        "extra": {"Seed": "0"},
    }
