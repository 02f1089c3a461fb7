"""Events as lines in a terminal: what was heard, understood, decided and answered."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from voice.events import (
    AnswerReady,
    CareNeeded,
    DeviceLost,
    DeviceRestored,
    Event,
    FinalTranscript,
    LevelMeasured,
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
_SHOWN_STATES = (State.IDLE, State.LISTENING)
"""The others show by what is heard and answered."""
_SAID = {"partial", "heard", "understood", "answer", "source"}
"""Labels of the lines that tell what was said, or what it was about."""
_WELL = "the machine is well again"
_TOO_LONG = "the question was too long: only its beginning, {:.0f} seconds, was used"


class TerminalView:
    """Writes events as they come: lines, and on a terminal below them what is going on just now,
    the state, the level of the microphone and the partial transcript.

    The assistant goes on when the terminal, or the program that reads the lines, has gone, and
    when the disk is full that they are written to.
    """

    def __init__(self, out: TextIO | None = None, words: bool = True) -> None:
        """`words` tells whether what was said may stand where lines stay: in the journal of a
        service, in a file. A terminal shows it in any case."""
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._hidden = set() if words or self._live else _SAID
        self._status_shown = False
        self._state, self._level, self._partial = State.IDLE, "", ""
        self._lock = threading.Lock()  # events come from several threads; lines stay whole

    def __call__(self, event: Event) -> None:
        """Write one event."""
        with self._lock:
            try:
                self._show(event)
            except OSError:
                discard(self._out)

    def _show(self, event: Event) -> None:
        if isinstance(event, PartialTranscript):
            self._show_partial(event.text)
        elif isinstance(event, LevelMeasured):
            self._level = meter(event.level_dbfs)
            self._show_status()
        elif isinstance(event, StateChanged):
            self._show_state(event.state)
        else:
            for label, text in _ROWS.get(type(event), lambda event: [])(event):
                self._line(label, text)

    def _show_state(self, state: State) -> None:
        self._state = state
        if state in _SHOWN_STATES and not self._live:
            self._line("state", state.value)

    def _show_partial(self, text: str) -> None:
        self._partial = text
        if self._live:
            self._show_status()
        else:
            self._line("partial", text)

    def _show_status(self) -> None:
        """Replace the last line of a terminal."""
        if self._live:
            status = row(self._state.value, f"{self._level}  {self._partial}")
            # A line that wraps could not be replaced.
            line = newest(status, shutil.get_terminal_size().columns - 1)
            print(f"\r\x1b[K{line}", end="", file=self._out, flush=True)
            self._status_shown = True

    def _line(self, label: str, text: str) -> None:
        if label in self._hidden:
            return
        self._partial = "" if label != "partial" else self._partial
        if self._status_shown:
            print("\r\x1b[K", end="", file=self._out)
            self._status_shown = False
        print(row(label, text), file=self._out, flush=True)


_ROWS: dict[type[Event], Callable[[Any], list[tuple[str, str]]]] = {
    AnswerReady: lambda event: answer_rows(event.answer),
    CareNeeded: lambda event: [("note", text) for text in event.problems or (_WELL,)],
    DeviceLost: lambda event: [("note", event.message)],
    DeviceRestored: lambda _: [("note", "the devices are back")],
    FinalTranscript: lambda event: [("heard", event.heard), ("understood", event.understood)],
    Notice: lambda event: [("note", event.message)],
    SpeechEnded: lambda event: (
        [("note", _TOO_LONG.format(event.audio_s))] if event.reason == "too_long" else []
    ),
    StageFailed: lambda event: [("failed", f"{event.stage}: {event.message}")],
    TurnEnded: lambda event: [("", _ENDINGS[event.outcome])] if event.outcome in _ENDINGS else [],
    WakeWordDetected: lambda event: [("called", event.word)],
}
"""The lines that tell of an event."""


def meter(level_dbfs: float) -> str:
    """Return a level as a bar of ten places, from -60 to -10 dB relative to full scale."""
    filled = round(min(10, max(0, (level_dbfs + 60) / 5)))
    return "▮" * filled + "▯" * (10 - filled)
