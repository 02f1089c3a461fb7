"""Recordings that programs send: taken a few at a time, then decoded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from asr import RATE_HZ, Samples
from voice.audio.wavfile import decode_audio
from voice.kiosk.bodies import FORM, kind_of
from voice.lending.aside import Busy, Cancelled

MOST_UPLOADS = 4
"""At once; together they take 100 MB at most, and decoded twice as much."""
_MOST_FIELDS = 20
_LONGEST_FIELD_BYTES = 16_384

Result = TypeVar("Result")
Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class Recording:
    """What a program wants to have heard."""

    audio: Samples
    """16 kHz mono, shape (n,)."""
    length_s: float
    """Of all of it; no more than two minutes are in `audio`."""
    fields: dict[str, str] = field(default_factory=dict)
    """The other fields of the form."""


class Uploads:
    """Takes recordings, a few at a time."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(MOST_UPLOADS)

    async def take(self, request: Request) -> Recording:
        """Return the recording in the body of a request: as it is, or the field `file` of a form.

        Raises HTTPException, Busy, InputError.
        """
        if not self._places.acquire(blocking=False):
            raise Busy("too many recordings come in at once")
        try:
            data, fields = await _body(request)
            if not data:
                raise HTTPException(400, "there is no recording in the request")
            audio, length_s = await run_in_threadpool(decode_audio, data, RATE_HZ)
        except ClientDisconnect:
            raise HTTPException(400, "the recording broke off") from None
        finally:
            self._places.release()
        return Recording(audio, length_s, fields)


async def _body(request: Request) -> tuple[bytes, dict[str, str]]:
    if kind_of(request.headers) != FORM:
        return await request.body(), {}
    form = request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST_FIELD_BYTES)
    async with form as parts:
        file = parts.get("file")
        fields = {name: part for name, part in parts.items() if isinstance(part, str)}
        if not isinstance(file, UploadFile):
            raise HTTPException(400, "send the recording as the file of the field `file`")
        return await file.read(), fields


async def while_here(request: Request, work: Callable[[Cancelled], Result]) -> Result:
    """Return what `work` returns; it is told, by a function, when nobody waits for that any more.

    Call it after the body of the request has been read.
    """
    async with _watched(request) as gone:
        return await run_in_threadpool(work, gone.is_set)


async def streamed(
    request: Request, made: Callable[[Cancelled], Pieces], media_type: str
) -> StreamingResponse:
    """Return a response that is sent while it is made, in other threads, by a generator.

    What fails before the first piece is raised here, so that it has a status of its own.
    """
    body = _pieces(request, made)
    return StreamingResponse(_again(await anext(body, b""), body), media_type=media_type)


async def _pieces(
    request: Request, made: Callable[[Cancelled], Pieces]
) -> AsyncGenerator[bytes, None]:
    async with _watched(request) as gone:
        with closing(made(gone.is_set)) as pieces:
            while (piece := await run_in_threadpool(next, pieces, None)) is not None:
                if gone.is_set():
                    return
                yield piece


async def _again(first: bytes, others: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Yield what was taken already, then the others."""
    async with aclosing(others):
        yield first
        async for other in others:
            yield other


@asynccontextmanager
async def _watched(request: Request) -> AsyncIterator[threading.Event]:
    """Yield what is set when nobody waits for the answer any more."""
    gone = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watcher = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        gone.set()
        watcher.cancel()
