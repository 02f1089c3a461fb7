"""What belongs to a device: its files, its software, its sticks, the browser of its screen."""

from __future__ import annotations

import os
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from voice.config import Config
from voice.device import Place, program
from voice.device.media import media
from voice.device.parts import FILES, SCREEN_FILES, Files, Wish
from voice.device.screen import command
from voice.device.system import missing_packages
from voice.kiosk import KioskConfig

ROOT = Path(__file__).parents[2]


def test_every_file_for_systemd_has_its_place():
    named = {*FILES, *SCREEN_FILES, "README.md"}
    assert {path.name for path in (ROOT / "systemd").iterdir()} == named


def test_files_are_written_once_kept_right_and_taken_away(tmp_path):
    files = Files(Place(tmp_path), Wish())
    assert "hean.service" in files.missing()
    files.install()
    assert files.missing() == ""
    (tmp_path / FILES["hean.service"]).write_text("changed")
    assert files.missing() == "/etc/systemd/system/hean.service"
    files.install()
    assert os.access(tmp_path / "usr/local/bin/hean", os.X_OK)
    files.remove()
    assert files.present() == ""
    assert not (tmp_path / "etc").exists()


def test_a_folder_that_was_there_or_is_used_stays(tmp_path):
    (tmp_path / "etc/tmpfiles.d").mkdir(parents=True)
    files = Files(Place(tmp_path), Wish())
    files.install()
    (tmp_path / "etc/sysusers.d/other.conf").write_text("")
    files.remove()
    assert (tmp_path / "etc/tmpfiles.d").is_dir()
    assert (tmp_path / "etc/sysusers.d/other.conf").exists()
    assert not (tmp_path / "etc/udev").exists()


def test_without_a_screen_its_files_go(tmp_path):
    place = Place(tmp_path)
    Files(place, Wish()).install()
    without = Files(place, Wish(kiosk=False))
    assert "without /etc/pam.d/hean-kiosk" in without.missing()
    without.install()
    assert without.missing() == ""
    assert "kiosk" not in without.present()


def test_the_units_name_what_is_installed():
    units = {path.name: path.read_text() for path in (ROOT / "systemd").glob("*.service")}
    for name, text in units.items():
        for line in text.splitlines():
            if line.startswith("ExecStart=/opt"):
                assert line.startswith("ExecStart=/opt/hean/venv/bin/python -I -m voice"), name
    assert "WatchdogSec=" in units["hean.service"]


def test_the_command_of_the_device_is_a_script_that_a_shell_reads(tmp_path):
    done = subprocess.run(["sh", "-n", str(ROOT / "systemd/hean.sh")], check=False)
    assert done.returncode == 0


def test_the_copy_holds_what_the_program_needs_and_nothing_of_training():
    names = {each.name.lower().replace("_", "-") for each in program._distributions()}
    assert {"numpy", "sherpa-onnx", "llama-cpp-python", "starlette"} <= names
    assert not names & {"torch", "pytest", "mypy", "playwright", "transformers"}


def test_a_package_of_an_extra_comes_only_where_it_is_wanted():
    wanted = dict(
        program._read_requirements(
            ["a[fast,x]>=1", "b; extra == 'dev'", 'c ; python_version < "3.11"'],
            frozenset({"fast"}),
        )
    )
    assert wanted == {"a": {"fast", "x"}, "c": frozenset()}
    assert dict(program._read_requirements(["b; extra == 'dev'"], frozenset({"dev"})))


def test_the_name_of_the_software_is_that_of_its_content():
    assert re.fullmatch(re.escape(metadata.version("hean")) + "-[0-9a-f]{12}", program.here())


def test_debian_packages_are_found_by_any_of_their_names(tmp_path):
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: chromium-browser\nStatus: install ok installed\n\n"
        "Package: cage\nStatus: deinstall ok config-files\n"
    )
    needed = (("cage",), ("chromium", "chromium-browser"))
    assert missing_packages(Place(tmp_path), needed) == ["cage"]


def test_only_what_is_mounted_is_a_stick(tmp_path):
    (tmp_path / "left/behind").mkdir(parents=True)
    assert media([tmp_path, tmp_path / "none"]) == []
    assert Path("/proc/sys") not in media([Path("/proc")])
    assert Path("/dev") in media([Path("/")])


@pytest.mark.parametrize(
    ("address", "home"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "127.0.0.1")],
)
def test_the_browser_can_reach_nothing_but_the_page(address, home, tmp_path):
    config = Config(kiosk=KioskConfig(address=address))
    words = command("/usr/bin/chromium", config, tmp_path)
    host = f"[{home}]" if ":" in home else home
    assert words[-1] == f"http://{host}:8710/"
    assert f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {home}" in words
    assert "--no-sandbox" not in words
