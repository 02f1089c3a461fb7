"""Synthesises vetted answers ahead while nobody needs the processor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping

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
        self,
        voice: CachedSynthesizer,
        texts: Iterable[tuple[str, str]],
        busy: Callable[[], bool],
    ) -> None:
        """Take texts with their language, most useful first."""
        super().__init__("warmer")
        self._voice = voice
        self._texts = list(texts)
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


def texts_to_warm(
    knowledge: KnowledgeBase, replies: Iterable[Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield text and language of what will be spoken, each once, most useful first.

    First how everything begins that can be said: replies, answers, their details. Then the rest of
    replies and answers: it would be made in time while they begin, but that takes the processor.
    """
    replied = [(text, language) for texts in replies for language, text in texts.items()]
    answers = [(entry.answer, entry.language) for entry in knowledge.speakable]
    details = [(entry.details, entry.language) for entry in knowledge.speakable if entry.details]
    begins = [(spoken_parts(text)[0], lang) for text, lang in (*replied, *answers, *details)]
    rests = [(part, lang) for text, lang in (*replied, *answers) for part in spoken_parts(text)[1:]]
    known = dict.fromkeys((*begins, *rests))
    return ((text, language) for text, language in known if "{" not in text)
