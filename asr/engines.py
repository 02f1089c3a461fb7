"""Recognisers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from asr import AsrConfig, Files, RecognitionError, Recognizer, RecognizerFactory

if TYPE_CHECKING:
    from asr.segment import SegmentRecognizer

TWO_PASS = "two-pass"


def _whisper(files: Files, config: AsrConfig) -> SegmentRecognizer:
    from asr.whisper import WhisperRecognizer

    return WhisperRecognizer(files, config)


def _sense_voice(files: Files, config: AsrConfig) -> SegmentRecognizer:
    from asr.sense_voice import SenseVoiceRecognizer

    return SenseVoiceRecognizer(files, config)


def _zipformer(files: Files, config: AsrConfig) -> Recognizer:
    from asr.zipformer import ZipformerRecognizer

    return ZipformerRecognizer(files, config)


def _two_pass(files: Files, config: AsrConfig) -> Recognizer:
    from asr.two_pass import TwoPassRecognizer

    engines = {role.partition(".")[0] for role in files}
    live, final = (sorted(engines & set(kind)) for kind in (STREAMING, BY_SEGMENT))
    if not (len(live) == len(final) == 1):
        raise RecognitionError(
            f"{TWO_PASS} needs a streaming recogniser ({', '.join(STREAMING)}) and one by segment "
            f"({', '.join(BY_SEGMENT)}); there are: {', '.join(sorted(engines)) or 'none'}"
        )
    return TwoPassRecognizer(
        STREAMING[live[0]](_files_of(live[0], files), config),
        BY_SEGMENT[final[0]](_files_of(final[0], files), config),
    )


BY_SEGMENT: dict[str, Callable[[Files, AsrConfig], SegmentRecognizer]] = {
    "whisper": _whisper,
    "sense-voice": _sense_voice,
}
STREAMING: dict[str, RecognizerFactory] = {"zipformer": _zipformer}
ENGINES: dict[str, RecognizerFactory] = {**BY_SEGMENT, **STREAMING, TWO_PASS: _two_pass}


def create_recognizer(engine: str, files: Files, config: AsrConfig) -> Recognizer:
    """Load the recogniser of that name; two-pass wants the files as `two_pass_files` returns them.

    Raises RecognitionError if there is none of that name, or if its files are missing or wrong.
    """
    if engine not in ENGINES:
        raise RecognitionError(
            f"there is no recogniser {engine!r}; there are: {', '.join(ENGINES)}"
        )
    return ENGINES[engine](files, config)


def two_pass_files(models: Mapping[str, Files]) -> Files:
    """Return the files of two models, by engine, as those of one: "whisper.encoder"."""
    return {
        f"{engine}.{role}": path for engine, files in models.items() for role, path in files.items()
    }


def _files_of(engine: str, files: Files) -> Files:
    beginning = f"{engine}."
    return {
        role.removeprefix(beginning): path
        for role, path in files.items()
        if role.startswith(beginning)
    }
