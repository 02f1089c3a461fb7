"""Speech models of a few kilobytes with the inputs, outputs and metadata of the real ones.

The real native library loads and runs them. Instead of recognising anything they write `HEARD`
while the audio is loud, so that a test knows what must come out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.tiny_asr import sense_voice, whisper, zipformer

HEARD = "碘片怎么吃"

BUILDERS: dict[str, Callable[[Path, str], dict[str, Path]]] = {
    "whisper": whisper.build,
    "sense-voice": sense_voice.build,
    "zipformer": zipformer.build,
}
"""Write a model that hears the given text into a folder; return its files by role."""
