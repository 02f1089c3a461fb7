"""One question in, one answer out: guard, retrieve, decide, compose, verify.

There is no way round this module: whatever is spoken or shown comes out of `Answerer.answer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from llm import LanguageModel, Sampling
from llm.complete import JOIN, Begun, Completer, is_composable
from llm.compose import NOTHING_VETTED, opening, prefix
from llm.decide import Decider, Decision
from llm.fixed_texts import (
    NO_MORE,
    NOTHING_HEARD,
    OUTSIDE,
    SURE,
    TOO_LONG,
    WHICH,
    fixed_texts,
)
from llm.followup import FollowUps, asks_more, asks_why, chosen
from llm.guard import Guard
from llm.knowledge import LANGUAGES, KnowledgeBase, Source
from llm.language import detect_language
from llm.retrieve import Hit, Retriever
from llm.wording import first_sentence, visible

MAX_QUESTION_CHARS = 1000
"""Longer than anyone says in the 28 seconds a spoken question may last."""

_TELLING = ("verbatim", "grounded", "correct")
"""Decisions whose answers say something of the matter."""
_MOST_TOLD = 20


@dataclass(frozen=True)
class Answer:
    """What is said, and everything that is needed to see why."""

    question: str
    """As it was asked."""
    language: str
    decision: str
    """verbatim, grounded, correct, ask_back, hand_over, refuse or unknown (`llm.decide`)."""
    text: str
    facts: tuple[str, ...] = ()
    """Ids of the facts the text rests on."""
    sources: tuple[Source, ...] = ()
    hits: tuple[Hit, ...] = ()
    """Entries the text rests on, or that were offered for choice, best first."""
    reason: str = ""
    problems: tuple[str, ...] = ()
    """Why a composed text was dropped and the vetted passage spoken instead."""
    model_used: str = ""
    """Name of the language model, if its words are spoken."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each step: decide, compose, verify."""
    understood: str = ""
    """The whole question, with what a follow-up left out; empty if nothing was asked."""
    told: tuple[str, ...] = ()
    """Texts told on this topic so far, so that more of it is new."""


Begin = Callable[[Answer], None]
"""Takes the beginning of an answer that is still being composed; it is said in any case."""


