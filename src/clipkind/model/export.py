"""A temporal head as one ONNX file with free batch and time, for engines without torch."""

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from clipkind.features.export import strip
from clipkind.model.temporal import TemporalClassifier
from clipkind.model.temporal_head import TemporalHead
from clipkind.model.weights import HALF_FROM


def export_onnx(model: TemporalHead, path: Path, *, half: bool = False) -> None:
    """Write the head, in eval mode, to `path` as one ONNX file.

    Input `features` [B, T, D] float32, every row real; outputs `logits` [B, C] and `attention`
    [B, T], float32. The same weights give the same bytes. `half` stores the weights as float16
    (half the size; computing stays float32). The model itself is left as it was.
    """
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    program = torch.onnx.export(
        _BothOutputs(model).eval(),
        (torch.zeros(2, 8, model.config.feature_dim),),
        dynamo=True,
        verbose=False,
        input_names=["features"],
        output_names=["logits", "attention"],
        dynamic_shapes=({0: batch, 1: time},),
    )
    assert program is not None  # noqa: S101 (only the old exporter returns None)
    proto = program.model_proto
    strip(proto)
    if half:
        _store_half(proto.graph)
    path.write_bytes(proto.SerializeToString(deterministic=True))


class _BothOutputs(nn.Module):
    """A copy of a head, on the CPU, that answers with logits and attention."""

    def __init__(self, model: TemporalHead) -> None:
        super().__init__()
        self.head: TemporalHead
        if isinstance(model, TemporalClassifier):
            self.head = _Exportable(model)
        else:
            self.head = copy.deepcopy(model).cpu()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.head.logits_and_attention(features)


class _Exportable(TemporalClassifier):
    """The same network in operators that survive the way through ONNX into OpenVINO."""

    def __init__(self, model: TemporalClassifier) -> None:
        with torch.device("meta"):  # its own first weights would cost time and random numbers
            super().__init__(model.config)
        held = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
        self.load_state_dict(held, assign=True)
        self.onnx_lstm = None if self.lstm is None else _OnnxLSTM(self.lstm)

    def _recur(self, lstm: nn.LSTM, x: Tensor, padding: Tensor | None) -> Tensor:
        assert self.onnx_lstm is not None  # noqa: S101 - as `lstm` is not
        rows: Tensor = self.onnx_lstm(x)
        return rows

    def _mix(self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None) -> Tensor:
        """As the parent's, but divided by the softmax's sum after the values are mixed.

        OpenVINO (2026.4, CPU) fuses the usual order into one operator that, after a sequence of
        T = 1, gives wrong answers for longer ones; this order it leaves alone.
        """
        scores = (query * query.shape[3] ** -0.5) @ key.transpose(2, 3)
        raised = (scores - scores.amax(dim=3, keepdim=True)).exp()
        mixed: Tensor = (raised @ value) / raised.sum(dim=3, keepdim=True)
        return mixed


class _OnnxLSTM(nn.Module):
    """An nn.LSTM as ONNX LSTM nodes, [B, T, H] to [B, T, width]; it can only be exported.

    Left to itself torch.export writes the T of the example into every shape after an LSTM.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden = lstm.hidden_size
        self.directions = ("", "_reverse") if lstm.bidirectional else ("",)
        self.num_layers = lstm.num_layers

        def both(name: str, layer: int) -> Tensor:
            held = [getattr(lstm, f"{name}_l{layer}{d}").detach() for d in self.directions]
            return torch.stack([_onnx_gates(w) for w in held])

        for layer in range(self.num_layers):
            biases = torch.cat([both("bias_ih", layer), both("bias_hh", layer)], dim=1)
            self.register_buffer(f"input_{layer}", both("weight_ih", layer))
            self.register_buffer(f"recurrent_{layer}", both("weight_hh", layer))
            self.register_buffer(f"bias_{layer}", biases)

    def forward(self, x: Tensor) -> Tensor:
        batch, time = x.shape[:2]
        x = x.transpose(0, 1)
        for layer in range(self.num_layers):
            weights = (getattr(self, f"{n}_{layer}") for n in ("input", "recurrent", "bias"))
            rows = torch.onnx.ops.symbolic(
                "LSTM",
                (x, *weights),
                {
                    "hidden_size": self.hidden,
                    "direction": "bidirectional" if len(self.directions) == 2 else "forward",
                },
                dtype=x.dtype,
                shape=(time, len(self.directions), batch, self.hidden),
            )
            x = rows.transpose(1, 2).flatten(2)
        return x.transpose(0, 1)


def _onnx_gates(weight: Tensor) -> Tensor:
    """torch keeps the gates' rows as input, forget, cell, output; ONNX as i, o, f, c."""
    i, f, c, o = weight.chunk(4)
    return torch.cat([i, o, f, c])


def _store_half(graph: onnx.GraphProto) -> None:
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < HALF_FROM:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(
            onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    graph.ClearField("node")
    graph.node.extend(nodes)
