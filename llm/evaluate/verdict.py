"""Before and after side by side, and whether the model may be used.

pass            it got better beyond chance, and nothing that counts got worse
no proven gain  nothing got worse, but chance could explain what got better
worse           something that counts got worse: named in the reasons

What counts, whatever else improved: a claim without support that would be spoken; more
claims without support; fewer refusals or corrections; answers that do not end; answers in
another language; answers that go round in circles; general language forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from llm.evaluate import ANSWER, CORRECTION, REFUSAL, Case, Measured
from llm.evaluate.judging import Judge, Judged
from llm.evaluate.probes import questions, sentences
from llm.evaluate.statistics import Change, paired_change
from llm.language import detect_language

PASS, NO_GAIN, WORSE = "pass", "no proven gain", "worse"
FORGETTING_NATS = 0.3
"""Most that the loss on general sentences may rise. LoRA with rank 32 to 64 costs 0.05 to 0.11 in
PEFT's own comparison of methods; a third of a nat is a quarter of all words guessed less well."""


@dataclass(frozen=True)
class Side:
    """One model with its judgements, in the order of the cases."""

    measured: Measured
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Count:
    """How many cases had a property, before and after."""

    name: str
    before: int
    after: int
    of: int
    more_is_worse: bool = False
    slack: float = 0
    """Cases by which it may be worse."""

    @property
    def is_worse(self) -> bool:
        """Return whether there are fewer than before, or more of what there should be none of."""
        loss = self.after - self.before if self.more_is_worse else self.before - self.after
        return loss > self.slack


@dataclass(frozen=True)
class Property:
    """What is counted of answers."""

    name: str
    holds: Callable[[Judged], bool]
    among: Callable[[Case], bool]
    more_is_worse: bool = False
    slack: float = 0


def _any(_case: Case) -> bool:
    return True


def _kind(*kinds: str) -> Callable[[Case], bool]:
    return lambda case: case.kind in kinds


def _quotes(case: Case) -> bool:
    return bool(case.passage)


def _language(language: str) -> Callable[[Case], bool]:
    return lambda case: case.language == language


