"""Scenes with the whole daemon in real time, through the real device code and a sound server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon_lab import CALL, CONFIG, PLAYED_HZ
from tests.real_room import RealRoom
from voice.app import Engines
from voice.audio.clocked import room_response
from voice.audio.pcm import level_dbfs
from voice.audio.portaudio import rescan
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.events import (
    AnswerReady,
    DeviceLost,
    DeviceRestored,
    Outcome,
    PlaybackStarted,
    TurnCancelled,
    TurnEnded,
    WakeWordDetected,
)
from voice.process.memory import resident_mb
from voice.state import State

pytestmark = pytest.mark.models

QUIET_DBFS = -60


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        yield running
    rescan()


@contextmanager
def scene(server: SoundServer, engines: Engines, folder: Path) -> Iterator[RealRoom]:
    room = RealRoom(server, folder)
    with room.listening(CONFIG, engines):
        room.wait(0.5)
        yield room


def test_a_conversation(server: SoundServer, household: Engines, tmp_path: Path) -> None:
    """One breath, barge-in by wake word, a question after a pause, the stop word."""
    with scene(server, household, tmp_path) as room:
        room.say("wake/breath")
        room.until(PlaybackStarted)
        assert room.entries() == ["zh.iodine.when"]
        room.wait(2.0)
        assert level_dbfs(room.played()[-PLAYED_HZ:]) > -40
        mark = room.mark()
        room.say("wake/wake")
        room.until_state(State.LISTENING, mark)
        assert [event.by for event in room.since(mark, TurnCancelled)] == ["wake word"]
        room.wait(0.8)
        room.say("wake/water")
        room.until(PlaybackStarted, mark)
        assert room.entries(mark) == ["zh.food-water.tap-water"]
        room.wait(1.5)
        mark = room.mark()
        room.say("wake/stop")
        room.until_state(State.IDLE, mark)
        room.wait(1.5)
        assert level_dbfs(room.played()[-PLAYED_HZ // 2 :]) < QUIET_DBFS
        mark = room.mark()
        room.say("wake/water")  # nobody called
        room.until(TurnEnded, mark)
        assert [event.outcome for event in room.since(mark, TurnEnded)] == [Outcome.IGNORED]


def test_it_never_hears_itself(server: SoundServer, household: Engines, tmp_path: Path) -> None:
    with (
        scene(server, household, tmp_path) as room,
        room.echoing(0.4 * room_response()),
    ):
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        room.wait(0.8)
        room.say("wake/call")
        room.until(PlaybackStarted)
        assert room.entries() == [CALL.id]
        mark = room.mark()  # from here on it says its own wake word
        room.until_state(State.IDLE, mark)
        told = room.since(mark, WakeWordDetected) + room.since(mark, TurnCancelled)
        assert not told, room.story()
        assert not room.since(mark, AnswerReady), room.story()
        outcomes = [event.outcome for event in room.since(mark, TurnEnded)]
        assert outcomes.count(Outcome.ANSWERED) == 1
        mark = room.mark()
        room.say("wake/breath")  # and it still hears people
        room.until(PlaybackStarted, mark)


def test_devices_that_go_and_come_back(
    server: SoundServer, household: Engines, tmp_path: Path
) -> None:
    with scene(server, household, tmp_path) as room:
        room.say("wake/breath")
        room.until(PlaybackStarted)
        mark = room.mark()
        server.stop()  # in the middle of an answer
        room.until(DeviceLost, mark, within_s=8.0)
        server.start()
        room.until(DeviceRestored, mark, within_s=20.0)
        room.wait(2.0)
        mark = room.mark()
        room.say("wake/breath")
        room.until(PlaybackStarted, mark)
        assert room.entries(mark) == ["zh.iodine.when"]


def test_a_microphone_that_stays_silent_is_not_called_restored(
    server: SoundServer, household: Engines, tmp_path: Path
) -> None:
    with scene(server, household, tmp_path) as room:
        server.control("suspend-source", "mic", "1")
        room.until(DeviceLost, within_s=8.0)
        room.wait(3.0)
        assert not room.since(0, DeviceRestored)
        server.control("suspend-source", "mic", "0")
        room.until(DeviceRestored, within_s=20.0)
        assert len(room.since(0, DeviceLost)) == 1


def test_ten_turns_leave_no_thread_and_little_memory_behind(
    server: SoundServer, household: Engines, tmp_path: Path
) -> None:
    with scene(server, household, tmp_path) as room:
        resident = []
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        room.wait(0.8)
        threads = threading.active_count()
        for name in ("wake/water", "wake/call") * 5:
            mark = room.mark()
            room.say(name)  # over the answer before, or after it
            room.until(PlaybackStarted, mark)
            room.wait(1.8)  # the first answer shows within a second that it is not heard here
            resident.append(resident_mb())
        assert threading.active_count() == threads
        assert max(resident[5:]) < max(resident[:5]) + 50
        assert len(room.entries()) == 10
