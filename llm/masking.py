"""Personal data in texts: numbers of persons and telephones, names, addresses, e-mail.

Rules, not understanding: they would rather mask too much (any 15 digits) than too little, and
they cannot know a name that nothing announces ("我是张三"). Digits are found as speech
recognition writes them, too: 一三八 for 138. Emergency numbers and measured values stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

EMERGENCY_NUMBERS = frozenset(
    ("110", "112", "119", "120", "122", "911", "995", "999")
    + ("12110", "12320", "12345", "12350", "12356", "12369", "12379", "12395")
)
_AS_DIGITS = str.maketrans(
    "零〇一二三四五六七八九幺两０１２３４５６７８９＋－＠", "00123456789120123456789+-@"
)


def _all_emergency(numbers: str) -> bool:
    return all(part in EMERGENCY_NUMBERS for part in re.findall(r"\d+", numbers))


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True)
class _Rule:
    label: str
    pattern: re.Pattern[str]
    """What it matches is masked, or its group `what` if it has one."""
    spoken_digits: bool = False
    """Read 一三八 as 138."""
    keeps: Callable[[str], bool] = _never


def _rule(
    label: str, pattern: str, spoken_digits: bool = False, keeps: Callable[[str], bool] = _never
) -> _Rule:
    return _Rule(label, re.compile(pattern, re.IGNORECASE | re.VERBOSE), spoken_digits, keeps)


_HAN = r"\u3400-\u9fff"
_NUMBER = r"[\dA-Za-z零〇一二三四五六七八九十百千两幺-]"

_PERSON = "[我他她名]|孩子|儿子|女儿|爸爸?|妈妈?|老公|老婆|先生|太太|朋友|同学|邻居"
# What follows 叫 where it means "to call somebody", as in 我叫救护车.
_CALLED = (
    "了不没过着得你您我他她它们人大家什谁啥哪车救医护警保物邻消外出租滴急叔阿爸妈爷奶老孩朋同门"
)
_AFTER_NAME = (
    r"今年|现在|住|在|是|家|的|电话|手机|身份证|我|岁|\d|来自|来|被|想|要|需要|受伤|请|和|跟"
)
_COMPOUND = "欧阳|司马|诸葛|上官|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|长孙|宇文|夏侯|端木|百里|南宫"
_STOP = r"and|i|i'm|im|from|what|is|my|can|the|he|she|we|please|how|when|should|do|a|an|at|in|but"
_WORD = rf"(?!(?:{_STOP})\b)[a-z][a-z'’-]*"

# A part of an address before its number, up to a verb or a pronoun: 我住在|朝阳区建国路.
_PLACE = rf"(?:(?![我你您他她它在住到去是址于离从了和])[{_HAN}])"
_ROAD = "路|街|大道|巷|弄|胡同|村|庄|屯|小区|花园|家园|新村|苑|园|院|里|镇|乡|社区"
# Not 1号机组 (a reactor), 5号线 (a metro line), 3号车.
_FIRST = rf"第?{_NUMBER}{{1,6}}\s?(?:号楼|号院|号(?!机|线|车|反应|堆)|弄|栋|幢|座|单元|组|室)"
_NEXT = rf"\s?第?{_NUMBER}{{1,6}}\s?(?:号楼|号|栋|幢|座|单元|楼|层|室|户|房)"

# The commonest surnames that hardly ever begin another word in a question.
_SURNAME = (
    "[王李张刘陈杨赵黄周吴徐孙胡朱郭何罗郑梁宋唐韩冯邓曹彭曾萧蔡潘袁董苏魏蒋杜丁沈姜卢傅钟汪廖]"
)
_RELATION = "爸爸?|妈妈?|老公|老婆|儿子|女儿|爷爷|奶奶|哥哥?|姐姐?|弟弟|妹妹|丈夫|妻子|孩子|邻居"
_LABELLED = (
    "车牌号?|护照号?码?|学号|工号|编号|证件号?码?|社保号?|医保号?|卡号|微信号?|qq号?"
    "|passport|licen[cs]e plate|plate number|student id|member id|wechat"
)

_RULES = (
    _rule(
        "e-mail",
        r"[\w.+-]{1,64}\s?@\s?[\w-]{1,64}(?:\.[\w-]{1,64})+"
        r"|\b[\w.+-]{1,64}\s(?:at|艾特)\s[\w-]{1,64}\s(?:dot|点)\s(?:com|cn|net|org|edu)\b",
        True,
    ),
    _rule("id", r"\d(?:[\ -]?\d){14,}[\ -]?[x叉]?", True, _all_emergency),
    _rule("phone", r"(?<!\d)(?:\+?86[\ -]?)?1[3-9]\d(?:[\ -]?\d){8}(?!\d)", True),
    _rule("phone", r"(?<!\d)\(?0\d{2,3}\)?[\ -]?[2-9]\d{3}[\ -]?\d{3,4}(?!\d)", True),
    _rule("phone", r"\+\d(?:[\ ()-]{0,2}\d){6,}", True),
    _rule("phone", r"(?<!\d)\(?\d{3}\)?[\ .-]{1,2}\d{3}[\ .-]\d{4}(?!\d)"),
    _rule(
        "phone",
        r"(?:电话|手机|座机|号码|联系方式|微信|qq|phone|mobile|cell|number|reach\ me\ (?:at|on))"
        r"[^\d]{0,8}(?P<what>\d(?:[\ -]?\d){6,})",
        True,
        _all_emergency,
    ),
    _rule(
        "phone",
        r"\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b[\ ,-]*){7,}(?<![\ ,-])",
    ),
    _rule(
        "id",
        rf"(?:{_LABELLED.replace(' ', '[ ]')})(?:[ ](?:number|no[.]?|id))?(?:是|为|:|：|[ ]is)?[ ]?"
        rf"(?P<what>[{_HAN}]?[a-z_-]*\d[a-z\d_-]*|[a-z]{{1,3}}[ ]\d[a-z\d]*)",
    ),
    _rule(
        "address",
        rf"{_PLACE}{{1,24}}?(?:{_ROAD})\s?{_FIRST}(?:{_NEXT})*"
        rf"|{_NUMBER}{{1,4}}\s?(?:号楼|栋|幢|座|单元)(?:{_NEXT})+"
        r"|\d{3,5}\s?室"
        rf"|(?<=[一二三四五六七八九十\d]单元)\s?{_NUMBER}{{1,5}}",
    ),
    _rule(
        "address",
        r"\b\d{1,5}[a-z]?(?:\ [a-z]+){1,3}\ (?:street|st|road|rd|avenue|ave|lane|drive|boulevard)\b"
        r"(?:,?\ (?:apt|apartment|flat|room)\.?\ \w{1,5}\b)?"
        r"|\b(?:apt|apartment|flat|room)\.?\ (?:no\.?\ )?\d+[a-z]?\b",
    ),
    _rule(
        "name",
        rf"(?:姓名(?:是|：|:)?|名字(?:是|：|:)|(?:{_PERSON})(?:名字)?叫做?)\s?(?![{_CALLED}])"
        rf"(?P<what>[{_HAN}]{{1,12}}(?:·[{_HAN}]{{1,12}})+|(?:{_COMPOUND})[{_HAN}]{{1,2}}"
        rf"|[{_HAN}]{{2,3}}?(?={_AFTER_NAME}|[^{_HAN}]|$)|[{_HAN}]{{3}})",
    ),
    _rule(
        "name",
        rf"(?:我(?:就)?是|我姓|[我他她](?:的)?(?:{_RELATION}))"
        rf"(?P<what>{_SURNAME}[{_HAN}]{{0,2}}?)(?={_AFTER_NAME}|有|没|[^{_HAN}]|$)",
    ),
    _rule("name", rf"(?<![{_HAN}]老)老{_SURNAME}头?(?={_AFTER_NAME}|有|没|[^{_HAN}]|$)"),
    _rule(
        "name",
        r"(?-i:\b(?:[Tt]his\ is|[Mm]y\ (?:son|daughter|wife|husband|mother|father|mum|mom|dad"
        r"|brother|sister|friend|neighbou?r))\ (?P<what>[A-Z][a-z]+(?:\ [A-Z][a-z]+){0,2}))",
    ),
    _rule(
        "name",
        r"\b(?:name(?:\ is|['’]s)|i(?:\ am|['’]m)\ called)\ "
        rf"(?P<what>{_WORD}(?:\ {_WORD}){{0,2}})",
    ),
)


@dataclass(frozen=True, order=True)
class Found:
    """A place in a text that holds personal data."""

    start: int
    end: int
    label: str
    """e-mail, id, phone, address or name."""


def find(text: str) -> list[Found]:
    """Return the places that hold personal data, in order, none inside another."""
    plain, digits = text, text.translate(_AS_DIGITS)  # the same length, place by place
    found = []
    for rule in _RULES:
        for match in rule.pattern.finditer(digits if rule.spoken_digits else plain):
            start, end = match.span("what" if "what" in rule.pattern.groupindex else 0)
            if rule.keeps(match.string[start:end]):
                continue
            found.append(Found(start, end, rule.label))
            plain, digits = (_blank(which, start, end) for which in (plain, digits))
    return sorted(found)


def mask(text: str) -> str:
    """Return the text with personal data replaced by [e-mail], [id], [phone], [address], [name]."""
    for place in reversed(find(text)):
        text = f"{text[: place.start]}[{place.label}]{text[place.end :]}"
    return text


def _blank(text: str, start: int, end: int) -> str:
    """Put in characters that no rule matches, so that nothing is masked twice."""
    return text[:start] + "\0" * (end - start) + text[end:]
