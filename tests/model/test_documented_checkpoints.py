"""Documented checkpoints: read as they were meant, and written so that the old tools read them."""

import os
from pathlib import Path

import pytest
import torch

from clipkind.errors import FileFormatError
from clipkind.model.documented import Figures, read_documented, write_documented
from clipkind.model.temporal import TemporalConfig
from model.old_checkpoints import (
    SMALL,
    checkpoint,
    network,
    rewrite_pickle,
    save,
    with_state,
)
from model.test_temporal import Documented

NAMES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")


def test_a_checkpoint_of_full_size_answers_as_the_documented_network(tmp_path: Path) -> None:
    with torch.device("meta"):  # its first weights would take ten times as long as these
        old = Documented(1280, 768, 4, 4, 12).eval()
    old.to_empty(device="cpu")
    for parameter in old.parameters():
        torch.nn.init.uniform_(parameter, -0.04, 0.04)
    content = {"model_state_dict": old.state_dict(), "config": {"num_attention_heads": 12}}
    read = read_documented(save(tmp_path / "best_ensemble_model_1.pt", content))
    assert read.model.config == TemporalConfig(feature_dim=1280)
    assert sum(p.numel() for p in read.model.parameters()) == 65_277_701
    x = torch.randn(1, 5, 1280)
    with torch.inference_mode():
        torch.testing.assert_close(read.model(x), old(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("numpy_name", [b"numpy._core", b"numpy.core"])
def test_numpy_values_are_read_as_old_and_new_numpy_wrote_them(
    tmp_path: Path, numpy_name: bytes
) -> None:
    path = save(tmp_path / "a.pt", checkpoint(network()))

    def renamed(pickled: bytes) -> bytes:
        assert b"cnumpy._core.multiarray\nscalar" in pickled
        assert b"cnumpy._core.multiarray\n_reconstruct" in pickled
        return pickled.replace(b"cnumpy._core.", b"c" + numpy_name + b".")

    read = read_documented(rewrite_pickle(path, renamed))
    assert read.notes == ()
    assert read.model.config == SMALL
    assert read.figures.to_json() == {
        "epoch": 43,
        "best_epoch": 43,
        "best_val_acc": 92.13,
        "accuracy": 92.13,
        "f1_weighted": 92.13 + 0.02,
        "f1_per_class": [86.0, 97.0, 88.0, 98.0],
    }


def test_files_saved_from_a_gpu_are_read_without_one(tmp_path: Path) -> None:
    model = network()
    path = save(tmp_path / "a.pt", checkpoint(model))

    def from_cuda(pickled: bytes) -> bytes:
        assert b"X\x03\x00\x00\x00cpu" in pickled
        return pickled.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")

    read = read_documented(rewrite_pickle(path, from_cuda))
    for name, tensor in read.model.state_dict().items():
        assert tensor.device.type == "cpu"
        assert torch.equal(tensor, model.state_dict()[name])


def test_one_direction_and_other_depths_are_read_off_the_weights(tmp_path: Path) -> None:
    config = TemporalConfig(
        feature_dim=5,
        hidden_dim=12,
        num_classes=3,
        num_lstm_layers=1,
        num_attention_heads=3,
        bidirectional=False,
        classifier_dims=(),
    )
    read = read_documented(save(tmp_path / "a.pt", checkpoint(network(config))))
    assert read.model.config == config


def test_what_config_and_weights_disagree_on_is_said(tmp_path: Path) -> None:
    content = checkpoint(network())
    content["model_config"] |= {"hidden_dim": 512, "bidirectional": 0, "num_classes": "four"}
    read = read_documented(save(tmp_path / "a.pt", content))
    assert read.model.config == SMALL
    told = "\n".join(read.notes)
    assert "config says hidden_dim 512, its weights 8: the weights count" in told
    assert "bidirectional False" in told
    assert "num_classes 'four', which cannot be" in told


def test_heads_nobody_recorded_are_taken_as_documented_and_said(tmp_path: Path) -> None:
    content = checkpoint(network(TemporalConfig(feature_dim=4, hidden_dim=12)))
    del content["model_config"]
    read = read_documented(save(tmp_path / "a.pt", content))
    assert read.model.config.num_attention_heads == 12
    assert any("attention heads" in note for note in read.notes)
    content = checkpoint(network())  # 16 wide
    del content["model_config"]
    with pytest.raises(FileFormatError, match="num_attention_heads 12 does not divide"):
        read_documented(save(tmp_path / "b.pt", content))


def test_half_precision_weights_and_odd_file_names_are_read(tmp_path: Path) -> None:
    def halve(state: dict[str, torch.Tensor]) -> None:
        for name, tensor in state.items():
            state[name] = tensor.half()

    path = with_state(tmp_path / os.fsdecode(b"caf\xe9.pt"), halve)
    assert all(t.dtype == torch.float32 for t in read_documented(path).model.parameters())


@pytest.mark.parametrize(
    ("figures", "failure"),
    [
        (Figures(accuracy=25.78, f1_per_class=(0, 0, 40.99, 0)), "answers Gaming whatever"),
        (Figures(best_val_acc=26.0), "26.00 %, is that of guessing"),
        (Figures(accuracy=72.73, f1_per_class=(1.1, 93.5, 66.1, 96.7)), ""),
        (Figures(), ""),
    ],
)
def test_networks_that_learned_nothing_are_known_by_their_figures(
    figures: Figures, failure: str
) -> None:
    found = figures.failure(NAMES)
    assert failure in found
    assert bool(found) == bool(failure)


def test_a_lost_class_and_missing_figures_are_said() -> None:
    (note,) = Figures(accuracy=72.73, f1_per_class=(1.1, 93.5, 66.1, 96.7)).notes(NAMES)
    assert "Animation" in note
    (note,) = Figures().notes(NAMES)
    assert "no validation figures" in note
    assert Figures(accuracy=92.0, f1_per_class=(86, 97, 88, 98)).notes(NAMES) == []


def test_the_old_tools_load_what_is_written(tmp_path: Path) -> None:
    config = TemporalConfig(feature_dim=6, hidden_dim=12, num_lstm_layers=2, num_attention_heads=6)
    model = network(config)
    path = tmp_path / os.fsdecode(b"best_\xff.pt")
    figures = Figures(epoch=3, best_val_acc=90.0, accuracy=90.0, f1_per_class=(1, 2, 3, 4))
    write_documented(path, model, figures)
    with path.open("rb") as file:
        old = torch.load(file, weights_only=False)
    assert old.keys() == checkpoint(model).keys()
    sizes = dict(old["model_config"])
    assert (sizes.pop("dropout"), sizes.pop("bidirectional")) == (0.4, True)
    theirs = Documented(**sizes)
    theirs.load_state_dict(old["model_state_dict"])
    x = torch.randn(2, 7, 6)
    with torch.inference_mode():
        torch.testing.assert_close(theirs.eval()(x), model(x), atol=1e-6, rtol=0)
    assert old["metrics"]["f1_per_class"].tolist() == [1, 2, 3, 4]

    back = read_documented(path)
    assert back.figures.to_json() == figures.to_json() | {"best_epoch": 0}
    assert back.model.config == config
    with torch.inference_mode():
        assert torch.equal(back.model(x), model(x))


@pytest.mark.parametrize(
    ("part", "words"),
    [("num_lstm_layers", "0 LSTM layers"), ("num_attention_heads", "0 attention heads")],
)
def test_a_network_of_another_layout_is_not_written(part: str, words: str, tmp_path: Path) -> None:
    sizes: dict[str, int] = {"num_lstm_layers": 1, "num_attention_heads": 4, part: 0}
    model = network(TemporalConfig(feature_dim=6, hidden_dim=12, **sizes))
    with pytest.raises(FileFormatError, match=words) as caught:
        write_documented(tmp_path / "a.pt", model, Figures())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
