"""An engine at work: where somebody speaks, its detector hears all and its finder looks now and
then; a word that either finds counts, once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kws import RATE_HZ, Detection, Samples, WakeConfig, WakeWordDetector
from kws.looks import END_S, PRE_ROLL_S, Finder, IsSpeech, Look, LookSchedule, Window
from kws.verify import Judge, hears

_OWN_SAMPLES = 3 * RATE_HZ
"""Of what was played: a slow word, and the delays of devices and of the detector."""


@dataclass(frozen=True)
class WakeEngine:
    """What finds wake words: a detector that hears all speech, a finder that looks at it now and
    then, or both. Finder and judge take a tenth of a second or more each time."""

    detector: WakeWordDetector | None = None
    finder: Finder | None = None
    judge: Judge | None = None
    """Confirms hits of the detector that are not sure."""
    own: WakeWordDetector | None = None
    """The detector once more, for what was played: it hears much there that is no word."""

    def confirmed(self, hit: Detection, samples: Samples) -> Detection | None:
        """Return a hit of the detector if it counts; the audio ends shortly after the word."""
        if hit.sure or self.judge is None:
            return hit
        verdict = self.judge.judge(hit.word, samples)
        return replace(hit, score=verdict.score, sure=True) if verdict.confirmed else None

    def may_be_own(self, word: str, played: Samples) -> bool:
        """Tell whether a hit of the detector may come from audio that was played: in a hundredth
        of the audio's time, and rather too often than not. For the detector's thread."""
        if not len(played) or self.own is None:
            return len(played) > 0
        return hears(self.own, word, played[-_OWN_SAMPLES:])

    def said_by(self, word: str, played: Samples) -> bool:
        """Tell whether audio that was played holds the word, or something much like it."""
        if not len(played):
            return False
        if self.finder is not None:
            nearest = self.finder.nearest(played)
            return nearest is not None and nearest.score >= self.finder.own_score
        judge = self.judge
        return judge is not None and judge.judge(word, played).score >= judge.own_score


class EngineDetector:
    """Listens for wake words with all that an engine has, where voice activity detection finds
    speech. `process` takes as long as the finder or the judge does when it is asked."""

    def __init__(
        self,
        engine: WakeEngine,
        is_speech: IsSpeech,
        chunk_samples: int,
        config: WakeConfig = WakeConfig(),  # noqa: B008 - a frozen value
    ) -> None:
        """`is_speech` takes `chunk_samples` at a time."""
        self.chunk_samples = chunk_samples
        self._engine = engine
        self._is_speech = is_speech
        self._schedule = LookSchedule(chunk_samples / RATE_HZ)
        self._refractory = int(config.refractory_s * RATE_HZ)
        self.reset()

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._heard = self._deaf_until = 0
        self._window, self._waiting = Window(), Window()
        self._schedule.reset()
        self._speaks = False
        if self._engine.detector is not None:
            self._engine.detector.reset()
        self.looked: Look | None = None
        """The last look."""
        self.vetoed = 0
        """Hits that did not count."""

    @property
    def heard_s(self) -> float:
        """Return the seconds of audio heard since it was made or reset."""
        return self._heard / RATE_HZ

    def process(self, samples: Samples) -> Detection | None:
        """Hear one more chunk; tell whether a word has just been said."""
        self._heard += len(samples)
        self._window.add(samples)
        self._waiting.add(samples)
        voiced = self._is_speech(samples)
        is_due = self._schedule.process(voiced)
        if self._schedule.quiet_s >= END_S:
            self._window.keep(int(PRE_ROLL_S * RATE_HZ))
        self._speaks = voiced or (self._speaks and self._schedule.quiet_s < END_S)
        hit = self._hear() or (self._look() if is_due else None)
        if hit is None or self._heard < self._deaf_until:
            return None
        self._window = Window()  # or it would be found again
        self._schedule.reset()
        self._deaf_until = self._heard + self._refractory
        return replace(hit, at_s=self.heard_s)

    def _hear(self) -> Detection | None:
        """Let the detector hear what it has not, if somebody speaks."""
        detector = self._engine.detector
        if detector is None or not self._speaks:
            self._waiting.keep(int(PRE_ROLL_S * RATE_HZ))
            return None
        audio = self._waiting.samples()
        whole = len(audio) // detector.chunk_samples * detector.chunk_samples
        self._waiting = Window()
        self._waiting.add(audio[whole:])
        found = None
        for chunk in audio[:whole].reshape(-1, detector.chunk_samples):
            hit = detector.process(chunk)
            found = found or (hit and self._confirmed(hit))
        return found

    def _confirmed(self, hit: Detection) -> Detection | None:
        if self._heard < self._deaf_until:
            return None
        confirmed = self._engine.confirmed(hit, self._window.samples())
        self.vetoed += confirmed is None
        return confirmed

    def _look(self) -> Detection | None:
        finder = self._engine.finder
        if finder is None:
            return None
        nearest = finder.nearest(self._window.samples())
        self.looked = Look(self.heard_s, nearest)
        if nearest is None or not nearest.woke:
            return None
        return Detection(nearest.word, nearest.score, self.heard_s, finder.name)
