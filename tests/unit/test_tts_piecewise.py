"""Speech piece by piece, from a scripted engine."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest

from voice.tts import Samples, SynthesisError
from voice.tts.piecewise import spoken, warn_of_unspoken

RATE_HZ = 8000


class Engine:
    """Hums for every piece but those that it has no sound for."""

    def __init__(self, *mute: str) -> None:
        self.pieces: list[str] = []
        self._mute = mute

    def __call__(self, piece: str) -> Iterator[Samples]:
        self.pieces.append(piece)
        if piece not in self._mute:
            yield np.sin(np.arange(RATE_HZ, dtype=np.float32))


def test_the_first_clause_comes_first_then_whole_sentences() -> None:
    engine = Engine()
    speech = list(spoken("先进屋里，关好门窗。等通知。", "zh", RATE_HZ, engine, lambda: False))
    assert engine.pieces == ["先进屋里，", "关好门窗。", "等通知。"]
    assert all(samples.size >= RATE_HZ for samples in speech)


def test_a_piece_without_a_sound_is_passed_over() -> None:
    engine = Engine("😀。")
    assert len(list(spoken("先进屋。😀。", "zh", RATE_HZ, engine, lambda: False))) == 1


def test_a_text_without_a_sound_is_an_error() -> None:
    with pytest.raises(SynthesisError, match="nothing in the text"):
        list(spoken("😀。", "zh", RATE_HZ, Engine("😀。"), lambda: False))


def test_nothing_more_is_made_once_it_is_cancelled() -> None:
    engine = Engine()
    for _ in spoken("先进屋。关窗。", "zh", RATE_HZ, engine, lambda: bool(engine.pieces)):
        pass
    assert engine.pieces == ["先进屋。"]


def test_what_was_said_cannot_be_read_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_unspoken("привет")
        warn_of_unspoken("")
    assert [record.getMessage() for record in caplog.records] == ["not spoken: в е и п р т"]
