"""Completes a short follow-up from the question before it: 那小孩呢？, "what about my dog?"

Only a few closed forms count as follow-ups, and a thing is carried over only if its kind is known
(`followup.toml`): whatever else is said stands alone, so that a new topic is never read as the old.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llm import KnowledgeError
from llm.wording import any_of, clean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WORDS = Path(__file__).with_name("followup.toml")

_MARKS = " ,.?!，。？！、;；…~"
_NUMBER = "[0-9零一二两三四五六七八九十百]+"
_AGE = {
    "zh": rf"{_NUMBER}(?:个半?月|周?岁|天)半?(?:多|左右|以上|以下)?(?:大的|大|的)?",
    "en": r"(?:\w+|\w+-\w+)[- ](?:year|month|day|week)s?[- ]olds?",
}
_OWNER = {
    "zh": r"(?:(?:我|俺|咱|你|他|她)(?:们)?(?:家)?(?:里)?(?:的)?)?",
    "en": r"(?:(?:my|our|your|his|her|their|the|an|a|any) )?",
}

_ABOUT = {
    "zh": re.compile(
        # 那些, 那里 and the like are what recognisers write for 哪些, 哪里: whole questions.
        r"(?:(?P<lead>那么|那(?![些里个种儿位])|要是|如果|假如|换成|换了|还有|另外)(?:要是|如果|假如|换成)?(?:说|是)?)?"
        r"(?P<what>.{1,12}?)"
        r"(?P<tail>(?:的话)?呢|(?:的话)?(?:也|还)?(?:一样|可以|行|能|要|需要|是|算|管用|有用)(?:吗|么|不|嘛)|的话)?"
        r"[啊呀呢]?"
    ),
    "en": re.compile(
        r"(?:and |but |so |ok |okay |then )*"
        r"(?:what about|how about|what of|what if|and for|and if|and in|and|or|but|for|in)"
        r"(?: (?:i am|i'm|we are|it is|it's|there is|there's|i have|we have|i live in|for|in))?"
        r" (?P<what>.{1,40}?)(?: then| too| instead| as well)?"
    ),
}
_QUESTION_WORD = {
    "zh": re.compile(
        r"吗|么|什么|啥|怎|咋|多少|多久|几|哪|谁|为何|能不能|要不要|会不会|是不是|可以"
    ),
    "en": re.compile(
        r"\b(?:what|how|when|where|why|who|which|can|could|should|do|does|did|is|are|will|would"
        r"|may|must|tell)\b"
    ),
}
_BARE = {
    "zh": re.compile(
        r"(?:那|那么|这个|那个|它|这|这样|那样|这种|一共|一般|大概|最多|最少)*"
        r"(?:还|又|都|也)?(?:要|得|该|应该|需要|可以|能)?"
        r"(?:等|吃|喝|洗|待|呆|躲|用|服|放|走|去|有)?"
        r"(?:多久|多长时间|多少|多少钱|多远|多大|几片|几次|几天|几遍|几个小时|几级|什么时候|啥时候"
        r"|怎么(?:吃|洗|做|用|走|去|放|戴|擦|关|堵)|在哪儿?里?|去哪儿?里?|往哪儿?里?|哪里|哪儿|谁说了算|听谁的"
        r"|能吃吗|能喝吗|能用吗|有用吗|管用吗|危险吗|安全吗|严重吗|会死吗|要紧吗|传染吗)"
        r"(?:吃|喝|洗|去|走|用|领|拿|出来|结束|开始|才行|才够|才安全|合适)?(?:呢|啊|呀|的)?"
    ),
    "en": re.compile(
        r"(?:and |but |so |then |for |until |from )*"
        r"(?:how(?: (?:long|many|much|often|far|soon))?|when|where|who decides|which one)"
        r"(?: should i| do i| can i| must i| is it| for| exactly| then| to wait| to go)?"
        r"(?: take it| take them| wait| stay| go| wash| do it| do that| eat it| drink it)?"
    ),
}
_WHY = {
    "zh": re.compile(r"(?:那|这|这是|那是)?(?:为什么|为啥|为何|什么原因|凭什么)(?:呢|啊|呀)?"),
    "en": re.compile(r"(?:and |but |so )?why(?: is that| not| so)?|how come"),
}
_MORE = {
    "zh": re.compile(
        r"(?:那|嗯|好|好的)?(?:还有呢|还有吗|还有什么|还有别的吗|然后呢|接着呢|接下来呢|再说说|再讲讲|详细点|详细说说|说详细点|多说点)"
    ),
    "en": re.compile(
        r"(?:and |ok |okay )?(?:what else|anything else|and then|then what|tell me more|go on"
        r"|more(?: details?)?)"
    ),
}
_CHOICE = {
    "zh": (
        re.compile(
            r"(?:是|我问|我是问|就是)?(?:的|那)?(?:第一个|前一个|前面那个|前面的|前者|头一个)(?:问题)?吧?"
        ),
        re.compile(
            r"(?:是|我问|我是问|就是)?(?:的|那)?(?:第二个|后一个|后面那个|后面的|后者)(?:问题)?吧?"
        ),
    ),
    "en": (
        re.compile(r"(?:i mean |it's )?(?:the )?(?:first|former)(?: one| question)?(?: please)?"),
        re.compile(
            r"(?:i mean |it's )?(?:the )?(?:second|latter|last|other)"
            r"(?: one| question)?(?: please)?"
        ),
    ),
}
_ASKED = {
    "zh": re.compile(
        r"什么时候|啥时候|为什么|怎么办|咋办|多长时间|多久|多少|(?:还|也)?(?:能不能|可不可以|要不要|会不会|是不是|该不该)"
        r"|怎么|如何|(?:吗|么|呢|啊|呀|吧|不)$"
    ),
    "en": re.compile(
        r"^(?:and |so )?(?:how(?: (?:long|many|much|often|far))?|what|when|where|why"
        r"|can|could|should|do|does|is|are|will|may|must)\b"
        r"(?: (?:should|do|can|must|may|is|are)\b)?"
        r"(?: (?:i|we|you|it)\b)?"
    ),
}
"""What of the last question gives way to the new question word."""


@dataclass(frozen=True)
class _Slots:
    """Words of one language that can take one another's place."""

    kinds: Mapping[str, str]
    pattern: re.Pattern[str]
    """A word with its owner and age."""
    word: re.Pattern[str]

    def find(self, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Yield kind and place of every such word."""
        for match in self.pattern.finditer(text):
            named = self.word.search(match[0])
            yield (self.kinds[named[0]] if named else "beings"), match


class FollowUps:
    """Tells follow-ups from questions that stand alone."""

    def __init__(self, path: Path = WORDS) -> None:
        """Read the words. Raises KnowledgeError."""
        table = _read(path)
        self._slots = {language: _slots(table, language) for language in ("zh", "en")}

    def complete(self, text: str, language: str, last: str) -> str:
        """Return the whole question that a follow-up to the question `last` stands for.

        Empty if the text is no follow-up.
        """
        said, last = _bare(text), _bare(last)
        if _WHY[language].fullmatch(said):
            return f"为什么{_topic(last, language)}" if language == "zh" else f"why {last}"
        if _BARE[language].fullmatch(said):
            return f"{_topic(last, language)} {said}"
        about = _ABOUT[language].fullmatch(said)
        if not about or not self._is_about(about, language):
            return ""
        return self._exchanged(about["what"], last, language)

    def _is_about(self, about: re.Match[str], language: str) -> bool:
        what = about["what"]
        if language == "zh":
            tail = about["tail"] or ""
            if not about["lead"] and not tail.startswith("也") and not tail.endswith("呢"):
                return False
        if _QUESTION_WORD[language].search(what):
            return False
        return any(True for _ in self._slots[language].find(what))

    def _exchanged(self, what: str, last: str, language: str) -> str:
        """Return the last question about another thing, or with one thing more."""
        slots = self._slots[language]
        kinds = {kind for kind, _ in slots.find(what)}
        for kind, place in slots.find(last):
            if kind in kinds:
                return f"{last[: place.start()]}{what}{last[place.end() :]}"
        return f"{what}{last}" if language == "zh" else f"{last} {what}"


def asks_more(text: str, language: str) -> bool:
    """Return whether a text asks for more of the same: 还有呢？"""
    return bool(_MORE[language].fullmatch(_bare(text)))


def asks_why(text: str, language: str) -> bool:
    """Return whether a text only asks why."""
    return bool(_WHY[language].fullmatch(_bare(text)))


def chosen(text: str, language: str) -> int | None:
    """Return which of two readings a text chooses, 0 or 1; None if it does not choose."""
    said = _bare(text)
    return next((n for n, form in enumerate(_CHOICE[language]) if form.fullmatch(said)), None)


def _bare(text: str) -> str:
    return clean(text).strip(_MARKS)


def _topic(last: str, language: str) -> str:
    """Return a question without what it asked."""
    return _ASKED[language].sub("", last).strip(_MARKS)


def _read(path: Path) -> list[dict[str, list[str]]]:
    try:
        slots: list[dict[str, list[str]]] = tomllib.loads(path.read_text(encoding="utf-8"))["slot"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError) as error:
        raise KnowledgeError(f"{path}: {error}") from error
    return slots


def _slots(table: list[dict[str, list[str]]], language: str) -> _Slots:
    kinds = {clean(word): str(row["name"]) for row in table for word in row[language]}
    word = any_of(kinds)
    named = rf"(?:{_AGE[language]}\s?)?(?:{word.pattern})(?:们)?"
    return _Slots(kinds, re.compile(rf"{_OWNER[language]}(?:{named}|{_AGE[language]})"), word)
