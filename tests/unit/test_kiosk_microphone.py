"""A page as microphone and loudspeaker, over real connections."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from asr import Samples
from tests.unit.kiosk_lab import open_lab
from tests.unit.microphone_lab import VOICE_HZ, MicrophoneLab, open_microphone_lab
from tests.unit.scripted import Diary
from voice.audio.pcm import to_int16
from voice.audio.remote import RemoteDevice, RemoteMicrophone
from voice.browser_devices import BrowserDevices
from voice.config import AudioConfig
from voice.events import Bus, DeviceLost, DeviceRestored
from voice.kiosk import microphone as module
from voice.kiosk.microphone import LONGEST_FRAME_BYTES

WITHIN_S = 10
FRAME = to_int16(np.linspace(-0.5, 0.5, 512, dtype=np.float32)).tobytes()


@pytest.fixture(scope="module")
def opened_lab() -> Iterator[MicrophoneLab]:
    with open_microphone_lab() as opened:
        yield opened


@pytest.fixture
def lab(opened_lab: MicrophoneLab) -> MicrophoneLab:
    wait_until(lambda: opened_lab.remote.speaker.send is None)
    return opened_lab


@contextmanager
def page(lab: MicrophoneLab) -> Iterator[ClientConnection]:
    url = f"{lab.url}v1/microphone".replace("http", "ws")
    with connect(url, open_timeout=WITHIN_S) as opened:
        yield opened


def wait_until(done) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def heard(microphone: RemoteMicrophone, count: int) -> Samples:
    """Return the first `count` chunks that a page brings."""
    chunks = microphone.chunks()
    return np.concatenate([next(chunks) for _ in range(count)])


def test_what_the_page_hears_arrives_and_what_is_played_goes_there(lab):
    with page(lab) as opened:
        assert json.loads(opened.recv(WITHIN_S)) == {"type": "play", "rate_hz": VOICE_HZ}
        for _ in range(3):
            opened.send(FRAME)
        samples = heard(lab.remote.next(), 3)
        assert np.array_equal(to_int16(samples), np.tile(np.frombuffer(FRAME, "<i2"), 3))
        lab.remote.speaker.play(np.full(VOICE_HZ // 2, 0.25, np.float32), VOICE_HZ, turn=1)
        received = b""
        while len(received) < VOICE_HZ:
            received += opened.recv(WITHIN_S)
        sound = np.frombuffer(received, "<i2")
        assert np.count_nonzero(np.abs(sound - 8192) < 5) == VOICE_HZ // 2
    assert sum(np.count_nonzero(samples) for samples in lab.played) == VOICE_HZ // 2


def test_audio_ends_with_the_page_and_begins_with_the_next(lab):
    for _ in range(2):
        with page(lab) as opened:
            opened.send(FRAME)
            microphone = lab.remote.next()
            chunks = microphone.chunks()
            assert len(next(chunks)) == 512
        assert list(chunks) == []
        wait_until(lambda: lab.remote.speaker.send is None)


def test_a_second_page_is_told_that_there_is_one(lab):
    with page(lab) as first:
        first.recv(WITHIN_S)
        with page(lab) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(WITHIN_S)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert "another page" in closed.value.rcvd.reason
        first.send(FRAME)
        assert len(heard(lab.remote.next(), 1)) == 512


@pytest.mark.parametrize(
    "frame", ["text", b"", b"odd", bytes(LONGEST_FRAME_BYTES + 2)], ids=["text", "", "odd", "long"]
)
def test_what_is_no_audio_ends_the_connection(lab, frame):
    with page(lab) as opened:
        opened.recv(WITHIN_S)
        opened.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(WITHIN_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in (1003, 1009)


def test_a_page_that_falls_silent_makes_room(lab, monkeypatch):
    monkeypatch.setattr(module, "SILENT_S", 0.3)
    with page(lab) as opened, pytest.raises(ConnectionClosed) as closed:
        opened.recv(WITHIN_S)
        opened.recv(WITHIN_S)
    assert closed.value.rcvd is not None
    assert "no sound" in closed.value.rcvd.reason


def test_more_than_is_listened_to_is_dropped_from_the_oldest():
    microphone = RemoteMicrophone(lambda frame: None)
    for number in range(1000):
        microphone.hear(np.full(2, number, "<i2").tobytes())
    microphone.close()
    kept = [round(float(chunk[0]) * 32768) for chunk in microphone.chunks()]
    assert kept == list(range(751, 1000))


def test_answers_play_in_real_time_although_nobody_hears_them():
    device = RemoteDevice(VOICE_HZ, 1.0, lambda samples, rate_hz: None)
    try:
        device.speaker.play(np.full(VOICE_HZ // 5, 0.5, np.float32), VOICE_HZ, turn=3)
        assert device.speaker.drain(3, WITHIN_S)
    finally:
        device.close()
        device.speaker.close()


def test_the_assistant_is_told_when_there_is_a_microphone_and_when_not():
    bus, diary = Bus(), Diary()
    bus.subscribe(diary)
    devices = BrowserDevices(VOICE_HZ, 1.0, bus)
    chunks: list[int] = []

    def listen() -> None:
        for microphone in devices.microphones():
            chunks.extend(len(chunk) for chunk in microphone.chunks())

    thread = threading.Thread(target=listen)
    thread.start()
    diary.wait_for(DeviceLost)
    brought = devices.remote.connect(lambda frame: None)
    brought.hear(FRAME)
    diary.wait_for(DeviceRestored)
    devices.remote.disconnect(brought)
    wait_until(lambda: len(diary.of(DeviceLost)) == 2)
    devices.close()
    thread.join(WITHIN_S)
    assert not thread.is_alive()
    assert chunks == [512]


def test_only_then_may_the_page_use_the_microphone(lab):
    policy = httpx.get(lab.url).headers["permissions-policy"]
    assert "microphone=(self)" in policy
    assert httpx.get(f"{lab.url}v1/about").json()["wants_microphone"] is True
    with open_lab() as plain:
        assert "microphone=()" in httpx.get(plain.url).headers["permissions-policy"]
        assert httpx.get(f"{plain.url}v1/about").json()["wants_microphone"] is False
        with pytest.raises(Exception, match="403|404|rejected"):
            connect(f"{plain.url}v1/microphone".replace("http", "ws"))


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="must be system or browser"):
        AudioConfig(device="telephone")