_SOFT = math.inf
"""Slack of what is shown, and decides through the score alone."""
_GENERAL_SLACK = 2
"""Of eight everyday questions: fewer than that may go wrong by chance. A refusal is no answer: a
model that refuses everything has forgotten, too."""
PROPERTIES = (
    Property("right answers", lambda j: j.right, _kind(ANSWER, ""), slack=_SOFT),
    Property("right corrections", lambda j: j.right, _kind(CORRECTION)),
    Property("refusals where nothing is known", lambda j: j.refused, _kind(REFUSAL)),
    Property(
        "refusals although there is an answer",
        lambda j: j.refused,
        _kind(ANSWER, CORRECTION),
        more_is_worse=True,
        slack=_SOFT,
    ),
    Property(
        "claims without support, stopped by the check",
        lambda j: bool(j.unsupported),
        _quotes,
        more_is_worse=True,
    ),
    Property("claims without support, spoken", lambda j: bool(j.let_through), _quotes, True),
    Property(
        "answers from the right passage",
        lambda j: j.from_right_passage,
        _kind(ANSWER, CORRECTION),
        slack=_SOFT,
    ),
    Property("English answers to English", lambda j: j.in_language, _language("en")),
    Property("Chinese answers to Chinese", lambda j: j.in_language, _language("zh")),
    Property("answers that end by themselves", lambda j: j.ended, _any),
    Property("answers that go round in circles", lambda j: j.repeats, _any, more_is_worse=True),
)


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison."""

    word: str
    """pass, no proven gain or worse."""
    reasons: tuple[str, ...]
    counts: tuple[Count, ...]
    score: Change
    """Of the answers, 0 to 1 each; more is better."""
    loss: Change
    """Of the references, in nats per token; less is better."""
    forgetting: Mapping[str, Change]
    """Rise of the loss on general sentences, by language."""


def side(measured: Measured, cases: Sequence[Case], judge: Judge) -> Side:
    """Judge all replies of a model."""
    return Side(measured, tuple(judge.judge(case, measured.replies[case.id]) for case in cases))


def asked_of_both(cases: Sequence[Case], *models: Measured) -> list[Case]:
    """Return the cases that all models could be asked: their templates may differ in length."""
    return [case for case in cases if all(case.id in model.replies for model in models)]


def compare(cases: Sequence[Case], before: Side, after: Side) -> Verdict:
    """Return the verdict on two models that were asked the same cases."""
    counts = tuple(_counts(cases, before, after))
    score = paired_change([j.score for j in before.judged], [j.score for j in after.judged])
    loss = paired_change(_losses(cases, before), _losses(cases, after))
    forgetting = _forgetting(before.measured, after.measured)
    bad = [
        *_spoken_claims(cases, before, after),
        *(_told(count) for count in counts if count.is_worse),
        *_numeric(score, loss, forgetting),
    ]
    if bad:
        return Verdict(WORSE, tuple(bad), counts, score, loss, forgetting)
    if score.is_rise:
        reasons = (f"answers are better beyond chance: {score}", "nothing that counts got worse")
        return Verdict(PASS, reasons, counts, score, loss, forgetting)
    why = "there are no held-out rows" if not cases else f"chance could explain it: {score}"
    return Verdict(NO_GAIN, (why,), counts, score, loss, forgetting)


def _counts(cases: Sequence[Case], before: Side, after: Side) -> Iterator[Count]:
    for each in PROPERTIES:
        chosen = [n for n, case in enumerate(cases) if each.among(case)]
        was = sum(each.holds(before.judged[n]) for n in chosen)
        now = sum(each.holds(after.judged[n]) for n in chosen)
        yield Count(each.name, was, now, len(chosen), each.more_is_worse, each.slack)
    was, now = (_general(each.measured) for each in (before, after))
    yield Count("general questions answered", was, now, len(questions()), slack=_GENERAL_SLACK)


def _general(measured: Measured) -> int:
    pairs = zip(questions(), measured.general, strict=True)
    return sum(question.is_answered(text) for question, text in pairs)


def _losses(cases: Sequence[Case], one: Side) -> list[float]:
    return [one.measured.replies[case.id].loss for case in cases]


def _forgetting(before: Measured, after: Measured) -> dict[str, Change]:
    changes = {}
    for language in ("zh", "en"):
        own = [n for n, text in enumerate(sentences()) if detect_language(text) == language]
        changes[language] = paired_change(
            [before.probe_losses[n] for n in own], [after.probe_losses[n] for n in own]
        )
    return changes


def _spoken_claims(cases: Sequence[Case], before: Side, after: Side) -> Iterator[str]:
    """Yield the claims without support that would reach the loudspeaker only now."""
    for case, old, new in zip(cases, before.judged, after.judged, strict=True):
        if new.let_through and not old.let_through:
            yield f"a claim without support would be spoken ({case.id}): {new.let_through[0]}"


def _told(count: Count) -> str:
    change = "more" if count.more_is_worse else "fewer"
    return f"{change} {count.name}: {count.before} before, {count.after} after, of {count.of}"


def _numeric(score: Change, loss: Change, forgetting: Mapping[str, Change]) -> Iterator[str]:
    if not math.isfinite(loss.mean):
        yield "the loss is not a number: the weights are damaged"
    if score.is_fall:
        yield f"answers are worse beyond chance: {score}"
    if loss.is_rise:
        yield f"held-out answers have become less likely: loss {loss} nats per token"
    names = {"zh": "Chinese", "en": "English"}
    for language, change in forgetting.items():
        # `not <=` so that a loss that is not a number counts as forgotten.
        if not change.mean <= FORGETTING_NATS:
            yield f"general {names[language]} was forgotten: loss {change} nats per token"
