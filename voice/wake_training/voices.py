"""Kokoro as the many speakers that a wake word model learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from kws import RATE_HZ, Samples
from kws.train.inventory import phones
from kws.train.speakers import Speaker, Styles
from voice.audio.pcm import resample
from voice.bench.wake import VOICES as RESERVED
from voice.tts import Files, TtsConfig
from voice.tts.kokoro import MAX_SYMBOLS, STYLES_SHAPE, KokoroSynthesizer, read_table
from voice.tts.phonemes_en import English

_PAUSE = '" "'
"""Makes Kokoro pause between sentences for 0.17 s and more in 8 of 10 places; a stop alone does so
in 5 of 10."""


class Speakers(KokoroSynthesizer):
    """Speaks with any mixture of voices. Files: those of Kokoro.

    `more` are further voices: files of 510 x 256 numbers of four bytes, by name. The voices that
    serve to measure are left out.
    """

    def __init__(self, files: Files, more: Mapping[str, Path], threads: int) -> None:
        super().__init__(files, TtsConfig(threads=threads))
        self.lexicon = read_table(files["lexicon_en"])
        self._english = English(self.lexicon)
        with files["voices"].open("rb") as file, np.load(file) as archive:
            known = {name: archive[name] for name in archive.files}
        known |= {name: _read(path) for name, path in more.items()}
        self.mixable: dict[str, Styles] = {
            name: styles for name, styles in known.items() if name not in RESERVED
        }

    def say(self, phrases: Sequence[str], language: str, speaker: Speaker) -> Samples:
        """Return the speech of phrases at 16 kHz, with the quiet around it."""
        self._styles[language] = speaker.styles
        self.speed = speaker.speed
        said = (self._phonemize(phrase, language).text for phrase in phrases)
        phonemes = _PAUSE.join(said)[:MAX_SYMBOLS]
        return resample(self._run(phonemes, language), self.rate_hz, RATE_HZ)

    def phones_of(self, word: str) -> list[str]:
        """Return the phones with which an English word is said."""
        return phones(self._english.word(word))


def _read(path: Path) -> Styles:
    return np.fromfile(path, "<f4").reshape(STYLES_SHAPE)
