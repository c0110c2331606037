"""Documented checkpoints as a bundle, and back: an honest card, and the same numbers."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import clipkind
from clipkind.errors import ClipkindError, ContractMismatch, FileFormatError
from clipkind.inference.heads import softmax
from clipkind.model.bundle import load_bundle
from clipkind.model.card import model_card
from clipkind.model.documented import read_documented
from clipkind.model.temporal import TemporalClassifier, TemporalConfig
from clipkind.model.weights import load_weights
from clipkind.training.recipe import Recipe
from clipkind.workflow.export_checkpoint import export_checkpoints
from clipkind.workflow.import_checkpoint import Imported, ImportOptions, import_checkpoints
from clipkind.workflow.train import TrainOptions, train
from model.old_checkpoints import checkpoint, network, save
from training.small_set import RECIPE, make_small_set

CONFIG = TemporalConfig(
    feature_dim=1280,
    hidden_dim=8,
    num_lstm_layers=1,
    num_attention_heads=4,
    classifier_dims=(768, 512, 256),
)
OPTIONS = ImportOptions(backbone="efficientnet_lite0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best_ensemble_model_0 to 2, the first collapsed, as documented."""
    folder = tmp_path_factory.mktemp("models_enhanced")
    for seed in range(3):
        content = checkpoint(network(CONFIG, seed))
        if seed == 0:
            content = checkpoint(network(CONFIG, seed), accuracy=25.78, f1=(0, 0, 40.99, 0))
        save(folder / f"best_ensemble_model_{seed}.pt", content)
    return folder


@pytest.fixture(scope="module")
def imported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    out = tmp_path_factory.mktemp("imported") / "old"
    return import_checkpoints(sorted(folder.glob("*.pt")), out, OPTIONS)


def test_a_collapsed_network_is_left_out_and_the_card_says_so(imported: Imported) -> None:
    assert [one.votes for one in imported.checkpoints] == [False, True, True]
    assert len(imported.bundle.members) == 2
    card = (imported.bundle.path / "README.md").read_text()
    assert "`best_ensemble_model_0.pt`" in card
    assert "left out: it answers Gaming whatever it sees" in card


def test_the_card_claims_nothing_that_nobody_measured(imported: Imported) -> None:
    card = (imported.bundle.path / "README.md").read_text()
    assert imported.bundle.measured == {}
    assert "Nothing was measured with this model" in card
    assert "backbone are what the importing person stated" in card
    assert "chose the frames of a video by its label" in card
    assert "Data: not recorded by the checkpoints" in card
    assert "validation accuracy 92.13 %" in card  # as where it comes from
    assert "None" not in card
    about = json.loads((imported.bundle.path / "model.json").read_text())
    figures = about["provenance"]["imported"][1]["figures"]
    assert figures["f1_per_class"] == [86.0, 97.0, 88.0, 98.0]


def test_the_card_is_the_one_any_bundle_gets(imported: Imported) -> None:
    assert (imported.bundle.path / "README.md").read_text() == model_card(imported.bundle)
    assert model_card(load_bundle(imported.bundle.path)) == model_card(imported.bundle)


def test_old_features_get_the_answers_of_the_old_networks(
    imported: Imported, folder: Path, tmp_path: Path
) -> None:
    features = np.random.default_rng(0).standard_normal((2, 73, 1280)).astype(np.float32)
    old = tmp_path / "test_features_multiscale.h5"
    with h5py.File(old, "w") as file:
        file["features"] = features
        file["labels"] = np.array([0, 3])
        file["num_frames"] = np.array([73, 73], dtype=np.int32)
        file.attrs["num_videos"], file.attrs["max_frames"] = 2, 73
        file.attrs["feature_dim"], file.attrs["multi_scale"] = 1280, True
        names = ("Animation", "Flat_Content", "Gaming", "Natural_Content")
        file.attrs["category_mapping"] = json.dumps({n: i for i, n in enumerate(names)})
    paths = [folder / f"best_ensemble_model_{k}.pt" for k in (1, 2)]
    with torch.inference_mode():
        logits = [read_documented(path).model(torch.from_numpy(features)) for path in paths]
    wanted = np.mean([softmax(member.numpy()) for member in logits], axis=0)
    with clipkind.load(imported.bundle.path) as classifier:
        answers = list(classifier.classify_features(old, backbone="efficientnet_lite0"))
        with pytest.raises(ContractMismatch, match="backbone is 'efficientnet_v2_s'"):
            next(classifier.classify_features(old, backbone="efficientnet_v2_s"))
    for answer, row in zip(answers, wanted, strict=True):
        found = [answer.probabilities[name] for name in names]
        np.testing.assert_allclose(found, row, atol=2e-3)  # bundles keep weights as float16


