"""Recordings and speech over the interface: by the official client, and by what breaks it."""

import base64
import io
import threading
import time
import warnings
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import soundfile

from asr import RATE_HZ
from tests.unit.kiosk_lab import Lab, open_lab
from tests.unit.scripted import ALARM, BROKEN, WATER, speech
from voice.kiosk.bodies import FORM
from voice.kiosk.limits import Limits
from voice.kiosk.uploads import MOST_UPLOADS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the client's own imports
    import openai

ANSWER = "先喝瓶装水。烧开没用。"
WITHIN_S = 10
LOUDNESS = {WATER: 0.2, ALARM: 0.3, BROKEN: 0.4}


@pytest.fixture(scope="module")
def opened_lab() -> Iterator[Lab]:
    with open_lab(limits=Limits(changes_per_s=1000, changes_at_once=1000)) as opened:
        yield opened


@pytest.fixture
def lab(opened_lab: Lab) -> Lab:
    opened_lab.engaged = False
    opened_lab.voice.may_speak.set()
    opened_lab.controls.asked.clear()
    return opened_lab


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.url, timeout=WITHIN_S) as client:
        yield client


@pytest.fixture
def client(lab: Lab) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{lab.url}v1", api_key="none", max_retries=0) as opened:
        yield opened


def recorded(*texts: str, kind: str = "WAV", rate_hz: int = RATE_HZ, channels: int = 1) -> bytes:
    """Return a recording in which the scripted recogniser understands these texts."""
    silence = np.zeros(RATE_HZ // 2, np.float32)
    audio = np.concatenate([silence, *(speech(LOUDNESS[text]) for text in texts)])
    audio = np.repeat(audio, rate_hz // RATE_HZ)
    file = io.BytesIO()
    soundfile.write(file, np.stack([audio] * channels, 1), rate_hz, "PCM_16", format=kind)
    return file.getvalue()


def test_a_recorded_question_is_heard_and_answered(http):
    wav = {"Content-Type": "audio/wav"}
    reply = http.post("/v1/ask", content=recorded(WATER), headers=wav).json()
    assert reply["heard"] == reply["understood"] == WATER
    assert reply["answer"] == ANSWER
    assert reply["facts"] == ["F065"]
    assert "speech" not in reply


@pytest.mark.parametrize(
    ("kind", "rate_hz", "channels"), [("WAV", 48_000, 2), ("FLAC", 16_000, 1), ("FLAC", 32_000, 2)]
)
def test_a_form_brings_a_recording_of_any_layout(http, kind, rate_hz, channels):
    sound = recorded(WATER, kind=kind, rate_hz=rate_hz, channels=channels)
    reply = http.post("/v1/ask", files={"file": ("a", sound)}, data={"language": "zh"})
    assert reply.json()["answer"] == ANSWER


def test_the_answer_is_spoken_to_who_asked_and_to_nobody_else(lab, http):
    asked = {"text": WATER, "speech": True}
    reply = http.post("/v1/ask", json=asked).json()
    assert reply["answer"] == ANSWER
    spoken, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(reply["speech"]["data"])))
    assert (rate_hz, len(spoken)) == (24_000, 24_000)  # half a second for each part
    alone = http.post("/v1/ask", json={"text": WATER}, headers={"Accept": "audio/wav"})
    assert alone.headers["content-type"] == "audio/wav"
    assert alone.content == base64.b64decode(reply["speech"]["data"])
    assert not lab.controls.asked


def test_a_recorded_question_can_be_answered_aloud(lab, http):
    wav = {"Content-Type": "audio/wav"}
    reply = http.post("/v1/ask?aloud=true", content=recorded(ALARM), headers=wav)
    assert reply.json() == {"accepted": True}
    assert lab.controls.asked == [(ALARM, "zh")]


