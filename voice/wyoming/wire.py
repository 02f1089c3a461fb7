"""Reads events of Wyoming, within bounds: the package itself reads as much as it is told to.

An event is a line of JSON with its type, then as many bytes of further JSON and of payload as the
line says (https://github.com/OHF-Voice/wyoming, "Format").
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wyoming.event import Event

LONGEST_LINE_BYTES = 65_536
LONGEST_DATA_BYTES = 262_144
LONGEST_PAYLOAD_BYTES = 262_144
"""Eight seconds at 16 kHz; clients send a tenth of a second or less."""
REST_S = 30.0
"""Longest time from the first byte of an event to its last."""


class BrokenEvent(Exception):
    """What came in is no event; what follows cannot be understood either."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Return the next event, None at the end.

    `reader` has the limit LONGEST_LINE_BYTES. Raises BrokenEvent.
    """
    first = await reader.read(1)
    if not first:
        return None
    try:
        return await asyncio.wait_for(_rest(first, reader), REST_S)
    except asyncio.IncompleteReadError:
        return None
    except (TimeoutError, asyncio.TimeoutError):  # two classes up to Python 3.10
        raise BrokenEvent(f"an event must be complete within {REST_S:g} s") from None


async def _rest(first: bytes, reader: asyncio.StreamReader) -> Event:
    try:
        line = first + await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise BrokenEvent("the line that begins an event is too long") from None
    head = _object(line)
    kind = head.get("type")
    if not isinstance(kind, str):
        raise BrokenEvent("an event has no type")
    data = head.get("data") or {}
    if not isinstance(data, dict):
        raise BrokenEvent("the data of an event must be an object")
    if length := _length(head, "data_length", LONGEST_DATA_BYTES):
        data = {**data, **_object(await reader.readexactly(length))}
    length = _length(head, "payload_length", LONGEST_PAYLOAD_BYTES)
    return Event(kind, data, await reader.readexactly(length) if length else None)


def _object(text: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        raise BrokenEvent("an event is no JSON") from None
    if not isinstance(parsed, dict):
        raise BrokenEvent("an event must be an object")
    return parsed


def _length(head: dict[str, Any], key: str, most: int) -> int:
    length = head.get(key) or 0
    if not isinstance(length, int) or not 0 <= length <= most:
        raise BrokenEvent(f"{key} must be from 0 to {most}")
    return length
