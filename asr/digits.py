"""Numbers in spoken Mandarin as people write them: 百分之三十 is 30%, 幺二零 is 120.

For recognisers that write every number in characters. What is no quantity stays: 一下, 十分危险,
万一, 三里岛, 两天, 第一.
"""

from __future__ import annotations

import re

_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")}
_DIGITS |= {"〇": 0, "幺": 1, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}

_NUMBER = r"[一二两三四五六七八九十][零〇一二两三四五六七八九十百千]*"
_DECIMALS = r"(?:点[零〇一二三四五六七八九]+)"
_BIG = r"[万亿]?"
_MEASURE = (
    r"公里|千米|厘米|毫米|微米|英里|米|公斤|千克|毫克|微克|克|吨|毫升|升|平方|立方|毫希|微希|希沃特|希弗"
    r"|毫戈|戈瑞|贝克|贝可|居里|岁|周岁|度|摄氏度|兆瓦|千瓦|伏|赫兹|分贝|小时|分钟|秒"
)
"""Units that are measured in: figures stand before them also if there is one only."""
_COUNT = r"[个天周年月日号点次片粒倍层级人户元块楼颗滴瓶遍家名位台座]"
"""Words that are counted by: 三天 and 两次 are mostly written so, 十五天 is not."""
_TIMES = r"早上|上午|中午|下午|傍晚|晚上|夜里|凌晨|今早|今晚|明早"

_TELEPHONE = re.compile(r"(?<![十百千万亿点第])[零〇一二三四五六七八九幺]{3,}(?![十百千万亿])")
_PERCENT = re.compile(rf"百分之(百|{_NUMBER}{_DECIMALS}?|零{_DECIMALS})")
_CLOCK = re.compile(
    rf"({_TIMES})({_NUMBER})点(?:({_NUMBER})分|({_NUMBER})(?![\w])|(半|一刻|三刻|整))?"
)
_MINUTES = re.compile(rf"(?<![点分之])({_NUMBER})点({_NUMBER})分(?!之)")
_DATE = re.compile(rf"({_NUMBER})月({_NUMBER})([日号])")
_MEASURED = re.compile(
    rf"(?<![第几数])((?:零|{_NUMBER}){_DECIMALS}|{_NUMBER})({_BIG})(?=[多来]?(?:{_MEASURE}))"
)
_COUNTED = re.compile(
    rf"(?<![第几数])([一二三四五六七八九]?[十百千][零〇一二三四五六七八九十百]*)({_BIG})(?=多?(?:{_COUNT}))"
)
_LARGE = re.compile(
    r"(?<![第几数])([一二三四五六七八九][百千][零〇一二三四五六七八九十百]+)"
    r"(?<![百千][一二三四五六七八九])(?![几万亿分])"
)


def with_digits(text: str) -> str:
    """Return `text` with the quantities, times and telephone numbers in it in figures."""
    text = _PERCENT.sub(lambda m: "100%" if m[1] == "百" else f"{_figures(m[1])}%", text)
    text = _TELEPHONE.sub(lambda m: _spelled(m[0]), text)
    text = _DATE.sub(lambda m: f"{_figures(m[1])}月{_figures(m[2])}{m[3]}", text)
    text = _CLOCK.sub(_clock, text)
    text = _MINUTES.sub(lambda m: f"{_figures(m[1])}点{_figures(m[2])}分", text)
    for pattern in (_MEASURED, _COUNTED):
        text = pattern.sub(lambda m: _figures(m[1]) + m[2], text)
    return _LARGE.sub(lambda m: _figures(m[1]), text)


def _clock(match: re.Match[str]) -> str:
    part, hour, minutes, bare, rest = match.groups()
    after = f"{_figures(minutes)}分" if minutes else _figures(bare) if bare else rest or ""
    return f"{part}{_figures(hour)}点{after}"


def _figures(number: str) -> str:
    """Return a number below ten thousand, with decimals, in figures."""
    whole, point, decimals = number.partition("点")
    return f"{_value(whole)}{'.' if point else ''}{_spelled(decimals)}"


def _spelled(digits: str) -> str:
    return "".join(str(_DIGITS[character]) for character in digits)


def _value(number: str) -> int:
    """Read 一百零五 as 105, 一百五 as 150, 二五 as 25."""
    if not set(number) & set(_SCALES):
        return int(_spelled(number))
    total = digit = 0
    scale = 10
    for character in number:
        if character in _SCALES:
            scale = _SCALES[character]
            total += (digit or 1) * scale
            digit = 0
        else:
            digit = _DIGITS[character]
            scale = 10 if character in "零〇" else scale
    return total + digit * (scale // 10 or 1)
