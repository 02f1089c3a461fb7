"""Speech of a text piece by piece, whatever engine makes it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from voice.tts import Samples, SynthesisError
from voice.tts.loudness import polish, tail_s
from voice.tts.sentences import split_pieces

_LOGGER = logging.getLogger(__name__)


def spoken(
    text: str,
    language: str,
    rate_hz: int,
    run: Callable[[str], Iterable[Samples]],
    cancelled: Callable[[], bool],
) -> Iterator[Samples]:
    """Yield the speech of `text`: the first clause, then sentence by sentence.

    `run` makes the speech of one piece; it may be nothing. Raises SynthesisError if nothing in the
    text can be spoken.
    """
    heard = False
    for piece in split_pieces(text, language):
        if cancelled():
            return
        for samples in run(piece):
            polished = polish(samples, rate_hz, tail_s(piece))
            heard = heard or bool(polished.size)
            yield polished
    if not heard:
        raise SynthesisError("there is nothing in the text that can be spoken")


def warn_of_unspoken(characters: Iterable[str]) -> None:
    """Log the characters that have no sound: each once and in the order of their codes, for what
    was said must not be read in the log."""
    if signs := sorted(set(characters)):
        _LOGGER.warning("not spoken: %s", " ".join(signs))
