"""Heat, power and disk, read from the files in which Linux tells of them."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from voice.audit.log import AuditLog
from voice.caring import cared
from voice.config import Config, ModelsConfig
from voice.device.care import KINDS, Care, Caretaker, look
from voice.events import Bus, CareNeeded
from voice.kiosk.board import Board
from voice.kiosk.metrics import Metrics
from voice.process.vitals import Vitals

WELL = Care(50.0, False, False, False, 9_000, "")


@pytest.fixture
def config(tmp_path):
    return Config(models=ModelsConfig(store=str(tmp_path / "data/models")))


@pytest.fixture
def sys(tmp_path):
    """The folders of a Raspberry Pi 5."""
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    firmware = tmp_path / "sys/devices/platform/soc@107c000000/soc@107c000000:firmware"
    for folder in (zone, firmware):
        folder.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    (firmware / "get_throttled").write_text("0\n")
    return tmp_path / "sys"


def throttled(sys, value):
    next(sys.glob("devices/platform/soc*/*/get_throttled")).write_text(f"{value}\n")


def test_a_cool_device_is_well(config, sys):
    care = look(config, sys)
    assert care.temperature_c == 48.3
    assert care.problems == ()


@pytest.mark.parametrize(
    ("value", "under_voltage", "now", "before"),
    [
        ("0", False, False, False),
        ("1", True, False, False),
        ("50005", True, True, True),
        ("50000", False, False, True),
        ("80008", False, True, True),
        ("2", False, True, False),
        ("nonsense", False, False, False),
    ],
)
def test_the_bits_of_the_firmware_are_understood(config, sys, value, under_voltage, now, before):
    throttled(sys, value)
    care = look(config, sys)
    assert (care.under_voltage, care.throttled, care.was_throttled) == (under_voltage, now, before)


def test_a_machine_without_sensors_has_no_temperature(config, tmp_path):
    care = look(config, tmp_path / "none")
    assert care.temperature_c is None
    assert care.problems == ()


def test_a_hot_pc_that_was_slowed_down_is_told(config, sys):
    (sys / "class/thermal/thermal_zone0/temp").write_text("91000\n")
    counts = sys / "devices/system/cpu/cpu0/thermal_throttle"
    counts.mkdir(parents=True)
    (counts / "package_throttle_count").write_text("3\n")
    care = look(config, sys)
    assert care.was_throttled
    assert care.problems == ("it is too hot (91.0 °C)",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"under_voltage": True, "throttled": True}, "power supply"),
        ({"throttled": True}, "slowed down"),
        ({"temperature_c": 85.0}, "85.0 °C"),
        ({"free_mb": 20}, "20 MB left"),
        ({"clock": "the clock shows 1970-01-01"}, "1970"),
    ],
)
def test_each_problem_is_one_sentence(changes, words):
    assert WELL.problems == ()
    problems = replace(WELL, **changes).problems
    assert len(problems) == 1
    assert words in problems[0]


def test_the_caretaker_tells_of_a_change_and_notes_the_time(config):
    config.store.parent.mkdir()
    told: list[Care] = []
    changed = threading.Event()

    def tell(care: Care) -> None:
        told.append(care)
        changed.set()

    with Caretaker(config, tell, every_s=0.01).working():
        assert (config.store.parent / "last-seen").exists()
        # From now on it has been later once: a problem that was not there before.
        (config.store.parent / "last-seen").write_text("4000000000")
        assert changed.wait(10)
    assert [care.kinds for care in told] == [("clock",)]


def test_a_problem_is_on_the_screen_in_the_log_and_in_the_figures(config, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config.store.parent.mkdir()
    (config.store.parent / "last-seen").write_text("4000000000")
    told: list[dict[str, object]] = []
    board, bus = Board(told.append), Bus()
    bus.subscribe(board)
    with cared(config, bus):
        assert board.picture()["notices"] == {"care": {"kinds": ["clock"]}}
    (row,) = AuditLog(config.audit_file).rows()
    assert row.fields["kind"] == "clock"
    assert "2096" in row.fields["reason"]
    figures = Metrics(Vitals(), lambda: look(config).figures).text().decode()
    assert "hean_needs_clock 1.0" in figures
    assert "hean_needs_heat 0.0" in figures
    bus.publish(CareNeeded(0, (), ()))
    assert board.picture()["notices"] == {}


def test_every_kind_has_a_sentence_in_both_languages():
    strings = (Path(__file__).parents[2] / "voice/kiosk/static/strings.js").read_text("utf-8")
    for kind in KINDS:
        assert strings.count(f'        {kind}: "') == 2, kind
