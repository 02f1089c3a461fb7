"""Tells the public screen what must be seen there: a failed flash, a stick with a new model."""

from __future__ import annotations

import logging
from collections.abc import Callable

from voice.config import Config
from voice.flash.told import seen, unseen
from voice.kiosk.board import Board
from voice.kiosk.messages import Message
from voice.operator.sticks import Offer, Sticks
from voice.process.threads import Background

_LOGGER = logging.getLogger(__name__)
FLASH, STICK = "flash", "stick"
"""Names of the notices."""
LOOK_AGAIN_S = 2.0


class Announcer(Background):
    """Looks for sticks and failures, also for those that another process caused."""

    def __init__(
        self, config: Config, board: Board, sticks: Sticks, tell: Callable[[Message], None]
    ) -> None:
        """`tell` hears, for operators who look just then, that other sticks are plugged in."""
        super().__init__("announcer")
        self._config = config
        self._tell = tell
        self._told: list[Offer] = []
        self._board = board
        self._sticks = sticks

    def look(self) -> None:
        """Bring the notices up to date."""
        failure = unseen(self._config)
        notice = None
        if failure:
            shown = ("name", "version", "reason", "at")
            notice = {key: getattr(failure, key) for key in shown}
        self._board.post(FLASH, notice)
        offers = self._sticks.look()
        failed = failure.slot if failure else ""
        welcome = [offer for offer in offers if offer.welcome and offer.id != failed]
        self._board.post(STICK, _named(welcome[0]) if welcome else None)
        if offers != self._told:
            self._told = offers
            self._tell({"type": "sticks"})

    def seen(self) -> None:
        """Somebody has seen the failure."""
        seen(self._config)
        self.look()

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except OSError as error:  # a disk that fails must not end the look-out
                _LOGGER.warning("slots cannot be looked at: %s", error)
            self._ended.wait(LOOK_AGAIN_S)


def _named(offer: Offer) -> dict[str, object]:
    bundle = offer.bundle or {}
    return {"name": bundle.get("name", ""), "version": bundle.get("version", 0)}
