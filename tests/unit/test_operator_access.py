"""Nobody gets into the operator area without the PIN, from nowhere."""

import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.unit.operator_lab import PIN, WITHIN_S, WRONG_PIN, OperatorLab, open_operator_lab
from voice.operator.pin import FREE_TRIES
from voice.operator.sessions import IDLE_S

SESSION = "/v1/operator/session"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[OperatorLab]:
    folder = tmp_path_factory.mktemp("operator")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with open_operator_lab(folder) as opened:
            yield opened


@pytest.fixture
def http(lab) -> Iterator[httpx.Client]:
    with lab.client() as client:
        yield client


def routes(lab: OperatorLab) -> list[tuple[str, str]]:
    """Return method and path of all routes behind the PIN, as the interface describes itself."""
    paths = httpx.get(f"{lab.url}v1/openapi.json").json()["paths"]
    return [
        (method.upper(), re.sub(r"\{\w+\}", "csv" if "audit" in path else "zh.x.y", path))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/v1/operator/") and path != SESSION
    ]


def ask(http: httpx.Client, method: str, path: str, **headers: str) -> int:
    body = {} if method == "GET" else {"json": {}}
    return http.request(method, path, headers=headers, **body).status_code


def test_every_route_wants_a_session(lab, http):
    found = routes(lab)
    assert len(found) >= 16
    for method, path in found:
        assert ask(http, method, path) == 401, path
        assert ask(http, method, path, Cookie="hean_operator=guessed") == 401, path


def test_every_change_wants_the_session_in_a_header_too(lab):
    changes = [(method, path) for method, path in routes(lab) if method != "GET"]
    assert len(changes) >= 7
    with lab.operator() as http:
        good = http.headers.pop("X-Hean-Session")
        for method, path in changes:
            assert ask(http, method, path) == 403, path
            assert ask(http, method, path, **{"X-Hean-Session": good[:-1]}) == 403, path
        assert ask(http, "GET", "/v1/operator/slots") == 200


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:1"])
def test_a_change_must_come_from_the_page_itself(lab, origin):
    with lab.operator() as http:
        del http.headers["Origin"]
        headers = {"Origin": origin} if origin else {}
        assert ask(http, "POST", "/v1/operator/check", **headers) == 403
        reply = http.post(SESSION, json={"pin": PIN}, headers=headers)
        assert reply.status_code == 403
        assert "set-cookie" not in reply.headers


def test_the_cookie_is_for_nobody_but_the_browser_and_this_area(http):
    reply = http.post(SESSION, json={"pin": PIN})
    cookie = reply.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/v1/operator"):
        assert part in cookie
    assert PIN not in reply.text + cookie


def test_a_session_ends_by_signing_out(lab):
    with lab.operator() as http:
        cookie = http.cookies["hean_operator"]
        assert http.get(SESSION).json()["signed_in"]
        assert http.request("DELETE", SESSION, json={}).json()["signed_in"] is False
        assert ask(http, "GET", "/v1/operator/slots", Cookie=f"hean_operator={cookie}") == 401


def test_a_session_ends_by_itself(tmp_path):
    with open_operator_lab(tmp_path) as lab, lab.operator() as http:
        (session,) = lab.area.sessions._open.values()
        session.used_s -= IDLE_S + 1
        assert ask(http, "GET", "/v1/operator/slots") == 401


def test_wrong_pins_must_wait_and_are_told_how_long(tmp_path):
    with open_operator_lab(tmp_path) as lab, lab.client() as http:
        for _ in range(FREE_TRIES):
            assert http.post(SESSION, json={"pin": WRONG_PIN}).status_code == 403
        reply = http.post(SESSION, json={"pin": PIN})
        assert reply.status_code == 429
        assert 1 <= int(reply.headers["retry-after"]) <= 5
        assert "wait" in reply.json()["error"]["message"]
        assert http.get(SESSION).json()["wait_s"] >= 1


def test_without_a_pin_it_says_how_to_set_one(tmp_path):
    with open_operator_lab(tmp_path, pin=False) as lab, lab.client() as http:
        assert http.get(SESSION).json()["pin_set"] is False
        reply = http.post(SESSION, json={"pin": PIN})
        assert reply.status_code == 409
        assert "hean kiosk pin" in reply.json()["error"]["message"]


def test_a_damaged_pin_lets_nobody_in(tmp_path):
    with open_operator_lab(tmp_path) as lab, lab.client() as http:
        (lab.config.kiosk_folder / "pin").write_text("damaged")
        assert http.post(SESSION, json={"pin": PIN}).status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"pin": ""}, {"pin": "abcdef"}, {"pin": 1}, {"pin": "1" * 99}]
)
def test_what_is_no_pin_costs_no_try(tmp_path, http, body):
    for _ in range(FREE_TRIES + 1):
        assert http.post(SESSION, json=body).status_code == 422
    assert http.get(SESSION).json()["wait_s"] == 0


def live(lab: OperatorLab, http: httpx.Client | None, origin: str = ""):
    cookie = f"hean_operator={http.cookies['hean_operator']}" if http else ""
    return connect(
        f"{lab.url}v1/operator/events".replace("http", "ws"),
        additional_headers={"Cookie": cookie} if cookie else None,
        open_timeout=WITHIN_S,
    )


def test_the_live_line_is_for_those_who_are_signed_in(lab):
    with live(lab, None) as line, pytest.raises(ConnectionClosed) as closed:
        line.recv(WITHIN_S)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
    with lab.operator() as http, live(lab, http) as line:
        assert '"work"' in line.recv(WITHIN_S)
        http.request("DELETE", SESSION, json={})
        with pytest.raises(ConnectionClosed) as closed:
            line.recv(WITHIN_S)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401
