"""What speaks against a wake word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kws.asr_pinyin import ways_to_say
from kws.pinyin import reading
from kws.sounds import Sound, likeness_anywhere, sounds_of
from kws.words import WakeWord

FEWEST_SOUNDS = 3
"""Fewer syllables are in ordinary speech all the time; four are good."""
SIMILAR = 0.7
"""Likeness of two words from which one may be taken for the other."""
CONTAINED = 0.95
"""Likeness from which a phrase holds a word."""

EVERYDAY = (
    "你好", "您好", "你好吗", "大家好", "早上好", "晚安", "再见", "谢谢你", "不客气", "对不起",
    "没关系", "没问题", "不知道", "知道了", "为什么", "怎么办", "怎么样", "等一下", "小心一点",
    "注意安全", "平平安安", "安全第一", "核安全", "核电站", "国家核安全局", "小朋友", "老师好",
    "hello", "good morning", "thank you", "excuse me", "never mind", "okay", "nuclear safety",
)  # fmt: skip
"""Phrases of every day and of the field."""

SYLLABLES_AN_HOUR = 5.18 * 3600
"""Of unbroken Mandarin (Pellegrino, Coupé and Marsico: Across-language perspective on speech
information rate, Language 87, 2011)."""


def concerns(word: WakeWord, others: Sequence[WakeWord]) -> list[str]:
    """Return why `word` may wake by mistake, a sentence for each reason.

    `others` are the wake words that it must not be taken for.
    """
    ways = ways_to_say(word)
    found = []
    if (count := min(map(len, ways))) < FEWEST_SOUNDS and not word.text.isascii():
        syllables = "one syllable" if count == 1 else f"{count} syllables"
        found.append(f"{word.text} has {syllables} only; four are heard far more surely")
    for other in others:
        if other.text != word.text and (like := _likeness(ways, ways_to_say(other))) >= SIMILAR:
            found.append(f"{word.text} sounds like the wake word {other.text} ({like:.2f} of 1)")
    for phrase in EVERYDAY:
        heard = sounds_of(phrase)
        if max(likeness_anywhere(way, heard).likeness for way in ways) >= CONTAINED:
            found.append(f"{word.text} is in what people say anyway: {phrase}")
            break
    return found


def said_an_hour(word: WakeWord, counts: Mapping[str, int]) -> float:
    """Return how often the sounds of a Mandarin word come in an hour of unbroken talk; what begins
    in one word and ends in the next is not found.

    `counts` tells how often words occur in some text. 0 for English words.
    """
    ways = [way.split() for way in word.pinyin]
    least = min(map(len, ways), default=0)
    found = total = 0
    for text, count in counts.items():
        total += count * len(text)
        if ways and len(text) >= least:
            heard = reading(text).split()
            found += count * sum(_times(way, heard) for way in ways)
    return SYLLABLES_AN_HOUR * found / max(1, total)


def _times(way: list[str], heard: list[str]) -> int:
    return sum(heard[at : at + len(way)] == way for at in range(len(heard) - len(way) + 1))


def _likeness(ways: list[list[Sound]], others: list[list[Sound]]) -> float:
    pairs = [pair for way in ways for other in others for pair in ((way, other), (other, way))]
    return max(likeness_anywhere(*pair).likeness for pair in pairs)
