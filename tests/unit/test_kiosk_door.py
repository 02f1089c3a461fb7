"""Connections that are open when the door is closed for good."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from voice.kiosk.door import Door
from voice.kiosk.limits import Limits
from voice.kiosk.tls import CERTIFICATE, KEY, context_of, make_certificate


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


def test_an_encrypted_connection_that_was_closed_twice_holds_nobody_up(tmp_path: Path) -> None:
    """The library closes so where a client is slow to say goodbye."""
    make_certificate(tmp_path, ("localhost",))
    context = context_of(tmp_path / CERTIFICATE, tmp_path / KEY)

    async def leave(listener: socket.socket) -> list[asyncio.Transport]:
        door = Door(listener, Limits(), context)
        closed: list[asyncio.Transport] = []

        class Hasty(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                transport.close()
                transport.close()
                closed.append(transport)

        door.open(Hasty)
        trusting = ssl.create_default_context(cafile=tmp_path / CERTIFICATE)
        host, port = listener.getsockname()
        with suppress(OSError):  # sent away while it says hello
            await asyncio.wait_for(
                asyncio.open_connection(host, port, ssl=trusting, server_hostname="localhost"), 30
            )
        await asyncio.sleep(0.05)  # until the door knows whom it let in
        door.close()
        await door.dismiss()
        return closed

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        (left,) = asyncio.run(leave(listener))
        assert left.is_closing()
