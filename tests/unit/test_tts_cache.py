import os
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_tts.voices import write_kokoro
from voice.tts import SynthesisError, Synthesizer, TtsConfig
from voice.tts.cache import CachedSynthesizer
from voice.tts.engines import create_synthesizer

TEXT = ("马上进屋，关好门窗。", "zh")
OTHER = ("马上离开。", "zh")


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return create_synthesizer("kokoro", write_kokoro(tmp_path_factory.mktemp("voice")), TtsConfig())


def _speech(voice: Synthesizer, text: tuple[str, str]) -> np.ndarray:
    return np.concatenate(list(voice.synthesize(*text)))


def test_only_warmed_texts_are_kept(voice: Synthesizer, tmp_path: Path) -> None:
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    _speech(cached, OTHER)
    assert list(cached.warm([TEXT])) == [(TEXT[0], True)]
    assert list(cached.warm([TEXT])) == [(TEXT[0], False)]
    assert len(list(tmp_path.iterdir())) == 1


def test_speech_from_disk_is_the_same(voice: Synthesizer, tmp_path: Path) -> None:
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    list(cached.warm([TEXT]))
    np.testing.assert_allclose(_speech(cached, TEXT), _speech(voice, TEXT), atol=2 / 32768)


def test_speech_from_disk_can_be_cut_off(voice: Synthesizer, tmp_path: Path) -> None:
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    list(cached.warm([TEXT]))
    pieces = cached.synthesize(*TEXT, cancelled=iter([False, True]).__next__)
    assert [piece.size for piece in pieces] == [voice.rate_hz // 2]


@pytest.mark.parametrize("kept_bytes", [0, 10, 200])
def test_a_damaged_file_is_made_again(voice: Synthesizer, tmp_path: Path, kept_bytes: int) -> None:
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    list(cached.warm([TEXT]))
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:kept_bytes])
    np.testing.assert_array_equal(_speech(cached, TEXT), _speech(voice, TEXT))
    assert list(cached.warm([TEXT])) == [(TEXT[0], True)]


def test_other_voice_speed_or_language_is_another_recording(tmp_path: Path) -> None:
    files = write_kokoro(tmp_path / "voice")
    for settings in (TtsConfig(), TtsConfig(speed=0.9), TtsConfig(voice_zh="af_tiny")):
        voice = create_synthesizer("kokoro", files, settings)
        list(CachedSynthesizer(voice, tmp_path / "speech", 10).warm([TEXT, (TEXT[0], "en")]))
    assert len(list((tmp_path / "speech").iterdir())) == 6


def test_what_was_not_used_for_longest_makes_room(voice: Synthesizer, tmp_path: Path) -> None:
    texts = [(f"马上进屋{'的' * count}。", "zh") for count in range(1, 6)]
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    list(cached.warm(texts))
    paths = [cached._path(*text) for text in texts]
    for age, path in enumerate(paths):
        os.utime(path, (1000 + age, 1000 + age))
    list(cached.synthesize(*texts[0]))  # used now: the youngest
    room = sum(path.stat().st_size for path in paths[2:]) / 1e6 + 0.0001
    list(CachedSynthesizer(voice, tmp_path, room).warm([texts[4]]))
    left = [text for text, path in zip(texts, paths, strict=True) if path.exists()]
    assert texts[0] in left
    assert texts[4] in left
    assert texts[1] not in left


def test_warming_stops_when_the_room_is_full(voice: Synthesizer, tmp_path: Path) -> None:
    texts = [(f"马上进屋{'的' * count}。", "zh") for count in range(1, 6)]
    cached = CachedSynthesizer(voice, tmp_path, max_mb=0.001)
    assert list(cached.warm(texts)) == []


def test_warming_can_be_cancelled(voice: Synthesizer, tmp_path: Path) -> None:
    cached = CachedSynthesizer(voice, tmp_path, max_mb=10)
    assert list(cached.warm([TEXT, OTHER], cancelled=lambda: True)) == []
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(voice: Synthesizer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SynthesisError, match="cannot be kept"):
        list(CachedSynthesizer(voice, tmp_path / "file" / "speech", 10).warm([TEXT]))
