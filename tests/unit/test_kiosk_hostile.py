"""Clients that are slow, broken or too many, over real connections: the others notice nothing."""

import json
import logging
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.unit.kiosk_beyond import bearer, prepared, trusting
from tests.unit.kiosk_lab import OUTSIDE, Lab, open_lab
from voice.events import PartialTranscript
from voice.kiosk.limits import Limits

WITHIN_S = 20
QUICK = Limits(
    head_s=0.5,
    body_grace_s=0.5,
    handshake_s=0.5,
    changes_per_s=1000,
    changes_at_once=1000,
    connections=60,
    connections_of_one=20,
)
"""Short times and small numbers, so that tests reach them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return prepared(tmp_path_factory.mktemp("kiosk"))


@pytest.fixture(scope="module")
def shared(folder) -> Iterator[Lab]:
    with open_lab(folder=folder, limits=QUICK) as opened:
        yield opened


@pytest.fixture
def lab(shared, caplog) -> Iterator[Lab]:
    """The server; after each test it still answers, and has complained of nothing."""
    caplog.set_level(logging.WARNING)
    yield shared
    assert answers(shared)
    assert not [record.getMessage() for record in caplog.records]


def answers(lab: Lab) -> bool:
    """Whether somebody new gets an answer, as soon as there is a place."""
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        try:
            return httpx.get(f"{lab.url}healthz", timeout=WITHIN_S).json() == {"status": "ok"}
        except httpx.HTTPError:
            time.sleep(0.05)
    return False


def dialled(lab: Lab, outside: bool = False) -> socket.socket:
    address = (OUTSIDE, lab.server.tls_port) if outside else ("127.0.0.1", lab.server.port)
    return socket.create_connection(address, WITHIN_S)


def head(lab: Lab, line: str, *more: str) -> bytes:
    lines = [line, f"Host: 127.0.0.1:{lab.server.port}", *more, "", ""]
    return "\r\n".join(lines).encode()


def rest_of(connection: socket.socket) -> bytes:
    """Everything until the other side closes; raises TimeoutError if it does not."""
    got = b""
    try:
        while piece := connection.recv(65_536):
            got += piece
    except (ConnectionError, ssl.SSLError):
        pass
    return got


GET = "GET /healthz HTTP/1.1"


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_who_never_ends_a_request_is_let_go(lab, sent):
    with dialled(lab) as connection:
        connection.sendall(sent)
        assert rest_of(connection) == b""


def test_a_head_that_trickles_in_is_let_go(lab):
    with dialled(lab) as connection, pytest.raises(OSError):
        for byte in head(lab, GET, "X-Long: " + "x" * 1000):
            connection.sendall(bytes([byte]))
            time.sleep(0.01)


def test_the_second_request_has_no_more_time_than_the_first(lab):
    with dialled(lab) as connection:
        connection.sendall(head(lab, GET) + b"GET /heal")
        assert rest_of(connection).count(b"HTTP/1.1 200") == 1


def test_a_body_that_trickles_in_is_refused(lab):
    types = ("Content-Type: application/json", "Content-Length: 100000")
    with dialled(lab) as connection:
        connection.sendall(head(lab, "POST /v1/ask HTTP/1.1", *types))
        connection.sendall(b'{"text": ')
        assert rest_of(connection).startswith(b"HTTP/1.1 408")


def test_a_body_without_end_is_refused_and_then_cut_off(lab):
    types = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    with dialled(lab) as connection:
        connection.sendall(head(lab, "POST /v1/command HTTP/1.1", *types))
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        with pytest.raises(OSError):
            while True:
                connection.sendall(chunk)


def test_a_refusal_is_read_even_while_the_body_is_still_sent(lab):
    with httpx.Client(base_url=lab.url, timeout=WITHIN_S) as http:
        reply = http.post("/v1/command", json={"name": "x" * 300_000})
        assert reply.status_code == 413
        assert http.get("/healthz").status_code == 200


GARBAGE = {
    "binary": bytes(range(256)) * 40,
    "no-http": b"hello\r\n\r\n",
    "long-line": b"GET /" + b"a" * 100_000,
    "many-headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
    "bad-version": b"GET / HTTP/9.9\r\n\r\n",
    "two-lengths": b"POST /v1/ask HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "minus-length": b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    "no-host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_http_is_refused_and_cut_off(lab, name):
    with dialled(lab) as connection:
        connection.sendall(GARBAGE[name])
        got = rest_of(connection)
    assert got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_behind_a_request_does_no_harm(lab, name):
    with dialled(lab) as connection:
        connection.sendall(head(lab, GET) + GARBAGE[name])
        assert b"HTTP/1.1 5" not in rest_of(connection)


def test_a_hundred_requests_in_one_go_are_all_answered(lab):
    with dialled(lab) as connection:
        connection.sendall(head(lab, GET) * 99 + head(lab, GET, "Connection: close"))
        assert rest_of(connection).count(b"HTTP/1.1 200") == 100


@pytest.mark.parametrize("sent", [b"", *GARBAGE.values()], ids=["silence", *GARBAGE])
def test_what_is_no_tls_is_let_go(lab, folder, sent):
    with dialled(lab, outside=True) as connection:
        connection.sendall(sent)
        assert b"HTTP" not in rest_of(connection)
    headers = bearer(folder, "ask")
    assert httpx.get(f"{lab.outside}healthz", verify=trusting(folder), headers=headers).is_success


@pytest.mark.parametrize("outside", [False, True], ids=["here", "outside"])
def test_a_thousand_connections_at_once_disturb_neither_a_screen_nor_the_voice(lab, outside):
    with screen(lab) as opened, ExitStack() as stack:
        opened.recv(WITHIN_S)
        for number in range(1000):
            stack.enter_context(dialled(lab, outside))
            if number % 100 == 0:
                lab.bus.publish(PartialTranscript(1, f"第{number}个"))
                assert json.loads(opened.recv(WITHIN_S))["text"] == f"第{number}个"


@contextmanager
def screen(lab: Lab) -> Iterator[ClientConnection]:
    with connect(f"{lab.url}v1/events".replace("http", "ws"), open_timeout=WITHIN_S) as opened:
        yield opened


def test_another_machine_takes_no_more_than_its_share(lab, folder):
    context = trusting(folder)
    with ExitStack() as stack:
        raw = [stack.enter_context(dialled(lab, outside=True)) for _ in range(20)]
        with pytest.raises(OSError), dialled(lab, outside=True) as refused:
            refused.sendall(b"x")
            assert refused.recv(1) == b""
            raise ConnectionResetError
        raw[0].close()
        end_s = time.monotonic() + WITHIN_S
        while time.monotonic() < end_s:
            with dialled(lab, outside=True) as again:
                try:
                    context.wrap_socket(again, server_hostname=OUTSIDE).close()
                except OSError:
                    continue
                return
    raise AssertionError("the place has not become free")


def test_connections_leave_file_descriptors_for_the_voice(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        lab = Lab()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lab.server.start()
    with ExitStack() as stack:
        connections = [stack.enter_context(dialled(lab)) for _ in range(60)]
        served = 0
        for connection in connections:
            try:
                connection.sendall(head(lab, GET))
                served += bool(connection.recv(4))
            except OSError:
                continue
    lab.server.close()
    assert served == 22  # of 300 at two doors, with 256 kept free


def test_screens_that_are_killed_free_their_places(lab):
    script = (
        "import sys; from websockets.sync.client import connect\n"
        "opened = [connect(sys.argv[1]) for _ in range(40)]\n"
        "print([one.recv()[:9] for one in opened], flush=True); input()"
    )
    url = f"{lab.url}v1/events".replace("http", "ws")
    for _ in range(3):  # of 60 places
        client = subprocess.Popen(
            [sys.executable, "-c", script, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with client:
            assert client.stdout is not None
            assert client.stdout.readline().count(b'"type"') == 40
            client.send_signal(signal.SIGKILL)
        assert answers(lab)


def upgrade(lab: Lab, connection: socket.socket) -> None:
    """Begin a WebSocket by hand."""
    wanted = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
    connection.sendall(head(lab, "GET /v1/events HTTP/1.1", *wanted, key))
    assert connection.recv(12) == b"HTTP/1.1 101"


def test_a_screen_that_answers_no_ping_is_let_go():
    with open_lab(limits=Limits(pinged_every_s=0.5)) as lab, dialled(lab) as connection:
        upgrade(lab, connection)
        assert b"keepalive ping timeout" in rest_of(connection)


def test_a_screen_that_reads_nothing_loses_its_place():
    limits = Limits(unread_s=1.0, connections=1)
    with open_lab(limits=limits) as lab, dialled(lab) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        upgrade(lab, connection)
        for _ in range(150):
            lab.bus.publish(PartialTranscript(1, "长" * 20_000))
        assert answers(lab)


def test_a_client_that_talks_where_it_has_to_listen_is_let_go(lab):
    with screen(lab) as opened, pytest.raises(ConnectionClosed) as closed:
        while True:
            opened.send("x" * 1000)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_many_uploads_at_once_are_answered_or_put_off():
    recording = (Path(__file__).parents[2] / "voice" / "data" / "question.flac").read_bytes()

    def send(number: int) -> int:
        body = recording if number % 2 else bytes(100_000)
        headers = {"Content-Type": "audio/flac"}
        reply = httpx.post(f"{lab.url}v1/ask", content=body, headers=headers, timeout=60)
        return reply.status_code

    with open_lab() as lab:
        with ThreadPoolExecutor(20) as pool:
            codes = set(pool.map(send, range(20)))
        assert answers(lab)
    assert codes <= {200, 422, 429, 503}
