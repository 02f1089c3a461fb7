"""Puts Home Assistant's protocol in front of an assistant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from voice.active_slot import enabled_words
from voice.app import Assistant
from voice.config import Config
from voice.errors import ConfigError
from voice.events import Bus, Notice
from voice.lending.aside import Aside
from voice.serving.wake_lending import WakeLending
from voice.wyoming.server import WyomingServer
from voice.wyoming.services import Services


@contextmanager
def spoken_with(config: Config, assistant: Assistant, aside: Aside, bus: Bus) -> Iterator[None]:
    """Serve Home Assistant while the block runs; before the assistant starts.

    A port that is taken costs this, not the voice: a notice says so.
    """
    words = enabled_words(config)
    lending = WakeLending(config, words, assistant.recognizer_aside)
    services = Services(aside, assistant.answerer, tuple(word.text for word in words), lending.lend)
    try:
        server = WyomingServer(config.wyoming, services)
    except ConfigError as error:
        bus.publish(Notice(0, f"no Home Assistant: {error.message}; {error.fix}"))
        yield
        return
    server.start()
    bus.publish(Notice(0, f"Home Assistant is served at {server.url}"))
    try:
        yield
    finally:
        server.close()
