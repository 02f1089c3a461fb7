"""No library keeps or sends what this device does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from onnx import parser, save

from tests.commands import environment

NOTHING = """
<ir_version: 8, opset_import: ["" : 17]>
nothing (float[N] heard) => (float[N] same) { same = Identity (heard) }
"""
# Loads a model as the program does: `voice` is always imported first.
LOADS = """
import sys
import voice
import onnxruntime
onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""


def test_a_loaded_model_leaves_no_id_of_this_device_behind(tmp_path: Path) -> None:
    model, home = tmp_path / "nothing.onnx", tmp_path / "home"
    save(parser.parse_model(NOTHING), model)
    home.mkdir()
    own = {name: str(home) for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    subprocess.run([sys.executable, "-c", LOADS, str(model)], env=environment(**own), check=True)
    assert list(home.iterdir()) == []
