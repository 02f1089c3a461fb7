"""Voices by name."""

from __future__ import annotations

from voice.tts import Files, SynthesisError, Synthesizer, SynthesizerFactory, TtsConfig


def _kokoro(files: Files, config: TtsConfig) -> Synthesizer:
    from voice.tts.kokoro import KokoroSynthesizer

    return KokoroSynthesizer(files, config)


def _matcha(files: Files, config: TtsConfig) -> Synthesizer:
    from voice.tts.matcha import create_matcha

    return create_matcha(files, config)


def _vits(files: Files, config: TtsConfig) -> Synthesizer:
    from voice.tts.vits import create_vits

    return create_vits(files, config)


ENGINES: dict[str, SynthesizerFactory] = {
    "kokoro": _kokoro,
    "matcha": _matcha,
    "vits": _vits,
}


def create_synthesizer(engine: str, files: Files, config: TtsConfig) -> Synthesizer:
    """Load the voice of that engine.

    Raises SynthesisError if there is none of that name, or if its files are missing or wrong.
    """
    if engine not in ENGINES:
        raise SynthesisError(
            f"there is no voice engine {engine!r}; there are: {', '.join(ENGINES)}"
        )
    try:
        return ENGINES[engine](files, config)
    except KeyError as error:
        raise SynthesisError(f"the voice model lacks the file {error}") from error