class Answerer:
    """Answers questions from a knowledge base; used by one thread at a time."""

    def __init__(
        self,
        knowledge: KnowledgeBase,
        retriever: Retriever,
        syllables: Callable[[str], Sequence[str]],
        model: LanguageModel | None = None,
        sampling: Sampling | None = None,
        *,
        timeout_s: float = 20.0,
    ) -> None:
        """Put the steps together; without a model only vetted texts are spoken.

        After `timeout_s` of composition the vetted passage is spoken instead.
        Raises KnowledgeError if the guard's rules are wrong.
        """
        self.retriever = retriever
        self._knowledge = knowledge
        self.model = model
        vocabulary = knowledge.vocabulary
        self._guard = Guard(syllables)
        self._decider = Decider(self._guard, retriever, vocabulary, syllables)
        self._completer = Completer(vocabulary, sampling or Sampling(max_tokens=120), timeout_s)
        self._follow_ups = FollowUps()

    @property
    def replies(self) -> tuple[Mapping[str, str], ...]:
        """Return by language what is said whatever the knowledge holds; `{0}` is filled in."""
        return *fixed_texts().values(), *(reply.text for reply in self._guard.replies.values())

    def close(self) -> None:
        """Free the language model."""
        if self.model is not None:
            self.model.close()

    def prefill(self, language: str, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Evaluate the fixed beginning of the prompt ahead of time. Raises GenerationError."""
        if self.model is not None:
            self.model.prefill(prefix(language), cancelled)

    def answer(
        self,
        text: str,
        language: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        previous: Answer | None = None,
        begin: Begin = lambda answer: None,
    ) -> Answer:
        """Return the answer to a question; the language is told from its script if not given.

        `previous` is the answer before, if the same person asks on: a short follow-up ("那小孩呢")
        is completed from it, anything else stands alone. `begin` is told how a composed answer
        begins, as soon as that is known: it can be spoken while the rest is composed. Cancelled,
        the rest is what is composed by then, or the vetted one.
        Never raises for any text: an empty or overlong one is asked for again.
        """
        is_too_long = len(text) > MAX_QUESTION_CHARS
        text = visible(text[:MAX_QUESTION_CHARS])
        language = language if language in LANGUAGES else detect_language(text)
        if not text.strip():
            return Answer("", language, "ask_back", NOTHING_HEARD[language], reason="no text")
        if is_too_long:
            return Answer(text, language, "ask_back", TOO_LONG[language], reason="too long")
        if previous is not None and previous.language == language and previous.understood:
            followed = self._follow(text, language, previous, cancelled, begin)
            if followed is not None:
                return replace(
                    followed, question=text, told=(*previous.told, followed.text)[-_MOST_TOLD:]
                )
        return self._alone(text, language, cancelled, begin)

    def _alone(
        self, text: str, language: str, cancelled: Callable[[], bool], begin: Begin
    ) -> Answer:
        """Answer a whole question."""
        seconds: dict[str, float] = {}
        with _timed(seconds, "decide"):
            decision = self._decider.decide(text, language)
        if decision.word == "grounded":
            as_written = replace(decision, word="verbatim", hits=decision.hits[:1])
            written = self._vetted(text, language, as_written)
            answer = self._grounded(written, seconds, cancelled, begin)
        else:
            answer = self._vetted(text, language, decision)
        return replace(answer, seconds=seconds, understood=text, told=(answer.text,))

    def _follow(
        self,
        text: str,
        language: str,
        previous: Answer,
        cancelled: Callable[[], bool],
        begin: Begin,
    ) -> Answer | None:
        """Answer a follow-up; None if the text stands alone."""
        choice = chosen(text, language)
        if choice is not None and previous.decision == "ask_back" and previous.hits:
            return self._told(previous, previous.hits[choice], previous.hits[choice].entry.answer)
        if self._decider.asks_whether_sure(text):
            return self._confirmed(previous)
        if previous.decision == "refuse":
            return None
        if asks_more(text, language):
            return self._more(previous)
        whole = self._follow_ups.complete(text, language, previous.understood)
        if not whole:
            return None
        if not asks_why(text, language):
            return self._alone(whole, language, cancelled, begin)
        answer = self._alone(whole, language, cancelled, lambda answer: None)
        tells = answer.decision in _TELLING and answer.text not in previous.told
        return answer if tells else self._more(previous)

    def _confirmed(self, previous: Answer) -> Answer | None:
        """Say a vetted answer again, as what the vetted text says."""
        if not previous.hits or previous.decision not in _TELLING:
            return None
        hit = previous.hits[0]
        return self._told(previous, hit, SURE[previous.language].format(hit.entry.answer))

    def _more(self, previous: Answer) -> Answer:
        """Tell what has not been told yet: details of the entry, then related entries."""
        for hit in previous.hits[:1]:
            known = self._knowledge.by_id
            related = [known[name] for name in hit.entry.related if name in known]
            speakable = [e for e in related if e in self._knowledge.speakable]
            for told in (hit.entry.details, *(entry.answer for entry in speakable)):
                if told and told not in previous.told:
                    entry = next((e for e in speakable if e.answer == told), hit.entry)
                    return self._told(previous, replace(hit, entry=entry), told)
        language = previous.language
        nothing = self._answer(
            previous.understood,
            language,
            Decision("unknown", reason="no more"),
            NO_MORE[language],
            [],
        )
        return replace(nothing, understood=previous.understood)

    def _told(self, previous: Answer, hit: Hit, text: str) -> Answer:
        """Answer with a text of an entry."""
        entry = hit.entry
        decision = Decision(entry.decision, (hit,), reason="follow-up")
        answer = self._answer(
            previous.understood, entry.language, decision, text, list(entry.facts)
        )
        return replace(answer, understood=previous.understood)

    def _vetted(self, question: str, language: str, decision: Decision) -> Answer:
        """Speak reviewed text only: entries, replies of the guard, fixed sentences."""
        spoken = self._spoken(language, decision)
        facts = [f for hit in decision.hits for f in hit.entry.facts]
        if decision.word == "ask_back" and len(decision.hits) > 1:
            facts = []
        if decision.verdict is not None and not decision.hits:
            facts = list(decision.verdict.reply.facts)
        return self._answer(question, language, decision, spoken, facts)

    def _spoken(self, language: str, decision: Decision) -> str:
        texts = [hit.entry.answer for hit in decision.hits]
        if decision.verdict is not None:
            reply = decision.verdict.reply.text[language]
            return JOIN[language].join([first_sentence(reply), *texts]) if texts else reply
        if decision.word == "ask_back" and len(decision.hits) > 1:
            return WHICH[language].format(*(hit.entry.ask[0] for hit in decision.hits))
        if texts:
            return JOIN[language].join(texts)
        return (NOTHING_VETTED if decision.word == "unknown" else OUTSIDE)[language]

    def _grounded(
        self,
        written: Answer,
        seconds: dict[str, float],
        cancelled: Callable[[], bool],
        begin: Begin,
    ) -> Answer:
        """Begin as the vetted answer does, and compose the rest from the passage for the question;
        where that fails, or copies the vetted answer, go on as written to its end.

        The first sentence of every entry says what to do. It is true whatever follows, so it can
        be spoken at once. Given it, a small model goes on in the words of the passage: of 22
        compositions by Qwen2.5 0.5B the verifier accepts 15, without it 3.
        """
        passage, first = written.hits[0].entry.passage, opening(written.text)
        if self.model is None or first == passage or not is_composable(passage):
            return written
        begin(replace(written, text=first))
        begun = Begun(written.question, written.language, passage, first)
        with _timed(seconds, "compose"):
            composed = self._completer.complete(self.model, begun, cancelled)
        with _timed(seconds, "verify"):
            problems = self._completer.problems(composed, begun)
        if problems or written.text.startswith(composed):
            return replace(written, problems=problems)
        return replace(written, decision="grounded", text=composed, model_used=self.model.name)

    def _answer(
        self, question: str, language: str, decision: Decision, text: str, facts: list[str]
    ) -> Answer:
        unique = tuple(dict.fromkeys(facts))
        return Answer(
            question,
            language,
            decision.word,
            text,
            unique,
            tuple(self._knowledge.sources[f] for f in unique if f in self._knowledge.sources),
            decision.hits,
            decision.reason,
        )


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begin = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = round(time.perf_counter() - begin, 4)
