"""What is needed to hear."""

from __future__ import annotations

from dataclasses import dataclass

from asr import Recognizer, VoiceActivityDetector
from asr.repair import Repairer


@dataclass(frozen=True)
class Ears:
    """Voice activity, recognition, repair."""

    vad: VoiceActivityDetector
    recognizer: Recognizer
    repairer: Repairer
