"""The assistant's ears, voice and answers for other programs, with the real models."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from wyoming.asr import Transcribe, Transcript
from wyoming.event import Event
from wyoming.handle import Handled
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice
from wyoming.wake import Detect, Detection

from asr import RATE_HZ
from tests.commands import DATA
from tests.e2e.test_run import NO_MODEL, sound_variables
from tests.live_process import LiveProcess, running
from tests.unit.wyoming_lab import said, spoken, within
from voice.audio.virtual_sound import sound_server
from voice.audio.wavfile import read_audio

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the client's own imports
    import openai

pytestmark = [pytest.mark.models, pytest.mark.slow]

CALLED = "你好核安"
TEXT = "请先关好门窗。"
WITHIN_S = 90


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveProcess]:
    settings = ("--set", "kiosk.port=0", "--set", "wyoming.enabled=true", "--set", "wyoming.port=0")
    with (
        sound_server() as server,
        running(
            tmp_path_factory.mktemp("run"), "run", *settings, *NO_MODEL, **sound_variables(server)
        ) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def url(live: LiveProcess) -> str:
    return live.wait_for("note        the screen is at").split()[-1]


@pytest.fixture(scope="module")
def port(live: LiveProcess) -> int:
    return int(live.wait_for("note        Home Assistant is served at").split(":")[-1])


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{url}v1", api_key="none", max_retries=5, timeout=WITHIN_S
    ) as opened:
        yield opened


def test_a_recorded_question_is_answered_in_text_and_speech(url):
    recorded = (DATA / "zh-salt.flac").read_bytes()
    reply = httpx.post(
        f"{url}v1/ask?speech=true",
        content=recorded,
        headers={"Content-Type": "audio/flac"},
        timeout=WITHIN_S,
    ).json()
    assert reply["decision"] in ("verbatim", "correct")
    assert "盐" in reply["understood"]
    assert reply["sources"]
    assert len(reply["speech"]["data"]) > 100_000


def test_what_is_spoken_is_heard_again(client):
    speech = client.audio.speech.create(model="hean-tts", voice="default", input=TEXT).content
    heard = client.audio.transcriptions.create(
        model="hean-asr", file=("a.wav", speech), response_format="verbose_json"
    )
    assert "门窗" in heard.text
    assert heard.language == "chinese"
    assert heard.segments[0].end == pytest.approx(heard.duration, abs=1)


def test_another_voice_speaks_otherwise_and_faster(client):
    def spoken_by(voice: str, speed: float) -> np.ndarray:
        with client.audio.speech.with_streaming_response.create(
            model="hean-tts", voice=voice, input=TEXT, response_format="pcm", speed=speed
        ) as reply:
            return np.frombuffer(b"".join(reply.iter_bytes()), "<i2")

    plain, fast = spoken_by("zf_xiaobei", 1.0), spoken_by("zf_xiaobei", 1.6)
    assert len(fast) < 0.8 * len(plain)
    assert not np.array_equal(plain, spoken_by("zm_yunjian", 1.0))


def test_a_long_recording_has_several_segments(client):
    parts = [read_audio(DATA / f"{name}.flac", RATE_HZ)[0] for name in ("zh-water", "en-water")]
    pause = np.zeros(2 * RATE_HZ, np.float32)
    file = io.BytesIO()
    audio = np.concatenate([pause, parts[0], pause, parts[1], pause])
    soundfile.write(file, audio, RATE_HZ, format="FLAC")
    made = client.audio.transcriptions.create(
        model="hean-asr", file=("a.flac", file.getvalue()), response_format="verbose_json"
    )
    assert len(made.segments) >= 2
    assert "water" in made.segments[-1].text.lower()
    assert made.segments[0].start == pytest.approx(2, abs=1.5)


def asked(*told: Any, until: str) -> list[Event]:
    return within(said(*told, until=until), WITHIN_S)


def test_home_assistant_finds_wake_word_ears_voice_and_answers(port):
    (event,) = asked(port, Describe(), until="info")
    info = Info.from_event(event)
    assert CALLED in [model.phrase for model in info.wake[0].models]
    question = read_audio(DATA / "wake" / "breath.flac", RATE_HZ)[0]
    quiet = np.zeros(RATE_HZ, np.float32)
    heard = spoken(np.concatenate([quiet, question, quiet]))
    detected = asked(port, Detect(), *heard, until="detection")
    assert Detection.from_event(detected[-1]).name == CALLED
    events = asked(port, Transcribe(language="zh"), *heard, until="transcript-stop")
    transcript = Transcript.from_event(events[-2]).text
    assert transcript
    answered = asked(port, Transcript(transcript), until="handled-stop")
    answer = Handled.from_event(answered[-2]).text
    assert answer
    voice = SynthesizeVoice(name="zf_xiaobei")
    sound = asked(port, Synthesize(answer, voice=voice), until="audio-stop")
    assert sound[0].data["rate"] == 24_000
    assert sum(len(event.payload or b"") for event in sound) > 24_000
