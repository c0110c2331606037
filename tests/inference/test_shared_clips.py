"""The whole way on real clips: what was trained on features must hold for files."""

import csv
from pathlib import Path

import av
import pytest

import clipkind

pytestmark = pytest.mark.corpus


def rows(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_clips_of_the_training_data_get_their_labels_back(corpus: Path) -> None:
    """These clips are known to the model, so this says nothing of its accuracy: it catches a path
    from file to features that differs from the one the model was trained with."""
    chosen = [row for row in rows(corpus) if row["ambiguous"] == "0"][::25]
    labels = {str(corpus / row["path"]): row["label"] for row in chosen}
    with clipkind.load() as classifier:
        answers = list(classifier.classify_many(labels))
    assert [a.status for a in answers] == ["ok"] * len(labels)
    right = sum(answer.label == labels[answer.path] for answer in answers)
    assert right / len(labels) > 0.85
    assert {a.label for a in answers} == set(classifier.class_names)


def test_clips_whose_metadata_is_not_utf8_are_answered(corpus: Path) -> None:
    odd = []
    for row in rows(corpus):
        try:
            with av.open(corpus / row["path"]):
                pass
        except UnicodeDecodeError:
            odd.append(corpus / row["path"])
    if not odd:
        pytest.skip("no shared clip has such metadata any more")
    with clipkind.load() as classifier:
        assert all(a.status == "ok" for a in classifier.classify_many(odd[:6]))
