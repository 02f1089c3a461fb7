"""Puts the operator area behind the screen of an assistant."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter

from voice.app import Assistant
from voice.audio import Samples
from voice.config import Config
from voice.device.media import media
from voice.errors import RestartWanted
from voice.events import Bus
from voice.kiosk.board import Board
from voice.operator.area import Area, Surroundings


@contextmanager
def operated(
    config: Config, assistant: Assistant, bus: Bus, board: Board
) -> Iterator[tuple[APIRouter, ...]]:
    """Yield the routes of the operator area, which works while the block runs.

    Raises RestartWanted afterwards if that is why the assistant ended. It can be wanted only where
    systemd waits for the word of the assistant: in a terminal nobody would start it again.
    """
    wanted = threading.Event()

    def restart() -> None:
        wanted.set()
        assistant.end()

    def play(samples: Samples, rate_hz: int) -> bool:
        if not assistant.idle:
            return False
        assistant.touch.play(samples, rate_hz)
        return True

    served = restart if os.environ.get("NOTIFY_SOCKET") else None
    area = Area(Surroundings(config, assistant.answerer, board, media, play, served))
    assistant.also_hears = area.recorder.hear
    area.follow(bus)
    with area.open() as routers:
        yield routers
    if wanted.is_set():
        raise RestartWanted("the operator wants it to start again", "a service does so by itself")
