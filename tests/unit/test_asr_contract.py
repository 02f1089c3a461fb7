"""What every recogniser promises, checked with its real native library and a tiny model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ, AsrConfig, RecognitionError, Recognizer, Samples, Transcript
from asr.engines import ENGINES, create_recognizer
from tests.tiny_asr import BUILDERS, HEARD

NOTHING = Transcript("")


def loud(seconds: float) -> Samples:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE_HZ)).astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def files(engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return BUILDERS[engine](tmp_path_factory.mktemp(engine), HEARD)


@pytest.fixture(scope="module")
def recognizer(engine: str, files: dict[str, Path]) -> Recognizer:
    return create_recognizer(engine, files, AsrConfig(threads=1))


def test_every_engine_has_a_tiny_model() -> None:
    assert set(BUILDERS) == set(ENGINES)


def test_speech_becomes_text(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    stream.accept(loud(2))
    assert stream.finish() == Transcript(HEARD, "zh")


@pytest.mark.parametrize("samples", [0, 1, 100, 1599])
def test_hardly_any_audio_is_nothing(recognizer: Recognizer, samples: int) -> None:
    stream = recognizer.stream()
    stream.accept(quiet(1)[:samples])
    assert stream.partial() == ""
    assert stream.finish() == NOTHING


def test_a_stream_without_audio_is_nothing(recognizer: Recognizer) -> None:
    assert recognizer.stream().finish() == NOTHING


def test_silence_is_nothing(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    stream.accept(quiet(3))
    assert stream.partial() == ""
    assert stream.finish() == NOTHING


def test_what_is_no_number_counts_as_silence(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    stream.accept(np.full(RATE_HZ, np.nan, np.float32))
    assert stream.finish() == NOTHING


def test_partial_transcripts_lead_to_the_final_one(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    seen = []
    audio = np.concatenate([loud(2), quiet(1)])
    for start in range(0, len(audio), 1600):
        stream.accept(audio[start : start + 1600])
        seen.append(stream.partial())
    assert all(HEARD.startswith(text) for text in seen)
    assert seen[-1] == HEARD
    assert stream.finish().text == HEARD


def test_long_audio_is_cut_not_refused(recognizer: Recognizer) -> None:
    stream = recognizer.stream()
    for _ in range(8):
        stream.accept(loud(5))
        assert HEARD.startswith(stream.partial())
    assert stream.finish() == Transcript(HEARD, "zh")


def test_two_streams_do_not_mix(recognizer: Recognizer) -> None:
    one, other = recognizer.stream(), recognizer.stream()
    one.accept(loud(2))
    other.accept(quiet(2))
    assert other.finish() == NOTHING
    assert one.finish().text == HEARD


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def nonsense(path: Path) -> None:
    path.write_bytes(b"not a model at all " * 40)


def copied(files: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Copy each file into a folder of its own: two models may use the same names."""
    copies = {role: folder / role / path.name for role, path in files.items()}
    for role, copy in copies.items():
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(files[role], copy)
    return copies


@pytest.mark.parametrize("damage", [missing, empty, cut_short, nonsense])
def test_damaged_files_are_named(
    engine: str, files: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    for role, path in files.items():
        if role.endswith("tokens") and damage is cut_short:
            continue  # fewer tokens are still tokens
        copies = copied(files, tmp_path)
        damage(copies[role])
        with pytest.raises(RecognitionError, match=path.name):
            create_recognizer(engine, copies, AsrConfig())


def test_a_missing_role_is_named(engine: str, files: dict[str, Path]) -> None:
    without = {role: path for role, path in files.items() if not role.endswith("tokens")}
    with pytest.raises(RecognitionError, match="tokens"):
        create_recognizer(engine, without, AsrConfig())


def test_an_unknown_engine_is_answered_with_the_known_ones() -> None:
    with pytest.raises(RecognitionError, match="whisper, sense-voice, zipformer, two-pass"):
        create_recognizer("dragon", {}, AsrConfig())
