"""All checks of rows that could be read, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from llm import SentenceEncoder
from llm.data import Origin, Problem, Row
from llm.data.pairing import PairingCheck
from llm.data.privacy import PrivacyCheck
from llm.data.similarity import DuplicateCheck
from llm.data.supervision import TokenCheck, Tokens
from llm.data.texts import RoleCheck, TextCheck
from llm.language import detect_language

_MANY = 50
"""Rows from which it tells something that there is none of a kind."""


class Check(Protocol):
    """One kind of fault."""

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield what is wrong with a row."""
        ...

    def finish(self) -> Iterator[Problem]:
        """Yield what is wrong with the rows together, once all were seen."""
        ...


@dataclass(frozen=True)
class Settings:
    """What is known beside the rows."""

    encoder: Callable[[], SentenceEncoder] | None = None
    """Loads what compares question and answer by meaning where they share no words."""
    tokens: Tokens | None = None
    """Tokenizer and template of the base; None = tokens are not checked."""
    max_tokens: int = 0
    """Longest row in tokens; 0 = no limit."""


class Doctor:
    """Looks at rows one by one, then at all of them."""

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.counts: Counter[str] = Counter()
        """kind.NAME and language.NAME: rows of each; longest_tokens."""
        self._tokens = settings.tokens and TokenCheck(settings.tokens, settings.max_tokens)
        self._checks: list[Check] = [
            TextCheck(),
            RoleCheck(),
            PrivacyCheck(),
            DuplicateCheck(),
            PairingCheck(settings.encoder),
        ]
        if self._tokens:
            self._checks.append(self._tokens)
        self._first: Origin | None = None

    def see(self, row: Row) -> list[Problem]:
        """Return what is wrong with a row."""
        self._first = self._first or row.origin
        self.counts["rows"] += 1
        self.counts[f"kind.{row.kind or 'not told'}"] += 1
        self.counts[f"language.{detect_language(row.answer)}"] += 1
        return [problem for check in self._checks for problem in check.see(row)]

    def finish(self) -> list[Problem]:
        """Return what is wrong with the rows together."""
        found = [problem for check in self._checks for problem in check.finish()]
        if self._tokens:
            self.counts["longest_tokens"] = self._tokens.longest
        return [*found, *self._lacking()]

    def _lacking(self) -> Iterator[Problem]:
        rows = self.counts["rows"]
        if self._first is None or rows < _MANY:
            return
        for language, name in (("zh", "Chinese"), ("en", "English")):
            if not self.counts[f"language.{language}"]:
                yield _lack(self._first, "one-language", f"no answer is {name}", f"{name} rows")
        told = rows - self.counts["kind.not told"]
        if told and not self.counts["kind.refusal"]:
            yield _lack(
                self._first, "no-refusals", "no row refuses", "rows without a right passage"
            )


def _lack(origin: Origin, code: str, message: str, what: str) -> Problem:
    fix = f"mix in {what}, or the model may forget that"
    return Problem("warning", code, origin, "", f"{message}, of all rows", fix, whole=True)


def examine(rows: Iterable[Row], settings: Settings | None = None) -> list[Problem]:
    """Return everything that is wrong with rows; see `Problem.level`."""
    doctor = Doctor(settings)
    found = [problem for row in rows for problem in doctor.see(row)]
    return [*found, *doctor.finish()]
