"""Every form in which a model can be used, asked the same rows: what does each cost?

Quantising after merging keeps what a model copies and loses what it refuses. A quantised model that
refuses one question of six may still be no worse than the base, which refused one as well; but the
adapter refused four. So a merged form must not be worse than the base nor than the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm.evaluate import Case, Measured
from llm.evaluate.gate import Show, ask, compared, summary
from llm.evaluate.judging import Judge
from llm.evaluate.measuring import Subject
from llm.evaluate.verdict import WORSE, side


@dataclass(frozen=True)
class Variant:
    """One form of the model, measured against the base."""

    name: str
    figures: dict[str, Any]
    """As `llm.evaluate.gate.summary`."""
    verdict: str
    """pass, no proven gain or worse; nothing for the base itself."""
    reasons: tuple[str, ...] = ()


class Forms:
    """The forms of one model, asked one after the other."""

    def __init__(self, base: Subject, cases: Sequence[Case], judge: Judge, show: Show) -> None:
        """Ask the base, with which all forms are compared."""
        self._cases, self._judge, self._show = cases, judge, show
        self._before = ask(base, cases, show)
        self._adapted: Measured | None = None
        asked = [case for case in cases if case.id in self._before.replies]
        figures = summary(asked, side(self._before, asked, judge))
        self.base = Variant(base.name, figures, "")

    def add(self, form: Subject) -> Variant:
        """Ask one more form; what comes after one with an adapter is compared with that as well."""
        measured = ask(form, self._cases, self._show)
        result = compared(self._before, measured, self._cases, self._judge)
        word, reasons = result.verdict.word, result.verdict.reasons
        if self._adapted:
            lost = compared(self._adapted, measured, self._cases, self._judge).verdict
            if lost.word == WORSE:
                told = tuple(f"against the adapter: {reason}" for reason in lost.reasons)
                word, reasons = WORSE, (*(reasons if word == WORSE else ()), *told)
        elif form.adapter:
            self._adapted = measured
        return Variant(form.name, summary(result.cases, result.after), word, reasons)
