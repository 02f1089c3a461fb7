"""Recognisers by name."""

from __future__ import annotations

from asr import AsrConfig, Files, RecognitionError, Recognizer, RecognizerFactory


def _whisper(files: Files, config: AsrConfig) -> Recognizer:
    from asr.whisper import WhisperRecognizer

    return WhisperRecognizer(files, config)


def _sense_voice(files: Files, config: AsrConfig) -> Recognizer:
    from asr.sense_voice import SenseVoiceRecognizer

    return SenseVoiceRecognizer(files, config)


def _zipformer(files: Files, config: AsrConfig) -> Recognizer:
    from asr.zipformer import ZipformerRecognizer

    return ZipformerRecognizer(files, config)


ENGINES: dict[str, RecognizerFactory] = {
    "whisper": _whisper,
    "sense-voice": _sense_voice,
    "zipformer": _zipformer,
}


def create_recognizer(engine: str, files: Files, config: AsrConfig) -> Recognizer:
    """Load the recogniser of that name.

    Raises RecognitionError if there is none of that name, or if its files are missing or wrong.
    """
    if engine not in ENGINES:
        raise RecognitionError(
            f"there is no recogniser {engine!r}; there are: {', '.join(ENGINES)}"
        )
    return ENGINES[engine](files, config)
