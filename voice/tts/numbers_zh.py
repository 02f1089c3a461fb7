"""Mandarin numerals: digits to words."""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")


def cardinal(digits: str) -> str:
    """Return a whole number, written in digits, as a number word: 10050 → 一万零五十.

    More than 16 digits are read one by one.
    """
    digits = digits.lstrip("0") or "0"
    if len(digits) > 16:
        return digit_by_digit(digits)
    if digits == "0":
        return _DIGITS[0]
    groups = [digits[max(0, end - 4) : end] for end in range(len(digits), 0, -4)]
    spoken = ""
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        if int(group) == 0:
            continue
        if spoken and int(group) < 1000:
            spoken += _DIGITS[0]
        spoken += _below_10000(int(group)) + _GROUPS[index]
    spoken = re.sub(r"零+", "零", spoken)
    spoken = re.sub(r"^一十", "十", spoken)
    return re.sub(r"(?<![十百])二(?=[千万亿])", "两", spoken)


def _below_10000(number: int) -> str:
    spoken, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            spoken += (_DIGITS[0] if gap else "") + _DIGITS[digit] + _PLACES[place]
            gap = False
        else:
            gap = bool(spoken)
    return spoken


def digit_by_digit(digits: str, one: str = "一") -> str:
    """Return digits one by one; in telephone numbers 1 is 幺."""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in digits)


def number(written: str) -> str:
    """Return a number as words: 1,000 → 一千, 0.05 → 零点零五."""
    whole, _, decimals = written.replace(",", "").partition(".")
    spoken = cardinal(whole)
    return f"{spoken}点{digit_by_digit(decimals)}" if decimals else spoken
