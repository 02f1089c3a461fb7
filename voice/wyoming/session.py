"""One client: what it sends is read on, while what it asked for is done in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress

from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop
from wyoming.wake import Detect

from voice.errors import HeanError, translated
from voice.lending.aside import Busy
from voice.wyoming.services import Services
from voice.wyoming.tasks import Synthesis, Transcription, WakeDetection, handled
from voice.wyoming.wire import BrokenEvent, read_event

_QUEUED = 32
"""Events that wait until what was asked before is done."""
UNREAD_S = 30.0
"""For how long a client may leave unread what it was sent."""
Answers = Iterable[Event]
Take = Callable[["Session", Event], Answers]


class Session:
    """Serves one client until it goes, or sends what is no event."""

    def __init__(
        self, services: Services, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._services = services
        self._reader, self._writer = reader, writer
        self._gone = threading.Event()
        self._events: asyncio.Queue[Event | BrokenEvent | None] = asyncio.Queue(_QUEUED)
        self._hearing: Transcription | WakeDetection | None = None
        self._names: list[str] | None = None
        self._detects = False
        """What audio is for: wake words, or else recognition."""
        self._speaking: Synthesis | None = None
        """Text that is still coming in."""

    async def serve(self) -> None:
        """Answer everything that comes."""
        reading = asyncio.create_task(self._read())
        try:
            while (event := await self._events.get()) is not None:
                if isinstance(event, BrokenEvent):
                    raise event
                await self._take(event)
        except (BrokenEvent, Busy, HeanError) as error:
            # What waits for its answer learns from the end of the connection that none comes.
            code = "busy" if isinstance(error, Busy) else "refused"
            with suppress(ConnectionError, TimeoutError, asyncio.TimeoutError):
                await self._write(Error(str(error), code).event())
        except (ConnectionError, TimeoutError, asyncio.TimeoutError):
            pass  # it is gone, or reads no more
        finally:
            self._gone.set()
            reading.cancel()
            self._drop_audio()

    async def _read(self) -> None:
        try:
            while (event := await read_event(self._reader)) is not None:
                await self._events.put(event)
        except BrokenEvent as error:
            await self._events.put(error)
            return
        except ConnectionError:
            pass  # it is gone, as if it had said so
        self._gone.set()
        await self._events.put(None)

    async def _take(self, event: Event) -> None:
        take = _TAKES.get(event.type)
        if take is None:
            return  # the protocol wants events that one does not know dropped
        answers = _computed(take, self, event)
        try:
            while (answer := await asyncio.to_thread(next, answers, None)) is not None:
                await self._write(answer)
        finally:
            with suppress(ValueError):  # still computing when the server ends: freed after that
                answers.close()

    async def _write(self, event: Event) -> None:
        await asyncio.wait_for(async_write_event(event, self._writer), UNREAD_S)

    def _describe(self, _event: Event) -> Answers:
        return [self._services.info().event()]

    def _pong(self, event: Event) -> Answers:
        return [Pong(_text(event, "")).event()]

    def _expect_speech(self, _event: Event) -> Answers:
        self._detects = False
        return ()

    def _expect_words(self, event: Event) -> Answers:
        names = event.data.get("names")
        known = [str(name) for name in names] if isinstance(names, list) else []
        self._detects, self._names = True, known or None
        return ()

    def _begin_audio(self, _event: Event) -> Answers:
        self._drop_audio()
        if self._detects:
            self._hearing = WakeDetection(self._services, self._names)
        else:
            self._hearing = Transcription(self._services, self._gone.is_set)
        return ()

    def _hear(self, event: Event) -> Answers:
        if self._hearing is None:
            self._begin_audio(event)
        assert self._hearing is not None
        return self._hearing.hear(event)

    def _end_audio(self, _event: Event) -> Answers:
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            yield from hearing.finish()
            hearing.close()

    def _drop_audio(self) -> None:
        if self._hearing is not None:
            self._hearing.close()
            self._hearing = None

    def _speak(self, event: Event) -> Answers:
        if self._speaking is not None:
            return  # the same text as a whole, for servers that know no pieces
        speaking = self._synthesis(event)
        yield from speaking.add(_text(event))
        yield from speaking.finish(streamed=False)

    def _begin_text(self, event: Event) -> Answers:
        self._speaking = self._synthesis(event)
        return ()

    def _add_text(self, event: Event) -> Answers:
        if self._speaking is None:
            raise BrokenEvent("a piece of text came without a beginning")
        return self._speaking.add(_text(event))

    def _end_text(self, _event: Event) -> Answers:
        speaking, self._speaking = self._speaking, None
        return speaking.finish(streamed=True) if speaking else ()

    def _synthesis(self, event: Event) -> Synthesis:
        return Synthesis(self._services, self._gone.is_set, event.data.get("voice"))

    def _handle(self, event: Event) -> Answers:
        return handled(self._services, _text(event), event.data.get("language"))


def _text(event: Event, missing: str | None = None) -> str:
    text = event.data.get("text", missing)
    if not isinstance(text, str):
        if text is None and missing is not None:
            return missing
        raise BrokenEvent(f"{event.type} needs a text")
    return text


def _computed(take: Take, session: Session, event: Event) -> Generator[Event, None, None]:
    """Yield what is answered to an event; all computing is done when the next one is asked for.

    Raises Busy, BrokenEvent, HeanError.
    """
    with translated():
        yield from take(session, event)


_TAKES: dict[str, Take] = {
    Describe().event().type: Session._describe,
    Ping().event().type: Session._pong,
    Transcribe().event().type: Session._expect_speech,
    Detect().event().type: Session._expect_words,
    AudioStart(16_000, 2, 1).event().type: Session._begin_audio,
    AudioChunk(16_000, 2, 1, b"").event().type: Session._hear,
    AudioStop().event().type: Session._end_audio,
    Synthesize("").event().type: Session._speak,
    SynthesizeStart().event().type: Session._begin_text,
    SynthesizeChunk("").event().type: Session._add_text,
    SynthesizeStop().event().type: Session._end_text,
    Transcript("").event().type: Session._handle,
}
