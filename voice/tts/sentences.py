"""Cutting an answer into pieces that are synthesised one after the other."""

from __future__ import annotations

import re

FIRST_PIECE = {"zh": (4, 20), "en": (10, 60)}
"""Shortest and longest first piece in characters: a shorter one sounds chopped off, a longer one
keeps the person waiting."""
LONGEST_PIECE = {"zh": 90, "en": 260}
"""More than this at a time would be slow to begin, and may be more than a model can take."""

_CLOSING = "”’\"')）」』】》〉"
_SENTENCE_END = re.compile(
    rf"(?:[。！？!?…]+|(?<!\d)\.(?=\s|$|[{_CLOSING}])|\.(?=\s|$))[{_CLOSING}]*\s*|\n\s*"
)
_CLAUSE_END = re.compile(rf"[，、；：](?:[{_CLOSING}]*\s*)|[,;:]\s+|\s?[—–]+\s")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]\.)+[A-Za-z]|\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|Nos|vs|e\.g|i\.e|etc|approx"
    r"|Fig|Sec|Art|Vol|pp?|min|max|Inc|Ltd|Jan|Feb|Aug|Sept?|Oct|Nov|Dec)|^\s*\d{1,3}|\n\s*\d{1,3})"
    r"\.\s*$"
)
"""What a full stop may end besides a sentence: abbreviations, initials, numbers of a list."""


def split_pieces(text: str, language: str) -> list[str]:
    """Cut a text into pieces: the first short, the later ones whole sentences.

    Joined, the pieces are the text without the white space between them. Decimals (3.5),
    abbreviations (U.S., Dr.) and list numbers (1.) are not cut.
    """
    pieces: list[str] = []
    for sentence in split_sentences(text):
        if not pieces:
            pieces += _cut_first(sentence, *FIRST_PIECE[language])
        else:
            pieces.append(sentence)
    longest = LONGEST_PIECE[language]
    return [part for piece in pieces for part in _cut_long(piece, longest)]


def split_sentences(text: str) -> list[str]:
    """Cut a text into whole sentences."""
    sentences, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        candidate = text[start : match.end()]
        if match.group().startswith(".") and _ABBREVIATION.search(candidate):
            continue
        sentences.append(candidate)
        start = match.end()
    sentences.append(text[start:])
    return [stripped for sentence in sentences if (stripped := sentence.strip())]


def _cut_first(sentence: str, shortest: int, longest: int) -> list[str]:
    """Cut after the first clause of fair length, if there is one."""
    for match in _CLAUSE_END.finditer(sentence):
        if match.end() > longest:
            break
        if match.end() >= shortest and sentence[match.end() :].strip():
            return [sentence[: match.end()].strip(), sentence[match.end() :].strip()]
    return [sentence]


def _cut_long(piece: str, longest: int) -> list[str]:
    """Cut what is too long at the last clause, else word, else character that fits."""
    parts = []
    while len(piece) > longest:
        cut = _last_cut(piece[:longest])
        parts.append(piece[:cut].strip())
        piece = piece[cut:].strip()
    return [part for part in (*parts, piece) if part]


def _last_cut(head: str) -> int:
    clauses = [match.end() for match in _CLAUSE_END.finditer(head)]
    if clauses and clauses[-1] > len(head) // 3:
        return clauses[-1]
    space = head.rfind(" ")
    return space + 1 if space > len(head) // 3 else len(head)
