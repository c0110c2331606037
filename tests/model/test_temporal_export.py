"""The exported network under OpenVINO gives torch's answers at every length and batch size."""

from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

from clipkind.model.export import export_onnx
from clipkind.model.temporal import TemporalClassifier, TemporalConfig

SHAPES = [(batch, time) for time in (1, 36, 64, 73, 109) for batch in (1, 3)]


def make_model(bidirectional: bool = True) -> TemporalClassifier:
    torch.manual_seed(0)
    config = TemporalConfig(
        feature_dim=20,
        hidden_dim=32,
        num_lstm_layers=2,
        num_attention_heads=4,
        classifier_dims=(16, 8),
        bidirectional=bidirectional,
    )
    model = TemporalClassifier(config)
    for parameter in model.parameters():  # also the ones that start at 0 and 1
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def model() -> TemporalClassifier:
    return make_model()


@pytest.fixture(scope="module")
def path(model: TemporalClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "temporal.onnx"
    export_onnx(model, path)
    return path


def compiled(path: Path) -> openvino.CompiledModel:
    return openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def differences(
    engine: openvino.CompiledModel, model: TemporalClassifier, shapes: list[tuple[int, int]]
) -> tuple[float, float]:
    """Largest difference of the logits and of the attention, over inputs of these shapes."""
    logits_off, attention_off = 0.0, 0.0
    for batch, time in shapes:
        x = torch.randn(batch, time, model.config.feature_dim)
        with torch.inference_mode():
            logits, attention = model.logits_and_attention(x)
        found = engine({"features": x.numpy()})
        logits_off = max(logits_off, float(np.abs(found["logits"] - logits.numpy()).max()))
        attention_off = max(
            attention_off, float(np.abs(found["attention"] - attention.numpy()).max())
        )
    return logits_off, attention_off


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_torch(path: Path, model: TemporalClassifier, shape: tuple[int, int]) -> None:
    logits_off, attention_off = differences(compiled(path), model, [shape])
    assert logits_off < 1e-5
    assert attention_off < 1e-5


def test_a_short_video_does_not_spoil_the_next_answers(
    path: Path, model: TemporalClassifier
) -> None:
    # OpenVINO's own fused attention fails here: once T was 1, longer sequences come out wrong
    engine = compiled(path)
    logits_off, attention_off = differences(engine, model, [*SHAPES, *reversed(SHAPES), *SHAPES])
    assert logits_off < 1e-5
    assert attention_off < 1e-5


def test_one_direction(tmp_path: Path) -> None:
    model = make_model(bidirectional=False)
    export_onnx(model, tmp_path / "one.onnx")
    logits_off, attention_off = differences(compiled(tmp_path / "one.onnx"), model, SHAPES)
    assert logits_off < 1e-5
    assert attention_off < 1e-5


def test_file_is_whole_and_says_nothing_of_the_machine(path: Path) -> None:
    onnx.checker.check_model(path, full_check=True)
    assert [p.name for p in path.parent.iterdir()] == ["temporal.onnx"]
    content = path.read_bytes()
    assert b".py" not in content
    assert str(Path(__file__).parents[2]).encode() not in content
    graph = onnx.load(path).graph
    shapes = {
        part.name: [d.dim_param or d.dim_value for d in part.type.tensor_type.shape.dim]
        for part in (*graph.input, *graph.output)
    }
    assert shapes == {
        "features": ["batch", "time", 20],
        "logits": ["batch", 4],
        "attention": ["batch", "time"],
    }


def test_same_weights_give_the_same_bytes_and_the_model_is_left_alone(
    path: Path, tmp_path: Path
) -> None:
    model = make_model().train()
    before = torch.get_rng_state()
    export_onnx(model, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_halves_the_file(
    path: Path, model: TemporalClassifier, tmp_path: Path
) -> None:
    half = tmp_path / "half.onnx"
    export_onnx(model, half, half=True)
    onnx.checker.check_model(half, full_check=True)
    assert half.stat().st_size < 0.6 * path.stat().st_size
    logits_off, attention_off = differences(compiled(half), model, SHAPES)
    assert logits_off < 0.01
    assert attention_off < 0.001
