"""A kiosk that is really served, in front of an assistant that only notes what is wanted of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter

from asr.endpoint import EndpointRules
from llm.answer import Answerer
from tests.unit.scripted import Hum, answerer, ears
from voice.audio.remote import RemoteDevice
from voice.events import Bus
from voice.kiosk import KioskConfig
from voice.kiosk.beyond import beyond_of
from voice.kiosk.board import Board
from voice.kiosk.hub import Hub
from voice.kiosk.limits import Limits
from voice.kiosk.metrics import Metrics
from voice.kiosk.routes import Kiosk
from voice.kiosk.server import Server
from voice.lending.aside import Aside
from voice.lending.shared_answerer import SharedAnswerer
from voice.process.vitals import Vitals

OUTSIDE = "127.0.0.2"
"""An address that stands for one beyond this machine: it is none of the kiosk's own."""
TOPICS = {"zh": [{"id": "water", "title": "水", "questions": ["自来水还能喝吗"]}], "en": []}


@dataclass
class Noted:
    """Controls that note what was touched."""

    volume: float = 1.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def ask(self, text: str, language: str) -> None:
        self.asked.append((text, language))

    def command(self, name: str) -> None:
        self.commands.append(name)


class Lab:
    """A server, its address, and the bus that feeds it."""

    limits: Limits | None = None
    """Of what one client may ask; None = as usual."""
    remote: RemoteDevice | None = None
    """Where pages bring their microphone to."""

    def __init__(
        self,
        asked: Answerer | None = None,
        port: int = 0,
        folder: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        """With the folder of tokens and a certificate other machines are served, too."""
        self.bus, self.controls = Bus(), Noted()
        hub, vitals = Hub(), Vitals()
        metrics, board = Metrics(vitals), Board(hub.tell)
        for observer in (vitals, metrics, board):
            self.bus.subscribe(observer)
        self.answerer = SharedAnswerer(asked or answerer())
        self.engaged = False
        """Whether a person is listened to or answered."""
        self.voice = Hum()
        self.aside = Aside(ears(), self.voice, EndpointRules(), lambda: self.engaged)
        self.kiosk = Kiosk(
            self.controls,
            self.answerer,
            board,
            hub,
            vitals,
            metrics,
            dict(TOPICS),
            ("你好核安",),
            "not signed",
            self.aside,
            self.more(board),
            self.remote,
        )
        address = OUTSIDE if folder else "127.0.0.1"
        config = KioskConfig(port=port, address=address, tls_port=0)
        self.beyond = beyond_of(config, folder) if folder else None
        self.server = Server(config, self.kiosk, self.beyond, limits or self.limits)
        self.url = self.server.url
        self.outside = f"https://{OUTSIDE}:{self.server.tls_port}/"

    def more(self, board: Board) -> tuple[APIRouter, ...]:
        """Return what else is served."""
        return ()


@contextmanager
def open_lab(
    asked: Answerer | None = None,
    port: int = 0,
    folder: Path | None = None,
    limits: Limits | None = None,
) -> Iterator[Lab]:
    lab = Lab(asked, port, folder, limits)
    lab.server.start()
    try:
        yield lab
    finally:
        lab.server.close()