@pytest.mark.parametrize("name", ["json", "text", "verbose_json", "srt", "vtt"])
def test_a_transcript_comes_in_every_form(client, name):
    made = client.audio.transcriptions.create(
        model="whisper-1", file=("a.wav", recorded(WATER, ALARM)), response_format=name
    )
    if name == "json":
        assert made.text == WATER + ALARM
    elif name == "verbose_json":
        assert made.text == WATER + ALARM
        assert made.language == "chinese"
        assert [segment.text for segment in made.segments] == [WATER, ALARM]
        assert made.segments[1].start == pytest.approx(2.1, abs=0.1)
        assert made.duration == pytest.approx(4.5, abs=0.1)
    elif name == "text":
        assert made.strip() == WATER + ALARM
    else:
        assert made.startswith("WEBVTT" if name == "vtt" else "1\n")
        assert made.count(" --> ") == 2
        assert f"{WATER}\n" in made


def test_a_transcript_comes_utterance_by_utterance(client):
    events = list(
        client.audio.transcriptions.create(
            model="hean-asr", file=("a.wav", recorded(WATER, ALARM)), stream=True
        )
    )
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert deltas == [WATER, ALARM]
    assert events[-1].text == WATER + ALARM


def test_silence_has_an_empty_transcript_and_is_no_question(http):
    silence = io.BytesIO()
    soundfile.write(silence, np.zeros(RATE_HZ), RATE_HZ, format="WAV")
    form = {"file": ("a.wav", silence.getvalue())}
    assert http.post("/v1/audio/transcriptions", files=form).json() == {"text": ""}
    refused = http.post("/v1/ask", files=form)
    assert refused.status_code == 422
    assert "no speech was found" in refused.json()["error"]["message"]


def test_a_text_is_spoken_in_each_format(client, http):
    wav = client.audio.speech.create(
        model="tts-1", voice="hum", input="请关好窗户。", response_format="wav"
    ).content
    pcm = client.audio.speech.create(
        model="tts-1", voice="default", input="请关好窗户。", response_format="pcm"
    ).content
    flac = client.audio.speech.create(
        model="tts-1", voice="hum", input="请关好窗户。", response_format="flac"
    ).content
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert (rate_hz, len(samples)) == (24_000, 12_000)
    assert np.array_equal(samples, np.frombuffer(pcm, "<i2"))
    assert np.array_equal(samples, soundfile.read(io.BytesIO(flac), dtype="int16")[0])
    assert http.post("/v1/audio/speech", json={"input": "好"}).content[:4] == b"RIFF"


def test_speech_comes_while_it_is_made(lab, client):
    with client.audio.speech.with_streaming_response.create(
        model="hean-tts", voice="hum", input="好。", response_format="pcm", speed=1.5
    ) as reply:
        assert sum(map(len, reply.iter_bytes())) == lab.voice.rate_hz


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("speech", {"input": "好", "response_format": "mp3"}),
        ("speech", {"input": "好", "response_format": "opus"}),
        ("speech", {"input": "好", "voice": "alloy"}),
        ("transcriptions", {"response_format": "diarized_json"}),
        ("transcriptions", {"language": "fr"}),
        ("transcriptions", {"timestamp_granularities[]": "word"}),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(http, path, wanted):
    if path == "speech":
        reply = http.post("/v1/audio/speech", json=wanted)
    else:
        form = {"file": ("a.wav", recorded(WATER))}
        reply = http.post("/v1/audio/transcriptions", data=wanted, files=form)
    assert reply.status_code == 400
    assert " must be " in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "wanted",
    [{}, {"input": ""}, {"input": "a" * 5000}, {"input": "a", "speed": 9}, {"input": 5}],
)
def test_what_is_no_text_to_speak_is_refused(http, wanted):
    assert http.post("/v1/audio/speech", json=wanted).status_code == 422


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF", b"not audio" * 100, recorded(WATER)[:30], b"\0" * 100_000, b"fLaC" + b"\0" * 99],
)
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/audio/transcriptions"])
def test_what_is_no_recording_is_refused_in_one_line(http, path, data):
    reply = http.post(path, files={"file": ("a.wav", data)})
    assert reply.status_code in (400, 422)
    assert "\n" not in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "form",
    [
        {"data": {"language": "zh"}, "files": {"other": ("a.wav", b"x")}},
        {"files": [("file", ("a.wav", b"x")), ("file", ("b.wav", b"x"))]},
        {"data": {str(n): "x" for n in range(50)}, "files": {"file": ("a.wav", b"x")}},
        {"data": {"model": "x" * 100_000}, "files": {"file": ("a.wav", b"x")}},
        {
            "content": b"--x\r\nbroken",
            "headers": {"Content-Type": f"{FORM}; boundary=x"},
        },
        {"content": b"broken", "headers": {"Content-Type": FORM}},
    ],
)
def test_a_broken_form_is_refused(http, form):
    reply = http.post("/v1/audio/transcriptions", **form)
    assert reply.status_code in (400, 422)
    assert reply.json()["error"]["message"]


