"""How the command line is read: wrong usage is told as every other failure is."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from voice.errors import UsageError


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError, and shows its help where a command is missing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.set_defaults(parser=self, run=lambda *_: self._ask_for_command())

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with where to read on."""
        raise UsageError(message, f"`{self.prog} --help` shows examples")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse would list all commands, which is what its help is for.
        if action.nargs == argparse.PARSER and value not in (known := action.choices or ()):
            self.error(f"{value!r} is no command{suggestion(value, known)}")
        super()._check_value(action, value)

    def _ask_for_command(self) -> int:
        self.print_help(sys.stderr)
        return UsageError.exit_code


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return a question for the known word that is nearest, nothing if none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
