"""The corpus of a wake word model: clean clips of speech and what is said in them.

    clips.jsonl          one clip a line, appended when its audio is whole on disk
    clips/00012.flac     16 kHz mono

A folder that was left at any moment is continued: a half-written last line and audio without a
line are ignored and made again.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

import numpy as np

from kws import RATE_HZ, Samples, WakeWordError

Kind = Literal["wake", "breath", "near", "random", "sentence", "english", "human", "noise"]
"""wake: a wake word alone or among other words; breath: with a question right after it; near:
sounds like one; random: words in no order; noise: no speech."""
Split = Literal["train", "dev"]

TABLE = "clips.jsonl"
AUDIO = "clips"
_LONGEST_LINE = 65_536


class CorpusError(WakeWordError):
    """The corpus cannot be read or written."""


@dataclass(frozen=True)
class Clip:
    """One clip of clean speech."""

    audio: str
    """Path from the corpus folder, with / between its parts."""
    text: str
    tokens: tuple[str, ...]
    """What is said, in the tokens of the model."""
    kind: Kind
    word: str
    """The wake word in it; empty if there is none."""
    speaker: str
    split: Split
    seconds: float
    end_s: float = -1.0
    """Where the wake word ends; -1 if that is not known."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.split not in get_args(Split):
            raise ValueError(f"there is no kind {self.kind!r} or split {self.split!r}")


def read_clips(folder: Path) -> list[Clip]:
    """Return the clips of a corpus whose audio is there, in the order in which they were made; none
    if it was not begun.

    Raises CorpusError that names file and line.
    """
    path = folder / TABLE
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read: {error}") from error
    # What follows the last line end was being written when the power went.
    rows = [_clip(line, f"{path}, line {number}") for number, line in enumerate(lines[:-1], 1)]
    return [clip for clip in rows if (folder / clip.audio).is_file()]


def append_clips(folder: Path, clips: Iterable[Clip]) -> None:
    """Add clips, whose audio is on disk, to the table.

    Raises CorpusError.
    """
    text = "".join(json.dumps(asdict(clip), ensure_ascii=False) + "\n" for clip in clips)
    path = folder / TABLE
    try:
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # others may be adding clips, too
            _cut_half_line(file)
            file.write(text.encode())
    except OSError as error:
        raise CorpusError(f"{path} cannot be written: {error.strerror}") from error


def write_audio(path: Path, audio: Samples) -> None:
    """Write the audio of a clip as a whole, or nothing. Raises CorpusError."""
    import soundfile

    half = path.with_suffix(".half")
    try:
        with half.open("wb") as file:
            soundfile.write(file, np.clip(audio, -1, 1), RATE_HZ, format="FLAC", subtype="PCM_16")
        half.replace(path)
    except (OSError, soundfile.SoundFileError) as error:
        half.unlink(missing_ok=True)
        raise CorpusError(f"{path} cannot be written: {error}") from error


def _cut_half_line(file: IO[bytes]) -> None:
    """Cut off what was being written when the power went."""
    end = file.seek(0, 2)
    start = file.seek(max(0, end - _LONGEST_LINE))
    file.truncate(start + file.read().rfind(b"\n") + 1)


def _clip(line: str, where: str) -> Clip:
    try:
        values = cast("dict[str, Any]", json.loads(line))
        return Clip(**{**values, "tokens": tuple(values["tokens"])})
    except (ValueError, TypeError, KeyError) as error:
        raise CorpusError(f"{where}: this is no clip: {error}") from error
