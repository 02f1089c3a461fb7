"""Cleans what recognisers write: simplified characters, one kind of punctuation, no loops."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

HAN = "\u3400-\u9fff"
"""Range of Chinese characters for a character class of a regular expression."""

_LATIN = re.compile(r"[A-Za-z]{2,}")
_FULLWIDTH = {
    code: code - 0xFEE0
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF05)
}
_CHINESE_MARKS = str.maketrans(",?!;:", "，？！；：")
_MARKS_AFTER_HAN = re.compile(rf"(?<=[{HAN}])\s*([,?!;:])\s*")
_SPACE_AT_HAN = re.compile(rf"(?<=[{HAN}，。？！；：、])\s+|\s+(?=[{HAN}，。？！；：、])")
_LEADING_MARKS = re.compile(r"^[\s，。？！；：、,.?!;:…-]+")
_SPELLED = re.compile(r"\b(?:[A-Z]\.){2,}")
_PUNCTUATION = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    """Return `text` in simplified characters, with Chinese marks after Chinese, without stray
    spaces, dots between letters (K.I.) and marks at the beginning.
    """
    text = simplified(text).translate(_FULLWIDTH)
    text = _SPELLED.sub(lambda letters: letters[0].replace(".", ""), text)
    text = _MARKS_AFTER_HAN.sub(lambda mark: mark[1].translate(_CHINESE_MARKS), text)
    text = re.sub(rf"(?<=[{HAN}])\.+(?=\s|$)", "。", text)
    text = _SPACE_AT_HAN.sub("", text)
    return _LEADING_MARKS.sub("", " ".join(text.split()))


def simplified(text: str) -> str:
    """Return `text` with traditional Chinese characters turned into simplified ones."""
    if not re.search(f"[{HAN}]", text):
        return text
    return str(_converter().convert(text))


def language_of(text: str, heard: str = "") -> str:
    """Return "zh" or "en", by the script; `heard` decides where the script does not tell.

    Empty text has no language.
    """
    if not text:
        return ""
    if re.search(f"[{HAN}]", text):
        return "zh"
    if _LATIN.search(text):
        return "en"
    return "en" if heard == "en" else "zh"


def without_loop(text: str) -> str:
    """Return `text` with a phrase that a recogniser repeats to the end written once.

    Recognisers that write what is likely fall into such loops, which then fill the rest: a phrase
    of four or more characters twice, or anything four times. A single sound four times and more
    in a row ("AHHHH") is no speech at all and is dropped. Marks and spaces do not count.
    """
    places = [place for place, char in enumerate(text) if not _PUNCTUATION.match(char)]
    bare = "".join(text[place] for place in places).casefold()
    for size in range(1, len(bare) // 2 + 1):
        start = _loop_start(bare, size)
        repeated = (len(bare) - start) / size
        if repeated >= (2 if size >= 4 else 4):
            if size == 1 and repeated >= 8:
                return text[: places[start]].rstrip()
            return text[: places[start + size - 1] + 1]
    return text


def _loop_start(text: str, size: int) -> int:
    """Return from where on `text` repeats itself every `size` characters, up to its end."""
    start = len(text) - size
    while start > 0 and text[start - 1] == text[start - 1 + size]:
        start -= 1
    return start


@cache
def _converter() -> OpenCC:
    from opencc import OpenCC

    return OpenCC("t2s")
