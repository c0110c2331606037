"""A backbone as one ONNX file, for engines without torch."""

from pathlib import Path

import onnx
import torch

from clipkind.features.backbones import Backbone
from clipkind.features.engines.torch_engine import ExportModule


def export_backbone(backbone: Backbone, path: Path) -> None:
    """Write pictures [B, crop, crop, 3] uint8 -> `features` [B, D] float32 to `path`.

    A second output, `early`, is the activation up to which float32 is needed where the backbone
    says so. Weights stay float32: half precision would turn the features of sensitive layers.
    """
    size = backbone.preprocessing.crop
    program = torch.onnx.export(
        ExportModule(backbone).eval(),
        (torch.zeros(2, size, size, 3, dtype=torch.uint8),),
        dynamo=True,
        verbose=False,
        input_names=["pictures"],
        output_names=["features", "early"][: 2 if backbone.exact_until else 1],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    assert program is not None  # noqa: S101 - only the old exporter returns None
    proto = program.model_proto
    strip(proto)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def strip(proto: onnx.ModelProto) -> None:
    """Drop what the exporter notes of its own run: source paths, stack traces, shape guesses."""
    graph = proto.graph
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
