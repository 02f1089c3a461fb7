"""What clients find here, and how it is described to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)

import voice
from kws import WakeWordDetector
from llm.knowledge import LANGUAGES
from voice.lending.aside import Aside
from voice.lending.shared_answerer import SharedAnswerer

DEFAULT_VOICE = "default"


@dataclass(frozen=True)
class Services:
    """What clients are served with."""

    aside: Aside
    answerer: SharedAnswerer
    words: tuple[str, ...]
    """The wake words."""
    detector: Callable[[], AbstractContextManager[WakeWordDetector]]
    """Lends a detector to one client. Raises `voice.lending.aside.Busy`."""

    def info(self) -> Info:
        """Return the answer to `describe`."""
        return Info(
            asr=[
                AsrProgram(
                    **_described("hean", "Speech recognition with the words of the field"),
                    models=[AsrModel(**_described("hean-asr"), languages=[*LANGUAGES])],
                    supports_transcript_streaming=True,
                )
            ],
            tts=[
                TtsProgram(
                    **_described("hean", "The voice of the assistant"),
                    voices=[
                        TtsVoice(**_described(name), languages=[*LANGUAGES])
                        for name in (DEFAULT_VOICE, *self.aside.voices)
                    ],
                    supports_synthesize_streaming=True,
                )
            ],
            handle=[
                HandleProgram(
                    **_described("hean", "Vetted answers on nuclear and radiological emergencies"),
                    models=[HandleModel(**_described("hean"), languages=[*LANGUAGES])],
                    supports_handled_streaming=True,
                )
            ],
            wake=[
                WakeProgram(
                    **_described("hean", "The wake words of the assistant"),
                    models=[
                        WakeModel(**_described(word), languages=[*LANGUAGES], phrase=word)
                        for word in self.words
                    ],
                )
            ],
        )


def _described(name: str, description: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "attribution": Attribution("He'an", ""),
        "installed": True,
        "description": description or name,
        "version": voice.__version__,
    }
