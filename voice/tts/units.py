"""Symbols that both languages read out: units, nuclides, Greek letters, numerals in a circle."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """How a unit is spoken."""

    zh: str
    en: str
    en_plural: str


def _unit(zh: str, en: str, en_plural: str = "") -> Unit:
    return Unit(zh, en, en_plural or en + "s")


_PREFIXES = {
    "n": ("纳", "nano"), "μ": ("微", "micro"), "u": ("微", "micro"), "m": ("毫", "milli"),
    "": ("", ""), "k": ("千", "kilo"), "M": ("兆", "mega"), "G": ("吉", "giga"),
    "T": ("太", "tera"), "P": ("拍", "peta"),
}  # fmt: skip
_PREFIXED = {
    "Sv": ("希沃特", "sievert", "nμum"), "Gy": ("戈瑞", "gray", "nμumk"),
    "Bq": ("贝可", "becquerel", "mkMGTP"), "Ci": ("居里", "curie", "nμumkM"),
    "eV": ("电子伏", "electronvolt", "kMG"), "Pa": ("帕", "pascal", "kM"),
    "W": ("瓦", "watt", "mkMGT"), "V": ("伏", "volt", "mk"), "Hz": ("赫兹", "hertz", "kMG"),
    "rem": ("雷姆", "rem", "m"), "A": ("安", "amp", "m"),
}  # fmt: skip

UNITS: dict[str, Unit] = {
    **{
        prefix + symbol: _unit(_PREFIXES[prefix][0] + zh, _PREFIXES[prefix][1] + en)
        for symbol, (zh, en, prefixes) in _PREFIXED.items()
        for prefix in ("", *prefixes)
    },
    "Hz": _unit("赫兹", "hertz", "hertz"),
    "km": _unit("公里", "kilometre"), "m": _unit("米", "metre"), "cm": _unit("厘米", "centimetre"),
    "mm": _unit("毫米", "millimetre"), "μm": _unit("微米", "micrometre"),
    "nm": _unit("纳米", "nanometre"), "kg": _unit("千克", "kilogram"), "g": _unit("克", "gram"),
    "mg": _unit("毫克", "milligram"), "μg": _unit("微克", "microgram"),
    "ug": _unit("微克", "microgram"), "t": _unit("吨", "tonne"), "L": _unit("升", "litre"),
    "l": _unit("升", "litre"), "mL": _unit("毫升", "millilitre"), "ml": _unit("毫升", "millilitre"),
    "h": _unit("小时", "hour"), "min": _unit("分钟", "minute"), "s": _unit("秒", "second"),
    "ms": _unit("毫秒", "millisecond"), "d": _unit("天", "day"), "a": _unit("年", "year"),
    "y": _unit("年", "year"), "yr": _unit("年", "year"),
    "°C": _unit("摄氏度", "degree Celsius", "degrees Celsius"),
    "°F": _unit("华氏度", "degree Fahrenheit", "degrees Fahrenheit"),
    "°": _unit("度", "degree"), "dB": _unit("分贝", "decibel"),
    "m2": _unit("平方米", "square metre"), "m3": _unit("立方米", "cubic metre"),
    "km2": _unit("平方公里", "square kilometre"), "cm2": _unit("平方厘米", "square centimetre"),
    "cm3": _unit("立方厘米", "cubic centimetre"), "kWh": _unit("千瓦时", "kilowatt hour"),
    "MWe": _unit("兆瓦电", "megawatt electric", "megawatts electric"),
    "cps": _unit("计数每秒", "count per second", "counts per second"),
    "cpm": _unit("计数每分钟", "count per minute", "counts per minute"),
    "mile": _unit("英里", "mile"), "ft": _unit("英尺", "foot", "feet"),
    "lb": _unit("磅", "pound"),
}  # fmt: skip

_SYMBOLS = "|".join(re.escape(symbol) for symbol in sorted(UNITS, key=len, reverse=True))
UNIT = rf"(?:{_SYMBOLS})(?:/(?:{_SYMBOLS}))*"
"""Pattern of a unit, also a quotient of units."""

LONE_UNIT = "|".join(
    re.escape(symbol)
    for symbol in sorted(UNITS, key=len, reverse=True)
    if len(symbol) > 1 and symbol[-2:] in ("Sv", "Gy", "Bq", "°C", "°F", "mg", "μg", "mL", "km")
)
"""Units that cannot be mistaken for a word and are read also without a number."""

NUCLIDES: dict[str, tuple[str, str]] = {
    "I": ("碘", "iodine"), "Cs": ("铯", "caesium"), "Sr": ("锶", "strontium"),
    "Pu": ("钚", "plutonium"), "U": ("铀", "uranium"), "Co": ("钴", "cobalt"),
    "Ir": ("铱", "iridium"), "Am": ("镅", "americium"), "Po": ("钋", "polonium"),
    "Ra": ("镭", "radium"), "Rn": ("氡", "radon"), "Th": ("钍", "thorium"), "H": ("氢", "hydrogen"),
    "C": ("碳", "carbon"), "K": ("钾", "potassium"), "Kr": ("氪", "krypton"), "Xe": ("氙", "xenon"),
    "Ru": ("钌", "ruthenium"), "Te": ("碲", "tellurium"), "Se": ("硒", "selenium"),
    "Tc": ("锝", "technetium"), "Ba": ("钡", "barium"), "Ce": ("铈", "cerium"),
    "Np": ("镎", "neptunium"), "Cm": ("锔", "curium"), "Na": ("钠", "sodium"),
    "Tl": ("铊", "thallium"),
    "Yb": ("镱", "ytterbium"), "Cf": ("锎", "californium"), "La": ("镧", "lanthanum"),
}  # fmt: skip
_ELEMENT = "|".join(sorted(NUCLIDES, key=len, reverse=True))
NUCLIDE = rf"\b({_ELEMENT})-?(\d{{1,3}}m?)(?![\w/-])"
"""Cs-137, I131."""
NUCLIDE_REVERSED = rf"(?<![\w.,-])(\d{{2,3}}m?)-?({_ELEMENT})\b"
"""137Cs, also written with raised digits."""

GREEK = {
    "α": ("阿尔法", "alpha"), "β": ("贝塔", "beta"), "γ": ("伽马", "gamma"), "μ": ("缪", "mu"),
    "Δ": ("德尔塔", "delta"), "σ": ("西格玛", "sigma"), "λ": ("拉姆达", "lambda"),
    "Ω": ("欧姆", "ohm"), "π": ("派", "pi"),
}  # fmt: skip

ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10}

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_KEPT = {ord(mark): mark for mark in "，！？：；（）"}
_SAME = {
    **_FULL_WIDTH, **_KEPT,
    **{ord("⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]): str(digit) for digit in range(10)},
    **{ord("₀₁₂₃₄₅₆₇₈₉"[digit]): str(digit) for digit in range(10)},
    **{0x2160 + index: roman for index, roman in enumerate(ROMAN)},
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2009\u202f\u3000"), " "),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f"), ""),
    **dict.fromkeys(map(ord, "−‐‑﹣"), "-"),
    **dict.fromkeys(map(ord, "～〜∼"), "~"),
    ord("µ"): "μ", ord("㎜"): "mm", ord("㎞"): "km", ord("㎏"): "kg", ord("℃"): "°C",
    ord("℉"): "°F", ord("㎡"): "m2", ord("㎥"): "m3", ord("’"): "'", ord("‘"): "'",
    ord("≦"): "≤", ord("≧"): "≥", ord("⩽"): "≤", ord("⩾"): "≥", ord("≃"): "≈", ord("½"): "1/2",
    ord("¼"): "1/4", ord("¾"): "3/4", ord("⅓"): "1/3", ord("⅔"): "2/3", ord("‐"): "-",
}  # fmt: skip


def plain(text: str) -> str:
    """Write what means the same in the same way: full width, raised digits, kinds of spaces."""
    return text.translate(_SAME)
