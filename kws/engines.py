"""Wake word engines by name: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kws import Files, Transcribe, WakeConfig, WakeWordError
from kws.words import WakeWord

if TYPE_CHECKING:
    from kws.detector import WakeEngine
    from kws.looks import Finder
    from kws.verify import Judge
    from kws.whisper import Decoder
    from kws.zipformer import ZipformerDetector

OWN_THRESHOLD = 0.15
"""At which the Zipformer takes what was played for a word: the lowest that was measured. It bears
Whisper out from here on, too."""


@dataclass(frozen=True)
class Means:
    """What is at hand to find wake words with."""

    words: Sequence[WakeWord]
    config: WakeConfig
    files: Callable[[], Files]
    """Finds the files of the keyword spotting model; called by engines that need it."""
    transcribe: Transcribe
    decoder: Decoder | None = None
    """Whisper, where it is what recognises speech."""


@dataclass(frozen=True)
class Engine:
    """A way to find wake words."""

    create: Callable[[Means], WakeEngine]
    """Raises WakeWordError, and what `Means.files` raises."""
    needs_model: bool = False
    """A keyword spotting model."""
    needs_whisper: bool = False
    """Whisper must be what recognises speech."""


def create_engine(name: str, means: Means) -> WakeEngine:
    """Load the engine of that name.

    Raises WakeWordError if there is none or it cannot be used here, and what `Means.files` raises.
    """
    if name not in ENGINES:
        raise WakeWordError(f"there is no wake word engine {name!r}: {', '.join(ENGINES)}")
    if ENGINES[name].needs_whisper and means.decoder is None:
        raise WakeWordError(f"the wake word engine {name} needs Whisper to recognise speech")
    return ENGINES[name].create(means)


def _combined(means: Means) -> WakeEngine:
    """Whisper looks, and the Zipformer hears what comes between two looks, sooner and in less
    time; words that its model cannot spell are left to Whisper. It bears Whisper out where that is
    known to err."""
    from kws.detector import WakeEngine
    from kws.keywords import Tokenizer
    from kws.verify import LookJudge, SecondedFinder

    finder = _whisper_finder(means)
    words = Tokenizer(means.files()).hearable(means.words)
    if not words:
        return WakeEngine(finder=finder)
    spotter = _spotter(replace(means, words=words))
    seconded = SecondedFinder(finder, spotter.at(OWN_THRESHOLD), words)
    return WakeEngine(spotter, seconded, LookJudge(finder), spotter.at(OWN_THRESHOLD))


def _whisper(means: Means) -> WakeEngine:
    from kws.detector import WakeEngine

    return WakeEngine(finder=_whisper_finder(means))


def _zipformer(means: Means) -> WakeEngine:
    """The recogniser, whichever it is, confirms hits that are not sure."""
    from kws.detector import WakeEngine
    from kws.verify import LookJudge, SecondStage

    judge: Judge = SecondStage(means.words, means.transcribe)
    if means.decoder is not None:
        judge = LookJudge(_whisper_finder(means))
    spotter = _spotter(means)
    return WakeEngine(spotter, judge=judge, own=spotter.at(OWN_THRESHOLD))


def _asr_pinyin(means: Means) -> WakeEngine:
    from kws.asr_pinyin import TranscriptFinder
    from kws.detector import WakeEngine

    finder = TranscriptFinder(means.words, means.transcribe, means.config.likeness)
    return WakeEngine(finder=finder)


def _spotter(means: Means) -> ZipformerDetector:
    from kws.settings_of_model import alone, sure_thresholds, tuned
    from kws.zipformer import ZipformerDetector

    files = means.files()
    words = tuned(means.words, files)
    sure = sure_thresholds(words, files)
    if not means.config.second_stage:
        words = alone(words, sure)
        sure = {word.text: word.threshold for word in words}
    return ZipformerDetector(words, files, means.config, sure)


def _whisper_finder(means: Means) -> Finder:
    from kws.whisper import WhisperFinder

    if means.decoder is None:
        raise WakeWordError("there is no Whisper to look for wake words with")
    return WhisperFinder(means.words, means.decoder, means.config.likeness)


ENGINES: Mapping[str, Engine] = {
    "combined": Engine(_combined, needs_model=True, needs_whisper=True),
    "whisper": Engine(_whisper, needs_whisper=True),
    "zipformer": Engine(_zipformer, needs_model=True),
    "asr-pinyin": Engine(_asr_pinyin),
}
"""The best first."""
