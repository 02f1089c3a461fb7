"""The interface of the kiosk over real connections."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from llm.answer import MAX_QUESTION_CHARS
from tests.unit.kiosk_lab import Lab, open_lab
from tests.unit.scripted import WATER
from voice.errors import ConfigError
from voice.events import (
    AnswerBegun,
    AnswerReady,
    DeviceLost,
    DeviceRestored,
    FinalTranscript,
    LevelMeasured,
    Outcome,
    PartialTranscript,
    StageFailed,
    StateChanged,
    TurnEnded,
)
from voice.kiosk import KioskConfig
from voice.kiosk.bodies import MAX_BODY_BYTES
from voice.kiosk.hub import _QUEUED, MOST_CLIENTS
from voice.kiosk.server import Server
from voice.state import State

WITHIN_S = 10


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with open_lab() as opened:
        yield opened


@pytest.fixture
def http(lab: Lab) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.url, timeout=WITHIN_S) as client:
        yield client


@contextmanager
def screen(lab: Lab, **headers: str) -> Iterator[ClientConnection]:
    url = f"{lab.url}v1/events".replace("http", "ws")
    with connect(url, open_timeout=WITHIN_S, additional_headers=headers or None) as opened:
        yield opened


def told(opened: ClientConnection) -> dict[str, object]:
    message = json.loads(opened.recv(WITHIN_S))
    assert isinstance(message, dict)
    return message


def test_a_question_in_writing_gets_a_vetted_answer_with_its_sources(http):
    answer = http.post("/v1/ask", json={"text": WATER}).json()
    assert answer["decision"] == "verbatim"
    assert answer["answer"] == "先喝瓶装水。烧开没用。"
    assert answer["facts"] == ["F065"]
    assert answer["sources"][0]["fact"] == "F065"


def test_a_question_that_is_to_be_answered_aloud_goes_to_the_assistant(lab, http):
    reply = http.post("/v1/ask", json={"text": WATER, "language": "zh", "aloud": True})
    assert reply.json() == {"accepted": True}
    assert lab.controls.asked[-1] == (WATER, "zh")


@pytest.mark.parametrize("name", ["wake", "stop", "repeat", "slower", "louder", "more"])
def test_what_is_touched_reaches_the_assistant(lab, http, name):
    assert http.post("/v1/command", json={"name": name}).status_code == 200
    assert lab.controls.commands[-1] == name


def test_the_volume_is_set_and_told(lab, http):
    assert http.put("/v1/volume", json={"volume": 0.4}).json() == {"volume": 0.4}
    assert lab.controls.volume == 0.4
    assert http.get("/v1/about").json()["volume"] == 0.4


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/ask", {}),
        ("POST", "/v1/ask", {"text": ""}),
        ("POST", "/v1/ask", {"text": "a" * (MAX_QUESTION_CHARS + 1)}),
        ("POST", "/v1/ask", {"text": WATER, "language": "fr"}),
        ("POST", "/v1/ask", {"text": WATER, "unknown": 1}),
        ("POST", "/v1/command", {"name": "reboot"}),
        ("PUT", "/v1/volume", {"volume": 1.5}),
        ("PUT", "/v1/volume", {"volume": "loud"}),
    ],
)
def test_a_wrong_request_is_refused_with_the_field_that_is_wrong(http, method, path, body):
    reply = http.request(method, path, json=body)
    assert reply.status_code == 422
    assert reply.json()["error"]["message"].startswith("body")


def test_the_interface_describes_itself(http):
    described = http.get("/v1/openapi.json").json()
    assert {"/v1/ask", "/v1/command", "/healthz", "/readyz"} <= set(described["paths"])


def test_the_page_and_all_its_parts_come_from_this_machine(http):
    page = http.get("/")
    assert "核安" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for part in ("kiosk.js", "connection.js", "strings.js", "kiosk.css", "icon.svg"):
        assert http.get(f"/static/{part}").status_code == 200


def test_ready_means_that_somebody_would_be_heard():
    with open_lab() as lab, httpx.Client(base_url=lab.url) as http:
        assert http.get("/healthz").status_code == 200
        assert http.get("/readyz").status_code == 503
        lab.bus.publish(LevelMeasured(0, -50.0))
        assert http.get("/readyz").json() == {"status": "ready"}
        lab.bus.publish(DeviceLost(0, "the microphone is gone"))
        assert http.get("/readyz").json() == {"status": "the microphone is gone"}
        lab.bus.publish(DeviceRestored(0))
        assert http.get("/readyz").status_code == 200


def test_metrics_count_turns_answers_and_faults():
    with open_lab() as lab, httpx.Client(base_url=lab.url) as http:
        lab.bus.publish(AnswerReady(1, lab.answerer.answer(WATER)))
        lab.bus.publish(TurnEnded(1, Outcome.ANSWERED))
        lab.bus.publish(StageFailed(2, "stage", "broken"))
        lab.bus.publish(DeviceLost(0, "gone"))
        lines = http.get("/metrics").text.splitlines()
    for line in (
        'hean_turns_total{outcome="answered"} 1.0',
        'hean_answers_total{decision="verbatim"} 1.0',
        'hean_stage_failures_total{stage="stage"} 1.0',
        "hean_device_losses_total 1.0",
    ):
        assert line in lines


def test_a_screen_sees_everything_that_happens(lab):
    with screen(lab) as opened:
        assert told(opened)["type"] == "picture"
        lab.bus.publish(StateChanged(7, State.LISTENING))
        lab.bus.publish(PartialTranscript(7, "自来水"))
        lab.bus.publish(FinalTranscript(7, "自来水还能和吗", WATER, "zh"))
        lab.bus.publish(AnswerReady(7, lab.answerer.answer(WATER)))
        lab.bus.publish(TurnEnded(7, Outcome.ANSWERED))
        messages = [told(opened) for _ in range(5)]
    assert [message["type"] for message in messages] == [
        *("state_changed", "partial_transcript", "final_transcript"),
        *("answer_ready", "turn_ended"),
    ]
    assert messages[0]["state"] == "listening"
    assert messages[1]["text"] == "自来水"
    assert messages[3]["answer"]["answer"] == "先喝瓶装水。烧开没用。"
    assert messages[4]["outcome"] == "answered"


def test_a_screen_that_comes_late_gets_the_whole_picture():
    with open_lab() as lab:
        lab.bus.publish(StateChanged(3, State.SPEAKING))
        lab.bus.publish(FinalTranscript(3, WATER, WATER, "zh"))
        lab.bus.publish(AnswerReady(3, lab.answerer.answer(WATER)))
        lab.bus.publish(DeviceLost(0, "gone"))
        with screen(lab) as opened:
            picture = told(opened)
    assert picture["state"] == "speaking"
    assert picture["fault"] == "gone"
    assert picture["turns"][0]["understood"] == WATER
    assert picture["turns"][0]["answer"]["decision"] == "verbatim"


def test_an_answer_is_shown_from_its_first_sentence_on():
    with open_lab() as lab:
        whole = lab.answerer.answer(WATER)
        lab.bus.publish(AnswerBegun(3, replace(whole, text="先喝瓶装水。")))
        with screen(lab) as opened:
            picture = told(opened)
            lab.bus.publish(AnswerReady(3, whole))
            ready = told(opened)
    assert picture["turns"][0]["answer"]["answer"] == "先喝瓶装水。"
    assert ready["answer"]["answer"] == whole.text


def test_a_level_is_told_only_when_it_changes_visibly(lab):
    with screen(lab) as opened:
        told(opened)
        for level_dbfs in (-20.0, -21.0, -19.0, -30.0):
            lab.bus.publish(LevelMeasured(0, level_dbfs))
        lab.bus.publish(StateChanged(0, State.IDLE))
        messages = [told(opened) for _ in range(3)]
    assert [message.get("level_dbfs") for message in messages] == [-20.0, -30.0, None]


def test_a_screen_too_many_is_sent_away_and_places_become_free_again(lab):
    screens = [screen(lab) for _ in range(MOST_CLIENTS)]
    opened = [one.__enter__() for one in screens]
    for one in opened:
        told(one)
    with screen(lab) as refused, pytest.raises(ConnectionClosed) as closed:
        refused.recv(WITHIN_S)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
    for one in screens:
        one.__exit__(None, None, None)
    until_a_place_is_free(lab)


def until_a_place_is_free(lab: Lab) -> None:
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        with screen(lab) as opened:
            try:
                assert told(opened)["type"] == "picture"
            except ConnectionClosed:
                continue
            return
    raise AssertionError("no place has become free")


def test_a_screen_that_does_not_read_is_let_go_and_disturbs_nobody():
    with open_lab() as lab, screen(lab) as reads:
        told(reads)
        raw = socket.create_connection(("127.0.0.1", lab.server.port), WITHIN_S)
        host = f"127.0.0.1:{lab.server.port}"
        raw.sendall(
            f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 101"
        for _ in range(20):
            for _ in range(_QUEUED // 4):
                lab.bus.publish(PartialTranscript(1, "长" * 5000))
            for _ in range(_QUEUED // 4):
                assert told(reads)["type"] == "partial_transcript"
        raw.close()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "[::2]", "]["])
def test_another_name_for_this_machine_is_refused(http, host):
    assert http.get("/v1/about", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_a_page_of_another_site_may_neither_ask_nor_watch(lab, http, origin):
    body = {"text": WATER, "aloud": True}
    before = len(lab.controls.asked)
    assert http.post("/v1/ask", json=body, headers={"Origin": origin}).status_code == 403
    assert len(lab.controls.asked) == before
    with pytest.raises(InvalidStatus), screen(lab, Origin=origin):
        pass


def test_a_form_of_another_site_is_no_request(http):
    assert http.post("/v1/command", data={"name": "stop"}).status_code == 415
    text = {"Content-Type": "text/plain"}
    assert http.post("/v1/command", content='{"name": "stop"}', headers=text).status_code == 415


def test_a_long_body_is_not_read(http):
    assert http.post("/v1/ask", json={"text": "a" * MAX_BODY_BYTES}).status_code == 413


def test_a_body_longer_than_it_says_is_not_read_either(lab):
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * MAX_BODY_BYTES

    json_type = {"Content-Type": "application/json"}
    with httpx.Client(base_url=lab.url, timeout=WITHIN_S) as http:
        try:
            reply = http.post("/v1/ask", content=endless(), headers=json_type)
        except httpx.HTTPError:
            return  # cut off: as good
        assert reply.status_code >= 400


def test_a_flood_of_requests_is_slowed_down():
    with open_lab() as lab, httpx.Client(base_url=lab.url) as http:
        codes = {http.post("/v1/command", json={"name": "stop"}).status_code for _ in range(60)}
    assert codes == {200, 429}


def test_a_port_that_is_taken_is_told_in_one_line(lab):
    with pytest.raises(ConfigError, match=f"kiosk.port {lab.server.port} cannot be used"):
        Server(KioskConfig(port=lab.server.port), lab.kiosk)


@pytest.mark.parametrize("address", ["", "everywhere", "192.168.1.500"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="must be an address of this machine"):
        KioskConfig(address=address)
