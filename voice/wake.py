"""Loads wake word detection as the configuration and the owner's words want it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr import Recognizer, VoiceActivityDetector
from kws import Samples, Transcribe
from kws.engines import ENGINES, Means, create_engine
from kws.words import WakeWord
from models.store import Store
from voice.config import Config
from voice.engines import ModelFiles, load_vad
from voice.errors import UsageError

if TYPE_CHECKING:
    from kws.detector import EngineDetector, WakeEngine
    from kws.scores import Scorer


OWN_MODEL = "kws-own"
"""The model that `hean wake train` makes; it is used as soon as it is installed."""


def engine_of(config: Config) -> str:
    """Return the engine: the configured one, or the best whose models are there."""
    return config.wake.engine or available_engines(config)[0]


def available_engines(config: Config) -> list[str]:
    """Return the engines whose models are there, the best first."""
    has_model = not Store(config.store).problem(model_of(config))
    has_whisper = _hears_with_whisper(config)
    return [
        name
        for name, engine in ENGINES.items()
        if (has_model or not engine.needs_model) and (has_whisper or not engine.needs_whisper)
    ]


def model_of(config: Config) -> str:
    """Return the keyword spotting model: the configured one, the owner's, or that of the
    profile."""
    store = Store(config.store)
    own = "" if store.problem(OWN_MODEL) else OWN_MODEL
    return config.wake.model or own or store.catalog.profile(config.models.profile)["kws"]


def model_in_use(config: Config) -> str:
    """Return the keyword spotting model if the engine in use needs one, else ""."""
    return model_of(config) if ENGINES[engine_of(config)].needs_model else ""


def model_files(config: Config) -> dict[str, Path]:
    """Return the files of the keyword spotting model by role. Raises ModelStoreError."""
    return ModelFiles(config).find("kws", model_of(config))[1]


def load_wake_engine(
    config: Config, words: Sequence[WakeWord], recognizer: Recognizer
) -> WakeEngine:
    """Load what the daemon finds wake words with: the engine in use, or one that finds none.

    Its detector may be used by one thread and the rest by another. Raises WakeWordError,
    ModelStoreError, UsageError.
    """
    from kws.detector import WakeEngine

    if not config.dialog.wake_word:
        return WakeEngine()
    return _load_engine(config, words, recognizer)


def load_detector(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> EngineDetector:
    """Load the engine in use as one detector.

    `vad` must be used by nobody else: it remembers what it heard. Raises WakeWordError,
    ModelStoreError, UsageError.
    """
    from kws.detector import EngineDetector

    engine = _load_engine(config, words, recognizer)
    return EngineDetector(engine, vad.is_speech, vad.chunk_samples, config.wake)


def load_scorer(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> Scorer:
    """Load what tells how near audio comes to a wake word, for the engine in use.

    Raises what `load_detector` does.
    """
    from kws.detector import EngineDetector
    from kws.scores import THRESHOLDS, Scorer
    from kws.zipformer import ZipformerDetector

    engine = _load_engine(config, words, recognizer)
    spotter = engine.detector
    ladder = map(spotter.at, THRESHOLDS) if isinstance(spotter, ZipformerDetector) else ()
    detector = EngineDetector(engine, vad.is_speech, vad.chunk_samples, config.wake)
    return Scorer(detector, list(ladder))


def load_wake_ears(config: Config) -> tuple[Recognizer, VoiceActivityDetector]:
    """Load what wake words need of speech recognition, without the rest of the assistant."""
    from asr.engines import create_recognizer

    model, files = ModelFiles(config).find("asr", config.asr.model)
    return create_recognizer(model.engine, files, config.asr), load_vad(config)


def transcriber(recognizer: Recognizer) -> Transcribe:
    """Return a function that gives the final transcript of audio."""

    def transcribe(samples: Samples) -> str:
        stream = recognizer.stream()
        stream.accept(samples)
        return stream.finish().text

    return transcribe


def _load_engine(config: Config, words: Sequence[WakeWord], recognizer: Recognizer) -> WakeEngine:
    name = engine_of(config)
    if ENGINES[name].needs_whisper and recognizer.decoder is None:
        raise UsageError(
            f"wake.engine is {name}, but asr.model is no Whisper", "wake.engine=asr-pinyin"
        )
    means = Means(
        words,
        config.wake,
        lambda: model_files(config),
        transcriber(recognizer),
        recognizer.decoder,
    )
    return create_engine(name, means)


def _hears_with_whisper(config: Config) -> bool:
    store = Store(config.store)
    default = store.catalog.profile(config.models.profile)["asr"]
    return store.catalog.model(config.asr.model or default).engine == "whisper"
