"""Home Assistant's protocol, by its own client, and by what breaks it."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.handle import Handled, NotHandled
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)
from wyoming.wake import Detect, Detection

from asr import RATE_HZ
from tests.unit.scripted import ALARM, WATER, speech
from tests.unit.wyoming_lab import WITHIN_S, WORD, Lab, open_lab, said, spoken, within
from voice.errors import ConfigError
from voice.wyoming import WyomingConfig
from voice.wyoming.server import MOST_CLIENTS, WyomingServer
from voice.wyoming.wire import LONGEST_DATA_BYTES, LONGEST_PAYLOAD_BYTES

QUIET = np.zeros(RATE_HZ // 2, np.float32)


@pytest.fixture(scope="module")
def opened_lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


@pytest.fixture
def lab(opened_lab: Lab) -> Lab:
    opened_lab.engaged = False
    opened_lab.voice.may_speak.set()
    return opened_lab


@pytest.fixture
def port(lab: Lab) -> int:
    return lab.server.port


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def audio(events: list[Event]) -> bytes:
    return b"".join(event.payload for event in events if event.payload)


def test_all_services_are_described(port):
    (event,) = within(said(port, Describe(), until="info"))
    info = Info.from_event(event)
    assert [model.languages for model in info.asr[0].models] == [["zh", "en"]]
    assert [voice.name for voice in info.tts[0].voices] == ["default", "hum"]
    assert [model.phrase for model in info.wake[0].models] == [WORD]
    assert info.handle[0].supports_handled_streaming
    assert all(program.installed for program in (*info.asr, *info.tts, *info.wake, *info.handle))


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (48_000, 2)])
def test_audio_is_transcribed_utterance_by_utterance(port, rate_hz, channels):
    recorded = np.concatenate([QUIET, speech(0.2), speech(0.3)])
    events = within(
        said(port, Transcribe(language="zh"), *spoken(recorded, rate_hz, channels),
             until="transcript-stop")
    )  # fmt: skip
    assert types(events) == [
        *("transcript-start", "transcript-chunk", "transcript-chunk"),
        *("transcript", "transcript-stop"),
    ]
    assert [event.data["text"] for event in events[1:3]] == [WATER, ALARM]
    assert Transcript.from_event(events[3]).text == WATER + ALARM
    assert events[3].data["language"] == "zh"


def test_silence_has_an_empty_transcript(port):
    events = within(said(port, Transcribe(), *spoken(QUIET), until="transcript"))
    assert Transcript.from_event(events[-1]).text == ""


def test_a_wake_word_is_told_at_once_with_its_time(port):
    loud = np.concatenate([QUIET, np.full(RATE_HZ // 10, 0.9, np.float32)])
    events = within(said(port, Detect(), *spoken(loud)[:-1], until="detection"))
    detection = Detection.from_event(events[0])
    assert (detection.name, detection.timestamp) == (WORD, pytest.approx(520, abs=40))


@pytest.mark.parametrize("names", [None, ["another"]])
def test_without_the_wake_word_that_is_told_at_the_end(port, names):
    loud = np.full(RATE_HZ, 0.9 if names else 0.1, np.float32)
    events = within(said(port, Detect(names=names), *spoken(loud), until="not-detected"))
    assert types(events) == ["not-detected"]


def test_a_text_is_spoken(port):
    wanted = Synthesize("请关好窗户。然后进屋。", voice=SynthesizeVoice(name="hum"))
    events = within(said(port, wanted, until="audio-stop"))
    assert types(events) == ["audio-start", "audio-chunk", "audio-chunk", "audio-stop"]
    assert events[0].data["rate"] == 24_000
    assert len(audio(events)) == 2 * 24_000
    assert events[-1].data["timestamp"] == 1000


def test_text_that_comes_in_pieces_is_spoken_once(port):
    whole = "请关好窗户。然后进屋。"
    pieces = [SynthesizeChunk(whole[:4]), SynthesizeChunk(whole[4:8]), SynthesizeChunk(whole[8:])]
    events = within(
        said(port, SynthesizeStart(), *pieces, Synthesize(whole), SynthesizeStop(),
             until="synthesize-stopped")
    )  # fmt: skip
    assert types(events)[0] == "audio-start"
    assert types(events)[-2:] == ["audio-stop", "synthesize-stopped"]
    assert len(audio(events)) == 2 * 24_000


def test_a_question_gets_the_vetted_answer(port):
    events = within(said(port, Transcript(WATER, language="zh-CN"), until="handled-stop"))
    assert types(events) == [
        *("handled-start", "handled-chunk", "handled-chunk"),
        *("handled", "handled-stop"),
    ]
    assert Handled.from_event(events[3]).text == "先喝瓶装水。烧开没用。"
    assert "".join(event.data["text"] for event in events[1:3]) == "先喝瓶装水。烧开没用。"


@pytest.mark.parametrize("text", ["", " ", "长" * 1001])
def test_what_is_no_question_is_not_handled(port, text):
    (event,) = within(said(port, Transcript(text), until="not-handled"))
    assert NotHandled.from_event(event).text


def test_one_connection_does_one_thing_after_the_other(port):
    recorded = np.concatenate([QUIET, speech(0.2)])
    events = within(
        said(port, Ping("here"), Event("of-the-future", {"a": 1}), Describe(), Transcribe(),
             *spoken(recorded), Transcript(WATER), Synthesize("好。"), until="audio-stop")
    )  # fmt: skip
    assert Pong.from_event(events[0]).text == "here"
    wanted = ["info", "transcript", "handled", "audio-stop"]
    assert [kind for kind in types(events) if kind in wanted] == wanted


def test_many_clients_are_served_at_the_same_time(port):
    async def all_at_once() -> list[list[Event]]:
        recorded = spoken(np.concatenate([QUIET, speech(0.2)]))
        heard = (said(port, Transcribe(), *recorded, until="transcript-stop") for _ in range(3))
        spoke = (said(port, Synthesize("好。"), until="audio-stop") for _ in range(3))
        asked = (said(port, Transcript(WATER), until="handled-stop") for _ in range(3))
        return await asyncio.gather(*heard, *spoke, *asked)

    ended = [types(events)[-1] for events in within(all_at_once())]
    assert ended == ["transcript-stop"] * 3 + ["audio-stop"] * 3 + ["handled-stop"] * 3


def test_a_person_comes_first(lab, port):
    lab.engaged = True
    recorded = spoken(np.concatenate([QUIET, speech(0.2)]))
    for wanted in ([Transcribe(), *recorded], [Synthesize("好。")]):
        events = within(said(port, *wanted, until="error"))
        assert Error.from_event(events[-1]).code == "busy"


BROKEN = [
    b"hello\n",
    b"\n\n",
    b"[]\n",
    b"{}\n",
    b'{"type": 5}\n',
    b'{"type": "ping", "data": 5}\n',
    b'{"type": "ping", "data_length": "x"}\n',
    b'{"type": "ping", "data_length": -1}\n',
    json.dumps({"type": "ping", "data_length": LONGEST_DATA_BYTES + 1}).encode() + b"\n",
    json.dumps({"type": "audio-chunk", "payload_length": LONGEST_PAYLOAD_BYTES + 1}).encode()
    + b"\n",
    json.dumps({"type": "audio-chunk", "payload_length": 10**15}).encode() + b"\n",
    b'{"type": "ping", "data_length": 4}\nnull',
    b'{"type": "audio-chunk", "data": {"rate": 0, "width": 2, "channels": 1}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 3, "channels": 1}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 900}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 1}, '
    b'"payload_length": 3}\nabc',
    b'{"type": "synthesize", "data": {"text": 7}}\n',
    b'{"type": "synthesize", "data": {"text": "a", "voice": {"name": "nobody"}}}\n',
    b'{"type": "synthesize", "data": {"text": "a", "voice": [1]}}\n',
    b'{"type": "synthesize-chunk", "data": {"text": "a"}}\n',
    b'{"type": "transcript"}\n',
    b'{"type": "x", "data": ' + b"[" * 50_000 + b"\n",
    b"x" * 200_000,
    b"\xff\xfe\n",
]


@pytest.mark.parametrize("sent", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_event_is_refused_and_disturbs_nobody(port, sent):
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as raw:
        raw.sendall(sent)
        received = b""
        with suppress(ConnectionResetError):  # nobody has read all of the longest one
            while part := raw.recv(65_536):
                received += part
    if received or len(sent) < 100_000:
        assert json.loads(received.splitlines()[0])["type"] == "error"
    assert types(within(said(port, Describe(), until="info"))) == ["info"]


def test_endless_audio_is_refused(port):
    minute = np.zeros(60 * RATE_HZ, np.float32)
    events = within(said(port, *spoken(minute)[:-1], *spoken(minute)[1:-1],
                         *spoken(minute)[1:-1], until="error"))  # fmt: skip
    assert "120 s" in Error.from_event(events[-1]).text


def test_a_client_that_is_killed_leaves_nothing_behind(lab, port):
    lab.voice.may_speak.clear()
    for sent in (Synthesize("好。"), Detect(), Transcribe()):
        for _ in range(3):
            kill(port, sent.event(), AudioChunk(16_000, 2, 1, bytes(2000)).event())
    lab.voice.may_speak.set()
    events = within(until_served(port, Synthesize("好。"), "audio-stop"))
    assert types(events)[-1] == "audio-stop"
    loud = np.full(RATE_HZ // 10, 0.9, np.float32)
    events = within(until_served(port, Detect(), "detection", *spoken(loud)[:-1]))
    assert types(events)[-1] == "detection"


def kill(port: int, *events: Event) -> None:
    async def go() -> None:
        client = AsyncTcpClient("127.0.0.1", port)
        await client.connect()
        for event in events:
            await client.write_event(event)
        client._writer.transport.abort()

    within(go())


async def until_served(port: int, wanted, until: str, *more) -> list[Event]:
    while True:
        events = await said(port, wanted, *more, until=until)
        if events and events[-1].type == until:
            return events
        await asyncio.sleep(0.1)


def test_clients_too_many_are_sent_away_and_places_become_free_again(port):
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_CLIENTS)]
    events = within(said(port, until="error"))
    assert Error.from_event(events[0]).code == "busy"
    for one in opened:
        one.close()
    assert types(within(until_served(port, Describe(), "info"))) == ["info"]


def test_the_server_ends_although_clients_are_connected():
    with open_lab() as lab:
        lab.voice.may_speak.clear()
        opened = socket.create_connection(("127.0.0.1", lab.server.port))
        opened.sendall(b'{"type": "synthesize", "data": {"text": "a"}}\n')
        time.sleep(0.2)
        begin_s = time.monotonic()
        lab.server.close()
        lab.voice.may_speak.set()
        assert opened.recv(1) == b""
        assert time.monotonic() - begin_s < WITHIN_S
        opened.close()


def test_a_port_that_is_taken_is_told_in_one_line(lab, port):
    with pytest.raises(ConfigError, match=f"wyoming.port {port} cannot be used"):
        WyomingServer(WyomingConfig(port=port), lab.server._services)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "", "nowhere"])
def test_it_is_served_to_this_machine_alone(address):
    with pytest.raises(ValueError, match="neither passwords nor encryption"):
        WyomingConfig(address=address)
