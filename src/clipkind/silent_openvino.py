"""OpenVINO without its telemetry: `from clipkind.silent_openvino import ov`, everywhere.

Importing OpenVINO reports the import to its makers unless told otherwise. Nobody who classifies a
video has agreed to that, so the package that does it is hidden from it; OpenVINO has a stub for
that case. A program that has imported that package by itself keeps it.
"""

import sys
from typing import Any

from clipkind.memory import OPENVINO_LEAST, require_address_space

require_address_space(OPENVINO_LEAST)
_modules: dict[str, Any] = sys.modules
_modules.setdefault("openvino_telemetry", None)  # importing it now fails

import openvino as ov  # noqa: E402

__all__ = ["ov"]
