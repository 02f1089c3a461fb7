"""Events as lines in a terminal: what was heard, understood, decided and answered."""

from __future__ import annotations

import shutil
import sys
import threading
from typing import TextIO

from voice.events import (
    AnswerReady,
    DeviceLost,
    DeviceRestored,
    Event,
    FinalTranscript,
    Notice,
    Outcome,
    PartialTranscript,
    SpeechEnded,
    StageFailed,
    StateChanged,
    TurnEnded,
    WakeWordDetected,
)
from voice.reply import answer_rows
from voice.state import State
from voice.terminal import discard, newest, row

_ENDINGS = {
    Outcome.NOTHING_HEARD: "nothing was understood; please say it again",
    Outcome.CANCELLED: "interrupted",
    Outcome.FAILED: "failed",
}
_SHOWN_STATES = (State.IDLE, State.LISTENING, State.FOLLOW_UP)
"""The others show by what is heard and answered."""
_TOO_LONG = "the question was too long: only its beginning, {:.0f} seconds, was used"


class TerminalView:
    """Writes events as they come. On a terminal a partial transcript replaces the one before.

    The assistant goes on when the terminal, or the program that reads the lines, has gone.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._partial_shown = False
        self._lock = threading.Lock()  # events come from several threads; lines stay whole

    def __call__(self, event: Event) -> None:
        """Write one event."""
        with self._lock:
            try:
                self._show(event)
            except BrokenPipeError:
                discard(self._out)

    def _show(self, event: Event) -> None:
        if isinstance(event, PartialTranscript):
            self._partial(event.text)
        elif isinstance(event, SpeechEnded) and event.reason == "too_long":
            self._line("note", _TOO_LONG.format(event.audio_s))
        elif isinstance(event, FinalTranscript):
            self._line("heard", event.heard)
            self._line("understood", event.understood)
        elif isinstance(event, AnswerReady):
            for label, text in answer_rows(event.answer):
                self._line(label, text)
        elif isinstance(event, StageFailed):
            self._line("failed", f"{event.stage}: {event.message}")
        elif isinstance(event, WakeWordDetected):
            self._line("called", event.word)
        else:
            self._show_rest(event)

    def _show_rest(self, event: Event) -> None:
        if isinstance(event, StateChanged) and event.state in _SHOWN_STATES:
            self._line("state", event.state.value)
        elif isinstance(event, Notice | DeviceLost):
            self._line("note", event.message)
        elif isinstance(event, DeviceRestored):
            self._line("note", "the devices are back")
        elif isinstance(event, TurnEnded) and event.outcome in _ENDINGS:
            self._line("", _ENDINGS[event.outcome])

    def _partial(self, text: str) -> None:
        if self._live:
            # A line that wraps could not be replaced.
            line = newest(row("…", text), shutil.get_terminal_size().columns - 1)
            print(f"\r\x1b[K{line}", end="", file=self._out, flush=True)
            self._partial_shown = True
        else:
            self._line("partial", text)

    def _line(self, label: str, text: str) -> None:
        if self._partial_shown:
            print("\r\x1b[K", end="", file=self._out)
            self._partial_shown = False
        print(row(label, text), file=self._out, flush=True)
