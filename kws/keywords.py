"""Wake words in the tokens of a keyword spotting model, line by line as sherpa-onnx reads them:

    n ǐ h ǎo h é ān :1.50 #0.25 @你好核安

sherpa-onnx drops, misreads or crashes on lines that are not quite right (k2-fsa/sherpa-onnx#1639),
so every line is made and checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from kws import Files, WakeModelError, WakeWordError
from kws.pinyin import HAN, split_syllable
from kws.tokens import PieceEncoder, encode_english, load_lexicon, load_tokens
from kws.words import WakeWord

_RUN = re.compile(f"[{HAN}]|[A-Za-z']+(?: +[A-Za-z']+)*")
_LEAST_BOOST = 0.01
_FIRST_TOKEN = 1
"""Number of the first token that can be heard; before it comes the blank."""


class Tokenizer:
    """Writes wake words in the tokens of one model. Files: tokens; bpe or lexicon for English.

    The table may end with tokens that were used in training alone; `known` is how many tokens the
    model itself knows. Raises WakeModelError if a file is missing or damaged, the lexicon's when an
    English word is encoded.
    """

    def __init__(self, files: Files, known: int | None = None) -> None:
        table = load_tokens(files["tokens"])
        if known is not None and len(table) < known:
            raise WakeModelError(f"{files['tokens']} has {len(table)} of {known} tokens")
        first, last = _FIRST_TOKEN, len(table) if known is None else known
        self._tokens = {token for token, number in table.items() if first <= number < last}
        self._pieces = PieceEncoder(files["bpe"]) if "bpe" in files else None
        self._files = files

    @cached_property
    def _lexicon(self) -> dict[str, list[str]]:
        """Read when the first English word comes: it is long."""
        return load_lexicon(self._files["lexicon"]) if "lexicon" in self._files else {}

    def encode(self, text: str, pinyin: str) -> list[str]:
        """Return the tokens of a text; `pinyin` has a syllable for each Chinese character.

        Raises WakeWordError that names the token which the model does not have.
        """
        ways = iter(pinyin.split())
        tokens: list[str] = []
        for run in _RUN.findall(text):
            if re.match(f"[{HAN}]", run):
                tokens += split_syllable(next(ways, ""))
            else:
                tokens += encode_english(run, self._pieces, self._lexicon)
        for token in tokens:
            if token not in self._tokens:
                raise WakeWordError(
                    f"the wake word model cannot hear {text} ({pinyin or 'English'}): "
                    f"it has no token {token!r}"
                )
        return tokens

    def hearable(self, words: Sequence[WakeWord]) -> list[WakeWord]:
        """Return the enabled words that the model has tokens for. Raises WakeModelError."""
        return [word for word in words if word.enabled and self._can_hear(word)]

    def _can_hear(self, word: WakeWord) -> bool:
        try:
            self.lines([word])
        except WakeModelError:
            raise
        except WakeWordError:
            return False
        return True

    def lines(self, words: Sequence[WakeWord]) -> list[str]:
        """Return a line for each way to say each enabled word.

        Raises WakeWordError that names line, word and what is wrong.
        """
        lines: list[str] = []
        seen: dict[tuple[str, ...], str] = {}
        for word, way in _ways(words):
            where = f"wake word line {len(lines) + 1}"
            try:
                tokens = tuple(self.encode(word.text, way))
            except WakeWordError as error:
                raise WakeWordError(f"{where}: {error}") from error
            if tokens in seen:
                raise WakeWordError(f"{where}: {word.text} is said exactly like {seen[tokens]}")
            seen[tokens] = word.text
            lines.append(f"{' '.join(tokens)} {_settings(word)} @{label_of(word)}")
        if not lines:
            raise WakeWordError("there is no wake word; `hean wake add WORD` adds one")
        return lines


def label_of(word: WakeWord) -> str:
    """Return the name by which sherpa-onnx reports a word: it may have no spaces."""
    return word.text.replace(" ", "_")


def _ways(words: Sequence[WakeWord]) -> Iterator[tuple[WakeWord, str]]:
    for word in words:
        if word.enabled:
            yield from ((word, way) for way in word.pinyin or ("",))


def _settings(word: WakeWord) -> str:
    # Always two decimals: #0 to #29 are tokens of the Mandarin models, and tokens come first.
    # And no boost of zero: sherpa-onnx takes that for none given, and boosts by 1.0.
    return f":{max(word.boost, _LEAST_BOOST):.2f} #{word.threshold:.2f}"
