"""The objects of a JSON text, one after the other, whatever separates them.

A list, JSON lines and objects that simply follow one another (as some tools write them, over
several lines each) are all read the same way. The text is read piece by piece, and a broken object
costs itself alone: reading goes on at the next line that looks like the beginning of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CHUNK_CHARS = 1 << 20
LONGEST_CHARS = 1 << 26
"""No conversation is as long; a quotation mark that nothing closes is."""

_BETWEEN = re.compile(r"[\s,\[\]]*")
_WRAPPER = re.compile(r'\s*\{\s*"(?:data|rows|examples|train|test|validation)"\s*:\s*(?=\[)')
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)
_NEAR_END = 16
"""An error so few characters before the end of what was read may only be a lack of more."""


@dataclass(frozen=True)
class Broken:
    """Text that is no JSON."""

    reason: str


@dataclass(frozen=True)
class Unclosed:
    """The text ended inside a list."""


@dataclass(frozen=True)
class Found:
    """A JSON value, or what stands in its place."""

    line: int
    value: object


def json_values(read: Callable[[int], str]) -> Iterator[Found]:
    """Yield the values of a text that `read(n)` returns n characters at a time."""
    window = _Window(read)
    window.fill()
    wrapper = _WRAPPER.match(window.text)
    if wrapper:
        window.advance(wrapper.end())
    open_lists = 0
    while window.skip_between():
        open_lists += window.skipped.count("[") - window.skipped.count("]")
        if wrapper and window.rest() == "}":
            break
        yield window.value()
    open_lists += window.skipped.count("[") - window.skipped.count("]")
    if open_lists > 0:
        yield Found(window.line, Unclosed())


class _Window:
    """The part of a text that is being read."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self.text = ""
        self.place = 0
        self.line = 1
        self.skipped = ""
        self._indent: str | None = ""
        """Blanks from the beginning of the line to `place`; None if there is more than blanks."""
        self._decoder = json.JSONDecoder()

    def fill(self) -> bool:
        """Read on, as much again as there is left; False at the end of the text."""
        more = self._read(max(CHUNK_CHARS, len(self.text) - self.place))
        self.text = self.text[self.place :] + more
        self.place = 0
        return bool(more)

    def advance(self, place: int) -> None:
        """Go on to a place of what was read, counting the lines on the way."""
        passed = self.text[self.place : place]
        breaks = passed.count("\n")
        before = "" if breaks else self._indent
        since = passed[passed.rfind("\n") + 1 :]
        self._indent = None if before is None or since.strip() else before + since
        self.line += breaks
        self.place = place

    def skip_between(self) -> bool:
        """Skip what stands between values; False if there is no further one."""
        self.skipped = ""
        while True:
            found = _BETWEEN.match(self.text, self.place)
            end = found.end() if found else self.place
            self.skipped += self.text[self.place : end]
            self.advance(end)
            if end < len(self.text):
                return True
            if not self.fill():
                return False

    def rest(self) -> str:
        """Return all that is left, if it is little."""
        if len(self.text) - self.place < _NEAR_END:
            self.fill()
        return self.text[self.place : self.place + _NEAR_END].strip()

    def value(self) -> Found:
        """Return the value at this place, and go on behind it."""
        line = self.line
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text, self.place)
            except json.JSONDecodeError as error:
                if self._may_need_more(error) and self.fill():
                    continue
                at = line + self.text.count("\n", self.place, error.pos)
                self._skip_broken()
                return Found(line, Broken(_reason(error, at)))
            except RecursionError:
                self._skip_broken()
                return Found(line, Broken("too many brackets inside each other"))
            except ValueError:  # a number of thousands of digits
                self._skip_broken()
                return Found(line, Broken("a number is too long"))
            self.advance(end)
            return Found(line, value)

    def _may_need_more(self, error: json.JSONDecodeError) -> bool:
        if len(self.text) - self.place > LONGEST_CHARS:
            return False
        unclosed = error.msg.startswith("Unterminated string")
        return unclosed or error.pos >= len(self.text) - _NEAR_END

    def _skip_broken(self) -> None:
        """Go to where the next value seems to begin."""
        if self.text[self.place] != "{":
            self._skip_to(re.compile(r"\n"))
        elif self._indent is not None:  # the first of its line: the next begins like it
            self._skip_to(re.compile(rf"\n(?={re.escape(self._indent)}[{{\[\]])"))
        else:
            self._skip_brackets()

    def _skip_to(self, pattern: re.Pattern[str]) -> None:
        while True:
            found = pattern.search(self.text, self.place)
            if found:
                self.advance(found.end())
                return
            # Only the last characters may still be the beginning of what is looked for.
            self.advance(max(self.place, len(self.text) - _NEAR_END * 8))
            if not self.fill():
                self.advance(len(self.text))
                return

    def _skip_brackets(self) -> None:
        depth = 0
        for found in _BRACKETS.finditer(self.text, self.place):
            depth += {"{": 1, "}": -1}.get(found[0], 0)
            if depth == 0:
                self.advance(found.end())
                return
        self._skip_to(re.compile(r"\n"))


def _reason(error: json.JSONDecodeError, line: int) -> str:
    if error.msg.startswith("Unterminated string"):
        return f"a quotation mark in line {line} is not closed"
    if error.msg.startswith("Invalid control character"):
        return f"line {line} ends inside quotation marks"
    return f"{error.msg[:1].lower()}{error.msg[1:]} in line {line}"
