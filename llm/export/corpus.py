"""Lines on which tokenizers are compared: what people write, and what tokenizers trip over.

Fixed, so that two exports are comparable, and in the composed form of Unicode (NFC): some Hugging
Face tokenizers compose characters first and llama.cpp does not, but no keyboard writes otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

LINES = 1000
"""Fewest lines that are compared."""
_WORDS = (
    "碘片", "关好门窗", "收听官方广播", "核电站", "𠮷野家", "東京", "한국어", "かな カナ",
    "naïve café", "Straße", "Москва", "שלום", "مرحبا", "ไทย", "don't", "I'LL", "they've", "it's",
    "WE'RE", "x_y-z", "snake_case", "CamelCase", "e.g.", "U.S.", "α-Strahlung", "½", "№7", "①②③",
    "ＡＢＣ", "ﬁ",
)  # fmt: skip
_NUMBERS = (
    "0", "7", "12", "100", "1234", "20000", "1234567", "3.14", "1,000", "-5", "+86", "10:30",
    "2024-05-06", "100mSv", "0.1µSv/h", "24小时", "50%", "1e-9", "0x1F", "１２３", "一百二十", "²³",
)  # fmt: skip
_MARKS = (
    "。", "，", "？！", "……", "——", "「」", "“”", "(a)", "[b]", "{c}", "<d>", "//", "\\n", "#", "@",
    "&", "$5", "€", "~", "^", "|", "`", "…", "·", "“引号”", "😀", "👩‍👩‍👧", "🇨🇳", "❤️", "☢️", "⚠",
    "\u200b",
)  # fmt: skip
_GAPS = ("", " ", "  ", "   ", "\n", "\n\n", " \n ", "\t", "\r\n", "\u3000", "\u00a0", "\n\n\n")


def corpus(own: Iterable[str] = (), markers: Iterable[str] = ()) -> list[str]:
    """Return at least LINES different lines: `own` first (the training data), then fixed ones.

    `markers` are texts such as <|im_start|>, which must become the same control tokens in both.
    """
    lines = [line for line in own if line.strip()]
    lines += _fixed()
    around = (("", ""), ("x", "系统"), (" ", "\n"))
    lines += [f"{before}{marker}{after}" for marker in markers for before, after in around]
    return list(dict.fromkeys(lines))


def _fixed() -> Iterator[str]:
    """Yield some 1,400 lines, every neighbourhood of words, numbers, marks and gaps in them."""
    for number, (word, figure) in enumerate(product(_WORDS, _NUMBERS)):
        gap, other = _GAPS[number % len(_GAPS)], _GAPS[(number // 7) % len(_GAPS)]
        mark = _MARKS[number % len(_MARKS)]
        yield f"{word}{gap}{figure}{other}{mark}"
        yield f"{other}{mark}{figure}{gap}{word}{gap}"
    yield from ("a" * 300, "1" * 50, " " * 40, "\n" * 20, "！" * 30, "哈" * 60)