def test_out_to_the_old_tools_and_back_nothing_changes(
    imported: Imported, folder: Path, tmp_path: Path
) -> None:
    written = export_checkpoints(imported.bundle.path, tmp_path / "old")
    names = [one.path.name for one in written]
    assert names == ["best_ensemble_model_1.pt", "best_ensemble_model_2.pt"]
    assert [one.obstacle for one in written] == ["", ""]
    with pytest.raises(ClipkindError, match="is there already"):
        export_checkpoints(imported.bundle.path, tmp_path / "old")

    paths = [written[0].path, folder / "best_ensemble_model_0.pt"]
    back = import_checkpoints(paths, tmp_path / "back", replace(OPTIONS, keep_failed=True))
    assert back.checkpoints[0].checkpoint.figures == imported.checkpoints[1].checkpoint.figures
    first = imported.bundle.members[0]
    for name in (first.weights, first.onnx):
        before = (imported.bundle.path / name).read_bytes()
        assert (back.bundle.path / name).read_bytes() == before
    assert len(back.bundle.members) == 2  # --keep-failed
    assert back.checkpoints[1].failure


def test_an_export_that_was_cut_short_is_made_anew(imported: Imported, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    export_checkpoints(imported.bundle.path, whole)
    (out / ".unfinished-export").mkdir(parents=True)  # a kill while the first was moved
    (out / "thesis.txt").write_text("years of work")
    for name in ("best_ensemble_model_1.pt", ".unfinished-export/best_ensemble_model_2.pt.tmp"):
        (out / name).write_bytes(b"half")
    written = export_checkpoints(imported.bundle.path, out)
    names = ["best_ensemble_model_1.pt", "best_ensemble_model_2.pt"]
    assert sorted(path.name for path in out.iterdir()) == [*names, "thesis.txt"]
    for one in written:
        made = read_documented(one.path).model.state_dict()
        for key, tensor in read_documented(whole / one.path.name).model.state_dict().items():
            assert torch.equal(made[key], tensor)


def test_a_full_disk_leaves_no_part_of_an_export(imported: Imported, tmp_path: Path) -> None:
    code = (
        "import pathlib, resource, signal, sys\n"
        "from clipkind.workflow.export_checkpoint import export_checkpoints\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "export_checkpoints(*map(pathlib.Path, sys.argv[1:]))\n"
    )
    source, out = imported.bundle.path, tmp_path / "out"
    command = [sys.executable, "-c", code, str(source), str(out)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27]" in run.stderr
    assert not out.exists()
    assert len(export_checkpoints(source, out)) == 2


def test_a_run_gives_its_weights_as_trained_and_its_figures(tmp_path: Path) -> None:
    data = make_small_set(tmp_path / "set")
    recipe: Recipe = replace(RECIPE, num_epochs=4, patience=4)
    options = TrainOptions(seeds=(7,), jobs=1)
    trained = train(data.features, data.split, tmp_path / "run", recipe, options)
    assert trained is not None
    (best,) = [member.best for member in trained.members]
    assert best is not None
    (written,) = export_checkpoints(tmp_path / "run", tmp_path / "old")
    assert "classifier is 32 wide" in written.obstacle
    with written.path.open("rb") as file:
        content = torch.load(file, weights_only=False)
    assert content["best_val_acc"] == pytest.approx(100 * best.val_accuracy)
    assert content["epoch"] == best.epoch - 1
    assert len(content["history"]["val_acc"]) == 4
    assert content["history"]["val_acc"][best.epoch - 1] == content["best_val_acc"]
    back = read_documented(written.path)
    full = TemporalClassifier(back.model.config)
    load_weights(full, tmp_path / "run" / "members" / "member-0" / "best.safetensors")
    x = torch.randn(2, 8, back.model.config.feature_dim)
    with torch.inference_mode():
        assert torch.equal(full.eval()(x), back.model(x))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_lstm_layers": 0}, "head temporal with 0 LSTM layers"),
        ({"num_attention_heads": 0}, "and 0 attention heads"),
        ({"head": "pooled"}, "head pooled with"),
    ],
)
def test_networks_of_another_layout_stay(
    imported: Imported, change: dict[str, object], words: str, tmp_path: Path
) -> None:
    bundle = shutil.copytree(imported.bundle.path, tmp_path / "bundle")
    about = json.loads((bundle / "model.json").read_text())
    about["members"][1]["config"] |= change
    (bundle / "model.json").write_text(json.dumps(about))
    with pytest.raises(FileFormatError, match=rf"{words}.* not the documented network") as caught:
        export_checkpoints(bundle, tmp_path / "old")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "old").exists()


