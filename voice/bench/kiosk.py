"""`hean bench kiosk`: how soon a screen shows what happens, and what serving costs.

The kiosk is served in this process with the real answers and no microphone; its clients run in
another process, so that what they take is not counted. Both read the same clock.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http import HTTPStatus
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from asr import RATE_HZ
from voice.app import endpoint_rules, load_engines
from voice.audio.wavfile import decode_audio
from voice.bench import Figure, Figures, Say, distribution, single
from voice.bench.kiosk_clients import listen, look
from voice.config import Config
from voice.errors import DeviceError, StageError
from voice.events import Bus, LevelMeasured, PartialTranscript
from voice.kiosk import KioskConfig
from voice.kiosk.board import LEVEL_STEP_DB, Board
from voice.kiosk.hub import Hub
from voice.kiosk.limits import Limits
from voice.kiosk.metrics import Metrics
from voice.kiosk.routes import Kiosk
from voice.kiosk.server import Server
from voice.kiosk.topics import topics_of
from voice.lending.aside import Aside
from voice.lending.shared_answerer import SharedAnswerer
from voice.process.vitals import Vitals

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

CLIENTS = 50
QUESTION = "自来水还能喝吗"
RECORDED = Path(__file__).parents[1] / "data" / "question.flac"
_BETWEEN_S = 0.1
"""Between two partial transcripts; they come as often from an engine that streams."""
_LEVELS_PER_S = 5.0
_MOST_RECORDED = 10
"""Recorded questions, each twice: to recognise one takes half a second and more."""
_WARM_UP = 3
_WITHIN_S = 30.0
_MS = 1000.0


class _Silent:
    """Controls of an assistant that is not there."""

    volume = 1.0

    def ask(self, text: str, language: str) -> None:
        """Do nothing."""

    def command(self, name: str) -> None:
        """Do nothing."""


class Place:
    """A kiosk that is served, and the bus that feeds it."""

    def __init__(self, config: Config) -> None:
        engines = load_engines(config)
        self.bus = Bus()
        self.answerer = SharedAnswerer(engines.answerer)
        hub, vitals = Hub(), Vitals()
        board, metrics = Board(hub.tell), Metrics(vitals)
        for observer in (vitals, metrics, board):
            self.bus.subscribe(observer)
        self.aside = Aside(engines.ears, engines.voice, endpoint_rules(config), lambda: False)
        topics = topics_of(engines.knowledge)
        parts = (self.answerer, board, hub, vitals, metrics, topics)
        kiosk = Kiosk(_Silent(), *parts, (), "", self.aside)
        # Many questions in a row are what is measured here.
        limits = Limits(changes_per_s=1e6, changes_at_once=1e6)
        self.server = Server(KioskConfig(port=0), kiosk, limits=limits)


def measure(config: Config, count: int, seconds: int, say: Say) -> Figures:
    """Publish `count` transcripts, ask as many questions, and let clients wait for `seconds`.

    Return how long after the event a client has a transcript, and a browser has painted it; what
    a question takes more by the interface than without; and the share of one core that 50 clients
    take while nothing happens, and while the level of a room moves.
    """
    place = Place(config)
    place.server.start()
    try:
        say(f"{count} partial transcripts to a client")
        received = _received(place, count, listen)
        figures: dict[str, Figure] = {"partial_to_client_ms": distribution(received)}
        try:
            say(f"{count} partial transcripts to a page in Chromium")
            painted = _received(place, count, look)
            figures["partial_to_painted_ms"] = distribution(painted)
        except DeviceError as error:
            say(f"not measured: {error.message}")
        say(f"{count} questions with and without the interface")
        figures.update(_added(place, count))
        say(f"{CLIENTS} clients, twice {seconds} s")
        figures.update(_cost(place, seconds))
        return figures
    finally:
        place.server.close()


@contextmanager
def _clients(
    work: Callable[[Connection, str, int], None], url: str, count: int
) -> Iterator[Connection]:
    """Run clients in a process of their own until the block ends."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process: SpawnProcess = context.Process(target=work, args=(theirs, url, count), daemon=True)
    process.start()
    theirs.close()
    try:
        _expect(ours, "ready")
        yield ours
    finally:
        ours.close()
        process.join(_WITHIN_S)
        if process.is_alive():
            process.kill()


