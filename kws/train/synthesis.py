"""Has the phrases of a corpus spoken, and adds the clips to its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from kws import RATE_HZ, Samples
from kws.train.corpus import AUDIO, Clip, CorpusError, append_clips, write_audio
from kws.train.cutting import Piece, cut
from kws.train.speakers import Mixer, Speaker
from kws.train.texts import Phrase, Reading, Readings

Speak = Callable[[Sequence[str], str, Speaker], Samples]
"""Speech synthesis, given by the caller: phrases, their language and the speaker in, 16 kHz audio
with a pause after each phrase out."""

_STOPS = {"zh": "。。！？", "en": "..!?"}
"""What parts the phrases of a reading, and gives them their melodies."""


class Studio:
    """Makes the clips of readings. The same number always gives the same clips."""

    def __init__(
        self, folder: Path, readings: Readings, mixers: Mapping[str, Mixer], speak: Speak
    ) -> None:
        self._folder = folder
        self._readings = readings
        self._mixers = mixers
        self._speak = speak
        try:
            (folder / AUDIO).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CorpusError(f"{folder} cannot be written: {error.strerror}") from error

    def record(self, number: int) -> list[Clip]:
        """Have a reading spoken; return its clips, which are on disk. Raises CorpusError."""
        reading = self._readings.reading(number)
        rng = np.random.default_rng((number, len(reading.phrases)))
        speaker = self._mixers[reading.language].speaker(rng, reading.split)
        stops = rng.choice(list(_STOPS[reading.language]), len(reading.phrases))
        texts = [phrase.text + stop for phrase, stop in zip(reading.phrases, stops, strict=True)]
        audio = self._speak(texts, reading.language, speaker)
        pieces = cut(audio, [len(phrase.tokens) for phrase in reading.phrases])
        clips = list(self._kept(reading, pieces, speaker))
        append_clips(self._folder, clips)
        return clips

    def _kept(self, reading: Reading, pieces: list[Piece], who: Speaker) -> Iterator[Clip]:
        for index, piece in enumerate(pieces):
            phrase = _joined(reading.phrases[piece.first : piece.last])
            name = f"{AUDIO}/{reading.number:05d}-{index}.flac"
            write_audio(self._folder / name, piece.audio)
            yield Clip(
                audio=name,
                text=phrase.text,
                tokens=phrase.tokens,
                kind=phrase.kind,
                word=phrase.word,
                speaker=f"{who.chiefly}-{reading.number:05d}",
                split=reading.split,
                seconds=round(len(piece.audio) / RATE_HZ, 3),
                end_s=round(piece.end_s, 3) if phrase.kind == "wake" else -1.0,
            )


def _joined(phrases: Sequence[Phrase]) -> Phrase:
    """Return phrases that could not be told apart as one: of a wake word if one is in them."""
    if len(phrases) == 1:
        return phrases[0]
    tokens = tuple(token for phrase in phrases for token in phrase.tokens)
    text = "。".join(phrase.text for phrase in phrases)
    words = [phrase.word for phrase in phrases if phrase.word]
    return Phrase(text, tokens, "breath" if words else phrases[0].kind, words[0] if words else "")
