"""Using clipkind tells nobody."""

import subprocess
import sys

PROGRAM = """
import sys
import clipkind.inference.classifier, clipkind.features.engines.openvino_engine
assert "openvino" in sys.modules
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert sys.modules["openvino_telemetry"] is None
"""


def test_openvinos_telemetry_is_never_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
