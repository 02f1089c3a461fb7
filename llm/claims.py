"""What a clause claims: quantities, comparisons, named things, permission, order in time.

Everything is brought to one form, so that a rewording compares equal and a changed fact does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from llm.knowledge.vocabulary import Vocabulary
from llm.language import is_han
from llm.ngrams import stem
from llm.numbers import Quantity, pieces, quantities, without_quantities
from llm.order import AND
from llm.wording import Wording

_SENTENCE_END = {"zh": re.compile(r"[。！？!?；;\n]+"), "en": re.compile(r"[.!?;](?=\s|$)|\n+")}
_CLAUSE_END = {
    "zh": re.compile(r"[，,：:（）()]+"),
    "en": re.compile(r"[,:()]+(?=\s|$)|\s[-–—]\s|\s(?:and|but|while)\s"),
}

_MODES = {
    "zh": (
        ("not_needed", r"不必|不用(?!护|力)|不需要?|无需|无须|用不着"),
        ("denied", r"不一定|不等于|不是"),
        (
            "prohibited",
            r"不要|不能|不可以?|不得|不应该?|不宜|不许|不准|别(?![的人处])|勿|禁止|严禁|避免|切忌|莫",
        ),
        ("denied", r"没有|没|未|不会|无(?!论)|不(?!过|断|仅|但|同|少)"),
        ("required", r"必须|务必|一定要|应该|应当|应(?!急)|需要|须"),
        ("permitted", r"可以|可能|能够|允许|可|能(?!量)"),
    ),
    "en": (
        (
            "not_needed",
            r"(?:do|does|need) ?n[o']t need|need not|needn't|no need|not necessary|unnecessary"
            r"|(?:do|does|did)(?: not|n't) have to|not (?:required|obliged) to|do not need",
        ),
        (
            "prohibited",
            r"do not|don't|must not|mustn't|should not|shouldn't|cannot|can't|can not|may not|never"
            r"|avoid|not allowed|stop",
        ),
        (
            "denied",
            r"\bnot\b|n't|\bno\b|\bnone\b|\bwithout\b|\bneither\b|\bnor\b|\bhardly\b|\bunsafe\b|\bfails?\b",
        ),
        (
            "required",
            r"\bmust\b|\bshould\b|\bhave to\b|\bhas to\b|\bneeds? to\b|\brequired\b|\balways\b",
        ),
        ("permitted", r"\bmay\b|\bcan\b|\bcould\b|\ballowed\b|\bmight\b"),
    ),
}
_MODE_PATTERNS = {
    language: [(mode, re.compile(pattern)) for mode, pattern in rows]
    for language, rows in _MODES.items()
}
NEGATIONS = frozenset({"not_needed", "denied", "prohibited"})

_COMPARISONS = {
    "at_most": r"不(?:宜|得|能|应|会|可|许)?(?:超过|高于|大于)"
    r"|最多|至多|以内|之内|以下|低于|少于|小于|不到|<|≤"
    r"|up to|at most|no more than|not more than|less than|under|below|within|fewer than|maximum",
    "at_least": r"至少|不(?:宜|得|能|应|会|可|许)?(?:少于|低于|小于)|超过|高于|大于|多于|以上|>|≥"
    r"|at least|no less than|more than|over|above|exceed\w*|minimum",
}
_COMPARISON = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _COMPARISONS.items()))

_RELATIONS = {
    "before": r"之前|以前|前(?!往|来|后)|\bbefore\b|\bprior\b|\buntil\b",
    "after": r"之后|以后|后(?!者|果|来)|\bafter\b|\bafterwards\b",
    "at_once": r"立即|立刻|马上|\bimmediately\b|\bat once\b|\bright away\b",
    "indoors": r"室内|屋内|屋里|\bindoors\b|\binside\b",
    "outdoors": r"室外|屋外|户外|外面|\boutdoors\b|\boutside\b",
    "enter": r"进(?=屋|楼|室|门|家|到|入|去|地下)|\benter\b|\bgo in(?:side)?\b|\bget in(?:side)?\b",
    "leave": r"出(?=门|屋|楼|去|来|室|发)|离开|外出|\bleave\b|\bgo out(?:side)?\b|\bget out\b",
    "below ground": r"地下|\bbasement\b|\bcellar\b|\bunderground\b",
    "top": r"楼顶|顶楼|顶层|屋顶|\broof\b|\battic\b|\btop floor\b|\bupstairs\b",
    "high": r"高处|\buphill\b|\bhigher ground\b",
    "low": r"低处|低洼|\bdownhill\b",
    "above a limit": r"(?:超过|高于)(?!\s*[\d一二两三四五六七八九十百千])|\bexceed\w*",
    "below a limit": r"(?:低于|小于)(?!\s*[\d一二两三四五六七八九十百千])",
    "upwind": r"上风|迎风|\bupwind\b",
    "downwind": r"下风|顺风|\bdownwind\b",
    "only": r"只|仅|\bonly\b",
    "all": r"所有|全部|任何|一切|人人|每个人|\ball\b|\bevery\b|\bany\b",
    "more": r"更|越|增加|\bmore\b|\bincreas\w*|\bhigher\b",
    "less": r"减少|减轻|降低|更少|\bless\b|\breduc\w*|\blower\b|\bcuts?\b",
    "whether": r"是否|\bwhether\b",
    "always": r"总是|永远|始终|绝对|肯定|百分之百|完全|正好|刚好|\balways\b|\bcertain(?:ly)?\b"
    r"|\bdefinitely\b|\bcompletely\b|\bentirely\b|\bexactly\b|\bsurely\b",
    "a day": r"每天|每日|一天|天天|\b(?:a|per|each|every) day\b|\bdaily\b",
    "a year": r"每年|一年|\b(?:a|per|each|every) year\b|\byearly\b|\bannual\w*",
    "a month": r"每月|每个月|\b(?:a|per|each|every) month\b|\bmonthly\b",
    "an hour": r"每小时|\b(?:an|per|each|every) hour\b|\bhourly\b",
    "a minute": r"每分钟|\b(?:a|per|each|every) minute\b",
    "a meal": r"每餐|每顿|\bmeals?\b",
    "rising": r"越[大高多重长强]|升",
    "falling": r"越[小低少轻短弱]|降",
    "near": r"(?<!就)近(?!似|亲)|\bclose to\b|\bnext to\b|\bnear\b",
    "far": r"远|\baway from\b|\bfar from\b",
    "hard": r"用力|使劲|狠|\bforceful\w*|\bhard\b",
    "gently": r"轻轻|动作要轻|\bgentl\w+",
    "fairly": r"较(?!早)|\brather\b|\bfairly\b|\brarely\b",
    "first": r"先|\bfirst\b",
    "authority": r"政府|当局|官方|主管部门|\bauthorit\w+|\bofficials?\b|\bgovernment\b",
    "doctor": r"医生|医院|\bdoctors?\b|\bhospitals?\b",
    "self": r"自己|自行|\byourself\b|\bon your own\b",
    "school": r"学校|老师|\bschools?\b|\bteachers?\b|\bstaff\b",
    "police": r"公安|警察|\bpolice\b",
}
_RELATION_PATTERNS = {name: re.compile(words) for name, words in _RELATIONS.items()}

_AT_ONCE = _RELATION_PATTERNS["at_once"]
"""Its words mean all the same; told as a relation, they need not be the same words."""
_WHETHER = re.compile(r"([\u4e00-\u9fff])不\1")
"""要不要, 吃不吃: asks, and denies nothing."""

_ONE, _FIGURE_ONE = Quantity(1, 1), re.compile(r"(?<![\d.])1(?![\d.])")
"""一 and one are often no numbers; the figure is."""

_FUNCTION_HAN = frozenset(
    "的了着过和与及或并而但且也都就还又再把被将对于在从到由给向往为是有个些这那其它他她您你我们"
    "请会要来去上中里时候等每吗呢吧啊呀所以因此如果若则那么并且然后进行情况下即可"
)
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the and or but so if then that this these those it its is are was were be been being "
        "to of in on at for from by with as you your they their them he she we our i my me will "
        "would do does did have has had not no there here when while which who what than too also "
        "very please keep get",
    )
)
_HAN_OR_WORD = re.compile(rf"[\u3400-\u9fff]|[a-z]+(?:'[a-z]+)?|{AND}")
_LIST = re.compile(r"[、和或及跟]|\b(?:and|or)\b")


@dataclass(frozen=True, order=True)
class Name:
    """A thing of the vocabulary, by its usual name."""

    kind: str
    text: str


@dataclass(frozen=True)
class Clause:
    """One clause, taken apart."""

    text: str
    quantities: tuple[tuple[Quantity, str], ...]
    """Each number with its comparison: at_most, at_least or nothing."""
    names: frozenset[Name]
    """Named things of the vocabulary."""
    modes: frozenset[str]
    """not_needed, denied, prohibited, required, permitted."""
    negations: int
    """How often something is negated: twice is not once."""
    relations: frozenset[str]
    content: tuple[str, ...]
    """Characters (Chinese) or stems that carry meaning, negations and modals left out."""
    tokens: tuple[str | Quantity, ...] = ()
    """The same in their order, with the quantities and the signs of a list between them."""


class ClauseReader:
    """Takes texts of one language apart."""

    def __init__(self, language: str, vocabulary: Vocabulary) -> None:
        self._language = language
        self._wording = Wording(vocabulary.synonyms(language), ())
        kinds = [(term.kind, term.names) for term in vocabulary.field_terms]
        kinds += [("everyday", names) for names in vocabulary.same]
        names = {
            Name(kind, self._wording.canonical(group[language][0]))
            for kind, group in kinds
            if group.get(language)
        }
        self._names = sorted(names, key=lambda name: len(name.text), reverse=True)

    def sentences(self, text: str) -> list[list[Clause]]:
        """Return the clauses of every sentence."""
        canonical = self._wording.canonical(text)
        read = (
            [
                self._clause(part)
                for part in _CLAUSE_END[self._language].split(sentence)
                if part.strip()
            ]
            for sentence in _SENTENCE_END[self._language].split(canonical)
        )
        return [clauses for clauses in read if clauses]

    def _clause(self, text: str) -> Clause:
        modes, negations, rest = _take_modes(_WHETHER.sub("是否", text), self._language)
        return Clause(
            text.strip(),
            tuple(_compared(text)),
            frozenset(self._named(text)),
            modes,
            negations,
            frozenset(name for name, words in _RELATION_PATTERNS.items() if words.search(rest)),
            tuple(_content(without_quantities(_AT_ONCE.sub(" ", rest)))),
            tuple(_tokens(_AT_ONCE.sub(" ", rest))),
        )

    def _named(self, text: str) -> list[Name]:
        found = []
        for name in self._names:
            if name.text in text:
                found.append(name)
                text = text.replace(name.text, " ")
        return found


def _take_modes(text: str, language: str) -> tuple[frozenset[str], int, str]:
    """Return the modes of a text, how often it negates, and the text without those words."""
    modes = set()
    negations = 0
    for mode, pattern in _MODE_PATTERNS[language]:
        text, count = pattern.subn(" ", text)
        if count:
            modes.add(mode)
        if mode in NEGATIONS:
            negations += count
    return frozenset(modes), negations, text


def _compared(text: str) -> list[tuple[Quantity, str]]:
    """Return the quantities, each with the comparison its clause makes.

    A clause with several numbers rarely compares only one of them; the comparison then counts
    for all, on both sides alike.
    """
    match = _COMPARISON.search(text)
    comparison = str(match.lastgroup) if match else ""
    return [(q, comparison) for q in quantities(text) if q != _ONE or _FIGURE_ONE.search(text)]


def _tokens(text: str) -> Iterator[str | Quantity]:
    for piece in pieces(text):
        if isinstance(piece, str):
            yield from _content(_LIST.sub(AND, piece))
        elif piece != _ONE:
            yield piece


def _content(text: str) -> list[str]:
    words = _HAN_OR_WORD.findall(text)
    return [
        word if is_han(word[0]) else stem(word)
        for word in words
        if word not in _FUNCTION_HAN and word not in _FUNCTION_WORDS
    ]
