"""Counts and times for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from voice.events import (
    AnswerReady,
    DeviceLost,
    Event,
    PlaybackStarted,
    SpeechEnded,
    StageFailed,
    TurnEnded,
    WakeWordDetected,
)
from voice.process.vitals import Vitals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_OPEN_TURNS = 50
"""Turns remembered for their times; one that never ends must not be remembered for ever."""


class Metrics:
    """Follows the events."""

    def __init__(self, vitals: Vitals, machine: Callable[[], Mapping[str, float]] = dict) -> None:
        """`machine` measures the machine, by name, each time the figures are asked for."""
        self._registry = CollectorRegistry()
        self._turns = self._counter("turns", "Turns by how they ended", "outcome")
        self._decisions = self._counter("answers", "Answers by what was decided", "decision")
        self._calls = self._counter("wake_words", "Wake words heard", "word")
        self._faults = self._counter("stage_failures", "Failures of a stage", "stage")
        self._losses = self._counter("device_losses", "Times a sound device was lost")
        self._first_sound = Histogram(
            "hean_voice_to_voice_seconds",
            "From the last voiced sample of a question to the first sample of its answer",
            registry=self._registry,
            buckets=_SECONDS,
        )
        age = Gauge(
            "hean_audio_age_seconds", "Since audio was last processed", registry=self._registry
        )
        age.set_function(lambda: vitals.audio_age_s)
        self._asked_s: dict[int, float] = {}
        self._machine = machine
        self._of_machine: dict[str, Gauge] = {}

    def text(self) -> bytes:
        """Return all figures in the text format of Prometheus."""
        self._measure()
        return generate_latest(self._registry)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, SpeechEnded):
            self._asked_s[event.turn] = event.last_voiced_s
            if len(self._asked_s) > _OPEN_TURNS:
                del self._asked_s[next(iter(self._asked_s))]
        elif isinstance(event, PlaybackStarted) and event.turn in self._asked_s:
            self._first_sound.observe(event.at_s - self._asked_s.pop(event.turn))
        elif isinstance(event, AnswerReady):
            self._decisions.labels(event.answer.decision).inc()
        elif isinstance(event, TurnEnded):
            self._asked_s.pop(event.turn, None)
            self._turns.labels(event.outcome.value).inc()
        else:
            self._count(event)

    def _count(self, event: Event) -> None:
        if isinstance(event, WakeWordDetected):
            self._calls.labels(event.word).inc()
        elif isinstance(event, StageFailed):
            self._faults.labels(event.stage).inc()
        elif isinstance(event, DeviceLost):
            self._losses.inc()

    def _measure(self) -> None:
        for name, value in self._machine().items():
            if name not in self._of_machine:
                gauge = Gauge(f"hean_{name}", "See docs/operator.md", registry=self._registry)
                self._of_machine[name] = gauge
            self._of_machine[name].set(value)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"hean_{name}", text, labels, registry=self._registry)