def _expect(clients: Connection, word: str) -> None:
    if not clients.poll(_WITHIN_S):
        raise StageError("the clients of the benchmark do not answer")
    told = clients.recv()
    if told != word:
        raise DeviceError(str(told))


def _received(
    place: Place, count: int, work: Callable[[Connection, str, int], None]
) -> list[float]:
    """Return the milliseconds from each event to when a client had it, or showed it."""
    waits_ms = []
    with _clients(work, place.server.url, 1) as clients:
        for number in range(count + _WARM_UP):
            time.sleep(_BETWEEN_S)
            text = f"第{number}句：自来水还能"
            published_s = time.monotonic()
            place.bus.publish(PartialTranscript(1, text))
            waits_ms.append(_MS * (_when_there(clients, text) - published_s))
    return waits_ms[_WARM_UP:]


def _when_there(clients: Connection, text: str) -> float:
    """Return when a client had a text; what was shown before is passed over."""
    while clients.poll(_WITHIN_S):
        shown, at_s = clients.recv()
        if shown == text:
            return float(at_s)
    raise StageError("a transcript has not arrived at a screen")


def _added(place: Place, count: int) -> Figures:
    """Return what a question takes without the interface, and what that adds: of a question in
    writing, and of one that is recorded."""
    recording = RECORDED.read_bytes()

    def hear() -> None:
        audio, length_s = decode_audio(recording, RATE_HZ)
        heard = place.aside.hear(audio, length_s, RECORDED.name)
        place.answerer.answer_aside(heard.understood, heard.transcript.language)

    port = place.server.port
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_WITHIN_S)) as line:
        text = json.dumps({"text": QUESTION}).encode()
        in_writing = partial(_post, line, text, "application/json")
        written = _compared(lambda: place.answerer.answer_aside(QUESTION), in_writing, count)
        recorded = partial(_post, line, recording, "audio/flac")
        heard = _compared(hear, recorded, min(count, _MOST_RECORDED))
    return {
        "answer_bare_ms": distribution([bare for bare, _ in written]),
        "api_added_ms": distribution([added for _, added in written]),
        "heard_bare_ms": distribution([bare for bare, _ in heard]),
        "api_added_heard_ms": distribution([added for _, added in heard]),
    }


def _post(line: http.client.HTTPConnection, body: bytes, content_type: str) -> None:
    line.close()  # the server does not keep it for as long as a recording takes without it
    line.request("POST", "/v1/ask", body, {"Content-Type": content_type})
    reply = line.getresponse()
    reply.read()
    if reply.status != HTTPStatus.OK:
        raise StageError(f"a question was refused with status {reply.status}")


def _compared(
    bare: Callable[[], object], asked: Callable[[], object], count: int
) -> list[tuple[float, float]]:
    """Return the milliseconds that one way takes and the other one takes more, in turns."""
    pairs = []
    for _ in range(count + _WARM_UP):
        begin_s = time.perf_counter()
        bare()
        middle_s = time.perf_counter()
        asked()
        bare_s, asked_s = middle_s - begin_s, time.perf_counter() - middle_s
        pairs.append((_MS * bare_s, _MS * (asked_s - bare_s)))
    return pairs[_WARM_UP:]


def _cost(place: Place, seconds: int) -> Figures:
    alone = _core_fraction(place, seconds, 0)
    with _clients(listen, place.server.url, CLIENTS):
        idle = _core_fraction(place, seconds, 0)
        moving = _core_fraction(place, seconds, _LEVELS_PER_S)
    return {
        "core_fraction": single(alone),
        "idle_clients_core_fraction": single(idle, CLIENTS),
        "level_clients_core_fraction": single(moving, CLIENTS),
    }


def _core_fraction(place: Place, seconds: int, levels_per_s: float) -> float:
    """Return the share of one core that this process takes."""
    begin_s, used_s = time.monotonic(), time.process_time()
    number = 0
    while (past_s := time.monotonic() - begin_s) < seconds:
        if not levels_per_s:
            time.sleep(seconds - past_s)
            continue
        number += 1
        place.bus.publish(LevelMeasured(0, -50.0 + LEVEL_STEP_DB * (number % 2)))
        time.sleep(1 / levels_per_s)
    return (time.process_time() - used_s) / (time.monotonic() - begin_s)
