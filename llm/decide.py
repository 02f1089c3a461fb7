"""What to do with a question: one word, the entries it rests on, and why.

verbatim   a vetted entry matches: its text is spoken as written
grounded   the model composes from vetted passages only
correct    a false premise is put right, from a vetted entry
ask_back   two readings: which one is meant?
hand_over  one person's medicine, a call to make: the right place to ask
refuse     harm, security, injection, another field
unknown    in the field, but nothing vetted, or nobody here can know
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llm.everyday import TOPIC
from llm.guard import Guard, Verdict
from llm.knowledge import Entry
from llm.knowledge.site import SITE_TOPIC
from llm.knowledge.vocabulary import Vocabulary
from llm.language import is_han
from llm.ngrams import sound_key, sound_text
from llm.retrieve import Hit, Retriever
from llm.wording import clean, first_sentence

Syllables = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Thresholds:
    """Likelihoods (`Hit.score`) at which decisions change.

    `hean bench kb` shows the choice as a curve: every phrasing of the base asked while it is left
    out, typed and misheard (6947 questions), and questions that the base does not answer (866:
    topics left out, everyday questions, each misheard too), by likelihood alone. An entry of other
    facts may still be true and near.

        likelihood from     0.20  0.35  0.45  0.55  0.62  0.75
        right facts          77%   76%   72%   67%   62%   52%
        other facts          22%   19%   14%   10%    8%    4%
        nothing said          1%    5%   14%   23%   30%   44%
        answered elsewhere   62%   48%   35%   26%   23%   12%

    `consider` and `outside` were chosen on 1098 questions in the words of people besides, typed and
    as voices for tuning were heard: from 0.30 and 0.36 to 0.35 and 0.45 one of 929 right answers is
    lost and 3 rather than 5 of 25 everyday questions are answered; from there to 0.40 and 0.50
    seven right answers and four wrong ones are lost.
    """

    speak: float = 0.62
    """From here an entry is spoken as written."""
    consider: float = 0.35
    """From here a passage may be composed from; below it nothing in the base answers."""
    outside: float = 0.45
    """From here an entry answers although the question has no word of the field."""
    aloud: float = 0.65
    """From here a question sounds so much like a foreseen one that it counts as of the field."""
    both: float = 0.75
    """From here each half of a double question is answered by itself."""
    tie: float = 0.04
    """Two readings whose likelihoods differ by less are both possible."""


@dataclass(frozen=True)
class Decision:
    """What to do with a question."""

    word: str
    hits: tuple[Hit, ...] = ()
    """Entries the answer rests on, best first."""
    verdict: Verdict | None = None
    """The rule that decided, if one did."""
    reason: str = ""
    """For records and tests."""


_BREAK = re.compile(
    r"[?？!！。;；\n]+|(?:，|,)?(?:还有|另外|以及|顺便问)(?:就是|一个)?|,? (?:and also|also,) "
)
_TAG = re.compile(
    r"(?:对|是|行|好|没错|可以)(?:吧|不|吗|么)[?？。]*$|吧[?？。]*$"
    r"|, ?(?:right|correct|yes|isn't it|don't they|doesn't it|can't i|ok)\b[?.]*$"
)
"""Endings that ask for agreement with what was just supposed."""
_DENIAL = re.compile(
    r"^(?:不|没|别|先别|无|错)|不会|不能|不是|防不了|挡不住|没有用|没用|不等于"
    r"|^(?:no|not|never)\b|\bnot\b|n't\b"
)
_SHORTEST_PART = {"zh": 4, "en": 3}


class Decider:
    """Decides by rules first, then by what the knowledge base has."""

    def __init__(
        self,
        guard: Guard,
        retriever: Retriever,
        vocabulary: Vocabulary,
        syllables: Syllables,
    ) -> None:
        self._guard = guard
        self._retriever = retriever
        self._syllables = syllables
        self._thresholds = Thresholds()
        self._words = {lang: [clean(t) for t in vocabulary.terms(lang)] for lang in ("zh", "en")}
        keys = (sound_key(syllables(word)) for word in self._words["zh"])
        self._sounds = {key for key in keys if key}

    def decide(self, text: str, language: str) -> Decision:
        """Return what to do with a question."""
        verdict = self._guard.check(text)
        if verdict is not None:
            return self._by_rule(verdict, text, language)
        double = self._double(text, language)
        if double:
            return Decision("verbatim", double, reason="two questions, each with its entry")
        hits = self._retriever.search(text, language)
        if theme := self._other_field(hits, text, language):
            return Decision("refuse", reason=f"another field: {theme}")
        hits = [hit for hit in hits if hit.entry.topic != TOPIC]
        if self._guard.asks_protection(text):
            # Who asks for protection from a thing names the thing: no reason to refuse.
            hits = [hit for hit in hits if hit.entry.decision != "refuse"]
        return self._by_entry(hits, text, language)

    def asks_whether_sure(self, text: str) -> bool:
        """Return whether a text only doubts the last answer."""
        verdict = self._guard.check(text)
        return verdict is not None and verdict.reply.name == "sure"

    def in_field(self, text: str, language: str) -> bool:
        """Return whether a question has a word of the field, as written or by its sound."""
        cleaned = clean(text)
        if any(_has_word(cleaned, word) for word in self._words[language]):
            return True
        if language != "zh":
            return False
        sound = sound_text(self._syllables(cleaned))
        return any(word in sound for word in self._sounds)

    def _by_rule(self, verdict: Verdict, text: str, language: str) -> Decision:
        """Let the rule speak, or a vetted entry of the same kind that fits better."""
        reply = verdict.reply
        reason = f"rule {reply.name}: {', '.join(verdict.matched)}"
        if reply.decision == "refuse":
            return Decision("refuse", verdict=verdict, reason=reason)
        if reply.answer_rest:
            hits = self._retriever.search(verdict.rest, language, 1) if verdict.rest else []
            fitting = [h for h in hits if h.score >= self._thresholds.consider]
            return Decision(reply.decision, tuple(fitting), verdict, reason)
        for hit in self._retriever.search(text, language, 1):
            word = hit.entry.decision
            fits = word == reply.decision or _is_of_site(hit.entry, verdict)
            if fits and hit.score >= self._thresholds.speak:
                return Decision(word, (hit,), None, f"{reason}; {hit.entry.id}")
        return Decision(reply.decision, verdict=verdict, reason=reason)

    def _double(self, text: str, language: str) -> tuple[Hit, ...]:
        """Return the entries of a double question, if each half is clear by itself."""
        parts = [p.strip(" ，,") for p in _BREAK.split(text)]
        parts = [p for p in parts if _length(p, language) >= _SHORTEST_PART[language]]
        if len(parts) != 2:
            return ()
        hits = [hit for p in parts for hit in self._retriever.search(p, language, 1)]
        clear = all(
            h.score >= self._thresholds.both and h.entry.decision in ("verbatim", "correct")
            for h in hits
        )
        if len(hits) == 2 and clear and hits[0].entry.id != hits[1].entry.id:
            return tuple(hits)
        return ()

    def _other_field(self, hits: Sequence[Hit], text: str, language: str) -> str:
        """Return the everyday theme that fits best, or as well where no word is of the field."""
        margin = 0.0 if self.in_field(text, language) else self._thresholds.tie
        for hit in hits[:2]:
            if hit.entry.topic == TOPIC and hit.score >= hits[0].score - margin:
                return hit.entry.id
        return ""

    def _by_entry(self, hits: list[Hit], text: str, language: str) -> Decision:
        limits = self._thresholds
        in_field = self.in_field(text, language) or self._sounds_foreseen(hits)
        enough = limits.consider if in_field else limits.outside
        if not hits or hits[0].score < enough:
            word = "unknown" if in_field else "refuse"
            return Decision(word, reason="nothing vetted fits" if in_field else "another field")
        best = self._correcting(hits, text) or hits[0]
        if best.entry.decision != "verbatim":
            return Decision(best.entry.decision, (best,), reason="the entry's own decision")
        if _TAG.search(clean(text)) and _DENIAL.search(first_sentence(best.entry.answer).lower()):
            return Decision("correct", (best,), reason="the entry denies what is supposed")
        if best.score >= limits.speak:
            return Decision("verbatim", (best,), reason="the entry matches")
        if len(hits) > 1 and self._is_other_reading(best, hits[1]):
            return Decision("ask_back", tuple(hits[:2]), reason="two readings")
        return Decision("grounded", tuple(hits[:2]), reason="an entry may match")

    def _correcting(self, hits: Sequence[Hit], text: str) -> Hit | None:
        """Return the entry that puts right what was supposed, if it fits nearly as well."""
        if not _TAG.search(clean(text)):
            return None
        near = (hit for hit in hits[:3] if hit.entry.topic == hits[0].entry.topic)
        fitting = (hit for hit in near if hit.score >= self._thresholds.speak)
        return next((hit for hit in fitting if hit.entry.decision == "correct"), None)

    def _sounds_foreseen(self, hits: Sequence[Hit]) -> bool:
        """Return whether a question sounds as a whole like one that was foreseen."""
        return bool(hits) and hits[0].parts["phrase_aloud"] >= self._thresholds.aloud

    def _is_other_reading(self, best: Hit, other: Hit) -> bool:
        """Return whether two entries fit alike and speak of different things."""
        return (
            best.score - other.score < self._thresholds.tie
            and best.entry.topic != other.entry.topic
            and not set(best.entry.facts) & set(other.entry.facts)
            and other.entry.id not in best.entry.related
            and best.entry.id not in other.entry.related
        )


def _is_of_site(entry: Entry, verdict: Verdict) -> bool:
    """Return whether a local entry names the very thing that is asked for nearby.

    Questions for places are so alike that the way to a shelter may fit that for a hospital best.
    """
    if verdict.reply.name != "local" or entry.topic != SITE_TOPIC:
        return False
    return _has_word(clean("\n".join((*entry.ask, entry.answer))), verdict.matched[-1])


def _has_word(text: str, word: str) -> bool:
    if is_han(word[0]):
        return word in text
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text))


def _length(text: str, language: str) -> int:
    return len(text) if language == "zh" else len(text.split())
