"""One wording for many: synonyms folded, fillers left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from llm.language import is_han

_SPACES = re.compile(r"\s+")
_GAP = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
"""Spaces between Chinese characters, as some recognisers write them."""

_SENTENCE = re.compile(r"[^。！？!?;；\n]+?(?:[。！？!?;；\n]|\.(?=\s|$)|$)")


class Wording:
    """Brings questions of one language to the wording that retrieval compares."""

    def __init__(self, synonyms: Mapping[str, str], fillers: Iterable[str]) -> None:
        self._synonyms = {clean(key): clean(value) for key, value in synonyms.items()}
        self._synonym = _any_of(self._synonyms)
        self._filler = _any_of(clean(f) for f in fillers)

    def canonical(self, text: str) -> str:
        """Return the text with every synonym replaced by the first name of the thing."""
        return self._synonym.sub(lambda found: self._synonyms[found[0]], clean(text))

    def core(self, text: str) -> str:
        """Return the canonical text without what is only said around a question.

        A text of fillers alone stays as it is.
        """
        canonical = self.canonical(text)
        core = _SPACES.sub(" ", self._filler.sub(" ", canonical)).strip(" ,.?!，。？！、;；")
        return _GAP.sub("", core) or canonical


def visible(text: str) -> str:
    """Return the text with a space for each control character but the line break, and without
    invisible ones and half characters.

    Those carry no meaning; between two characters of a forbidden word they would hide it.
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character == "\n" or category[0] != "C":
        return character
    return " " if category == "Cc" else ""


def clean(text: str) -> str:
    """Return the text in one width, in lower case, with single spaces and straight quotes."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return _GAP.sub("", _SPACES.sub(" ", text)).strip()


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with its mark."""
    return [s.strip() for s in _SENTENCE.findall(text) if s.strip()] or [text]


def first_sentence(text: str) -> str:
    """Return the text up to and with its first full stop."""
    return sentences(text)[0]


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for any of the words, the longest first; Latin ones only as whole words."""
    parts = [_bounded(word) for word in sorted(set(words), key=len, reverse=True)]
    return re.compile("|".join(parts) or r"(?!)")


def _bounded(word: str) -> str:
    before = r"(?<![a-z0-9])" if not is_han(word[0]) else ""
    after = r"(?![a-z0-9])" if not is_han(word[-1]) else ""
    return f"{before}{re.escape(word)}{after}"
