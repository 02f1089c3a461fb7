"""The launcher on a machine that is ready."""

import json
import subprocess
from pathlib import Path

import pytest

from voice import __version__
from voice.bootstrap import find_place, goal, is_ready

ROOT = Path(__file__).parents[2]
PLACE = find_place(ROOT)

needs_setup = pytest.mark.skipif(
    not is_ready(PLACE, goal(PLACE, dev=False, models=False)),
    reason="this checkout was not set up by the launcher: ./hean setup",
)


def launch(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "hean", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@needs_setup
def test_a_later_start_goes_straight_on():
    result = launch("--version")
    assert (result.returncode, result.stdout) == (0, f"hean {__version__}\n")
    assert result.stderr == ""


@needs_setup
def test_it_may_be_called_from_a_folder_with_packages_of_the_same_names(tmp_path):
    (tmp_path / "voice").mkdir()
    (tmp_path / "voice" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    assert launch("--version", cwd=tmp_path).stdout == f"hean {__version__}\n"


@needs_setup
@pytest.mark.models
def test_a_machine_that_was_set_up_is_ready():
    answer = json.loads(launch("check", "--json").stdout)
    failures = [row for row in answer["findings"] if row["state"] == "failure"]
    assert failures == []
    assert answer["ready"] is True
