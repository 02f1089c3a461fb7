"""What goes wrong on a device: processes that die or hang, wrong settings, unusable models."""

from __future__ import annotations

from tests.device.bundles import GARBAGE, SLOW, Owner
from tests.device.container import until
from tests.device.room import Room

_FAIL_S, _WATCHDOG_S = 180.0, 8


def a_killed_one_starts_anew(room: Room) -> str:
    process = room.main_pid()
    room.container.said("systemctl", "kill", "--signal=KILL", "hean.service")
    until(lambda: room.main_pid() not in (process, "0"), _FAIL_S, "it is not started anew")
    room.ready()
    return "killed, started anew, ready"


def a_stuck_one_starts_anew(room: Room) -> str:
    short = room.container.root / "etc/systemd/system/hean.service.d/short-watchdog.conf"
    short.write_text(f"[Service]\nWatchdogSec={_WATCHDOG_S}\n")
    room.container.said("systemctl", "daemon-reload")
    room.container.said("systemctl", "restart", "hean.service")
    room.ready()
    process = room.main_pid()
    room.container.said("kill", "-STOP", process)
    room.in_journal("Watchdog timeout", _WATCHDOG_S + _FAIL_S)
    until(lambda: room.main_pid() not in (process, "0"), _FAIL_S, "it is not started anew")
    short.unlink()
    room.container.said("systemctl", "daemon-reload")
    room.ready()
    return f"stopped by a signal, killed by the watchdog after {_WATCHDOG_S} s, ready again"


def a_wrong_setting_is_left_to_a_person(room: Room) -> str:
    settings = room.container.root / "etc/hean/hean.toml"
    right = settings.read_text()
    settings.write_text(right + "[audio]\nvolum = 1\n")
    code = _fails_for_good(room)
    settings.write_text(right)
    room.container.said("systemctl", "start", "hean.service")
    room.ready()
    assert code == "78", code
    return "code 78, not started anew; mended, it starts"


def a_damaged_model_is_left_to_a_person(room: Room) -> str:
    model = room.container.root / "var/lib/hean/models/silero-vad"
    aside = model.with_name("aside")
    model.rename(aside)
    code = _fails_for_good(room)
    aside.rename(model)
    room.container.said("systemctl", "start", "hean.service")
    room.ready()
    assert code == "65", code
    return "code 65, not started anew; mended, it starts"


def a_model_that_does_not_load_goes_back(room: Room) -> str:
    owner = Owner(room)
    owner.trusts()
    owner.activates(GARBAGE)
    room.container.said("systemctl", "start", "hean.service")
    room.ready()
    last = owner.status()["last"]
    assert not last["good"], last
    assert owner.status()["state"] == "idle"
    assert room.restarts() == 0
    return f"not kept: {last['reason'][:70]}; the one before answers, without another start"


def a_model_that_hangs_goes_back_after_three_starts(room: Room) -> str:
    owner = Owner(room)
    owner.activates(SLOW)
    tries = [owner.status()["tries"]]
    room.container.said("systemctl", "start", "--no-block", "hean.service")
    until(lambda: owner.status()["tries"] < tries[0], _FAIL_S, "no start was counted")
    tries.append(owner.status()["tries"])
    room.boot()  # the power fails in between: the count must outlive it
    room.ready()
    status = owner.status()
    assert tries[0] == 3, tries
    assert status["state"] == "idle", status
    assert not status["last"]["good"], status
    assert status["current"] is None, status
    return f"counted {tries}, then a restart of the machine; {status['last']['reason']}"


def _fails_for_good(room: Room) -> str:
    """Start the assistant, which must fail and stay so; return its exit code."""
    room.container.run("systemctl", "stop", "hean.service")
    room.container.run("systemctl", "start", "hean.service")
    until(lambda: room.state() == "failed", _FAIL_S, "it does not fail")
    assert room.restarts() == 0
    code = room.container.unit("hean.service")["ExecMainStatus"]
    room.container.said("systemctl", "reset-failed", "hean.service")
    return code
