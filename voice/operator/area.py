"""The operator area, put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import FileResponse

from voice.config import Config
from voice.events import Bus
from voice.kiosk.board import Board
from voice.kiosk.hub import Hub
from voice.kiosk.routes import PAGE
from voice.kiosk.rules import needs, open_to_all
from voice.lending.shared_answerer import SharedAnswerer
from voice.operator.announcer import Announcer
from voice.operator.care import Play, care_routes, microphone_routes
from voice.operator.diary import Diary
from voice.operator.guard import Guard
from voice.operator.knowledge import knowledge_routes
from voice.operator.live import LevelTeller, live_routes
from voice.operator.log_ring import LogRing
from voice.operator.microphone import Recorder
from voice.operator.overview import overview_routes
from voice.operator.pin import Pin
from voice.operator.sessions import Sessions
from voice.operator.sign_in import PATH, sign_in_routes
from voice.operator.sticks import Sticks
from voice.operator.updates import flash_routes, slot_routes
from voice.operator.work import Work


@dataclass(frozen=True)
class Surroundings:
    """What the operator area needs of the assistant."""

    config: Config
    answerer: SharedAnswerer
    board: Board
    media: Callable[[], list[Path]]
    """The folders of the USB sticks that are plugged in."""
    play: Play
    restart: Callable[[], None] | None = None
    """Ends the assistant so that it is started again; None = nobody would."""


@dataclass(frozen=True)
class Area:
    """The parts of the operator area."""

    around: Surroundings
    hub: Hub = field(default_factory=Hub)
    diary: Diary = field(default_factory=Diary)
    log: LogRing = field(default_factory=LogRing)
    recorder: Recorder = field(default_factory=Recorder)
    sessions: Sessions = field(default_factory=Sessions)

    def follow(self, bus: Bus) -> None:
        """Subscribe whoever follows the events; before the assistant starts."""
        for observer in (self.diary, self.log, LevelTeller(self.hub)):
            bus.subscribe(observer)

    @contextmanager
    def open(self) -> Iterator[tuple[APIRouter, ...]]:
        """Look for sticks and keep the log while the block runs; yield the routes."""
        config = self.around.config
        pin, work = Pin(config.kiosk_folder), Work(self.hub.tell)
        sticks = Sticks(config, self.around.media)
        announcer = Announcer(config, self.around.board, sticks, self.hub.tell)
        with announcer.working(), _also_logged(self.log):
            yield (
                self._page(),
                sign_in_routes(pin, self.sessions),
                live_routes(PATH, self.sessions, self.hub, work),
                self._guarded(pin, sticks, announcer, work),
            )

    def _guarded(self, pin: Pin, sticks: Sticks, announcer: Announcer, work: Work) -> APIRouter:
        around = self.around
        guarded = APIRouter(
            prefix=PATH,
            tags=["operator"],
            dependencies=[needs("admin"), Depends(Guard(self.sessions))],
            responses={401: {"description": "Nobody is signed in"}},
        )
        for router in (
            overview_routes(around.config, self.diary, self.log, work),
            microphone_routes(self.recorder, around.play),
            slot_routes(around.config, announcer, work),
            flash_routes(around.config, pin, sticks, announcer, work),
            knowledge_routes(around.config),
            care_routes(around.config, around.answerer, work, around.restart),
        ):
            guarded.include_router(router)
        return guarded

    def _page(self) -> APIRouter:
        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
            self.hub.open()
            yield
            self.hub.close()

        page = APIRouter(lifespan=lifespan)
        page.get("/operator", include_in_schema=False, dependencies=[open_to_all()])(
            lambda: FileResponse(PAGE / "operator.html")
        )
        return page


@contextmanager
def _also_logged(handler: logging.Handler) -> Iterator[None]:
    """Let a handler follow the log while the block runs; what is shown without it still is."""
    root, last = logging.getLogger(), logging.lastResort
    added = [handler] if root.handlers or last is None else [handler, last]
    for one in added:
        root.addHandler(one)
    try:
        yield
    finally:
        for one in added:
            root.removeHandler(one)
