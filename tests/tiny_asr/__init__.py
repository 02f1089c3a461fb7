"""Speech models of a few kilobytes with the inputs, outputs and metadata of the real ones.

The real native library loads and runs them. Instead of recognising anything they write `HEARD`
while the audio is loud, so that a test knows what must come out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.tiny_asr import sense_voice, whisper, zipformer

HEARD = "碘片怎么吃"


def build_two(folder: Path, heard: str) -> dict[str, Path]:
    """Write a streaming model and one by segment; the roles say of which of the two they are."""
    files = {}
    for engine, build in (("zipformer", zipformer.build), ("sense-voice", sense_voice.build)):
        place = folder / engine
        place.mkdir()
        files.update({f"{engine}.{role}": path for role, path in build(place, heard).items()})
    return files


BUILDERS: dict[str, Callable[[Path, str], dict[str, Path]]] = {
    "whisper": whisper.build,
    "sense-voice": sense_voice.build,
    "zipformer": zipformer.build,
    "two-pass": build_two,
}
"""Write a model that hears the given text into a folder; return its files by role."""
