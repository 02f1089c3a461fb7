"""English numerals: digits to words."""

from __future__ import annotations

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def cardinal(value: int) -> str:
    """Return a whole number as words: 1986 → one thousand nine hundred eighty-six."""
    if value < 0:
        return f"minus {cardinal(-value)}"
    if value < 20:
        return SMALL[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return _TENS[tens] + (f"-{SMALL[ones]}" if ones else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{SMALL[hundreds]} hundred" + (f" {cardinal(rest)}" if rest else "")
    if value >= 10**15:
        return digit_by_digit(str(value))
    scale, name = next(item for item in _SCALES if value >= item[0])
    high, rest = divmod(value, scale)
    return f"{cardinal(high)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(value: int) -> str:
    """Return a whole number as an ordinal word: 21 → twenty-first."""
    spoken = cardinal(value)
    start = max(spoken.rfind(" "), spoken.rfind("-")) + 1
    head, last = spoken[:start], spoken[start:]
    if last in _IRREGULAR:
        return head + _IRREGULAR[last]
    return f"{head}{last[:-1]}ieth" if last.endswith("y") else f"{head}{last}th"


def digit_by_digit(digits: str) -> str:
    """Return digits one by one: 911 → nine one one."""
    return " ".join(SMALL[int(digit)] for digit in digits)


def year(digits: str) -> str:
    """Return a year of four digits: 1986 → nineteen eighty-six, 2005 → two thousand five."""
    century, rest = int(digits[:2]), int(digits[2:])
    if rest == 0:
        return cardinal(int(digits)) if century % 10 == 0 else f"{cardinal(century)} hundred"
    if century % 10 == 0 and rest < 10:
        return cardinal(int(digits))
    return f"{cardinal(century)} " + (f"oh {SMALL[rest]}" if rest < 10 else cardinal(rest))


def number(written: str) -> str:
    """Return a number as words: 1,000 → one thousand, -0.5 → minus zero point five."""
    sign = "minus " if written.startswith("-") else ""
    whole, _, decimals = written.lstrip("-").replace(",", "").partition(".")
    spoken = cardinal(int(whole)) if len(whole) < 16 else digit_by_digit(whole)
    return sign + (f"{spoken} point {digit_by_digit(decimals)}" if decimals else spoken)
