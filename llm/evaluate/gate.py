"""The gate: two models asked the same held-out rows, judged, compared, and told as one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from llm.evaluate import ANSWER, CORRECTION, REFUSAL, Case, Measured, Reply
from llm.evaluate.judging import Judge, Judged
from llm.evaluate.measuring import Subject, measure
from llm.evaluate.probes import questions
from llm.evaluate.verdict import Count, Side, Verdict, asked_of_both, compare, side

Show = Callable[[str, int, int], None]
"""Called with the name of a model, the cases it was asked, and of how many."""


@dataclass(frozen=True)
class Comparison:
    """Two models side by side."""

    cases: tuple[Case, ...]
    before: Side
    after: Side
    verdict: Verdict


def ask(subject: Subject, cases: Sequence[Case], show: Show) -> Measured:
    """Ask one model everything. Raises ExportError: it does not load, or ends its process."""
    return measure(subject, cases, lambda done, total: show(subject.name, done, total))


def compared(before: Measured, after: Measured, cases: Sequence[Case], judge: Judge) -> Comparison:
    """Judge and compare two models that were asked."""
    both = asked_of_both(cases, before, after)
    was, now = (side(measured, both, judge) for measured in (before, after))
    return Comparison(tuple(both), was, now, compare(both, was, now))


def as_json(result: Comparison) -> dict[str, Any]:
    """Return a comparison for scripts and for the page."""
    verdict = result.verdict
    sides = (result.before, result.after)
    rows = zip(result.cases, result.before.judged, result.after.judged, strict=True)
    return {
        "verdict": verdict.word,
        "reasons": list(verdict.reasons),
        "n": len(result.cases),
        "score": asdict(verdict.score),
        "loss": asdict(verdict.loss),
        "forgetting": {language: asdict(c) for language, c in verdict.forgetting.items()},
        "counts": [_count(count) for count in verdict.counts],
        "models": [summary(result.cases, each) for each in sides],
        "general": [
            {"asked": question.asked, "before": was, "after": now}
            for question, was, now in zip(
                questions(), *(each.measured.general for each in sides), strict=True
            )
        ],
        "rows": [
            {
                **_case(case),
                "before": _reply(result.before.measured.replies[case.id], old),
                "after": _reply(result.after.measured.replies[case.id], new),
            }
            for case, old, new in rows
        ],
    }


def summary(cases: Sequence[Case], one: Side) -> dict[str, Any]:
    """Return the figures of one model: a line in the table of variants."""
    measured, judged = one.measured, one.judged
    losses = [measured.replies[case.id].loss for case in cases]
    return {
        "name": measured.name,
        "score": _mean([each.score for each in judged]),
        "loss": _mean(losses),
        "answers": _share(cases, judged, (ANSWER, "")),
        "corrections": _share(cases, judged, (CORRECTION,)),
        "refusals": _share(cases, judged, (REFUSAL,)),
        "unsupported": sum(bool(each.unsupported) for each in judged),
        "spoken_unsupported": sum(bool(each.let_through) for each in judged),
        "ended": sum(each.ended for each in judged),
        "in_language": sum(each.in_language for each in judged),
        "n": len(cases),
        "size_mb": round(measured.size_mb, 1),
        "memory_mb": round(measured.memory_mb),
        "tokens_per_s": round(measured.tokens_per_s, 1),
        "prompt_tokens_per_s": round(measured.prompt_tokens_per_s, 1),
    }


def _count(count: Count) -> dict[str, Any]:
    return {
        "name": count.name,
        "before": count.before,
        "after": count.after,
        "of": count.of,
        "more_is_worse": count.more_is_worse,
        "is_worse": count.is_worse,
    }


def _share(cases: Sequence[Case], judged: Sequence[Judged], kinds: Sequence[str]) -> list[int]:
    """Return how many of the cases of some kinds were met, and how many there are."""
    right = [j.right for case, j in zip(cases, judged, strict=True) if case.kind in kinds]
    return [sum(right), len(right)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "kind": case.kind,
        "language": case.language,
        "asked": case.asked[-1].content if case.asked else "",
        "reference": case.reference,
    }


def _reply(reply: Reply, judged: Judged) -> dict[str, Any]:
    return {
        "text": reply.text,
        "outcome": reply.outcome,
        "loss": reply.loss,
        "score": judged.score,
        "right": judged.right,
        "refused": judged.refused,
        "unsupported": list(judged.unsupported),
        "spoken_unsupported": list(judged.let_through),
    }
