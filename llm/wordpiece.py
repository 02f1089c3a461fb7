"""WordPiece, the way BERT cuts text into the pieces of its vocabulary.

Wu et al., Google's Neural Machine Translation System, 2016, section 4.1; the rules before it
(lower case, no accents, Chinese characters and marks apart) are those of the BERT release of 2018.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

_UNKNOWN, _FIRST, _LAST, _PADDING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
_LONGEST_WORD = 100
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_HAN}]|[^\s{_HAN}]+")


class WordPiece:
    """Cuts text into ids of one vocabulary, which is a file with one piece a line."""

    def __init__(self, vocabulary: Path) -> None:
        """Read the vocabulary. Raises OSError, or ValueError if it is none of BERT's kind."""
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        if missing := {_UNKNOWN, _FIRST, _LAST, _PADDING} - set(self._ids):
            raise ValueError(f"{vocabulary} has no {', '.join(sorted(missing))}")
        self.padding = self._ids[_PADDING]

    def ids(self, text: str, most: int) -> list[int]:
        """Return the ids of a text between those of its beginning and end, `most` in all."""
        pieces = [piece for word in _words(text) for piece in self._pieces(word)]
        return [self._ids[piece] for piece in (_FIRST, *pieces[: most - 2], _LAST)]

    def _pieces(self, word: str) -> list[str]:
        """Cut a word into the longest pieces, from its beginning; unknown if that fails."""
        found: list[str] = []
        at = 0
        while at < len(word) <= _LONGEST_WORD:
            ends = range(len(word), at, -1)
            prefix = "##" if at else ""
            end = next((end for end in ends if prefix + word[at:end] in self._ids), at)
            if end == at:
                return [_UNKNOWN]
            found.append(prefix + word[at:end])
            at = end
        return found or [_UNKNOWN]


def _words(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFD", text.lower())
    kept = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    yield from _WORD.findall("".join(_apart(c) for c in kept))


def _apart(character: str) -> str:
    """Return a mark with spaces around it, and nothing for a control character."""
    category = unicodedata.category(character)
    if character.isspace():
        return " "
    if category[0] == "C" or character == "\ufffd":
        return ""
    is_mark = category[0] == "P" or (character.isascii() and not character.isalnum())
    return f" {character} " if is_mark else character
