"""The thread that answers: takes one question at a time, speaks, and can be cut off.

Newest question wins: a question that arrives while another one waits replaces it.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from kws.sounds import likeness_anywhere, sounds_of
from llm.answer import Answer, Begin
from llm.fixed_texts import APOLOGY, NO_MORE, NOTHING_SAID
from llm.language import detect_language
from voice.audio import Speaker
from voice.audio.earcons import earcon
from voice.dialog.context import Context
from voice.dialog.delivery import Delivery
from voice.dialog.playback import VoiceSettings
from voice.dialog.turn import Turn
from voice.errors import DeviceError, HeanError, stage_errors
from voice.events import (
    AnswerBegun,
    AnswerReady,
    Bus,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    StageFailed,
    TurnEnded,
)
from voice.process.memory import give_back
from voice.process.overseer import ANSWERING, Work
from voice.process.threads import end
from voice.state import Cue
from voice.tts import Synthesizer

OWN_WORDS = 0.8
"""Likeness of sounds from which a text is taken for the assistant's own words. Of 3792 questions,
17 are as like the answer to them."""
_SHORTEST_SOUND = 3
"""Syllables. A shorter text sounds like something in most answers: 停 like 听."""
_DRAIN_S = 120.0
_FIRST_LANGUAGE = "zh"
"""Of the first question, most likely: the first answer in another is composed 0.4 s longer."""
_EARCON_S = 1.0

Follow = Callable[[Cue, Turn], None]


class Answers(Protocol):
    """What answers: `llm.answer.Answerer`, or one that is shared."""

    def answer(
        self,
        text: str,
        language: str | None,
        cancelled: Callable[[], bool],
        previous: Answer | None,
        begin: Begin,
    ) -> Answer:
        """Return the answer to a question; tell how it begins while it is being composed."""
        ...

    def prefill(self, language: str, cancelled: Callable[[], bool]) -> None:
        """Evaluate ahead of time what all composed answers of a language have in common."""
        ...


@dataclass(frozen=True)
class Question:
    """An understood question that waits for its answer."""

    turn: Turn
    text: str
    language: str


@dataclass(frozen=True)
class Saying:
    """A fixed text that waits to be spoken."""

    turn: Turn
    text: str
    language: str


class Responder:
    """Answers questions aloud, in a thread of its own."""

    def __init__(
        self,
        answerer: Answers,
        voice: Synthesizer,
        speaker: Speaker,
        bus: Bus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answerer = answerer
        self._voice = voice
        self._speaker = speaker
        self._bus = bus
        self.follow: Follow = lambda cue, turn: None
        """Told how far the answer is."""
        self.earcons = True
        self._said = Saying(Turn(0), "", "zh")
        """What is or was spoken last."""
        self._job: Question | Saying = self._said
        """What is worked on."""
        self._more: dict[str, str] = {}
        self._clock = clock
        self._context = Context(clock)
        self._waiting: queue.Queue[Question | Saying | None] = queue.Queue(1)
        self._thread = threading.Thread(target=self._work, name="responder", daemon=True)
        self.labour = Work()
        self.compose_s = 0.0
        """How long an answer may be composed."""

    @property
    def busy(self) -> bool:
        """Tell whether a question waits, or its answer is not yet over."""
        return self._waiting.unfinished_tasks > 0

    def start(self) -> None:
        """Begin to take questions."""
        self._thread.start()

    def ask(self, turn: Turn, text: str, language: str) -> None:
        """Hand over a question; one that still waits is dropped for it.

        `language` is "zh" or "en"; "" = as the text tells.
        """
        self._put(Question(turn, text, language or detect_language(text)))

    def command(self, name: str, turn: Turn) -> None:
        """Say the last answer again: as it was, slower, louder, or what more there is on it."""
        said = self._said
        settings = VoiceSettings(self._voice.speed, self._speaker.volume).after(name)
        self._voice.speed, self._speaker.volume = settings.speed, settings.volume
        text = said.text or NOTHING_SAID[said.language]
        if name == "more" and said.text:
            text = self._more.get(said.text) or NO_MORE[said.language]
        self._put(Saying(turn, text, said.language))

    def cue(self, name: str, turn: Turn) -> None:
        """Play an earcon; without a loudspeaker, none."""
        rate_hz = self._voice.rate_hz
        if self.earcons:
            with suppress(DeviceError):
                self._speaker.play(earcon(name, rate_hz), rate_hz, turn.number)

    def hold(self) -> None:
        """Pause the loudspeaker."""
        self._speaker.hold()

    def go_on(self) -> None:
        """Go on where the loudspeaker was paused."""
        self._speaker.go_on()

    def silence(self, before: int) -> None:
        """Bar all turns older than `before` from the loudspeaker."""
        self._speaker.flush(before)

    def says(self, text: str) -> bool:
        """Tell whether the answer that is being spoken has this text in it, or what recognisers
        make of its sound."""
        if not (text and self.busy):
            return False
        sounds = sounds_of(text)
        if text in self._said.text or len(sounds) < _SHORTEST_SOUND:
            return text in self._said.text
        return likeness_anywhere(sounds, sounds_of(self._said.text)).likeness >= OWN_WORDS

    def finish(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Answer what waits, then end the thread; if it is given up, without it."""
        if not end(self._thread, self._waiting, given_up):
            self._drop_waiting()
            self._bus.publish(TurnEnded(self._job.turn.number, Outcome.FAILED))

    def tell_failure(self) -> None:
        """Be silent but for the sound of an error, and wait until that was heard."""
        self._speaker.flush(before=sys.maxsize)
        self._speaker.go_on()
        self.cue("error", Turn(sys.maxsize))
        self._speaker.drain(sys.maxsize, _EARCON_S)

    def _put(self, job: Question | Saying) -> None:
        while True:
            try:
                self._waiting.put_nowait(job)
            except queue.Full:
                self._drop_waiting()
            else:
                return

    def _drop_waiting(self) -> None:
        try:
            dropped = self._waiting.get_nowait()
        except queue.Empty:
            return
        self._waiting.task_done()
        if dropped is not None:
            self._bus.publish(TurnEnded(dropped.turn.number, Outcome.CANCELLED))

    def _work(self) -> None:
        self._prefill()
        while (job := self._waiting.get()) is not None:
            self._job = job
            try:
                with stage_errors():
                    self._respond(job)
                outcome = Outcome.CANCELLED if job.turn.cancelled() else Outcome.ANSWERED
            except HeanError as error:
                self._bus.publish(StageFailed(job.turn.number, error.code, error.message))
                self._apologise(job)
                outcome = Outcome.FAILED
            self._bus.publish(TurnEnded(job.turn.number, outcome))
            self.follow(Cue.FAILED if outcome is Outcome.FAILED else Cue.ANSWERED, job.turn)
            give_back()
            self._waiting.task_done()

    def _prefill(self) -> None:
        """Make ready for the first composed answer, until somebody asks."""
        end_s = time.monotonic() + self.compose_s
        # What fails here fails again, and is told, where it is needed.
        with suppress(HeanError), stage_errors(), self.labour.doing(ANSWERING, 0, self.compose_s):
            self._answerer.prefill(
                _FIRST_LANGUAGE,
                lambda: not self._waiting.empty() or time.monotonic() > end_s,
            )

    def _respond(self, job: Question | Saying) -> None:
        delivery = self._delivery(job.turn)
        if isinstance(job, Saying):
            self._play(job, delivery)
            return

        def begin(answer: Answer) -> None:
            self._bus.publish(AnswerBegun(job.turn.number, answer))
            self._speak(Saying(job.turn, answer.text, answer.language), delivery)

        with self.labour.doing(ANSWERING, job.turn.number, self.compose_s):
            answer = self._answerer.answer(
                job.text, job.language, delivery.nobody_waits, self._context.get(), begin
            )
        if job.turn.cancelled() and not delivery.begun:
            return
        self._context.put(answer)
        self._bus.publish(AnswerReady(job.turn.number, answer))
        details = [hit.entry.details for hit in answer.hits[:1] if hit.entry.answer == answer.text]
        self._more = {answer.text: "".join(details)}
        self._play(Saying(job.turn, answer.text, answer.language), delivery)

    def _delivery(self, turn: Turn) -> Delivery:
        def started() -> None:
            self.follow(Cue.SPEAKS, turn)
            self._bus.publish(PlaybackStarted(turn.number))

        return Delivery(turn, self._voice, self._speaker, started, self._clock)

    def _speak(self, saying: Saying, delivery: Delivery) -> bool:
        """Queue what of a text was not spoken yet; False if interrupted."""
        self._said = saying
        return delivery.speak(saying.text, saying.language, self.labour)

    def _play(self, saying: Saying, delivery: Delivery) -> None:
        if self._speak(saying, delivery):
            self._speaker.drain(saying.turn.number, _DRAIN_S)
            self._bus.publish(PlaybackEnded(saying.turn.number))

    def _apologise(self, job: Question | Saying) -> None:
        try:
            with stage_errors():
                self._play(
                    Saying(job.turn, APOLOGY[job.language], job.language), self._delivery(job.turn)
                )
        except HeanError as error:
            # The voice itself is what failed: a sound, the screen and the log still tell.
            self._bus.publish(StageFailed(job.turn.number, error.code, error.message))
            self.cue("error", job.turn)
