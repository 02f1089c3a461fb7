"""Turn rows into tokens: what the model reads at run time, and the tokens it is to answer with.

Which tokens those are is said once, in `llm.data.supervision`. Nothing is cut off: a row without
its end teaches a model never to stop. What cannot be used is refused by name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llm import GenerationError, Message
from llm.data import Origin, Row
from llm.data.supervision import sequences, supervise
from llm.train import UnusableBase, UnusableRows
from llm.train.base import Base

_PROBE = Row((Message("user", "Hello"), Message("assistant", "Hello")), Origin(path=Path()))
_MARKER = re.compile(r"<[^<>\s]{1,40}>")
_MOST_NAMED = 5
_OTHER_TEMPLATE = "use the template that belongs to the model"


@dataclass(frozen=True)
class Encoded:
    """A row as tokens."""

    ids: tuple[int, ...]
    start: int
    """Index of the first token that is trained; all after it are, to the end of the answer."""
    origin: Origin

    @property
    def key(self) -> str:
        """Return a name that follows from the tokens alone."""
        return hashlib.sha256(repr((self.ids, self.start)).encode()).hexdigest()[:24]

    @property
    def trained(self) -> tuple[bool, ...]:
        """Return for each token whether the model learns to write it."""
        return tuple(position >= self.start for position in range(len(self.ids)))


def encode(row: Row, base: Base, max_tokens: int, thinking: str = "strip") -> Encoded:
    """Return the tokens of a row; with thinking `keep` the chain of thought is learned too.

    Raises UnusableRows: too long, no answer, refused by the template.
    """
    if row.messages[-1].role != "assistant" or not row.answer.strip():
        raise UnusableRows(f"{row.origin}: there is no answer to learn, so no token is trained")
    try:
        found = supervise(row, base, thinking == "keep")
    except GenerationError as error:
        raise UnusableRows(f"{row.origin}: {error}") from error
    if len(found.ids) > max_tokens:
        raise UnusableRows(
            f"{row.origin}: {len(found.ids)} tokens, and {max_tokens} are allowed; cutting it "
            "would cut the end of its answer",
            "shorten the row, or raise --max-tokens",
        )
    return Encoded(found.ids, found.start, row.origin)


def encode_all(
    rows: Iterable[Row], base: Base, max_tokens: int, thinking: str = "strip"
) -> list[Encoded]:
    """Return the tokens of all rows; every answer of a conversation becomes a sequence.

    Raises UnusableRows that names the rows which cannot be used, and UnusableBase.
    """
    check_template(base)
    encoded: list[Encoded] = []
    faults: list[UnusableRows] = []
    for part in (part for row in rows for part in sequences(row)):
        try:
            encoded.append(encode(part, base, max_tokens, thinking))
        except UnusableRows as error:
            faults.append(error)
    if faults:
        named = "; ".join(map(str, faults[:_MOST_NAMED]))
        more = f"; and {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise UnusableRows(
            f"{len(faults)} rows cannot be trained on: {named}{more}",
            faults[0].fix or "hean data check tells all that is wrong with data",
        )
    return encoded


def check_template(base: Base) -> None:
    """Raise UnusableBase if the template is another model's, or leaves answers without end."""
    try:
        found = supervise(_PROBE, base)
        text = base.template.render(_PROBE.messages[:1])
        text += base.template.render(_PROBE.messages, answer_next=False)
    except GenerationError as error:
        raise UnusableBase(str(error), _OTHER_TEMPLATE) from error
    for marker in sorted(set(_MARKER.findall(text))):
        if (count := len(base.continue_text(marker))) != 1:
            raise UnusableBase(
                f"wrong chat template: it writes {marker}, which this model's tokenizer cuts "
                f"into {count} tokens",
                _OTHER_TEMPLATE,
            )
    if not found.closed:
        raise UnusableBase(
            "missing end: what the chat template writes after an answer does not begin with a "
            "token that ends one, so the model would learn never to stop",
            _OTHER_TEMPLATE,
        )
