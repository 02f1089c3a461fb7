"""The recogniser's thread: audio of one utterance after the other in, words out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from asr import RATE_HZ, Samples
from kws import Detection
from kws.detector import WakeEngine
from kws.looks import Window
from voice.audio.own_voice import OwnVoice
from voice.dialog.conversation import Conversation
from voice.dialog.turn import Turn
from voice.dialog.utterance import Begin, End, Heard, Hit, Look, Pause, Utterance, Work
from voice.ears import Ears
from voice.errors import HeanError, stage_errors
from voice.events import (
    Bus,
    FinalTranscript,
    Outcome,
    PartialTranscript,
    SpeechEnded,
    StageFailed,
    TurnEnded,
)
from voice.process.overseer import ANSWERING, HEARING
from voice.process.overseer import Work as Labour
from voice.process.threads import end
from voice.state import State

CALL_ALONE_S = 1.1
"""Audio after a call within which no question fits: the silence that ends it, and little more."""
SHORTEST_QUESTION = 3
"""Characters after a call that are no scraps of other speech."""
_BACKLOG = 4096
"""Chunks that may wait for the recogniser: two minutes, far more than one utterance."""


class Transcriber:
    """Takes work for its thread, and tells the conversation what was said.

    What is not meant for the assistant is neither shown nor kept.
    """

    def __init__(
        self,
        ears: Ears,
        bus: Bus,
        conversation: Conversation,
        known: Callable[[str], bool] = lambda text: False,
        wake: WakeEngine = WakeEngine(),  # noqa: B008 - a frozen value
    ) -> None:
        """`known` tells whether a text is a question that can be answered as it is."""
        self._known = known
        self._wake = wake
        self.own_voice = OwnVoice()
        self._window, self._raw_window = Window(), Window()
        """The last audio of what is said."""
        self._ears = ears
        self._bus = bus
        self.conversation = conversation
        self._work: queue.Queue[Work | None] = queue.Queue(_BACKLOG)
        self._thread = threading.Thread(target=self._run, name="transcriber", daemon=True)
        self.labour = Labour()
        self._utterance = self._new(Turn(0))

    @property
    def busy(self) -> bool:
        """Tell whether audio waits or is being decoded."""
        return self._work.unfinished_tasks > 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, work: Work) -> None:
        """Hand over the beginning of an utterance, its audio, a pause in it, or its end."""
        self._work.put(work)

    def hit(self, turn: Turn, detection: Detection) -> None:
        """Take a hit of the wake word engine, from its thread.

        One that is sure, and cannot be the assistant's own voice, is answered at once: what is
        worked on may take a quarter of a second.
        """
        word = detection.word
        if detection.sure and not self._wake.may_be_own(word, self.own_voice.recent()):
            self.conversation.detected(turn, word, detection.score)
        self.put(Hit(detection))

    def finish(self, given_up: Callable[[], bool] = lambda: False) -> None:
        """Transcribe what waits, then end the thread; if it is given up, without it."""
        if not end(self._thread, self._work, given_up):
            self._bus.publish(TurnEnded(self._utterance.turn.number, Outcome.FAILED))

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                with stage_errors(), self.labour.doing(HEARING, self._utterance.turn.number):
                    self._do(work)
            except HeanError as error:
                turn = self._utterance.turn
                turn.failed = True
                self._bus.publish(StageFailed(turn.number, error.code, error.message))
                self.conversation.failed(turn)
            self._work.task_done()

    def _do(self, work: Work) -> None:
        if isinstance(work, Begin):
            self._begin(work)
        elif self._utterance.turn.failed:
            return
        elif isinstance(work, Hit):
            self._hit(work.detection)
        elif isinstance(work, Look):
            self._look()
        elif isinstance(work, Pause):
            self._pause(work)
        elif isinstance(work, End):
            self._end(work.ended)
        else:
            self._hear(work)

    def _begin(self, begin: Begin) -> None:
        self._utterance = self._new(begin.turn)
        if not begin.goes_on:
            self._window, self._raw_window = Window(), Window()

    def _new(self, turn: Turn) -> Utterance:
        return Utterance(turn, self._ears.recognizer.stream())

    def _hear(self, heard: Heard) -> None:
        utterance = self._utterance
        self._window.add(heard.samples)
        self._raw_window.add(heard.raw)
        utterance.audio_s += len(heard.samples) / RATE_HZ
        if utterance.turn.followed or utterance.short:
            utterance.stream.accept(heard.samples)
        # In a pause nothing may delay the decoding that decides whether the person has ended.
        if utterance.turn.followed and self._work.empty() and not utterance.turn.quiet:
            self._show(utterance)

    def _show(self, utterance: Utterance, paused: bool = False) -> str:
        """Publish the partial transcript if it says something new; return it."""
        text = utterance.stream.partial(paused)
        if text and text != utterance.shown:
            utterance.shown = text
            self._bus.publish(PartialTranscript(utterance.turn.number, text))
        return text

    def _hit(self, detection: Detection) -> None:
        """Take a hit of the wake word engine, if it is sure or speech recognition finds the word
        too."""
        if self._utterance.called or (self._asks and not detection.sure):
            return
        window = self._window.samples()
        if hit := self._wake.confirmed(detection, window):
            # What was said before the word, to somebody else, is no part of the question.
            said = window[-int(hit.length_s * RATE_HZ) :]
            self._call(hit.word, hit.score, said)

    @property
    def _asks(self) -> bool:
        """Tell whether somebody asks for long already, or what is known: there is no call in it."""
        utterance = self._utterance
        turn = utterance.turn
        return turn.followed and bool(turn.complete_at or not utterance.short)

    def _look(self) -> None:
        """Look for a wake word.

        Over an answer, what takes out the own voice takes out much of a person's, too, until it
        knows the room: so the word is looked for without that as well.
        """
        finder = self._wake.finder
        if finder is None or self._utterance.called or self._asks:
            return
        windows = [self._window]
        if self.conversation.state is State.SPEAKING:
            windows.append(self._raw_window)
        for window in windows:
            nearest = finder.nearest(window.samples())
            if nearest and nearest.woke:
                self._call(nearest.word, nearest.score, window.samples())
                return

    def _call(self, word: str, score: float, window: Samples) -> None:
        """Take a wake word, unless the assistant has just said it itself; the question begins with
        the audio in which it was found."""
        utterance = self._utterance
        turn = utterance.turn
        if not turn.called and self._wake.said_by(word, self.own_voice.recent()):
            return
        if not turn.followed:
            utterance.stream = self._ears.recognizer.stream()
            utterance.stream.accept(window)
        turn.followed = True
        utterance.called, utterance.called_s = word, utterance.audio_s
        self.conversation.detected(turn, word, score)

    def _pause(self, pause: Pause) -> None:
        """Look whether the utterance is complete, or tells the assistant to stop."""
        utterance = self._utterance
        turn = utterance.turn
        if not turn.quiet or (pause.late and turn.complete_at == pause.number):
            return  # the person went on before anybody could look, or it is known by now
        if turn.followed:
            text = self._repaired(self._show(utterance, paused=not pause.late))
            question = self.conversation.question_in(text, utterance.called)
            with self.labour.doing(ANSWERING, turn.number):
                is_known = not self._is_call_alone(utterance, text) and self._known(question)
                turn.complete_at = pause.number if is_known else 0
        elif self.conversation.answering and utterance.short:
            text = self._repaired(utterance.stream.partial(paused=True))
            turn.followed = self.conversation.is_stop(text)

    def _end(self, ended: SpeechEnded) -> None:
        utterance = self._utterance
        turn = utterance.turn
        if turn.followed:
            self._bus.publish(ended)
        elif not (self.conversation.answering and utterance.short):
            self.conversation.heard(turn, "", "", admitted=False)
            return
        transcript = utterance.stream.finish()
        language = transcript.language
        understood = self._repaired(transcript.text, language)
        if self._is_call_alone(utterance, understood):
            understood = ""
        if understood and turn.followed:
            question = self.conversation.question_in(understood, utterance.called) or understood
            self._bus.publish(FinalTranscript(turn.number, transcript.text, question, language))
        self.conversation.heard(turn, understood, language, turn.followed, utterance.called)

    def _is_call_alone(self, utterance: Utterance, text: str) -> bool:
        """Tell whether a text is but a call: misheard, or with own voice before or after it."""
        if not utterance.called or utterance.audio_s - utterance.called_s > CALL_ALONE_S:
            return False
        rest = self.conversation.question_in(text, utterance.called)
        is_question = len(rest) >= SHORTEST_QUESTION or self.conversation.is_command(rest)
        return rest == text or not is_question

    def _repaired(self, text: str, language: str = "zh") -> str:
        return self._ears.repairer.repair(text, language)
