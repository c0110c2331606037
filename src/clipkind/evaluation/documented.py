"""`configuration_analysis.json`, as the documented system has it: the sizes of each checkpoint."""

import json
from pathlib import Path
from typing import Any

from clipkind.files import write_file
from clipkind.model.bundle import Bundle

_FIELDS = (
    "feature_dim",
    "hidden_dim",
    "num_classes",
    "num_lstm_layers",
    "num_attention_heads",
    "dropout",
    "bidirectional",
)
"""As documented, in that order."""


def configuration_analysis(bundle: Bundle) -> dict[str, dict[str, Any]]:
    """Member -> the documented fields of its configuration."""
    return {
        member.name: {name: member.config[name] for name in _FIELDS if name in member.config}
        for member in bundle.members
    }


def write_configuration_analysis(path: Path, bundle: Bundle) -> None:
    """Write it as JSON, in one step."""
    text = json.dumps(configuration_analysis(bundle), indent=2) + "\n"
    write_file(path, text)
