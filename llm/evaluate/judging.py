"""What an answer is worth, by rules that a person can read."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from llm.compose import NOTHING_VETTED, whole_sentences
from llm.evaluate import CORRECTION, REFUSAL, Case, Reply
from llm.knowledge.vocabulary import Vocabulary
from llm.language import detect_language
from llm.support import SupportCheck
from llm.verify import Verifier
from llm.wording import first_sentence

_LIKE_REFUSAL = 0.6
"""Overlap with the fixed refusal from which an answer counts as one."""
_RIGHT = 0.5
"""Overlap with the reference from which an answer counts as right."""
_REFUSES = re.compile(
    r"没有(?:审核过的|相关的?|提供|提到|提及|说明|这方面的?)?(?:资料|信息|内容)|资料(?:中|里)?(?:没有|未)"
    r"|(?:我)?不知道|无法(?:回答|确定|提供)|不能回答|未提及"
    r"|nothing vetted|(?:do not|don't|does not|doesn't|did not|not) "
    r"(?:know|say|mention|contain|provide|have)|cannot answer|can't answer|no information",
    re.IGNORECASE,
)
_DENIES = re.compile(r"[不没无未别勿错]|\b(?:not?|never|none|cannot)\b|n't\b", re.IGNORECASE)
_GRAM = 4
_LEAST_DISTINCT = 0.5
"""Share of different 4-grams below which an answer goes round in circles."""
_SHORTEST_LOOP = 24
"""Characters, or words, below which nothing is called a repetition."""


@dataclass(frozen=True)
class Judged:
    """One answer, judged."""

    score: float
    """0 to 1: likeness to the reference; of a refusal, whether it was one."""
    right: bool
    """Refused, corrected or answered as it should be."""
    refused: bool
    unsupported: tuple[str, ...]
    """What the check of run time would stop: the vetted passage is spoken instead."""
    let_through: tuple[str, ...]
    """Claims without support that this check does not see, but a second one: these are spoken."""
    from_right_passage: bool
    """Whether it rests on the passage that the reference rests on; of refusals, no."""
    in_language: bool
    ended: bool
    repeats: bool


class Judge:
    """Judges answers against their case."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Take the words of the field, whose mention in an answer is a claim."""
        self._verifiers = {lang: Verifier(lang, vocabulary) for lang in ("zh", "en")}
        self._checks = {
            lang: SupportCheck(lang, vocabulary.terms(lang), vocabulary.synonyms(lang))
            for lang in ("zh", "en")
        }

    def judge(self, case: Case, reply: Reply) -> Judged:
        """Return what a reply is worth. The first two sentences count: more is never spoken."""
        said = whole_sentences(reply.text) or reply.text
        refused = is_refusal(said, case.language)
        claims = bool(case.passage) and not refused
        stopped = self._verifiers[case.language].problems(said, case.passage) if claims else ()
        score = _score(case, said, refused)
        return Judged(
            score=score,
            right=_is_right(case, said, refused, score),
            refused=refused,
            unsupported=stopped,
            let_through=self._let_through(case, said) if claims and not stopped else (),
            from_right_passage=claims and _is_from_right_passage(case, said),
            in_language=detect_language(said, case.language) == case.language,
            ended=reply.outcome == "end",
            repeats=repeats(reply.text),
        )

    def _let_through(self, case: Case, said: str) -> tuple[str, ...]:
        return self._checks[case.language].missing(said, [case.passage])


def is_refusal(text: str, language: str) -> bool:
    """Return whether a text says that it cannot answer."""
    first = first_sentence(text)
    return bool(_REFUSES.search(first)) or (
        overlap(text, NOTHING_VETTED[language]) >= _LIKE_REFUSAL
    )


def overlap(text: str, reference: str) -> float:
    """Return the F1 of the pairs of neighbouring characters (Chinese) or of words, 0 to 1."""
    ours, theirs = Counter(_units(text)), Counter(_units(reference))
    shared = sum((ours & theirs).values())
    return 2 * shared / (sum(ours.values()) + sum(theirs.values())) if shared else 0.0


def repeats(text: str) -> bool:
    """Return whether a text goes round in circles."""
    units = _split(text)
    if len(units) < _SHORTEST_LOOP:
        return False
    grams = [tuple(units[i : i + _GRAM]) for i in range(len(units) - _GRAM + 1)]
    return len(set(grams)) < _LEAST_DISTINCT * len(grams)


def _score(case: Case, said: str, refused: bool) -> float:
    if case.kind == REFUSAL:
        return float(refused)
    if refused and not is_refusal(case.reference, case.language):
        return 0.0
    likeness = overlap(said, case.reference)
    if case.kind == CORRECTION and not _same_denial(said, case.reference):
        return 0.0
    return likeness


def _is_right(case: Case, said: str, refused: bool, score: float) -> bool:
    return refused if case.kind == REFUSAL else score >= _RIGHT and bool(said)


def _same_denial(said: str, reference: str) -> bool:
    """Return whether both deny what was supposed, or neither does."""
    return bool(_DENIES.search(first_sentence(said))) == bool(
        _DENIES.search(first_sentence(reference))
    )


def _is_from_right_passage(case: Case, said: str) -> bool:
    """Return whether answer and reference are most like the same line of the passages.

    The line after it counts too: an entry is its answer and, on the next line, its details.
    """
    lines = [line for line in case.passage.splitlines() if line.strip()]
    home = _most_alike(lines, case.reference)
    return _most_alike(lines, said) in (home, home + 1)


def _most_alike(lines: list[str], text: str) -> int:
    wanted = Counter(_units(text))
    shares = [sum((wanted & Counter(_units(line))).values()) for line in lines]
    return shares.index(max(shares))


def _units(text: str) -> list[str]:
    parts = _split(text)
    if detect_language(text) == "en":
        return parts
    return [a + b for a, b in zip(parts, parts[1:], strict=False)] or parts


def _split(text: str) -> list[str]:
    """Return the words of a text; each Chinese character is one."""
    return re.findall(r"[a-z0-9]+|[\u3400-\u9fff]", text.lower())