def test_a_recording_that_would_fill_the_memory_is_refused(http):
    bomb = io.BytesIO()
    soundfile.write(bomb, np.zeros((100, 200), np.int16), 192_000, format="WAV")
    reply = http.post("/v1/ask", files={"file": ("a.wav", bomb.getvalue())})
    assert reply.status_code == 422
    assert "channels" in reply.json()["error"]["message"]


def test_a_recogniser_that_fails_is_told_as_its_fault(http):
    reply = http.post("/v1/ask", files={"file": ("a.wav", recorded(BROKEN))})
    assert reply.status_code == 500
    assert "recogniser" in reply.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/audio/transcriptions", "/v1/audio/speech"])
def test_a_person_comes_first(lab, http, path):
    lab.engaged = True
    if path.endswith("speech"):
        reply = http.post(path, json={"input": "好"})
    else:
        reply = http.post(path, files={"file": ("a.wav", recorded(WATER))})
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) > 0


def test_speech_waits_in_the_middle_for_a_person(lab, client):
    with client.audio.speech.with_streaming_response.create(
        model="hean-tts", voice="hum", input="好。", response_format="pcm"
    ) as reply:
        lab.engaged = True
        timer = threading.Timer(0.5, lambda: setattr(lab, "engaged", False))
        timer.start()
        assert sum(map(len, reply.iter_bytes())) == lab.voice.rate_hz
    timer.join()


def test_who_goes_makes_room_for_the_next(lab, http):
    lab.voice.may_speak.clear()
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{lab.url}v1/audio/speech", json={"input": "好"}, timeout=0.3)
    lab.voice.may_speak.set()
    assert served_soon(lambda: http.post("/v1/audio/speech", json={"input": "好"}))


def test_too_many_at_once_are_sent_away(lab):
    lab.voice.may_speak.clear()
    replies: list[int] = []

    def ask() -> None:
        reply = httpx.post(f"{lab.url}v1/audio/speech", json={"input": "好"}, timeout=30)
        replies.append(reply.status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert served_soon(lambda: len(replies) >= 4)
    lab.voice.may_speak.set()
    for thread in threads:
        thread.join()
    assert set(replies) == {200, 503}


def test_uploads_that_do_not_go_on_keep_nobody_out_for_ever(lab, http):
    def slow() -> Iterator[bytes]:
        yield recorded(WATER)[:100]
        time.sleep(1.5)

    def send() -> None:
        wav = {"Content-Type": "audio/wav"}
        httpx.post(f"{lab.url}v1/ask", content=slow(), headers=wav, timeout=30)

    threads = [threading.Thread(target=send) for _ in range(MOST_UPLOADS)]
    for thread in threads:
        thread.start()
    form = {"file": ("a.wav", recorded(WATER))}
    assert served_soon(lambda: http.post("/v1/ask", files=form).status_code == 503)
    for thread in threads:
        thread.join()
    assert http.post("/v1/ask", files=form).status_code == 200


def test_all_of_it_is_described(http):
    paths = http.get("/v1/openapi.json").json()["paths"]
    bodies = paths["/v1/ask"]["post"]["requestBody"]["content"]
    assert {"application/json", "multipart/form-data", "audio/wav", "audio/flac"} <= set(bodies)
    assert bodies["application/json"]["schema"]["properties"]["text"]["maxLength"] == 1000
    spoken = paths["/v1/audio/speech"]["post"]["responses"]
    assert {"audio/wav", "audio/pcm", "audio/flac"} == set(spoken["200"]["content"])
    heard = paths["/v1/audio/transcriptions"]["post"]
    assert {"400", "422", "503"} <= set(heard["responses"])


def served_soon(reply) -> bool:
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        made = reply()
        if made is True or getattr(made, "status_code", 0) == 200:
            return True
        time.sleep(0.2)
    return False
