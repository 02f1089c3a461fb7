"""What goes on, in one picture: what a screen shows that has just been switched on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from voice.events import (
    AnswerBegun,
    AnswerReady,
    CareNeeded,
    DeviceLost,
    DeviceRestored,
    Event,
    FinalTranscript,
    LevelMeasured,
    PartialTranscript,
    StateChanged,
    TurnEnded,
)
from voice.kiosk.messages import Message, answer_of, message_of
from voice.state import State

MOST_TURNS = 10
LEVEL_STEP_DB = 3.0
"""A change of the level that is worth telling: the page's meter has no finer steps."""


class Board:
    """Follows the events; `tell` hears each of them as a message, in the publishing thread."""

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._state = State.IDLE
        self._level_dbfs = -100.0
        self._partial = ""
        self._fault = ""
        self._turns: OrderedDict[int, Message] = OrderedDict()
        self._notices: dict[str, Message] = {}

    def __call__(self, event: Event) -> None:
        """Take one event."""
        with self._lock:
            if isinstance(event, LevelMeasured) and not self._is_new_level(event.level_dbfs):
                return
            if follow := _FOLLOW.get(type(event)):
                follow(self, event)
            # Told under the lock: a picture taken meanwhile has either all of the event or none.
            self._tell(message_of(event))

    def picture(self) -> Message:
        """Return all that a new screen has to know, newest turn last."""
        with self._lock:
            return {
                "type": "picture",
                "state": self._state.value,
                "level_dbfs": self._level_dbfs,
                "partial": self._partial,
                "fault": self._fault,
                "turns": [dict(turn) for turn in self._turns.values()],
                "notices": dict(self._notices),
            }

    def post(self, name: str, notice: Message | None) -> None:
        """Show a notice on every screen until another of its name comes; None takes it down."""
        with self._lock:
            self._post(name, notice)

    def _post(self, name: str, notice: Message | None) -> None:
        if self._notices.get(name) == notice:
            return
        if notice is None:
            del self._notices[name]
        else:
            self._notices[name] = notice
        self._tell({"type": "notice_posted", "name": name, "notice": notice})

    def _is_new_level(self, level_dbfs: float) -> bool:
        if abs(level_dbfs - self._level_dbfs) < LEVEL_STEP_DB:
            return False
        self._level_dbfs = level_dbfs
        return True

    def _turn(self, number: int) -> Message:
        if number not in self._turns:
            empty: Message = {"turn": number, "heard": "", "understood": "", "language": ""}
            self._turns[number] = {**empty, "answer": None, "outcome": None}
            while len(self._turns) > MOST_TURNS:
                self._turns.popitem(last=False)
        return self._turns[number]

    def _change_state(self, event: StateChanged) -> None:
        self._state = event.state

    def _hear(self, event: PartialTranscript) -> None:
        self._partial = event.text

    def _understand(self, event: FinalTranscript) -> None:
        self._partial = ""
        said = {"heard": event.heard, "understood": event.understood, "language": event.language}
        self._turn(event.turn).update(said)

    def _answer(self, event: AnswerBegun | AnswerReady) -> None:
        self._turn(event.turn)["answer"] = answer_of(event.answer)

    def _end(self, event: TurnEnded) -> None:
        self._partial = ""
        if event.turn in self._turns:
            self._turns[event.turn]["outcome"] = event.outcome.value

    def _lose(self, event: DeviceLost) -> None:
        self._fault = event.message

    def _mend(self, _event: DeviceRestored) -> None:
        self._fault = ""

    def _care(self, event: CareNeeded) -> None:
        self._post("care", {"kinds": list(event.kinds)} if event.kinds else None)


_FOLLOW: dict[type[Event], Callable[[Board, Any], None]] = {
    StateChanged: Board._change_state,
    PartialTranscript: Board._hear,
    FinalTranscript: Board._understand,
    AnswerBegun: Board._answer,
    AnswerReady: Board._answer,
    TurnEnded: Board._end,
    DeviceLost: Board._lose,
    DeviceRestored: Board._mend,
    CareNeeded: Board._care,
}
