"""Connections that are open when the door is closed for good."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from voice.kiosk.door import Door
from voice.kiosk.limits import Limits


def test_who_stays_when_the_door_closes_is_sent_away() -> None:
    """Left to themselves, the connections outlive their event loop."""

    async def stay(listener: socket.socket, guest: socket.socket) -> None:
        door = Door(listener, Limits())
        arrived = asyncio.Event()

        class Silent(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                arrived.set()

        door.open(Silent)
        guest.connect(listener.getsockname())
        await asyncio.wait_for(arrived.wait(), 30)
        door.close()
        guest.setblocking(False)
        with pytest.raises(BlockingIOError):  # closing the door sends nobody away
            guest.recv(1)
        await door.dismiss()

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as guest:
        listener.setblocking(False)
        asyncio.run(stay(listener, guest))
        guest.settimeout(30)
        with suppress(ConnectionResetError):  # aborted: either is an end
            assert guest.recv(1) == b""
