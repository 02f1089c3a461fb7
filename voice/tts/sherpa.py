"""What the voices that run in sherpa-onnx have in common.

Text is matched with the lexicon of the voice here: sherpa-onnx ends the whole process on some
faults in that file, and leaves out the words that it does not find there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voice.tts import Samples, SynthesisError, TtsConfig, pick_voice
from voice.tts.phonemes import READERS
from voice.tts.phonemes_en import English
from voice.tts.piecewise import spoken, warn_of_unspoken

LETTERS = {
    "a": "诶", "b": "必", "c": "西", "d": "地", "e": "衣", "f": "艾付", "g": "记", "h": "艾吃",
    "i": "爱", "j": "杰", "k": "开", "l": "艾勒", "m": "艾姆", "n": "恩", "o": "欧", "p": "批",
    "q": "酷", "r": "啊", "s": "艾斯", "t": "替", "u": "优", "v": "微", "w": "达不溜",
    "x": "艾克斯", "y": "外", "z": "贼",
}  # fmt: skip
"""Names of the letters in Mandarin sounds, for voices that know no English."""

_MARKS = {
    "，": ",", "、": ",", "；": ",", "：": ",", "。": ".", "？": "?", "！": "!", "…": ".",
    "\n": ".", "（": ",", "）": ",", "(": ",", ")": ",", ";": ",", ":": ",", "—": ",", "–": ",",
    **{mark: mark for mark in ",.?!"},
}  # fmt: skip
_QUIET = frozenset("《》〈〉「」『』【】“”\"'-· \t")
_NUMBER = re.compile("[0-9]{1,9}")
"""Of a token, as sherpa-onnx can read it: no other digits that Python knows, nothing too long."""
_LATIN = re.compile(r"[A-Za-z][A-Za-z']*")
_MAX_BAD_ENTRIES = 0.02
"""Part of the lexicon that may name tokens which the voice lacks; more, and it is not its own."""


@dataclass(frozen=True)
class Sound:
    """A word or mark of a text, as the voice knows it."""

    text: str
    """How sherpa-onnx is made to say it; empty if it takes only the tokens."""
    tokens: tuple[str, ...]


class Lexicon:
    """The words of a voice and their tokens, both files checked.

    With an English dictionary, words that the lexicon lacks are spoken by their phonemes; without
    one, letter by letter.
    """

    def __init__(self, tokens: Path, lexicon: Path, english: English | None = None) -> None:
        self._tokens = read_tokens(tokens)
        self._words = read_words(lexicon, self._tokens)
        self._characters = {
            sounds: word for word, sounds in reversed(self._words.items()) if len(word) == 1
        }
        self._english = english
        self._longest = max(map(len, self._words))

    def without_unsayable(self) -> Lexicon:
        """Leave out the words that no characters can stand for, so that they are cut smaller."""
        self._words = {
            word: tokens
            for word, tokens in self._words.items()
            if len(word) == 1 or word.isascii() or self._homophones(tokens)
        }
        return self

    def sounds(self, text: str) -> tuple[list[Sound], list[str]]:
        """Return the sounds of a text of words and marks, and the characters that have none.

        Chinese is cut into the longest words that the lexicon has.
        """
        sounds: list[Sound] = []
        unknown: list[str] = []
        position = 0
        while position < len(text):
            latin = _LATIN.match(text, position)
            if latin:
                found, length = self._latin(latin[0]), len(latin[0])
            else:
                length = self._longest_word(text, position)
                word = text[position : position + length]
                found = self._known(word) or self._mark(word)
            if found is None:
                unknown.append(text[position])
            else:
                sounds += found
            position += length
        return sounds, unknown

    def _longest_word(self, text: str, start: int) -> int:
        lengths = range(min(self._longest, len(text) - start), 1, -1)
        return next((n for n in lengths if text[start : start + n] in self._words), 1)

    def _known(self, word: str) -> list[Sound] | None:
        tokens = self._words.get(word)
        if tokens is None:
            return None
        text = word if len(word) == 1 or word.isascii() else self._homophones(tokens)
        return [Sound(text, tokens)]

    def _homophones(self, tokens: tuple[str, ...]) -> str:
        """Return single characters that sound like these tokens.

        sherpa-onnx 2.0 reads Chinese character by character and ignores the words of the
        lexicon; so 重新 (chong xin, not zhong xin) is given to it as 虫新.
        """
        spelled, start = "", 0
        while start < len(tokens):
            ends = range(len(tokens), start, -1)
            end = next((end for end in ends if tokens[start:end] in self._characters), None)
            if end is None:
                return ""
            spelled += self._characters[tokens[start:end]]
            start = end
        return spelled

    def _latin(self, word: str) -> list[Sound] | None:
        known = self._known(word.lower()) or self._foreign(word)
        if known is None:
            letters = [self._letter(letter) for letter in word.lower() if letter.isalpha()]
            if None in letters:
                return None
            known = [sound for letter in letters for sound in letter or ()]
        return [*known, Sound(" ", (" ",))] if " " in self._tokens else known

    def _foreign(self, word: str) -> list[Sound] | None:
        """Return the phonemes of an English word, if the voice has them all but the stress."""
        phonemes = self._english.word(word) if self._english else ""
        tokens = tuple(phoneme for phoneme in phonemes if phoneme in self._tokens)
        complete = tokens and all(p in self._tokens for p in phonemes if p not in "ˈˌᵊ")
        return [Sound("", tokens)] if complete else None

    def _letter(self, letter: str) -> list[Sound] | None:
        if letter in self._words:
            return self._known(letter)
        names = LETTERS[letter]
        complete = all(name in self._words for name in names)
        return [Sound(name, self._words[name]) for name in names] if complete else None

    def _mark(self, character: str) -> list[Sound] | None:
        if character in _QUIET:
            return []
        if character not in _MARKS:
            return None
        tokens = (_MARKS[character], character, "sil", "sp")
        return [Sound(character, tuple(t for t in tokens if t in self._tokens)[:1])]


def read_tokens(path: Path) -> dict[str, int]:
    """Read tokens and their numbers, one pair in a line; a lone number belongs to the space.

    Raises SynthesisError naming file and line.
    """
    tokens: dict[str, int] = {}
    for number, line in _lines(path):
        token, _, index = line.rpartition(" ")
        if not _NUMBER.fullmatch(index):
            raise SynthesisError(f"{path.name} is damaged in line {number}")
        tokens[token or " "] = int(index)
    if not tokens or len(set(tokens.values())) != len(tokens):
        raise SynthesisError(f"{path.name} is empty or uses a number twice")
    return tokens


def read_words(path: Path, tokens: dict[str, int]) -> dict[str, tuple[str, ...]]:
    """Read words and their tokens; the first reading of a word counts.

    Raises SynthesisError naming file and line.
    """
    words: dict[str, tuple[str, ...]] = {}
    entries = bad = 0
    for number, line in _lines(path):
        word, *sounds = line.split()
        entries += 1
        if not sounds:
            raise SynthesisError(f"{path.name} is damaged in line {number}")
        if all(sound in tokens for sound in sounds):
            words.setdefault(word.lower(), tuple(sounds))
        else:
            bad += 1
    if not words or bad > _MAX_BAD_ENTRIES * entries:
        raise SynthesisError(f"{path.name} does not fit the tokens: {bad} of {entries} entries")
    return words


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SynthesisError(f"{path.name} cannot be read: {error}") from error
    yield from ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


class SherpaSynthesizer:
    """A voice in sherpa-onnx, loaded once. `by_tokens` tells how it takes its text."""

    def __init__(
        self, engine: str, native: Any, lexicon: Lexicon, config: TtsConfig, by_tokens: bool
    ) -> None:
        self.rate_hz = int(native.sample_rate)
        self.voices = tuple(str(number) for number in range(max(1, native.num_speakers)))
        voice = pick_voice(config.voice_zh or config.voice_en, self.voices, self.voices[0])
        self._who = f"{engine} {voice}"
        self._speaker = int(voice)
        self.speed = config.speed
        self._native = native
        self._lexicon = lexicon
        self._by_tokens = by_tokens

    @property
    def name(self) -> str:
        """Return engine, voice and speed."""
        return f"{self._who} x{self.speed:g}"

    def speaking(self, voice: str, speed: float) -> SherpaSynthesizer:
        """Return the same model with another voice ("" = as it is) and speed.

        Raises SynthesisError if there is no such voice.
        """
        other = copy(self)
        other.speed = speed
        if voice:
            other._speaker = int(pick_voice(voice, self.voices, voice))
            other._who = f"{self._who.split()[0]} {voice}"
        return other

    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        """Yield the speech of `text`: the first clause, then sentence by sentence.

        Raises SynthesisError if nothing in the text can be spoken.
        """

        def speak(piece: str) -> Iterator[Samples]:
            sounds, unknown = self._lexicon.sounds(READERS[language](piece))
            warn_of_unspoken(unknown)
            if any(sound.text not in _MARKS for sound in sounds):
                yield self._run(sounds)

        return spoken(text, language, self.rate_hz, speak, cancelled)

    def _run(self, sounds: list[Sound]) -> Samples:
        import sherpa_onnx

        settings = sherpa_onnx.GenerationConfig()
        settings.sid = self._speaker
        settings.speed = self.speed
        settings.silence_scale = 1.0
        text = ""
        if self._by_tokens:
            settings.tokens = [[token for sound in sounds for token in sound.tokens]]
        else:
            text = "".join(sound.text for sound in sounds)
        return np.array(self._native.generate(text, settings).samples, np.float32)


def load_native(model: Any) -> Any:
    """Load a sherpa-onnx voice from its model settings.

    Raises SynthesisError.
    """
    import sherpa_onnx

    settings = sherpa_onnx.OfflineTtsConfig(model=model)
    try:
        if settings.validate():
            return sherpa_onnx.OfflineTts(settings)
    except (RuntimeError, IndexError) as error:
        raise SynthesisError(f"the voice cannot be loaded: {error}") from error
    raise SynthesisError("the voice cannot be loaded: a file is missing")
