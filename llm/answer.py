"""One question in, one answer out: guard, retrieve, decide, compose, verify.

There is no way round this module: whatever is spoken or shown comes out of `Answerer.answer`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

from llm import GenerationError, LanguageModel, Sampling
from llm.compose import NOTHING_VETTED, compose, prefix
from llm.decide import Decider, Decision
from llm.fixed_texts import NO_MORE, NOTHING_HEARD, OUTSIDE, SURE, TOO_LONG, WHICH
from llm.followup import FollowUps, asks_more, asks_why, chosen
from llm.guard import Guard
from llm.knowledge import LANGUAGES, KnowledgeBase, Source
from llm.knowledge.suspicion import suspicions
from llm.language import detect_language
from llm.retrieve import Hit, Retriever
from llm.verify import Verifier, names_dose
from llm.wording import first_sentence, visible

MAX_QUESTION_CHARS = 1000
"""Longer than anyone says in the 28 seconds a spoken question may last."""

_TELLING = ("verbatim", "grounded", "correct")
"""Decisions whose answers say something of the matter."""
_MOST_TOLD = 20
_JOIN = {"zh": "", "en": " "}


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
        self._sampling = sampling or Sampling(max_tokens=120)
        self._timeout_s = timeout_s
        vocabulary = knowledge.vocabulary
        self._decider = Decider(Guard(syllables), retriever, vocabulary, syllables)
        self._verifiers = {lang: Verifier(lang, vocabulary) for lang in LANGUAGES}
        self._follow_ups = FollowUps()

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
    ) -> Answer:
        """Return the answer to a question; the language is told from its script if not given.

        `previous` is the answer before, if the same person asks on: a short follow-up ("那小孩呢")
        is completed from it, anything else stands alone.
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
            followed = self._follow(text, language, previous, cancelled)
            if followed is not None:
                return replace(
                    followed, question=text, told=(*previous.told, followed.text)[-_MOST_TOLD:]
                )
        return self._alone(text, language, cancelled)

    def _alone(self, text: str, language: str, cancelled: Callable[[], bool]) -> Answer:
        """Answer a whole question."""
        seconds: dict[str, float] = {}
        with _timed(seconds, "decide"):
            decision = self._decider.decide(text, language)
        if decision.word == "grounded":
            answer = self._grounded(text, language, decision, seconds, cancelled)
        else:
            answer = self._vetted(text, language, decision)
        return replace(answer, seconds=seconds, understood=text, told=(answer.text,))

    def _follow(
        self, text: str, language: str, previous: Answer, cancelled: Callable[[], bool]
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
        answer = self._alone(whole, language, cancelled)
        tells = answer.decision in _TELLING and answer.text not in previous.told
        return self._more(previous) if asks_why(text, language) and not tells else answer

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
            return _JOIN[language].join([first_sentence(reply), *texts]) if texts else reply
        if decision.word == "ask_back" and len(decision.hits) > 1:
            return WHICH[language].format(*(hit.entry.ask[0] for hit in decision.hits))
        if texts:
            return _JOIN[language].join(texts)
        return (NOTHING_VETTED if decision.word == "unknown" else OUTSIDE)[language]

    def _grounded(
        self,
        question: str,
        language: str,
        decision: Decision,
        seconds: dict[str, float],
        cancelled: Callable[[], bool],
    ) -> Answer:
        """Compose from the best passage; speak the passage itself where that fails."""
        hit = decision.hits[0]
        as_written = replace(decision, word="verbatim", hits=(hit,))
        if self.model is None or not _is_composable(hit.entry.passage):
            return self._vetted(question, language, as_written)
        with _timed(seconds, "compose"):
            composed = self._compose(question, hit, language, cancelled)
        with _timed(seconds, "verify"):
            problems = self._verifiers[language].problems(composed, hit.entry.passage)
        if problems:
            return replace(self._vetted(question, language, as_written), problems=problems)
        answer = self._answer(question, language, decision, composed, list(hit.entry.facts))
        return replace(answer, model_used=self.model.name)

    def _compose(
        self, question: str, hit: Hit, language: str, cancelled: Callable[[], bool]
    ) -> str:
        """Return the composed text; empty if the model failed or took too long.

        It ends with the first clause that the passage does not support: the rest would be waited
        for in vain.
        """
        if self.model is None:
            return ""
        end = time.monotonic() + self._timeout_s
        text, passage = "", hit.entry.passage
        composing = compose(
            self.model,
            question,
            passage,
            language,
            self._sampling,
            lambda: cancelled() or time.monotonic() > end,
        )
        try:
            with closing(composing):
                for text in composing:
                    if self._verifiers[language].problems(text, passage):
                        break
        except GenerationError:
            return ""
        return text

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


def _is_composable(passage: str) -> bool:
    """Return whether a model may put a passage in its own words.

    Doses are read out as written. So are passages that seem to instruct an assistant: a model may
    obey, and its words would be found in the passage.
    """
    return not names_dose(passage) and not suspicions(passage)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begin = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = round(time.perf_counter() - begin, 4)
