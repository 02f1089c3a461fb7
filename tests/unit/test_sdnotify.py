"""What systemd is told, over a real socket."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from voice.events import DeviceLost, DeviceRestored, LevelMeasured
from voice.process.sdnotify import Notifier
from voice.process.vitals import STALE_S, Vitals

WITHIN_S = 10


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(WITHIN_S)
        yield receiver


def started(systemd: socket.socket, vitals: Vitals) -> Notifier:
    watched = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "20000"}
    notifier = Notifier(vitals, watched)
    notifier.start()
    return notifier


def until(systemd: socket.socket, wanted: str) -> list[str]:
    """Return the messages up to the wanted one."""
    messages = []
    while wanted not in messages:
        messages.append(systemd.recv(200).decode())
    return messages


def silent(systemd: socket.socket, fed: Callable[[str], bool]) -> bool:
    """Tell whether the watchdog is not fed for a while."""
    time.sleep(0.1)
    systemd.setblocking(False)
    try:
        while True:
            systemd.recv(200)
    except BlockingIOError:
        pass
    time.sleep(0.1)
    try:
        while True:
            if fed(systemd.recv(200).decode()):
                return False
    except BlockingIOError:
        return True
    finally:
        systemd.settimeout(WITHIN_S)


def test_it_is_ready_once_sound_is_processed(systemd):
    vitals = Vitals()
    notifier = started(systemd, vitals)
    assert until(systemd, "STATUS=no sound has come in yet") == ["STATUS=no sound has come in yet"]
    vitals(LevelMeasured(0, -40.0))
    assert until(systemd, "WATCHDOG=1")[0] == "READY=1"
    assert until(systemd, "STATUS=listening")
    notifier.finish()
    assert until(systemd, "STOPPING=1")[-1] == "STOPPING=1"


def test_one_who_is_heard_from_the_start_says_so(systemd):
    vitals = Vitals()
    vitals(LevelMeasured(0, -40.0))
    notifier = started(systemd, vitals)
    assert until(systemd, "STATUS=listening")[0] == "READY=1"
    notifier.finish()


def test_the_watchdog_starves_when_no_sound_is_processed_any_more(systemd):
    clock = Clock()
    vitals = Vitals(clock)
    vitals(LevelMeasured(0, -40.0))
    notifier = started(systemd, vitals)
    until(systemd, "WATCHDOG=1")
    clock.now_s += STALE_S + 1
    until(systemd, "STATUS=no sound comes in any more")
    assert silent(systemd, lambda message: message == "WATCHDOG=1")
    vitals(LevelMeasured(0, -40.0))
    assert until(systemd, "WATCHDOG=1")
    notifier.finish()


def test_a_lost_microphone_is_no_reason_to_start_anew(systemd):
    vitals = Vitals()
    vitals(LevelMeasured(0, -40.0))
    notifier = started(systemd, vitals)
    until(systemd, "READY=1")
    vitals(DeviceLost(0, "the microphone is gone"))
    until(systemd, "STATUS=the microphone is gone")
    assert until(systemd, "WATCHDOG=1")
    vitals(DeviceRestored(0))
    until(systemd, "STATUS=listening")
    notifier.finish()


def test_a_microphone_that_is_still_awaited_keeps_nobody_from_being_ready(systemd):
    vitals = Vitals()
    vitals(DeviceLost(0, "no page gives its microphone"))
    notifier = started(systemd, vitals)
    assert "READY=1" in until(systemd, "STATUS=no page gives its microphone")
    notifier.finish()


def test_one_who_does_not_read_holds_nothing_up(systemd):
    vitals = Vitals()
    vitals(LevelMeasured(0, -40.0))
    notifier = started(systemd, vitals)
    time.sleep(0.5)  # far more messages than the socket holds
    ends = threading.Thread(target=notifier.finish, daemon=True)
    ends.start()
    ends.join(WITHIN_S)
    assert not ends.is_alive()


def test_without_systemd_nothing_happens():
    notifier = Notifier(Vitals(), {})
    notifier.start()
    notifier.finish()
    assert not notifier._thread.is_alive()


def test_who_begins_anew_does_not_tell_that_it_stops(systemd):
    vitals = Vitals()
    vitals(LevelMeasured(0, -40.0))
    notifier = started(systemd, vitals)
    until(systemd, "READY=1")
    notifier.finish(stops=False)
    systemd.settimeout(0.2)
    told = []
    with suppress(TimeoutError):
        while True:
            told.append(systemd.recv(4096).decode())
    assert "STOPPING=1" not in told
