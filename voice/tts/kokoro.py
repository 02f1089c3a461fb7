"""Kokoro-82M straight through onnxruntime.

Not through sherpa-onnx: its bundled onnxruntime runs the int8 model two to three times slower
(figures in `models.convert.kokoro`), and it drops every English word that its lexicon lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from voice.tts import Files, Samples, SynthesisError, TtsConfig, pick_voice
from voice.tts.phonemes import READERS, Phonemizer
from voice.tts.phonemes_en import English
from voice.tts.phonemes_zh import Segmenter
from voice.tts.piecewise import spoken, warn_of_unspoken

RATE_HZ = 24_000
DEFAULT_VOICES = {"zh": "zm_yunxi", "en": "af_heart"}
"""The clearest ones: of 24 questions of the field, Whisper base hears 3.8 % of the syllables wrong
with zm_yunxi, 5.1 % with zm_yunjian, 6.0 % with zf_xiaobei; of 10 English ones, 5.2 % of the words
with af_heart, 6.9 % with am_michael."""
STYLES_SHAPE = (510, 256)
"""One style vector for each length of the text in symbols."""
MAX_SYMBOLS = STYLES_SHAPE[0] - 1

Styles = dict[str, NDArray[np.float32]]


class KokoroSynthesizer:
    """Kokoro, loaded once. Files: model, voices, tokens, lexicon_en, words_zh."""

    rate_hz = RATE_HZ

    def __init__(self, files: Files, config: TtsConfig) -> None:
        self._styles_file = files["voices"]
        styles = _load_styles(self._styles_file)
        self.voices = tuple(styles)
        wanted = {"zh": config.voice_zh, "en": config.voice_en}
        chosen = {
            language: pick_voice(wanted[language], self.voices, DEFAULT_VOICES[language])
            for language in READERS
        }
        self._who = f"kokoro {chosen['zh']} {chosen['en']}"
        self._styles = {language: styles[name] for language, name in chosen.items()}
        self.speed = config.speed
        self._phonemize = load_phonemizer(files)
        self._numbers = _counted(files["tokens"])
        self._session = _load_model(files["model"], config.threads)

    @property
    def name(self) -> str:
        """Return engine, voices and speed."""
        return f"{self._who} x{self.speed:g}"

    def speaking(self, voice: str, speed: float) -> KokoroSynthesizer:
        """Return the same model with one voice for all languages ("" = as it is) and a speed.

        Raises SynthesisError if there is no such voice.
        """
        other = copy(self)
        other.speed = speed
        if voice:
            pick_voice(voice, self.voices, voice)
            # Read again: kept, all of them would take as much room as a small model.
            style = _load_styles(self._styles_file)[voice]
            other._styles = dict.fromkeys(READERS, style)
            other._who = f"kokoro {voice} {voice}"
        return other

    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        """Yield the speech of `text`: the first clause, then sentence by sentence.

        Raises SynthesisError if nothing in the text can be spoken.
        """

        def speak(piece: str) -> Iterator[Samples]:
            phonemes = self._phonemize(piece, language)
            warn_of_unspoken(phonemes.unknown)
            return (self._run(part, language) for part in _parts(phonemes.text))

        return spoken(text, language, RATE_HZ, speak, cancelled)

    def _run(self, phonemes: str, language: str) -> Samples:
        numbers = [self._numbers[symbol] for symbol in phonemes if symbol in self._numbers]
        inputs = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": self._styles[language][len(numbers)][np.newaxis],
            "speed": np.array([self.speed], np.float32),
        }
        return np.asarray(self._session.run(None, inputs, _frugally())[0], np.float32).ravel()


def load_phonemizer(files: Files) -> Phonemizer:
    """Read the lexicon and the word list of the model.

    Raises SynthesisError naming the file.
    """
    english = English(read_table(files["lexicon_en"]))
    return Phonemizer(english, Segmenter(_counted(files["words_zh"])))


def _parts(phonemes: str) -> Iterator[str]:
    """Cut phonemes that are too many for the model, between words."""
    while len(phonemes) > MAX_SYMBOLS:
        cut = phonemes.rfind(" ", 0, MAX_SYMBOLS) + 1 or MAX_SYMBOLS
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:]
    if phonemes:
        yield phonemes


def read_table(path: Path) -> dict[str, str]:
    """Read lines of two columns, set apart by a tab."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthesisError(f"{path.name} cannot be read: {error}") from error
    table = {}
    for number, line in enumerate(lines, 1):
        if line:
            key, tab, value = line.partition("\t")
            if not (key and tab and value):
                raise SynthesisError(f"{path.name} is damaged in line {number}")
            table[key] = value
    if not table:
        raise SynthesisError(f"{path.name} is empty")
    return table


def _counted(path: Path) -> dict[str, int]:
    """Read lines of a word or symbol and a number."""
    try:
        return {key: int(value) for key, value in read_table(path).items()}
    except ValueError as error:
        raise SynthesisError(f"{path.name} is damaged: {error}") from error


def _load_styles(path: Path) -> Styles:
    try:
        # From an open file: numpy leaves the one that it opens itself open if it is damaged.
        with path.open("rb") as file, np.load(file) as archive:
            styles = {name: np.asarray(archive[name], np.float32) for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, BadZipFile) as error:
        raise SynthesisError(f"{path.name} cannot be read: {error}") from error
    if not styles or any(style.shape != STYLES_SHAPE for style in styles.values()):
        raise SynthesisError(f"{path.name} does not hold Kokoro voices")
    return styles


@cache
def _share_memory() -> None:
    """Let onnxruntime reuse memory within a run, in pieces as large as what is needed.

    A sentence of 9 s takes 380 MB on top of the model this way. Without an arena it takes 990 MB,
    since the C library cannot fit new buffers of other sizes between those in use; with the usual
    arena, whose pieces double, 250 MB stay taken as well. It also is a fifth faster.
    """
    import onnxruntime

    same_as_requested = {"arena_extend_strategy": 1}
    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu",
            onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
            0,
            onnxruntime.OrtMemType.DEFAULT,
        ),
        onnxruntime.OrtArenaCfg(same_as_requested),
    )


@cache
def _frugally() -> Any:
    """Return the options of a run that gives its memory back at the end."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _load_model(path: Path, threads: int) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    _share_memory()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # A waiting thread must leave the core to the recogniser and the language model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except (
        failures.Fail,
        failures.InvalidArgument,
        failures.InvalidGraph,
        failures.InvalidProtobuf,
        failures.NoSuchFile,
        failures.RuntimeException,
        failures.NotImplemented,
    ) as error:
        raise SynthesisError(f"{path.name} is not a model: {error}") from error
    if {"tokens", "style", "speed"} != {given.name for given in session.get_inputs()}:
        raise SynthesisError(f"{path.name} is not a Kokoro model")
    return session
