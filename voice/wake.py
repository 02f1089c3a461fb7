"""Loads wake word detection as the configuration and the owner's words want it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asr import Recognizer, VoiceActivityDetector
from kws import Samples, Transcribe, WakeWordDetector
from kws.words import WakeWord
from models.store import Store
from voice.config import Config
from voice.engines import ModelFiles, load_vad
from voice.errors import UsageError

if TYPE_CHECKING:
    from kws.looks import Finder, LookingDetector
    from kws.scores import Scorer
    from kws.verify import Judge
    from kws.zipformer import ZipformerDetector


OWN_MODEL = "kws-own"
"""The model that `hean wake train` makes; it is used as soon as it is installed."""


def engine_of(config: Config) -> str:
    """Return the engine: the configured one, or the best whose model is there."""
    return config.wake.engine or available_engines(config)[0]


def available_engines(config: Config) -> list[str]:
    """Return the engines whose models are there, the best first.

    A model that the owner has trained or named comes before Whisper, which hears more words in the
    noise of machines than the model in the box does (`models/README.md` has the figures).
    """
    model = model_of(config)
    spotter = [] if Store(config.store).problem(model) else ["zipformer"]
    whisper = ["whisper"] if _hears_with_whisper(config) else []
    is_chosen = model in (OWN_MODEL, config.wake.model)
    first = [*spotter, *whisper] if is_chosen else [*whisper, *spotter]
    return [*first, "asr-pinyin"]


def model_of(config: Config) -> str:
    """Return the model for the engine zipformer: the configured one, the owner's, or that of the
    profile."""
    store = Store(config.store)
    own = "" if store.problem(OWN_MODEL) else OWN_MODEL
    return config.wake.model or own or store.catalog.profile(config.models.profile)["kws"]


def load_tuned(config: Config, words: Sequence[WakeWord]) -> tuple[list[WakeWord], dict[str, Path]]:
    """Return the words with the settings measured for the model, and the model's files.

    Raises WakeWordError, ModelStoreError.
    """
    from kws.settings_of_model import tuned

    _, files = ModelFiles(config).find("kws", model_of(config))
    return tuned(words, files), files


@dataclass(frozen=True)
class WakeEngine:
    """What the daemon finds wake words with: a detector that hears all speech, or a finder that
    looks at it now and then. All but the detector belongs to the thread that recognises."""

    detector: WakeWordDetector | None = None
    finder: Finder | None = None
    stage: Judge | None = None
    """Finds words of the detector again, in the transcript."""
    vetoes: bool = False
    """A hit of the detector counts only if the stage confirms it."""

    def confirmed(self, word: str, samples: Samples) -> bool:
        """Tell whether a word that the detector found is in the audio indeed."""
        return not (self.vetoes and self.stage) or self.stage.judge(word, samples).confirmed

    def said_by(self, word: str, played: Samples) -> bool:
        """Tell whether audio that was played holds the word, or something much like it."""
        if not len(played):
            return False
        if self.finder is not None:
            nearest = self.finder.nearest(played)
            return nearest is not None and nearest.score >= self.finder.own_score
        judge = self.stage
        return judge is not None and judge.judge(word, played).score >= judge.own_score


def load_wake_engine(
    config: Config, words: Sequence[WakeWord], recognizer: Recognizer
) -> WakeEngine:
    """Load what the daemon finds wake words with. Raises WakeWordError, UsageError."""
    if not config.dialog.wake_word:
        return WakeEngine()
    if engine_of(config) != "zipformer":
        return WakeEngine(finder=load_finder(config, words, recognizer))
    return WakeEngine(
        detector=load_zipformer(config, words),
        stage=load_second_stage(config, words, recognizer),
        vetoes=config.wake.second_stage,
    )


def load_detector(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> WakeWordDetector:
    """Load the detector of the engine in use.

    `vad` must be used by nobody else: it remembers what it heard. Raises WakeWordError,
    ModelStoreError, UsageError.
    """
    from kws.verify import ConfirmedDetector

    if engine_of(config) != "zipformer":
        return load_looking(config, words, recognizer, vad)
    detector = load_zipformer(config, words)
    if not config.wake.second_stage:
        return detector
    return ConfirmedDetector(detector, load_second_stage(config, words, recognizer))


def load_zipformer(config: Config, words: Sequence[WakeWord]) -> ZipformerDetector:
    """Load the keyword spotting model. Raises WakeWordError, ModelStoreError."""
    from kws.zipformer import ZipformerDetector

    words, files = load_tuned(config, words)
    return ZipformerDetector(words, files, config.wake)


def load_looking(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> LookingDetector:
    """Load a detector that needs no model of its own."""
    from kws.looks import LookingDetector

    return LookingDetector(
        load_finder(config, words, recognizer),
        vad.is_speech,
        vad.chunk_samples,
        config.wake,
    )


def load_finder(config: Config, words: Sequence[WakeWord], recognizer: Recognizer) -> Finder:
    """Load what looks for wake words in audio with the model that recognises speech."""
    from kws.asr_pinyin import TranscriptFinder
    from kws.whisper import WhisperFinder

    if engine_of(config) == "asr-pinyin":
        return TranscriptFinder(words, transcriber(recognizer), config.wake.likeness)
    if recognizer.decoder is None:
        raise UsageError("wake.engine is whisper, but asr.model is none", "wake.engine=asr-pinyin")
    return WhisperFinder(words, recognizer.decoder, config.wake.likeness)


def load_second_stage(config: Config, words: Sequence[WakeWord], recognizer: Recognizer) -> Judge:
    """Load what confirms hits: Whisper is asked for the word itself, which takes a quarter of the
    time of a transcript; other recognisers for what they hear."""
    from kws.verify import LookJudge, SecondStage
    from kws.whisper import WhisperFinder

    if recognizer.decoder is not None:
        return LookJudge(WhisperFinder(words, recognizer.decoder, config.wake.likeness))
    return SecondStage(words, transcriber(recognizer))


def _hears_with_whisper(config: Config) -> bool:
    store = Store(config.store)
    default = store.catalog.profile(config.models.profile)["asr"]
    return store.catalog.model(config.asr.model or default).engine == "whisper"


def load_scorer(
    config: Config,
    words: Sequence[WakeWord],
    recognizer: Recognizer,
    vad: VoiceActivityDetector,
) -> Scorer:
    """Load what tells how near audio comes to a wake word, for the engine in use."""
    from kws.scores import LookScorer, ZipformerScorer

    if engine_of(config) == "zipformer":
        words, files = load_tuned(config, words)
        return ZipformerScorer(words, files, config.wake)
    return LookScorer(load_looking(config, words, recognizer, vad))


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
