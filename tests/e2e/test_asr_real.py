"""Real recognition: the starter models on what no tiny model can show.

Human recordings lie beside the checkout; they are not part of the project.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ, AsrConfig, RecognitionError, Recognizer, Samples
from asr.endpoint import Boundary, Endpointer, EndpointRules
from asr.engines import create_recognizer
from asr.error_rate import error_rate
from asr.vad import CHUNK_SAMPLES, SileroVad
from models.manifest import make_manifest, write_manifest
from models.store import Store
from tests import tiny_asr
from tests.commands import DATA
from voice.audio.wavfile import read_audio
from voice.config import Config
from voice.engines import load_recognizer

WAKE = Path(__file__).parents[1] / "data" / "wake"
RECORDINGS = Path(__file__).parents[3] / "shared" / "audio"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    files = Store(Config().store).resolve("whisper-base")
    return create_recognizer("whisper", files, AsrConfig())


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad(Store(Config().store).resolve("silero-vad"))


def recordings(folder: str) -> list[tuple[Samples, str]]:
    """Audio and transcript of the human recordings of a folder."""
    index = RECORDINGS / "INDEX.tsv"
    if not index.exists():
        pytest.skip(f"no human recordings in {RECORDINGS}")
    with index.open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file, delimiter="\t") if row["file"].startswith(folder)
        ]
    return [(read_audio(RECORDINGS / row["file"], RATE_HZ)[0], row["transcript"]) for row in rows]


def noise(seconds: float) -> Samples:
    return np.random.default_rng(5).normal(0, 0.05, int(seconds * RATE_HZ)).astype(np.float32)


@pytest.mark.models
@pytest.mark.parametrize("seconds", [0.05, 0.3, 2.0, 40.0])
def test_noise_is_nothing(recognizer: Recognizer, seconds: float) -> None:
    stream = recognizer.stream()
    stream.accept(noise(seconds))
    stream.partial()
    assert stream.finish().text == ""


@pytest.mark.models
@pytest.mark.parametrize("before_s", [0.2, 0.3, 0.5, 0.8])
def test_a_question_is_heard_whatever_scrap_of_other_speech_is_before_it(
    recognizer: Recognizer, before_s: float
) -> None:
    talk, question = (read_audio(WAKE / f"{name}.flac", RATE_HZ)[0] for name in ("talk", "breath"))
    stream = recognizer.stream()
    scrap = talk[-int(before_s * RATE_HZ) :]
    stream.accept(np.concatenate([scrap, question, np.zeros(int(0.7 * RATE_HZ), np.float32)]))
    assert "什么时候吃" in stream.finish().text


@pytest.mark.models
def test_human_mandarin_is_understood(recognizer: Recognizer) -> None:
    pairs = []
    for audio, transcript in recordings("zh/aishell3"):
        stream = recognizer.stream()
        stream.accept(audio)
        heard = stream.finish()
        assert heard.language == "zh"
        pairs.append((transcript, heard.text))
    # Numbers are written with digits and count as errors here; other sentences are at 0.17.
    assert error_rate(pairs) < 0.35


@pytest.mark.models
def test_human_english_is_understood(recognizer: Recognizer) -> None:
    pairs = []
    for audio, transcript in recordings("en/ljspeech"):
        stream = recognizer.stream()
        stream.accept(audio)
        heard = stream.finish()
        assert heard.language == "en"
        pairs.append((transcript, heard.text))
    assert error_rate(pairs) < 0.2


@pytest.mark.models
def test_recorded_noise_is_hardly_ever_speech(recognizer: Recognizer) -> None:
    heard = []
    clips = recordings("noise/esc10")
    for audio, _ in clips:
        stream = recognizer.stream()
        stream.accept(audio)
        heard.append(stream.finish().text)
    assert sum(map(bool, heard)) <= len(clips) // 7, heard


@pytest.mark.models
def test_silero_finds_where_a_person_speaks(vad: SileroVad) -> None:
    for audio, _ in recordings("zh/aishell3")[:5]:
        vad.reset()
        audio = np.concatenate(
            [np.zeros(RATE_HZ, np.float32), audio, np.zeros(RATE_HZ, np.float32)]
        )
        endpointer = Endpointer(EndpointRules(), CHUNK_SAMPLES / RATE_HZ)
        chunks = (
            audio[start : start + CHUNK_SAMPLES]
            for start in range(0, len(audio) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES)
        )
        found = [endpointer.process(vad.is_speech(chunk)) for chunk in chunks]
        assert [kind for kind in found if kind] == [Boundary.START, Boundary.SILENCE]


@pytest.mark.models
def test_silero_hears_no_speech_in_noise(vad: SileroVad) -> None:
    vad.reset()
    audio = noise(3)
    starts = range(0, len(audio) - CHUNK_SAMPLES, CHUNK_SAMPLES)
    assert not any(vad.is_speech(audio[start : start + CHUNK_SAMPLES]) for start in starts)


@pytest.mark.models
def test_silero_refuses_a_chunk_of_another_length(vad: SileroVad) -> None:
    with pytest.raises(ValueError, match="it must be 512"):
        vad.is_speech(np.zeros(160, np.float32))


def test_silero_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecognitionError, match="no_vad.onnx does not exist"):
        SileroVad({"model": tmp_path / "no_vad.onnx"})


@pytest.fixture
def two_pass(tmp_path: Path) -> Recognizer:
    """Whisper, and beside it a streaming Zipformer that writes `HEARD` whatever it hears."""
    real = Store(Config().store)
    live = tmp_path / "zipformer-zh-14m"
    live.mkdir()
    files = tiny_asr.BUILDERS["zipformer"](live, tiny_asr.HEARD)
    names = {role: path.name for role, path in files.items()}
    write_manifest(live, make_manifest(real.catalog.model(live.name), live, names))
    (tmp_path / "whisper-base").symlink_to(real.folder("whisper-base"))
    config = Config()
    return load_recognizer(
        replace(
            config,
            models=replace(config.models, store=str(tmp_path)),
            asr=replace(config.asr, streaming_model=live.name),
        )
    )


@pytest.mark.models
def test_a_streaming_model_shows_and_whisper_decides(two_pass: Recognizer) -> None:
    audio, _ = read_audio(DATA / "zh-water.flac", RATE_HZ)
    stream = two_pass.stream()
    shown = []
    for start in range(0, len(audio), CHUNK_SAMPLES):
        stream.accept(audio[start : start + CHUNK_SAMPLES])
        shown.append(stream.partial())
    final = stream.finish()
    assert "自来水" in final.text
    assert final.language == "zh"
    assert shown[-1] == final.text  # decided while nothing but quiet followed
    seen = list(dict.fromkeys(shown))
    assert tiny_asr.HEARD in seen
    assert seen.index(tiny_asr.HEARD) < seen.index(final.text)
