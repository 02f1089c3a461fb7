"""Loads wake word detection as the configuration and the owner's words want it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asr import Recognizer, VoiceActivityDetector
from kws import Samples, Transcribe, WakeWordDetector
from kws.words import WakeWord
from models.store import Store
from voice.config import Config
from voice.engines import ModelFiles

if TYPE_CHECKING:
    from kws.asr_pinyin import AsrPinyinDetector, IsSpeech
    from kws.scores import Scorer
    from kws.verify import SecondStage


def engine_of(config: Config) -> str:
    """Return the engine: the configured one, or the best whose model is there."""
    if config.wake.engine:
        return config.wake.engine
    store = Store(config.store)
    model = config.wake.model or store.catalog.profile(config.models.profile).get("kws", "")
    return "zipformer" if model and not store.problem(model) else "asr-pinyin"


def load_wake_engine(
    config: Config, words: Sequence[WakeWord], recognizer: Recognizer
) -> tuple[WakeWordDetector | None, Callable[[str, Samples], bool]]:
    """Return the daemon's detector, None where wake words are found in transcripts, and a function
    that tells whether a word it found is in the audio indeed.

    The function belongs to the thread that uses the recogniser. Raises WakeWordError.
    """
    if engine_of(config) == "asr-pinyin" or not config.dialog.wake_word:
        return None, lambda word, samples: True
    from kws.zipformer import ZipformerDetector

    _, files = ModelFiles(config).find("kws", config.wake.model)
    detector = ZipformerDetector(words, files, config.wake)
    if not config.wake.second_stage:
        return detector, lambda word, samples: True
    stage = load_second_stage(words, recognizer)
    return detector, lambda word, samples: stage.judge(word, samples).confirmed


def load_detector(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> WakeWordDetector:
    """Load the detector of the engine in use.

    `vad` must be used by nobody else: it remembers what it heard. Raises WakeWordError,
    ModelStoreError.
    """
    from kws.verify import ConfirmedDetector
    from kws.zipformer import ZipformerDetector

    if engine_of(config) == "asr-pinyin":
        return load_asr_pinyin(config, words, recognizer, vad)
    _, files = ModelFiles(config).find("kws", config.wake.model)
    detector = ZipformerDetector(words, files, config.wake)
    if not config.wake.second_stage:
        return detector
    return ConfirmedDetector(detector, load_second_stage(words, recognizer))


def load_asr_pinyin(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> AsrPinyinDetector:
    """Load the detector that needs no model of its own."""
    from kws.asr_pinyin import AsrPinyinDetector

    return AsrPinyinDetector(
        words,
        transcriber(recognizer),
        speech_decision(vad, config.vad.threshold),
        vad.chunk_samples,
        config.wake,
    )


def load_second_stage(words: Sequence[WakeWord], recognizer: Recognizer) -> SecondStage:
    """Load the confirmation of hits."""
    from kws.verify import SecondStage

    return SecondStage(words, transcriber(recognizer))


def load_scorer(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> Scorer:
    """Load what tells how near audio comes to a wake word, for the engine in use."""
    from kws.scores import AsrPinyinScorer, ZipformerScorer

    if engine_of(config) == "zipformer":
        _, files = ModelFiles(config).find("kws", config.wake.model)
        return ZipformerScorer(words, files, config.wake)
    return AsrPinyinScorer(load_asr_pinyin(config, words, recognizer, vad))


def load_wake_ears(config: Config) -> tuple[Recognizer, VoiceActivityDetector]:
    """Load what wake words need of speech recognition, without the rest of the assistant."""
    from asr.engines import create_recognizer
    from asr.vad import SileroVad

    found = ModelFiles(config)
    _, vad_files = found.find("vad")
    model, files = found.find("asr", config.asr.model)
    return create_recognizer(model.engine, files, config.asr), SileroVad(vad_files)


def transcriber(recognizer: Recognizer) -> Transcribe:
    """Return a function that gives the final transcript of audio."""

    def transcribe(samples: Samples) -> str:
        stream = recognizer.stream()
        stream.accept(samples)
        return stream.finish().text

    return transcribe


def speech_decision(vad: VoiceActivityDetector, threshold: float) -> IsSpeech:
    """Return a function that tells whether a chunk is speech."""
    return lambda samples: vad.probability(samples) >= threshold
