"""The edges of the protocol, against a small real server on loopback that says what it is told."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from llm import GenerationError, LlmConfig, Message, Sampling
from llm.http_stream import Server, require_local
from llm.openai import OpenAiModel

QUESTION = [Message("user", "碘片什么时候吃？")]
TIMEOUT_S = 20.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
Action = Callable[[socket.socket], None]


class ScriptedServer:
    """Accepts one connection after the other and performs one action on each."""

    def __init__(self, *actions: Action) -> None:
        self.requests: list[tuple[str, dict]] = []
        self.hung_up = threading.Event()
        self._actions = actions
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        for action in self._actions:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(TIMEOUT_S)
                self.requests.append(read_request(connection))
                action(connection)

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()


def read_request(connection: socket.socket) -> tuple[str, dict]:
    with connection.makefile("rb") as file:
        line = file.readline().decode().strip()
        length = 0
        while header := file.readline().strip():
            name, _, value = header.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = file.read(length)
    return line.rpartition(" ")[0], json.loads(body) if body else {}


def sends(*parts: bytes) -> Action:
    def action(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return action


def event(text: str = "", reason: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}
    data = {"choices": [choice], **more}
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
WHOLE = (HEAD, event("立即"), event("服用。"), event(reason="stop"), DONE)


@contextmanager
def asked(*actions: Action, model: str = "m") -> Iterator[tuple[OpenAiModel, ScriptedServer]]:
    with ScriptedServer(*actions) as server:
        config = LlmConfig(server_url=server.url, server_model=model, timeout_s=0.5)
        yield OpenAiModel(config), server


def answer(*parts: bytes) -> list[str]:
    with asked(sends(*parts)) as (model, _):
        return list(model.generate(QUESTION, Sampling()))


# ---------------------------------------------------------------- what servers send


@pytest.mark.parametrize(
    "parts",
    [
        WHOLE,
        tuple(bytes([byte]) for byte in b"".join(WHOLE)),
        tuple(part.replace(b"\n", b"\r\n") if part is not HEAD else part for part in WHOLE),
        (HEAD, b": keep-alive\n\n", b"event: message\n", *WHOLE[1:]),
        (*WHOLE[:-1],),
        (*WHOLE[:-1], b'data: {"choices": [], "usage": {"prompt_tokens": 3}}\n\n', DONE),
        (HEAD.replace(b"Connection: close\r\n", b""), *WHOLE[1:]),
    ],
    ids=["plain", "byte-by-byte", "crlf", "comments", "no-done", "usage-last", "keep-alive"],
)
def test_all_forms_of_a_stream_are_understood(parts: tuple[bytes, ...]) -> None:
    assert answer(*parts) == ["立即", "服用。"]


def test_a_chunked_stream_is_understood() -> None:
    head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")
    body = b"".join(WHOLE[1:])
    chunks = [body[at : at + 37] for at in range(0, len(body), 37)]
    framed = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    assert answer(head, *framed, b"0\r\n\r\n") == ["立即", "服用。"]


def test_the_request_says_how_to_answer() -> None:
    with asked(sends(*WHOLE)) as (model, server):
        list(model.generate(QUESTION, Sampling(max_tokens=7, seed=3, stop=("。",))))
    line, body = server.requests[0]
    assert line == "POST /v1/chat/completions"
    assert body["messages"] == [{"role": "user", "content": QUESTION[0].content}]
    assert (body["model"], body["stream"]) == ("m", True)
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (7, 0.0, 3)
    assert (body["top_p"], body["top_k"], body["repeat_penalty"]) == (1.0, 40, 1.05)
    assert body["stop"] == ["。"]


def test_the_figures_of_the_server_are_kept() -> None:
    usage = {
        "prompt_tokens": 30,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    with asked(sends(HEAD, event("a"), event(reason="length", usage=usage), DONE)) as (model, _):
        list(model.generate(QUESTION, Sampling()))
    stats = model.stats
    assert (stats.prompt_tokens, stats.evaluated_tokens, stats.generated_tokens) == (30, 10, 9)
    assert stats.outcome == "length"


def test_the_first_model_of_the_server_is_taken() -> None:
    listing = json.dumps({"data": [{"id": "qwen"}, {"id": "other"}]}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(listing)
    with asked(sends(head, listing), model="") as (model, server):
        assert model.name == "qwen"
    assert server.requests[0][0] == "GET /v1/models"


# ---------------------------------------------------------------- what goes wrong


def response(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((response("404 Not Found", b"nope"),), r"is not there \(404\): llm.server_url must end"),
        ((response("500 Oh", b'{"error": {"message": "out of\\nmemory"}}'),), "500: out of memory"),
        ((response("500 Oh", b'{"error": "no model"}'),), "answers 500: no model"),
        ((response("503 Busy", b"<h1>\n Loading\n</h1>"),), "answers 503: <h1> Loading </h1>"),
        ((response("500 Oh", b"[]"),), r"answers 500: \[\]"),
        ((response("401 No", b""),), "answers 401: nothing"),
        ((HEAD, b'data: {"error": {"message": "KV full"}}\n\n'), "reports: KV full"),
        ((HEAD, b"data: {broken\n\n"), "what is not JSON: ' {broken"),
        ((HEAD, b"data: 17\n\n"), "events of no known form"),
        ((HEAD, b'data: {"choices": [{"text": "old"}]}\n\n'), "events of no known form"),
        ((HEAD, b'data: {"choices": "x"}\n\n'), "events of no known form"),
        ((HEAD, event("a")), "stopped in the middle of its answer"),
        ((HEAD, event("a"), b"data: {"), "what is not JSON"),
        ((HEAD,), "instead of answering; the prompt may be too long for its context"),
        ((HEAD, DONE), "instead of answering"),
        ((), "connection .* broke"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), "connection .* broke"),
        (
            (HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked"), b"zz\r\n"),
            "instead of",
        ),
        ((HEAD.replace(b"Connection: close", b"Content-Length: 999"), event("a")), "middle of its"),
    ],
)
def test_what_goes_wrong_is_one_clear_line(parts: tuple[bytes, ...], said: str) -> None:
    with pytest.raises(GenerationError, match=said) as caught:
        answer(*parts)
    assert "\n" not in str(caught.value)


def test_the_words_before_a_failure_are_not_lost() -> None:
    heard = []
    with asked(sends(HEAD, event("立即"))) as (model, _), pytest.raises(GenerationError):
        for piece in model.generate(QUESTION, Sampling()):
            heard.append(piece)
    assert heard == ["立即"]


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(GenerationError, match="cannot be reached: Connection refused"):
        OpenAiModel(LlmConfig(server_url=f"http://127.0.0.1:{port}/v1"))


@pytest.mark.parametrize("listing", [b"{}", b'{"data": []}', b"no json", b'{"data": 3}'])
def test_a_server_without_models(listing: bytes) -> None:
    with (
        pytest.raises(GenerationError, match="lists no models; set llm.server_model"),
        asked(sends(response("200 OK", listing)), model=""),
    ):
        pass


# ---------------------------------------------------------------- waiting


def hangs_until_closed(server_hung_up: threading.Event, *parts: bytes) -> Action:
    def action(connection: socket.socket) -> None:
        sends(*parts)(connection)
        if connection.recv(1) == b"":
            server_hung_up.set()

    return action


@pytest.mark.parametrize("parts", [(), (HEAD,), (HEAD, event("a"))])
def test_a_silent_server_is_given_up(parts: tuple[bytes, ...]) -> None:
    hung_up = threading.Event()
    with (
        asked(hangs_until_closed(hung_up, *parts)) as (model, _),
        pytest.raises(GenerationError, match=r"has said nothing for 0\.5 s"),
    ):
        list(model.generate(QUESTION, Sampling()))
    assert hung_up.is_set()


@pytest.mark.parametrize("parts", [(), (HEAD,), (HEAD, event("a"))])
def test_cancelling_hangs_up_on_a_server_that_is_thinking(parts: tuple[bytes, ...]) -> None:
    hung_up = threading.Event()
    polls = iter(range(4))
    with asked(hangs_until_closed(hung_up, *parts)) as (model, _):
        pieces = list(model.generate(QUESTION, Sampling(), lambda: next(polls, None) is None))
    assert pieces == (["a"] if len(parts) > 1 else [])
    assert model.stats.outcome == "cancelled"
    assert hung_up.is_set()


def test_an_abandoned_answer_hangs_up() -> None:
    hung_up = threading.Event()
    with asked(hangs_until_closed(hung_up, HEAD, event("a"), event("b"))) as (model, _):
        pieces = model.generate(QUESTION, Sampling())
        assert next(pieces) == "a"
        del pieces
    assert hung_up.is_set()


def test_prefill_asks_for_one_token() -> None:
    with asked(sends(*WHOLE)) as (model, server):
        model.prefill(QUESTION)
    assert server.requests[0][1]["max_tokens"] == 1


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1", 8080, "/v1"),
        ("http://kiosk.local/v1/", "kiosk.local", 80, "/v1"),
        ("https://[fd00::1]/api", "fd00::1", 443, "/api"),
    ],
)
def test_addresses_are_understood(url: str, host: str, port: int, path: str) -> None:
    server = Server.from_url(url)
    assert (server.host, server.port, server.path) == (host, port, path)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://a/v1", "http://", "http://a:99999/", "http://[::1/v1"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(GenerationError, match=r"llm\.server_url"):
        Server.from_url(url)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "100.64.0.1"])
def test_questions_never_leave_the_local_network(address: str) -> None:
    with pytest.raises(GenerationError, match=f"{address}, which is not in the local network"):
        require_local(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "192.168.1.20", "10.0.0.3", "172.16.9.9", "fe80::1%eth0"]
)
def test_the_local_network_may_be_asked(address: str) -> None:
    assert require_local(address) is None
