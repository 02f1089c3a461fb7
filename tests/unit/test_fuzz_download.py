"""Answers of servers with any content: a file arrives, or it is said why not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import ModelStoreError
from models.download import download
from tests.fuzzing import CORPUS, bounded, damaged

PARTIAL = (
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-7/8\r\nContent-Length: 4\r\n"
    b'ETag: "a"\r\n\r\nrest'
)
REPLIES = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\nETag: "a"\r\n\r\ncontents',
    PARTIAL,
    b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ncont\r\n0\r\n\r\n",
    b"HTTP/1.0 503 Busy\r\nRetry-After: 1\r\n\r\n",
)
_NASTY_HEADERS = st.sampled_from(
    [b"Content-Length: ", b"Content-Range: ", b"ETag: ", b"Transfer-Encoding: ", b"X: "]
)
_NASTY_VALUES = st.sampled_from(
    [b"-1", b"x", b"9" * 30, b"9" * 5000, b"4, 4", b"", b"a\r\n b", b"\xff\xfe", b'"' * 100,
     b"bytes 9-4/1", b"bytes */0", b"chunked", b"gzip"]
)  # fmt: skip


class _Impatient(Event):
    """Nobody has cancelled, and nobody waits."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


class _Server:
    """Answers each request with the same bytes and hangs up."""

    def __init__(self) -> None:
        self.reply = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/file"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request and (more := connection.recv(4096)):
                    request += more
                if request:
                    connection.sendall(self.reply)

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in accept().
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def _serving() -> Iterator[_Server]:
    server = _Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _serving() as server:
        yield server


def _check(server: _Server, reply: bytes, folder: Path) -> None:
    """Download with nothing there, and again on top of what the first try has left."""
    server.reply = reply
    target = folder / "file"
    part = target.with_name("file.part")
    for begun in (b"", b"cont"):
        for path in (target, part, part.with_name("file.part.etag")):
            path.unlink(missing_ok=True)
        if begun:
            part.write_bytes(begun)
        for _ in range(2):
            with bounded((ModelStoreError,)):
                download(server.url, target, lambda done, total: None, _Impatient())
                assert target.exists()


@given(reply=damaged(REPLIES).filter(lambda reply: b"ocation" not in reply))
def test_any_answer_is_a_file_or_refused(
    server: _Server, tmp_path_factory: pytest.TempPathFactory, reply: bytes
) -> None:
    _check(server, reply, Path(tmp_path_factory.getbasetemp()))


@given(status=st.sampled_from([b"200", b"206"]), header=_NASTY_HEADERS, value=_NASTY_VALUES)
def test_any_header_is_a_file_or_refused(
    server: _Server,
    tmp_path_factory: pytest.TempPathFactory,
    status: bytes,
    header: bytes,
    value: bytes,
) -> None:
    reply = b"HTTP/1.1 " + status + b" OK\r\n" + header + value + b"\r\n\r\ncontents"
    _check(server, reply, Path(tmp_path_factory.getbasetemp()))


@pytest.mark.parametrize("path", sorted((CORPUS / "replies").glob("*")), ids=lambda path: path.name)
def test_what_was_found_once_is_a_file_or_refused(
    server: _Server, tmp_path: Path, path: Path
) -> None:
    _check(server, path.read_bytes(), tmp_path)
