"""Token tables of keyword spotting models, and the ways to write English words with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from pathlib import Path

from kws import WakeModelError, WakeWordError
from kws.protobuf import fields

BLANK = "<blk>"
WORD_MARK = "▁"
"""Begins a word in the pieces of sentencepiece."""

_NUMBER = re.compile("[0-9]{1,9}")
"""As sherpa-onnx can read it: no other digits that Python knows, nothing too long."""
_PIECE_FIELD, _TRAINER_FIELD = 1, 2
"""Of sentencepiece.ModelProto."""
_TEXT, _SCORE, _TYPE, _NORMAL = 1, 2, 3, 1
"""Fields of a piece, and the type of those that text is made of; also if no type is written."""
_MODEL_TYPE, _UNIGRAM = 3, 1
"""Field of the trainer's settings, and its value if none is written."""


def load_tokens(path: Path) -> dict[str, int]:
    """Read a table of tokens and their numbers, as sherpa-onnx insists on it: a malformed line
    would end the whole process.

    Raises WakeModelError that names the line at fault.
    """
    table: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        parts = line.split()
        if len(parts) != 2 or not _NUMBER.fullmatch(parts[1]):
            raise WakeModelError(f"{path}, line {number}: not a token and its number: {line!r}")
        if parts[0] in table:
            raise WakeModelError(f"{path}, line {number}: the token {parts[0]!r} is there twice")
        table[parts[0]] = int(parts[1])
    if sorted(table.values()) != list(range(len(table))) or table.get(BLANK) != 0:
        raise WakeModelError(f"{path} is not a whole token table")
    return table


def load_lexicon(path: Path) -> dict[str, list[str]]:
    """Read the phones of English words, one word a line; of several ways the first counts.

    Raises WakeModelError that names the line at fault.
    """
    lexicon: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), 1):
        word, *phones = line.split() or [""]
        if not phones:
            raise WakeModelError(f"{path}, line {number}: not a word and its phones: {line!r}")
        lexicon.setdefault(word.upper(), phones)
    return lexicon


class PieceEncoder:
    """Writes words in the pieces of a sentencepiece unigram model: the likeliest ones
    (Kudo, 2018).

    Raises WakeModelError if the file is no such model.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._scores, kind = _read_pieces(path.read_bytes())
        except OSError as error:
            raise WakeModelError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise WakeModelError(f"{path} is no sentencepiece model: {error}") from error
        if kind != _UNIGRAM or not self._scores:
            raise WakeModelError(f"{path} is no unigram model of sentencepiece")

    def encode(self, words: str) -> list[str]:
        """Return the pieces of words that are set apart by spaces.

        Raises WakeWordError if a character is in no piece.
        """
        text = "".join(WORD_MARK + word for word in words.split())
        best: list[tuple[float, list[str]]] = [(0.0, [])]
        for end in range(1, len(text) + 1):
            ways = [
                (best[start][0] + self._scores[text[start:end]], [*best[start][1], text[start:end]])
                for start in range(end)
                if text[start:end] in self._scores
            ]
            best.append(max(ways, default=(-inf, [])))
        if best[-1][0] == -inf:
            raise WakeWordError(f"the wake word model cannot spell {words!r}")
        return best[-1][1]


def encode_english(
    words: str, encoder: PieceEncoder | None, lexicon: Mapping[str, list[str]]
) -> list[str]:
    """Return the tokens of English words, by pieces or by phones.

    Raises WakeWordError if the model knows no English, or not this word.
    """
    upper = words.upper()
    if encoder:
        return encoder.encode(upper)
    if not lexicon:
        raise WakeWordError(f"the wake word model knows no English: {words!r}")
    unknown = [word for word in upper.split() if word not in lexicon]
    if unknown:
        said = unknown[0].lower()
        raise WakeWordError(f"the wake word model does not know how {said!r} is said")
    return [phone for word in upper.split() for phone in lexicon[word]]


def _read_pieces(model: bytes) -> tuple[dict[str, float], int]:
    """Return the score of each normal piece, and the type of the model."""
    scores, kind = {}, _UNIGRAM
    for number, value in fields(model):
        if number == _PIECE_FIELD and isinstance(value, bytes):
            piece = dict(fields(value))
            text = piece.get(_TEXT)
            if isinstance(text, bytes) and piece.get(_TYPE, _NORMAL) == _NORMAL:
                scores[text.decode()] = float(piece.get(_SCORE, 0.0))
        elif number == _TRAINER_FIELD and isinstance(value, bytes):
            kind = int(dict(fields(value)).get(_MODEL_TYPE, _UNIGRAM))
    return scores, kind


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WakeModelError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WakeModelError(f"{path} is not UTF-8 text") from error
    return [line for line in re.split("\r?\n", text) if line.strip()]
