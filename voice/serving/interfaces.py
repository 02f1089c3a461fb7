"""Puts the interfaces that are wanted in front of an assistant: the screen, Home Assistant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from voice.app import Assistant, Engines, endpoint_rules
from voice.config import Config
from voice.engines import load_vad
from voice.events import Bus
from voice.lending.aside import Aside
from voice.process.vitals import Vitals


@contextmanager
def served(
    config: Config, engines: Engines, assistant: Assistant, bus: Bus, vitals: Vitals
) -> Iterator[None]:
    """Serve them while the block runs; before the assistant starts."""
    with ExitStack() as stack:
        if config.kiosk.enabled or config.wyoming.enabled:
            aside = aside_of(config, engines, assistant)
        if config.kiosk.enabled:
            from voice.serving.screen import shown

            stack.enter_context(shown(config, engines, assistant, aside, bus, vitals))
        if config.wyoming.enabled:
            from voice.serving.home_assistant import spoken_with

            stack.enter_context(spoken_with(config, assistant, aside, bus))
        yield


def aside_of(config: Config, engines: Engines, assistant: Assistant) -> Aside:
    """Return what programs may have of an assistant's ears and voice."""
    ears = replace(engines.ears, vad=load_vad(config), recognizer=assistant.recognizer_aside)
    return Aside(ears, engines.voice, endpoint_rules(config), lambda: assistant.engaged)
