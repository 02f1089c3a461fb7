"""Recordings of the tests and what is said in them: synthetic voices, 16 kHz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kws import RATE_HZ
from kws.pinyin import reading
from tests.commands import DATA
from voice.audio.wavfile import read_audio

TEXTS = {
    "wake/wake": "你好核安",
    "wake/breath": "你好核安碘片什么时候吃",
    "wake/xiaoan": "小安小安碘片什么时候吃",
    "wake/call": "怎么叫醒你",
    "wake/water": "家里的自来水还能不能喝",
    "wake/talk": "今天晚上吃什么去超市买点菜",
    "zh-iodine": "碘片要什么时候吃才有用",
    "zh-live": "现在外面的辐射剂量是多少",
    "zh-salt": "多吃点盐是不是就能防辐射",
    "zh-shelter": "核电站出事了我在家里该怎么做",
    "zh-water": "家里的自来水还能不能喝",
}
"""Without marks."""
QUIET_S = 0.5
"""Before and after speech, as a microphone always has it."""

Samples = NDArray[np.float32]


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def spoken(name: str) -> Samples:
    """Return a recording with some quiet around it."""
    audio, _ = read_audio(DATA / f"{name}.flac", RATE_HZ)
    return np.concatenate([quiet(QUIET_S), audio, quiet(QUIET_S)])


def sounds(text: str) -> str:
    """Return the pinyin of a text as a model over sounds writes it: without spaces."""
    return reading(text).replace(" ", "")
