"""The recipe "Add a temporal head" of CONTRIBUTING.md, followed to the letter."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import clipkind
import clipkind.model
from clipkind.model import heads
from clipkind.model.bundle import load_bundle
from clipkind.model.export import export_onnx
from clipkind.model.heads import HEADS, TemporalConfig, build_head
from clipkind.training.recipe_file import load_recipe
from clipkind.workflow.train import TrainOptions, train
from training.small_set import RECIPE, make_small_set

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ROOT = Path(__file__).parent.parent


def recipe_text() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("## Add a temporal head\n")[2].partition("\n## ")[0]


def code_of_recipe() -> list[str]:
    return re.findall(r"```python\n(.*?)```", recipe_text(), re.DOTALL)


@pytest.fixture
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of the recipe's head, which is in the table for the time of a test."""
    file, entry = code_of_recipe()
    path = re.search(r"`src/clipkind/model/(\w+)\.py`:\n", recipe_text())
    assert path
    name = path[1]
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / f"{name}.py").write_text(file)
    monkeypatch.setattr(
        clipkind.model, "__path__", [*clipkind.model.__path__, str(tmp_path / "model")]
    )
    known = dict(HEADS)
    exec(entry, dict(vars(heads)))  # noqa: S102 - our own page
    (added,) = set(HEADS) - set(known)
    yield added
    del HEADS[added]
    sys.modules.pop(f"clipkind.model.{name}", None)


def test_it_is_at_most_thirty_lines_of_code_in_two_files() -> None:
    blocks = code_of_recipe()
    assert len(blocks) == 2
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) <= 30


def test_the_head_goes_from_features_to_answers(head: str, tmp_path: Path) -> None:
    small_set = make_small_set(tmp_path / "set")
    assert load_recipe("default", [f"head={head}"]).head == head
    options = TrainOptions(seeds=(7,), jobs=1)
    recipe = replace(RECIPE, head=head)
    trained = train(small_set.features, small_set.split, tmp_path / "run", recipe, options)
    assert trained is not None
    assert trained.scores["accuracy"] == 1.0
    assert load_bundle(tmp_path / "run").members[0].config["head"] == head
    with clipkind.load(tmp_path / "run") as classifier:
        answers = list(classifier.classify_features(small_set.features))
    labels = {Path(answer.path).name: answer.label for answer in answers}
    assert [labels[f"test-{number}"] for number in range(12)] == ["Cats", "Dogs"] * 6


def test_the_head_keeps_to_the_contract(head: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    built = build_head(TemporalConfig(feature_dim=5, hidden_dim=12, head=head)).eval()
    videos = [torch.randn(n, 5) for n in (7, 1, 4)]
    x = torch.nn.utils.rnn.pad_sequence(videos, batch_first=True, padding_value=torch.nan)
    with torch.no_grad():
        logits = built(x, torch.tensor([7, 1, 4]))
        for video, found in zip(videos, logits, strict=True):
            torch.testing.assert_close(found, built(video[None])[0], rtol=0, atol=1e-5)
    export_onnx(built, tmp_path / "head.onnx")
    from clipkind.inference.heads import Heads

    probabilities, attention = Heads([tmp_path / "head.onnx"])(videos[2].numpy())
    expected = logits[2].softmax(dim=0)
    torch.testing.assert_close(torch.from_numpy(probabilities[0]), expected, rtol=0, atol=1e-5)
    assert attention.shape == (1, 4)
