"""One thing that was looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class Words:
    """The same in both languages of the screen. What programs and files report stays as it is."""

    en: str
    zh: str

    def plus(self, en: str, zh: str) -> Words:
        """Return it with something added."""
        return Words(self.en + en, self.zh + zh)


NOTHING = Words("", "")


@dataclass(frozen=True)
class Finding:
    """One line of `hean check`, and of the self-test on the operator's page."""

    subject: Words
    state: str
    """ok, warning (it works, but not all of it) or failure."""
    text: Words
    fix: Words = NOTHING
    """What to do, unless the state is ok."""
    exit_code: int = 0
    """Of a failure."""

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts, in English, and below `zh` in Chinese."""
        return {
            "subject": self.subject.en,
            "state": self.state,
            "text": self.text.en,
            "fix": self.fix.en,
            "exit_code": self.exit_code,
            "zh": {"subject": self.subject.zh, "text": self.text.zh, "fix": self.fix.zh},
        }
