"""Puts the screen and the interface in front of an assistant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from voice.active_slot import enabled_words
from voice.app import Assistant, Engines
from voice.config import Config
from voice.device.care import look
from voice.engines import signed_knowledge_of
from voice.errors import ConfigError
from voice.events import Bus, Notice
from voice.kiosk.beyond import Beyond, beyond_of
from voice.kiosk.board import Board
from voice.kiosk.hub import Hub
from voice.kiosk.metrics import Metrics
from voice.kiosk.routes import Kiosk
from voice.kiosk.server import Server
from voice.kiosk.tls import check_valid
from voice.kiosk.topics import topics_of
from voice.lending.aside import Aside
from voice.process.vitals import Vitals
from voice.serving.operating import operated


@contextmanager
def shown(
    config: Config,
    engines: Engines,
    assistant: Assistant,
    aside: Aside,
    bus: Bus,
    vitals: Vitals,
) -> Iterator[None]:
    """Serve screen and interface while the block runs; before the assistant starts.

    A port that is taken costs the screen, not the voice: a notice says so.
    """
    hub, metrics = Hub(), Metrics(vitals, lambda: look(config).figures)
    board = Board(hub.tell)
    with operated(config, assistant, bus, board) as operator:
        kiosk = Kiosk(
            assistant.touch,
            assistant.answerer,
            board,
            hub,
            vitals,
            metrics,
            topics_of(engines.knowledge),
            tuple(word.text for word in enabled_words(config)),
            signed_knowledge_of(config).approval.text,
            aside,
            operator,
            assistant.remote,
        )
        try:
            server = Server(config.kiosk, kiosk, _beyond(config, bus))
        except ConfigError as error:
            bus.publish(Notice(0, f"no screen: {error.message}; {error.fix}"))
            yield
            return
        bus.subscribe(board)
        bus.subscribe(metrics)
        server.start()
        bus.publish(Notice(0, f"the screen is at {server.url}"))
        if server.tls_port:
            bus.publish(Notice(0, f"other machines are served at port {server.tls_port} (https)"))
        try:
            yield
        finally:
            server.close()


def _beyond(config: Config, bus: Bus) -> Beyond | None:
    """Return how other machines are served; what is wrong with that costs them, not the voice."""
    try:
        beyond = beyond_of(config.kiosk, config.kiosk_folder)
        if beyond:
            check_valid(beyond.certificate)
    except ConfigError as error:
        bus.publish(Notice(0, f"other machines are not served: {error.message}; {error.fix}"))
        return None
    return beyond
