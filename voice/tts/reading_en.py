"""English: numbers, units and symbols to words, so that only words and marks are left.

`read_en("at most 100 mSv")` is `"at most one hundred millisieverts"`. A table of rules, applied in
order; each takes what it is sure of, the last ones take the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

from voice.tts.numbers_en import SMALL, cardinal, digit_by_digit, number, ordinal, year
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

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MONTH = "|".join((*_MONTHS, *(f"{month[:3]}\\b\\.?" for month in _MONTHS)))
_PARTS = {2: "half", 3: "third", 4: "quarter"}

_N = r"(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_SIGNED = rf"(?:(?<![\w.)])-)?{_N}"
_DASH = r"\s*(?:-|–|—|~)\s*"


def unit(symbol: str, plural: bool) -> str:
    """Return a unit as words: mSv/h → millisieverts per hour."""
    first, *others = symbol.split("/")
    spoken = UNITS[first].en_plural if plural else UNITS[first].en
    return " per ".join([spoken, *(UNITS[other].en for other in others)])


def _measure(match: Match[str]) -> str:
    hyphen = match["hyphen"] == "-"  # a 10-km zone
    plural = match["number"] not in ("1", "-1") and not hyphen
    return f"{number(match['number'])} {unit(match['unit'], plural)}"


def _measure_range(match: Match[str]) -> str:
    return f"{number(match['low'])} to {number(match['high'])} {unit(match['unit'], plural=True)}"


def _phone(match: Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    return ", ".join(
        f"{SMALL[int(group[0])]} hundred"
        if len(groups) > 1 and re.fullmatch(r"[1-9]00", group)
        else digit_by_digit(group)
        for group in groups
    )


def _phone_after_verb(match: Match[str]) -> str:
    return match["verb"] + re.sub(r"\d+", lambda m: digit_by_digit(m[0]), match["digits"])


def _iso_date(match: Match[str]) -> str:
    return f"{_MONTHS[int(match[2]) - 1]} {ordinal(int(match[3]))}, {year(match[1])}"


def _month(written: str) -> str:
    return next(month for month in _MONTHS if month.startswith(written[:3]))


def _month_day(match: Match[str]) -> str:
    return f"{_month(match[1])} {ordinal(int(match[2]))}"


def _day_month(match: Match[str]) -> str:
    return f"{ordinal(int(match[1]))} of {_month(match[2])}"


def _clock(match: Match[str]) -> str:
    hour, minute = cardinal(int(match[1])), int(match[2])
    if minute == 0:
        spoken = f"{hour} hundred" if int(match[1]) > 12 else f"{hour} o'clock"
    else:
        spoken = f"{hour} " + (f"oh {SMALL[minute]}" if minute < 10 else cardinal(minute))
    half = {"a": " A M", "p": " P M"}.get((match[3] or " ")[0].lower(), "")
    return spoken.replace(" o'clock", "") + half if half else spoken


def _half_day(match: Match[str]) -> str:
    return f"{cardinal(int(match[1]))} {match[2][0].upper()} M"


def _standard(match: Match[str]) -> str:
    serial = ", ".join(digit_by_digit(part) for part in re.findall(r"\d+", match["serial"]))
    spoken = f"{match['body'].replace('/', ' ')} {serial}"
    return f"{spoken}, {year(match['year'])}" if match["year"] else spoken


def _nuclide(name: str, mass: str) -> str:
    spoken = NUCLIDES[name][1] if name in NUCLIDES else name
    value, metastable = mass.rstrip("m"), " M" if mass.endswith("m") else ""
    if len(value) == 3 and value[1:] != "00":
        rest = int(value[1:])
        tail = f"oh {SMALL[rest]}" if rest < 10 else cardinal(rest)
        return f"{spoken} {SMALL[int(value[0])]} {tail}{metastable}"
    return f"{spoken} {cardinal(int(value))}{metastable}"


def _fraction(match: Match[str]) -> str:
    top, bottom = int(match[1]), int(match[2])
    if bottom == 0:
        return f"{cardinal(top)} over zero"
    part = _PARTS.get(bottom) or ordinal(bottom)
    if top != 1:
        part = "halves" if bottom == 2 else f"{part}s"
    return f"{cardinal(top)} {part}"


def _money(match: Match[str]) -> str:
    return f"{number(match[2])}{match[3] or ''}{_SYMBOLS[match[1]].rstrip()}"


def _roman(match: Match[str]) -> str:
    return f"{match[1]}{cardinal(ROMAN[match[2]])}"


def _years(match: Match[str]) -> str:
    return f"{year(match[1])} to {year(match[2])}"


def _decade(match: Match[str]) -> str:
    spoken = year(match[1]) if len(match[1]) == 4 else cardinal(int(match[1]))
    return f"{spoken[:-1]}ies" if spoken.endswith("y") else f"{spoken}s"


def _plain_number(match: Match[str]) -> str:
    written = match[0]
    if written.count(".") > 1:
        return " point ".join(cardinal(int(part)) for part in written.split("."))
    digits_only = written.isdigit()
    if digits_only and (
        (len(written) > 1 and written[0] == "0")
        or (len(written) > 6 and not written.endswith("000"))
    ):
        return digit_by_digit(written)
    return number(written)


_NO_COUNT = (
    rf"(?!\s?(?:{UNIT})\b)(?![\d.,]*\d)(?!\s?%)"
    r"(?!\s(?:people|persons|times|hours|days|meters|metres))"
)
_SYMBOLS = {
    "≤": " at most ", "≥": " at least ", "<": " less than ", ">": " more than ",
    "≈": " about ", "±": " plus or minus ", "×": " times ", "÷": " divided by ",
    "=": " equals ", "≠": " is not ", "&": " and ", "@": " at ", "#": " number ",
    "%": " percent", "‰": " per thousand", "°": " degrees", "→": " to ", "$": " dollars ",
    "¥": " yuan ", "€": " euros ", "£": " pounds ",
    "+": " plus ", "§": " section ", "№": " number ",
    "∞": " infinity ", "√": " yes ",
    **{letter: names[1] for letter, names in GREEK.items()},
    **{chr(0x2460 + index): f", {cardinal(index + 1)}, " for index in range(20)},
}  # fmt: skip
_PAUSES = "·•●■◆▪*_|\\^`~[]{}–—"

Rule = tuple[re.Pattern[str], Callable[[Match[str]], str]]
_RULES: tuple[Rule, ...] = tuple(
    (re.compile(pattern), replace)
    for pattern, replace in (
        (r"(?<=[A-Za-z])\.(?=[A-Za-z]{2,}\b)", lambda m: " dot "),
        (r"\b24/7\b", lambda m: "twenty-four seven"),
        (r"(?i)\be\.g\.", lambda m: "for example"),
        (r"(?i)\bi\.e\.", lambda m: "that is"),
        (r"(?i)\bapprox\.", lambda m: "approximately"),
        (r"(?i)\betc\.", lambda m: "et cetera"),
        (r"(?i)\bvs\.?(?=\s)", lambda m: "versus"),
        (r"\bNos?\.\s?(?=\d)", lambda m: "number "),
        (r"\bDr\.", lambda m: "Doctor"),
        (r"\bMr\.", lambda m: "Mister"),
        (r"\b((?:[A-Z]\.){2,})", lambda m: m[1].replace(".", "")),
        # Telephone numbers: with groups, after a verb, and the well-known short ones.
        (r"(?<![\d-])(?:\+?\d{1,3}-)?\d{3,4}-\d{3,4}-?\d{4}(?![\d-])", _phone),
        (
            rf"(?P<verb>\b(?i:call|calling|dial|dialling|phone|ring|hotline|helpline|telephone|number"
            rf"|text)\b\D{{0,25}}?)"
            rf"(?P<digits>\b\d{{3,12}}(?:(?:,\s?|\s?/\s?|\sor\s|\sand\s)\d{{3,12}})*){_NO_COUNT}",
            _phone_after_verb,
        ),
        (rf"(?<![\d.,-])(?:911|999|112|988|12345|12369|12379)(?![\d-]){_NO_COUNT}", _phone),
        # Dates and times.
        (r"(?<!\d)(\d{4})[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])(?!\d)", _iso_date),
        (rf"\b({_MONTH})\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)", _month_day),
        (rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s({_MONTH})\b", _day_month),
        (r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?!\d)(?:\s?([ap]\.?m\.?\b\.?))?", _clock),
        (r"(?<![\d:.])(1[0-2]|[1-9])\s?([ap]\.?m\b\.?|AM\b|PM\b)", _half_day),
        (rf"({_N}):({_N})", lambda m: f"{number(m[1])} to {number(m[2])}"),
        (r"\b(1[5-9]\d\d|20\d\d)\s?[-–—]\s?(1[5-9]\d\d|20\d\d)\b(?!\s?(?:mSv|Bq))", _years),
        (r"\b((?:1[5-9]|20)?\d0)'?s\b", _decade),
        # Standards and nuclides.
        (
            r"(?P<body>\b(?:GB(?:/T|/Z)?|HAF|HAD|GBZ|ISO|IEC|EN|GSR|SSG|GSG|SSR|RS-G|EPR))[ -]?"
            r"(?P<serial>\d{1,6}(?:\.\d+)*)(?:[-—–:](?P<year>\d{4}))?",
            _standard,
        ),
        (
            r"(?i:\b(iodine|caesium|cesium|strontium|plutonium|uranium|cobalt|iridium|americium"
            r"|polonium|radium|carbon|potassium|technetium|xenon|krypton|thorium|radon))"
            r"[ -](\d{2,3}m?)\b(?!\s?(?:mg|μg|g|kg|%|Bq))",
            lambda m: _nuclide(m[1], m[2]),
        ),
        (NUCLIDE, lambda m: _nuclide(m[1], m[2])),
        (NUCLIDE_REVERSED, lambda m: _nuclide(m[2], m[1])),
        (
            r"\b((?:[Cc]ategory|[Cc]lass|[Ll]evel|[Tt]ype|[Pp]art|[Pp]hase|[Zz]one|[Ss]tage|War|Unit"
            r"|[Gg]rade)\s)(VIII|VII|VI|IV|IX|III|II|I|V|X)\b",
            _roman,
        ),
        # Percentages, measures, money, ordinals, fractions, years, ranges.
        (rf"({_SIGNED})%?{_DASH}({_N})\s?%", lambda m: f"{number(m[1])} to {number(m[2])} percent"),
        (rf"({_SIGNED})\s?%", lambda m: f"{number(m[1])} percent"),
        (
            rf"(?P<low>{_SIGNED})\s?(?:{UNIT})?(?:{_DASH}|\sto\s)(?P<high>-?{_N})\s?"
            rf"(?P<unit>{UNIT})(?![A-Za-z])",
            _measure_range,
        ),
        (
            rf"(?P<number>{_SIGNED})(?P<hyphen>-|\s?)(?P<unit>{UNIT})(?![A-Za-z])(?<!\da)",
            _measure,
        ),
        (
            rf"(?<![A-Za-z])({LONE_UNIT})((?:/(?:{UNIT}))?)(?![A-Za-z])",
            lambda m: unit(m[1] + m[2], plural=True),
        ),
        (rf"([$€£])\s?({_N})(\s(?:million|billion|thousand))?", _money),
        (r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1]))),
        (r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/])", _fraction),
        (
            r"(?<![\d.,-])(1[89]\d\d|20\d\d)(?![\d,]*\d)(?!\.\d)(?!\s?(?:people|times|km|mSv|%))",
            lambda m: year(m[1]),
        ),
        (
            rf"(?<![\d.A-Za-z-])({_N})(?:-|–|—|~|\s[-–—~]\s)({_N})(?![\d-])",
            lambda m: f"{number(m[1])} to {number(m[2])}",
        ),
        # What is left.
        (rf"(?<![\w.)])-(?={_N})", lambda m: "minus "),
        (r"(?<=\d)\s?\+(?!\s*\d)", lambda m: " or more"),
        (r"\d+(?:\.\d+){2,}", _plain_number),
        (r"(?<=[A-Za-z])-?(?=\d)|(?<=\d)-?(?=[A-Za-z])", lambda m: " "),
        (_N, _plain_number),
        (r"\band/or\b", lambda m: "and or"),
        (
            r"(?<=\w)/(?=(?:hour|minute|second|day|week|month|year|person|litre|kilogram)\b)",
            lambda m: " per ",
        ),
        (r"(?<=[A-Za-z])/(?=[A-Za-z])", lambda m: " or "),
    )
)
_TABLE = str.maketrans({**dict.fromkeys(_PAUSES, ", "), "/": " ", "-": " ", **_SYMBOLS})


def read_en(text: str) -> str:
    """Return the text with every number, unit and symbol written as it is spoken."""
    text = plain(text)
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    text = re.sub(r"(?<=\w)-(?=\w)", "\x00", text).translate(_TABLE).replace("\x00", "-")
    return re.sub(r" +", " ", re.sub(r" +(?=[,.;:!?])", "", text)).strip(" ,")
