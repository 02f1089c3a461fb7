"""Mandarin: numbers, units and symbols to words, so that only words and marks are left.

`read_zh("剂量 ≤ 100 mSv")` is `"剂量小于等于一百毫希沃特"`. A table of rules, applied in order;
each takes what it is sure of, the last ones take the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

from voice.tts.numbers_zh import cardinal, digit_by_digit, number
from voice.tts.units import (
    GREEK,
    LONE_UNIT,
    NUCLIDE,
    NUCLIDE_REVERSED,
    NUCLIDES,
    ROMAN,
    UNIT,
    UNITS,
    plain,
)

_N = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER = rf"(?:{_N})"
_DASH = r"\s*(?:-|–|—|~|至|到)\s*"
_EDGE = r"(?<![\d.A-Za-z])"
_COUNTED = (
    "个天片次人名座种层倍户处条件头只张杯瓶台辆句分钟小时周岁粒包袋米公里千克升滴级"
    "毫微纳吨戈贝希瓦伏兆摄平立"
)
_TWO_BEFORE = (
    r"(?:个|天|片|次|人|名|座|种|层|倍|户|处|条|件|只|张|杯|瓶|台|辆|句|粒|包|袋|分钟|小时|周|岁"
    r"|年(?!级)|米|公里|千克|公斤|升|毫升|毫克|克|吨|厘米|万|千|亿|位|家|间|口|步|遍|秒"
    r"|毫希沃特|微希沃特|希沃特|到)"
)


def unit(symbol: str) -> str:
    """Return a unit as words: mSv/h → 毫希沃特每小时."""
    return "每".join(UNITS[part].zh for part in symbol.split("/"))


def _signed(written: str) -> str:
    return "负" + number(written[1:]) if written.startswith("-") else number(written)


def _measure(match: Match[str]) -> str:
    written, symbol = match["number"], match["unit"]
    if written.startswith("-") and symbol.startswith("°"):
        return f"零下{number(written[1:])}{unit(symbol)}"
    return _two(_signed(written) + unit(symbol))


def _two(spoken: str) -> str:
    """Say 两 for a lone 2 before what is counted."""
    return re.sub(rf"^二(?={_TWO_BEFORE})", "两", spoken)


def _measure_range(match: Match[str]) -> str:
    spoken = f"{_signed(match['low'])}到{_signed(match['high'])}{unit(match['unit'])}"
    return _two(spoken)


def _phone(match: Match[str]) -> str:
    parts = re.split(r"\D+", match[0])
    return "，".join(digit_by_digit(part, one="幺") for part in parts if part)


def _phone_after_verb(match: Match[str]) -> str:
    return match["verb"] + re.sub(r"\d+", lambda m: digit_by_digit(m[0], one="幺"), match["digits"])


def _date(match: Match[str]) -> str:
    year, month, day = match.groups()
    return f"{digit_by_digit(year)}年{cardinal(month)}月{cardinal(day)}日"


def _clock(match: Match[str]) -> str:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    spoken = "两点" if int(hour) == 2 else f"{cardinal(hour)}点"
    if int(minute) or second:
        spoken += f"{_padded(minute)}分"
    return spoken + (f"{_padded(second)}秒" if second else "")


def _padded(two_digits: str) -> str:
    return ("零" if two_digits[0] == "0" and two_digits != "00" else "") + cardinal(two_digits)


def _standard(match: Match[str]) -> str:
    spoken = f"{match['body'].replace('/', ' ')} {digit_by_digit(match['serial'])}"
    spoken += "".join(f"点{digit_by_digit(part)}" for part in match["parts"].split(".")[1:])
    return f"{spoken}杠{digit_by_digit(match['year'])}" if match["year"] else spoken


def _nuclide(symbol: str, mass: str) -> str:
    spoken = NUCLIDES[symbol][0] if symbol in NUCLIDES else symbol
    return spoken + digit_by_digit(mass.rstrip("m")) + ("M" if mass.endswith("m") else "")


def _fraction(match: Match[str]) -> str:
    return f"{cardinal(match[2])}分之{cardinal(match[1])}"


def _percent(match: Match[str]) -> str:
    part = "百分之" if match["sign"] == "%" else "千分之"
    return part + _signed(match["number"])


def _percent_range(match: Match[str]) -> str:
    high = number(match["high"])
    repeated = "百分之" if match["sign"] else ""
    return f"百分之{number(match['low'])}到{repeated}{high}"


def _range(match: Match[str]) -> str:
    return _two(f"{number(match['low'])}到{number(match['high'])}")


def _money(match: Match[str]) -> str:
    return number(match[2]) + match[3].strip() + _SYMBOLS[match[1]]


def _roman(match: Match[str]) -> str:
    return match[1] + cardinal(str(ROMAN[match[2]])) + match[3]


def _plain_number(match: Match[str]) -> str:
    written = match[0]
    if written.count(".") > 1:
        return "点".join(cardinal(part) for part in written.split("."))
    if len(written) > 1 and written[0] == "0" and written.isdigit():
        return digit_by_digit(written)
    if written.isdigit() and len(written) >= 7 and not written.endswith("000"):
        return digit_by_digit(written, one="幺")
    return number(written)


def _years(match: Match[str]) -> str:
    return "到".join(digit_by_digit(year) for year in re.findall(r"\d+", match[0])) + "年"


_NO_COUNT = rf"(?!\s*(?:{UNIT})\b)(?![\d.,]*\d)(?!\s*[%‰°万亿千百多余{_COUNTED}])"
_SYMBOLS = {
    "≤": "小于等于", "≥": "大于等于", "<": "小于", ">": "大于", "≈": "约等于", "±": "正负",
    "×": "乘以", "÷": "除以", "=": "等于", "≠": "不等于", "&": "和", "@": "艾特", "#": "井号",
    "%": "百分之", "‰": "千分之", "°": "度", "→": "到", "℃": "摄氏度", "$": "美元", "¥": "元",
    "€": "欧元", "∞": "无穷", "√": "对", "§": "第", "№": "第",
    **{letter: names[0] for letter, names in GREEK.items()},
    **{chr(0x2460 + index): f"，{cardinal(str(index + 1))}，" for index in range(20)},
}  # fmt: skip
_PAUSES = "·•●■◆▪*_|\\^`~[]{}<>—–-/"

Rule = tuple[re.Pattern[str], Callable[[Match[str]], str]]
_RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), replace)
    for pattern, replace in (
        # Web addresses are read with their full stops.
        (r"(?<=[A-Za-z])\.(?=[A-Za-z]{2,})", lambda m: "点"),
        (r"\b24/7\b", lambda m: "全天候"),
        # Telephone numbers: with groups, after a verb, and the well-known short ones.
        (r"(?<![\d-])(?:\d{1,2}-)?\d{3,4}-\d{3,4}-?\d{4}(?![\d-])", _phone),
        (r"(?<![\d-])0\d{2,3}-\d{7,8}(?!\d)", _phone),
        (
            rf"(?P<verb>(?:拨打?|电话|热线|致电|拨通|打)[^\d，。；]{{0,4}})"
            rf"(?P<digits>\d{{3,12}}(?:\s*(?:[、或和/]|或者|以及)\s*\d{{3,12}})*){_NO_COUNT}",
            _phone_after_verb,
        ),
        (
            rf"{_EDGE}(?:(?:12[1-3]|9[56]\d)\d\d(?<!00)|1[03-9]\d{{9}}){_NO_COUNT}(?![-年])",
            _phone,
        ),
        (
            rf"{_EDGE}(?:110|119|120|122|911|999)(?!\d)(?![-–—~]\d){_NO_COUNT}(?![年月日号吨])",
            _phone,
        ),
        # Dates and times.
        (r"(?<!\d)(\d{4})[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])(?!\d)", _date),
        (rf"(?<!\d)\d{{4}}(?:\s*年)?{_DASH}\d{{4}}\s*年", _years),
        (r"(?<!\d)\d{4}\s*年(?!的?时间)", _years),
        (
            r"(?<![\d:])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])",
            _clock,
        ),
        (rf"({_NUMBER}):({_NUMBER})", lambda m: f"{number(m[1])}比{number(m[2])}"),
        # Standards and nuclides.
        (
            r"(?P<body>\b(?:GB(?:/T|/Z)?|HAF|HAD|HJ|WS(?:/T)?|EJ(?:/T)?|GBZ(?:/T)?|ISO|IEC|EN))\s*"
            r"(?P<serial>\d{2,6})(?P<parts>(?:\.\d+)*)(?:[-—–:](?P<year>\d{4}))?",
            _standard,
        ),
        (
            r"([碘铯锶钚铀钴铱镅钋镭氡钍氢碳钾氪氙钌碲硒锝])\s?-?\s?(\d{1,3}m?)(?![\d.,])(?!\s*(?:mg|毫克|μg|克|%))",
            lambda m: _nuclide(m[1], m[2]),
        ),
        (NUCLIDE, lambda m: _nuclide(m[1], m[2])),
        (NUCLIDE_REVERSED, lambda m: _nuclide(m[2], m[1])),
        # Roman numerals, where they can be nothing else.
        (r"()\b(VIII|VII|VI|IV|IX|III|II|I|V|X)\s?([类级号区型期部])", _roman),
        (r"([第类级]\s?)(VIII|VII|VI|IV|IX|III|II|I|V|X)\b()", _roman),
        (rf"([$€])\s?({_NUMBER})(\s?[万亿]?)", _money),
        # Percentages, measures, ranges, fractions.
        (rf"(?P<low>{_NUMBER})(?P<sign>%)?{_DASH}(?P<high>{_NUMBER})%", _percent_range),
        (rf"(?P<number>(?<![\d\w])-?{_NUMBER}|{_NUMBER})\s?(?P<sign>[%‰])", _percent),
        (
            rf"(?P<low>(?<![\d\w])-?{_NUMBER}|{_NUMBER})\s?(?:{UNIT})?{_DASH}(?P<high>-?{_NUMBER})\s?"
            rf"(?P<unit>{UNIT})(?![A-Za-z])",
            _measure_range,
        ),
        (
            rf"(?P<number>(?<![\d\w])-?{_NUMBER}|{_NUMBER})\s?(?P<unit>{UNIT})(?![A-Za-z])",
            _measure,
        ),
        (
            rf"(?P<u>(?<![A-Za-z])(?:{LONE_UNIT})(?:/(?:{UNIT}))?)(?![A-Za-z])",
            lambda m: unit(m["u"]),
        ),
        (r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/])", _fraction),
        (rf"{_EDGE}(?P<low>{_NUMBER}){_DASH}(?P<high>{_NUMBER})(?![\d-])", _range),
        # What is left.
        (r"(?<![\w）)])-(?=\d)", lambda m: "负"),
        (r"(?<=\d)\s?\+(?!\s*\d)", lambda m: "以上"),
        (r"\+", lambda m: "加"),
        (rf"(?<![\d.第])2(?=\s?{_TWO_BEFORE})", lambda m: "两"),
        (r"\d+(?:\.\d+){2,}", _plain_number),
        (_N, _plain_number),
        (r"和\s*/\s*或", lambda m: "和或"),
        (r"(?<=[特瑞可克升米])\s?/\s?(?=[一-鿿])", lambda m: "每"),
        (r"(?<=[一-鿿])\s*/\s*(?=[一-鿿])", lambda m: "或"),
    )
)
_SPACES = re.compile(r"(?<=[^\x00-\x7f]) +(?=[^\x00-\x7f])")
_TABLE = str.maketrans({**dict.fromkeys(_PAUSES, "，"), **_SYMBOLS, "-": " ", "'": "'"})


def read_zh(text: str) -> str:
    """Return the text with every number, unit and symbol written as it is spoken."""
    text = plain(text)
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    text = text.translate(_TABLE)
    return _SPACES.sub("", text).strip(" ，")
