"""Synthesises vetted answers ahead while nobody needs the processor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from llm.knowledge import KnowledgeBase
from voice.process.threads import Background
from voice.reply import spoken_parts
from voice.tts import SynthesisError
from voice.tts.cache import CachedSynthesizer

_LOGGER = logging.getLogger(__name__)
_LOOK_AGAIN_S = 2.0


class Warmer(Background):
    """Fills the cache of a voice, and waits while `busy()`. Ended early, what was made stays."""

    def __init__(
        self, voice: CachedSynthesizer, knowledge: KnowledgeBase, busy: Callable[[], bool]
    ) -> None:
        super().__init__("warmer")
        self._voice = voice
        self._texts = list(texts_to_warm(knowledge))
        self._busy = busy

    def _work(self) -> None:
        speed = self._voice.speed
        done = 0
        while done < len(self._texts) and self._voice.speed == speed:
            if self._ended.is_set():
                return
            try:
                done += sum(1 for _ in self._voice.warm(self._texts[done:], self._interrupted))
            except SynthesisError as error:
                _LOGGER.warning("answers are not synthesised ahead: %s", error)
                return
            if not self._interrupted():
                return  # all that fits is there
            self._ended.wait(_LOOK_AGAIN_S)

    def _interrupted(self) -> bool:
        return self._ended.is_set() or self._busy()


def texts_to_warm(knowledge: KnowledgeBase) -> Iterator[tuple[str, str]]:
    """Yield text and language of what will be spoken, most useful first: the first sentences of
    all answers, then the rest of them."""
    parts = [(spoken_parts(entry.answer), entry.language) for entry in knowledge.speakable]
    yield from _unique((part[0], language) for part, language in parts)
    yield from _unique((part[1], language) for part, language in parts if len(part) > 1)


def _unique(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return iter(dict.fromkeys(texts))
