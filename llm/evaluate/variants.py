"""Every form in which a model can be used, asked the same rows: what does each cost?

Quantising after merging keeps what a model copies and loses what it refuses, so a smaller file is
only chosen if it passes the gate like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from llm.evaluate import Case
from llm.evaluate.gate import Show, ask, compared, summary
from llm.evaluate.judging import Judge
from llm.evaluate.measuring import Subject
from llm.evaluate.verdict import side


@dataclass(frozen=True)
class Variant:
    """One form of the model, measured against the base."""

    name: str
    figures: dict[str, Any]
    """As `llm.evaluate.gate.summary`."""
    verdict: str
    """pass, no proven gain or worse; nothing for the base itself."""
    reasons: tuple[str, ...] = ()


def table(
    base: Subject, forms: Iterable[Subject], cases: Sequence[Case], judge: Judge, show: Show
) -> list[Variant]:
    """Ask the base and every form; return a line for each, the base first."""
    before = ask(base, cases, show)
    asked = [case for case in cases if case.id in before.replies]
    lines = [Variant(base.name, summary(asked, side(before, asked, judge)), "")]
    for form in forms:
        result = compared(before, ask(form, cases, show), cases, judge)
        lines.append(
            Variant(
                form.name,
                summary(result.cases, result.after),
                result.verdict.word,
                result.verdict.reasons,
            )
        )
    return lines
