"""A kiosk that is really served, in front of an assistant that only notes what is wanted of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from asr.endpoint import EndpointRules
from llm.answer import Answerer
from tests.unit.scripted import Hum, answerer, ears
from voice.aside import Aside
from voice.events import Bus
from voice.kiosk import KioskConfig
from voice.kiosk.board import Board
from voice.kiosk.hub import Hub
from voice.kiosk.metrics import Metrics
from voice.kiosk.routes import Kiosk
from voice.kiosk.server import Server
from voice.shared_answerer import SharedAnswerer
from voice.vitals import Vitals

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

    def __init__(self, asked: Answerer | None = None, port: int = 0) -> None:
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
        )
        self.server = Server(KioskConfig(port=port), self.kiosk)
        self.url = self.server.url


@contextmanager
def open_lab(asked: Answerer | None = None, port: int = 0) -> Iterator[Lab]:
    lab = Lab(asked, port)
    lab.server.start()
    try:
        yield lab
    finally:
        lab.server.close()