def refusal(paths: list[Path], out: Path, options: ImportOptions = OPTIONS) -> str:
    with pytest.raises(ClipkindError) as caught:
        import_checkpoints(paths, out, options)
    assert not (out / "model.json").exists()
    return str(caught.value)


def test_networks_that_do_not_go_together_are_refused(folder: Path, tmp_path: Path) -> None:
    first, out = folder / "best_ensemble_model_1.pt", tmp_path / "out"
    other = save(tmp_path / "b.pt", checkpoint(network(replace(CONFIG, hidden_dim=12))))
    assert "has hidden_dim 12" in refusal([first, other], out)
    heads = checkpoint(network(CONFIG, 1))
    heads["model_config"]["num_attention_heads"] = 2
    assert "has num_attention_heads 2" in refusal([first, save(tmp_path / "c.pt", heads)], out)
    assert "would vote twice" in refusal([first, first], out)


def test_if_none_has_learned_nothing_is_made(folder: Path, tmp_path: Path) -> None:
    assert "--keep-failed" in refusal([folder / "best_ensemble_model_0.pt"], tmp_path / "out")


def test_class_names_must_be_those_of_the_outputs(folder: Path, tmp_path: Path) -> None:
    paths, out = [folder / "best_ensemble_model_1.pt"], tmp_path / "out"
    for names, expected in (
        (("a", "b", "c"), "names 3 (a, b, c), the network has 4"),
        (("a", "b", "c", "a"), "each must be a name of its own"),
        (("a", "b", "\u00e9", "e\u0301"), "each must be a name of its own"),
        (("a", "b", "c", " "), "each must be a name of its own"),
    ):
        assert expected in refusal(paths, out, replace(OPTIONS, class_names=names))
    three = save(tmp_path / "c.pt", checkpoint(network(replace(CONFIG, num_classes=3))))
    assert "has 3 classes and does not name them" in refusal([three], out)


def test_a_backbone_that_cannot_be_the_one_is_refused(folder: Path, tmp_path: Path) -> None:
    narrow = save(tmp_path / "c.pt", checkpoint(network(replace(CONFIG, feature_dim=2048))))
    assert "1280 values a frame, the network takes 2048" in refusal([narrow], tmp_path / "out")
    options = replace(OPTIONS, backbone="efficientnet_b9")
    paths = [folder / "best_ensemble_model_1.pt"]
    assert "unknown backbone" in refusal(paths, tmp_path / "out", options)


def test_no_folder_but_a_models_is_replaced(folder: Path, tmp_path: Path) -> None:
    paths = [folder / "best_ensemble_model_1.pt"]
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "holds something else" in refusal(paths, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    inside = save(model / "a.pt", checkpoint(network(CONFIG)))
    with pytest.raises(ClipkindError, match=r"would be replaced, with a\.pt in it"):
        import_checkpoints([inside], model, OPTIONS)
    assert inside.exists()
