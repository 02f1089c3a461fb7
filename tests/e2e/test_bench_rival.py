"""The chains of `hean bench rival` with the real VAD: their clock is the audio."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from asr import RATE_HZ, Samples
from tests.daemon_lab import recording
from tests.unit.scripted import Hum
from voice.bench.rival_chains import PAUSE_S, TAIL_S, Chain, last_sound
from voice.config import Config
from voice.engines import ModelFiles

pytestmark = pytest.mark.models
ANSWER = ("先进屋。", "再关好窗户。")
TAKES_S = 0.2
ENDS = int(2.4 * RATE_HZ)
"""Place in the recording where the last word ends; noise follows."""


def _chain(by_sentence: bool) -> Chain:
    def transcribe(audio: Samples) -> str:
        assert len(audio) > RATE_HZ / 2
        return "自来水还能喝吗"

    def reply(text: str) -> Iterator[str]:
        for piece in ANSWER:
            time.sleep(TAKES_S)
            yield piece

    vad = ModelFiles(Config()).find("vad")[1]["model"]
    return Chain(vad, transcribe, reply, Hum(), by_sentence)


@pytest.mark.parametrize("by_sentence", [False, True])
def test_the_wait_holds_the_pause_and_what_computing_takes(by_sentence: bool) -> None:
    turn = _chain(by_sentence).ask(recording("zh-water")[:ENDS])
    assert turn["heard"] == "自来水还能喝吗"
    assert turn["answer"] == "".join(ANSWER)
    assert turn["voice_to_voice_s"] >= PAUSE_S / 2 + TAKES_S * len(ANSWER)


def test_silence_is_no_question() -> None:
    turn = _chain(False).ask(np.zeros(int(TAIL_S * RATE_HZ), np.float32))
    assert turn == {"heard": "", "answer": "", "voice_to_voice_s": None}


def test_the_last_sound_of_a_clip_is_found() -> None:
    clip = np.zeros(RATE_HZ, np.float32)
    clip[100:200] = 0.5
    assert last_sound(clip) == 199
    assert last_sound(np.zeros(10, np.float32)) == 10
