"""A Wyoming server in front of scripted ears and a scripted voice, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable

from asr import RATE_HZ, Samples
from asr.endpoint import EndpointRules
from kws import Detection
from tests.unit.scripted import Hum, answerer, ears
from voice.audio.pcm import to_int16
from voice.lending.aside import Aside, Busy
from voice.lending.shared_answerer import SharedAnswerer
from voice.wyoming import WyomingConfig
from voice.wyoming.server import WyomingServer
from voice.wyoming.services import Services

WITHIN_S = 20
WORD = "你好核安"
Result = TypeVar("Result")


class LoudWord:
    """A detector that takes loud audio for the wake word."""

    chunk_samples = 512

    def __init__(self) -> None:
        self._heard = 0

    def process(self, samples: Samples) -> Detection | None:
        self._heard += len(samples)
        loud = np.abs(samples).max() > 0.8
        return Detection(WORD, 1.0, self._heard / RATE_HZ, "loud") if loud else None

    def reset(self) -> None:
        self._heard = 0


class Lab:
    """A server and how the assistant is."""

    def __init__(self) -> None:
        self.engaged = False
        self.voice = Hum()
        self.detectors = threading.BoundedSemaphore(2)
        aside = Aside(ears(), self.voice, EndpointRules(), lambda: self.engaged)
        services = Services(aside, SharedAnswerer(answerer()), (WORD,), self.lend)
        self.server = WyomingServer(WyomingConfig(port=0), services)

    @contextmanager
    def lend(self) -> Iterator[LoudWord]:
        if not self.detectors.acquire(blocking=False):
            raise Busy("too many")
        try:
            yield LoudWord()
        finally:
            self.detectors.release()


@contextmanager
def open_lab() -> Iterator[Lab]:
    lab = Lab()
    lab.server.start()
    try:
        yield lab
    finally:
        lab.server.close()


def within(work: Coroutine[object, object, Result], seconds: float = WITHIN_S) -> Result:
    """Run what talks to a server; an AssertionError if it takes too long."""

    async def limited() -> Result:
        return await asyncio.wait_for(work, seconds)

    return asyncio.run(limited())


async def said(port: int, *events: Eventable | Event, until: str) -> list[Event]:
    """Send events as one client; return what comes up to the first event of a type, or to the end
    of the connection."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        for event in events:
            await client.write_event(event if isinstance(event, Event) else event.event())
        return [event async for event in answers(client, until)]


async def answers(client: AsyncTcpClient, until: str):
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while (event := await client.read_event()) is not None:
            yield event
            if event.type == until:
                return


def spoken(samples: Samples, rate_hz: int = RATE_HZ, channels: int = 1) -> list[Eventable]:
    """Return audio as a client sends it, in pieces of 64 ms."""
    frames = np.repeat(to_int16(samples), rate_hz // RATE_HZ)
    data = np.stack([frames] * channels, 1)
    step = rate_hz * 64 // 1000
    chunks = [data[at : at + step].tobytes() for at in range(0, len(data), step)]
    return [
        AudioStart(rate_hz, 2, channels),
        *(AudioChunk(rate_hz, 2, channels, chunk) for chunk in chunks),
        AudioStop(),
    ]
