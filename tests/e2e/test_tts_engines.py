"""Every voice engine keeps the same contract, with its real native library and a tiny voice."""

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.tiny_tts.voices import write_kokoro, write_matcha, write_vits
from voice.tts import NoSuchVoice, SynthesisError, Synthesizer, TtsConfig
from voice.tts.engines import ENGINES, create_synthesizer

Writer = Callable[[Path], dict[str, Path]]
WRITERS: dict[str, Writer] = {"kokoro": write_kokoro, "matcha": write_matcha, "vits": write_vits}
RATES_HZ = {"kokoro": 24_000, "matcha": 16_000, "vits": 8_000}


@pytest.fixture(scope="module", params=WRITERS)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def files(engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return WRITERS[engine](tmp_path_factory.mktemp(engine))


@pytest.fixture(scope="module")
def voice(engine: str, files: dict[str, Path]) -> Synthesizer:
    return create_synthesizer(engine, files, TtsConfig(threads=1))


def _seconds(voice: Synthesizer, text: str, language: str = "zh") -> float:
    return sum(piece.size for piece in voice.synthesize(text, language)) / voice.rate_hz


def test_every_engine_is_tested() -> None:
    assert set(WRITERS) == set(ENGINES)


def test_rate_name_and_voices(engine: str, voice: Synthesizer) -> None:
    assert voice.rate_hz == RATES_HZ[engine]
    assert voice.name.startswith(engine)
    assert voice.voices


def test_audio_is_mono_float_and_never_clips(voice: Synthesizer) -> None:
    for piece in voice.synthesize("马上进屋，关窗。请打12345。", "zh"):
        assert piece.dtype == np.float32
        assert piece.ndim == 1
        assert 0.05 < np.abs(piece).max() <= 0.96


def test_first_piece_is_the_first_clause(voice: Synthesizer) -> None:
    pieces = list(voice.synthesize("马上进屋，关窗关窗关窗关窗。马上。", "zh"))
    assert len(pieces) == 3
    assert pieces[0].size < pieces[1].size


@pytest.mark.parametrize(
    "items", [["马上", "100 mSv", "KI", "INES", "12345", "碘片", "3～5", "B"], ["one", "KI", "100"]]
)
def test_each_item_of_mixed_text_is_spoken(voice: Synthesizer, items: list[str]) -> None:
    language = "zh" if items[0] == "马上" else "en"
    if language == "en" and not voice.name.startswith("kokoro"):
        items = items[1:2]  # the tiny Mandarin voices know English letters only
    lengths_s = [
        _seconds(voice, " ".join(items[:count]), language) for count in range(1, len(items) + 1)
    ]
    assert all(longer > shorter for shorter, longer in pairwise(lengths_s))


def test_nothing_is_said_about_plain_text(
    voice: Synthesizer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        list(voice.synthesize("马上进屋（关窗）：“请打12345”！", "zh"))
    assert not caplog.records


def test_what_cannot_be_spoken_is_reported(
    voice: Synthesizer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        list(voice.synthesize("马上😀进屋", "zh"))
    assert "😀" in caplog.text


@pytest.mark.parametrize("text", ["", " \n ", "。，！", "😀"])
def test_nothing_to_say_is_an_error(voice: Synthesizer, text: str) -> None:
    with pytest.raises(SynthesisError, match="nothing"):
        list(voice.synthesize(text, "zh"))


def test_cancelled_between_pieces(voice: Synthesizer) -> None:
    spoken: list[int] = []
    for piece in voice.synthesize("马上进屋，关窗。进屋。", "zh", lambda: len(spoken) == 1):
        spoken.append(piece.size)
    assert len(spoken) == 1


def test_cancelled_before_it_begins_is_no_error(voice: Synthesizer) -> None:
    assert list(voice.synthesize("马上进屋", "zh", lambda: True)) == []


def test_a_very_long_word_is_spoken_to_its_end(voice: Synthesizer) -> None:
    assert _seconds(voice, "一" * 400) > 3 * _seconds(voice, "一" * 100)


@pytest.mark.parametrize("setting", ["voice_zh", "voice_en"])
def test_unknown_voice_lists_the_known_ones(
    engine: str, files: dict[str, Path], setting: str
) -> None:
    with pytest.raises(NoSuchVoice, match="there is no voice 'nobody'; there are"):
        create_synthesizer(engine, files, TtsConfig(**{setting: "nobody"}))


def test_every_missing_file_is_an_error(engine: str, files: dict[str, Path]) -> None:
    for role in files:
        rest = {name: path for name, path in files.items() if name != role}
        with pytest.raises(SynthesisError, match=role):
            create_synthesizer(engine, rest, TtsConfig())


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00nonsense\n\x01", b"one line\n"])
def test_every_damaged_file_is_an_error(
    engine: str, files: dict[str, Path], tmp_path: Path, content: bytes
) -> None:
    damaged = tmp_path / "damaged.file"
    damaged.write_bytes(content)
    for role in files:
        with pytest.raises(SynthesisError):
            create_synthesizer(engine, {**files, role: damaged}, TtsConfig())


def test_every_truncated_model_is_an_error(
    engine: str, files: dict[str, Path], tmp_path: Path
) -> None:
    for path in files.values():
        if path.suffix in (".onnx", ".npz"):
            cut = tmp_path / path.name
            cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            role = next(name for name, kept in files.items() if kept == path)
            with pytest.raises(SynthesisError):
                create_synthesizer(engine, {**files, role: cut}, TtsConfig())


def test_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(SynthesisError, match="kokoro, matcha, vits"):
        create_synthesizer("nobody", {}, TtsConfig())


def test_matcha_speaks_english_by_phonemes_if_it_has_a_dictionary(tmp_path: Path) -> None:
    files = write_matcha(tmp_path)
    tokens = files["tokens"].read_text(encoding="utf-8")
    count = len(tokens.splitlines())
    added = "".join(f"{sound} {count + number}\n" for number, sound in enumerate("stA"))
    files["tokens"].write_text(tokens + added, encoding="utf-8")
    dictionary = tmp_path / "lexicon-en.tsv"
    dictionary.write_text("stay\tstˈA\n", encoding="utf-8")
    spelled = create_synthesizer("matcha", files, TtsConfig())
    spoken = create_synthesizer("matcha", {**files, "lexicon_en": dictionary}, TtsConfig())
    assert 0 < _seconds(spoken, "stay", "en") < _seconds(spelled, "stay", "en")


def test_vits_says_words_by_characters_of_the_same_sound(tmp_path: Path) -> None:
    files = write_vits(tmp_path)
    lexicon = files["lexicon"].read_text(encoding="utf-8")
    files["lexicon"].write_text(lexicon + "马克 qing3 te4\n沃克 nobody1\n", encoding="utf-8")
    tokens = files["tokens"].read_text(encoding="utf-8")
    files["tokens"].write_text(f"{tokens}nobody1 {len(tokens.splitlines())}\n", encoding="utf-8")
    voice = create_synthesizer("vits", files, TtsConfig())
    one_s, two_s = _seconds(voice, "一"), _seconds(voice, "一一")
    for word in ("马克", "沃克"):  # the second has no homophones: it is read as two characters
        assert _seconds(voice, word) == pytest.approx(two_s, abs=0.02)
    assert one_s < two_s
