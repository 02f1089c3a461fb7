"""What other machines may do, with a real token over a real encrypted connection."""

import json
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.unit.kiosk_beyond import bearer, prepared, trusting
from tests.unit.kiosk_lab import OUTSIDE, Lab, open_lab
from tests.unit.scripted import WATER
from voice.events import PartialTranscript
from voice.kiosk.keyring import COOKIE, last_used
from voice.kiosk.limits import Limits
from voice.kiosk.tokens import TokenFile

WITHIN_S = 10
QUESTION = {"text": WATER}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return prepared(tmp_path_factory.mktemp("kiosk"))


@pytest.fixture(scope="module")
def lab(folder) -> Iterator[Lab]:
    with open_lab(folder=folder, limits=Limits(changes_per_s=1000, wrong_per_s=1000)) as opened:
        yield opened


@pytest.fixture
def http(lab, folder) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.outside, verify=trusting(folder), timeout=WITHIN_S) as client:
        yield client


def signed_in(http: httpx.Client, folder: Path, scope: str = "ask") -> str:
    token = (folder / f"{scope}.token").read_text()
    reply = http.post("/v1/session", json={"token": token})
    assert reply.status_code == 200
    return reply.headers["set-cookie"]


@pytest.mark.parametrize(
    ("path", "scope"),
    [("/v1/about", "ask"), ("/metrics", "ask"), ("/v1/models", "ask"), ("/v1/openapi.json", "ask")],
)
def test_nothing_is_told_without_a_token(http, folder, path, scope):
    refused = http.get(path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert "hean kiosk token create" in refused.json()["error"]["message"]
    assert http.get(path, headers=bearer(folder, scope)).status_code == 200


def test_a_question_needs_a_token_and_gets_the_vetted_answer(http, folder):
    assert http.post("/v1/ask", json=QUESTION).status_code == 401
    answer = http.post("/v1/ask", json=QUESTION, headers=bearer(folder, "ask")).json()
    assert answer["decision"] == "verbatim"


@pytest.mark.parametrize(("scope", "status"), [("ask", 403), ("operate", 200), ("admin", 200)])
def test_who_may_only_ask_operates_nothing(http, folder, scope, status):
    headers = bearer(folder, scope)
    assert http.post("/v1/command", json={"name": "stop"}, headers=headers).status_code == status
    assert http.put("/v1/volume", json={"volume": 1}, headers=headers).status_code == status
    aloud = {**QUESTION, "aloud": True}
    assert http.post("/v1/ask", json=aloud, headers=headers).status_code == status


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer hean_" + "A" * 43, "Basic aGVhbjpoZWFu", "Bearer \x7f\xff", "x"],
)
def test_what_is_no_token_lets_nobody_in(http, header):
    refused = http.get("/v1/about", headers={"Authorization": header.encode("latin-1")})
    assert refused.status_code == 401


def test_a_token_in_the_address_is_none(http, folder):
    token = (folder / "admin.token").read_text()
    assert http.get("/v1/about", params={"token": token, "access_token": token}).status_code == 401


def test_this_machine_itself_needs_no_token(lab):
    assert httpx.get(f"{lab.url}v1/about").status_code == 200


def test_a_token_that_is_revoked_lets_nobody_in_at_once(lab, folder):
    token = TokenFile(folder).create("guest", "ask")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=lab.outside, verify=trusting(folder)) as http:
        assert http.get("/v1/about", headers=headers).status_code == 200
        TokenFile(folder).revoke("guest")
        assert http.get("/v1/about", headers=headers).status_code == 401


def test_a_browser_signs_in_once_and_gets_a_cookie_that_scripts_cannot_read(http, folder):
    assert http.get("/").headers["location"] == "/login"
    assert http.get("/login").status_code == 200
    assert http.get("/static/login.js").status_code == 200
    cookie = signed_in(http, folder)
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert (folder / "ask.token").read_text() not in cookie
    assert http.get("/").status_code == 200
    assert http.get("/v1/about").status_code == 200


def test_signing_out_ends_the_session_on_the_server(http, folder):
    signed_in(http, folder)
    value = http.cookies[COOKIE]
    headers = {**own_page(http), "Content-Type": "application/json"}
    assert http.delete("/v1/session", headers=headers).status_code == 200
    http.cookies.set(COOKIE, value, domain=OUTSIDE)
    assert http.get("/v1/about").status_code == 401


def test_a_session_outlives_a_restart_and_ends_with_its_token(folder):
    token = TokenFile(folder).create("screen", "ask")
    with httpx.Client(verify=trusting(folder)) as http:
        for login in (True, False):
            with open_lab(folder=folder) as lab:
                if login:
                    assert http.post(f"{lab.outside}v1/session", json={"token": token}).is_success
                assert http.get(f"{lab.outside}v1/about").status_code == 200
                if not login:
                    TokenFile(folder).revoke("screen")
                    assert http.get(f"{lab.outside}v1/about").status_code == 401


def own_page(http: httpx.Client) -> dict[str, str]:
    return {"Origin": str(http.base_url).rstrip("/")}


def test_a_cookie_changes_nothing_unless_a_page_of_ours_asks(http, folder):
    signed_in(http, folder, "operate")
    body = {"name": "stop"}
    assert http.post("/v1/command", json=body).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    assert http.post("/v1/command", json=body, headers=foreign).status_code == 403
    assert http.post("/v1/command", json=body, headers=own_page(http)).status_code == 200


def test_a_wrong_token_gets_no_cookie(http):
    refused = http.post("/v1/session", json={"token": "hean_guess"})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers


def test_nobody_has_to_sign_in_on_this_machine(lab):
    assert httpx.post(f"{lab.url}v1/session", json={"token": "x"}).status_code == 409


def test_events_are_told_to_a_token_or_to_a_page_with_a_cookie(lab, http, folder):
    url = f"{lab.outside}v1/events".replace("https", "wss")
    signed_in(http, folder)
    cookie = {"Cookie": f"{COOKIE}={http.cookies[COOKIE]}"}
    for headers in (bearer(folder, "ask"), {**cookie, **own_page(http)}):
        with connect(url, ssl=trusting(folder), additional_headers=headers) as opened:
            assert json.loads(opened.recv(WITHIN_S))["type"] == "picture"
    for headers in ({}, cookie, {"Authorization": "Bearer x"}):
        with (
            pytest.raises(InvalidStatus),
            connect(url, ssl=trusting(folder), additional_headers=headers),
        ):
            pass


def test_a_screen_is_told_nothing_more_once_its_token_is_revoked(lab, folder, monkeypatch):
    monkeypatch.setattr("voice.kiosk.lasting.LOOK_S", 0.0)
    headers = {"Authorization": f"Bearer {TokenFile(folder).create('tablet', 'ask')}"}
    url = f"{lab.outside}v1/events".replace("https", "wss")
    with connect(url, ssl=trusting(folder), additional_headers=headers) as opened:
        opened.recv(WITHIN_S)
        lab.bus.publish(PartialTranscript(1, "先"))
        assert json.loads(opened.recv(WITHIN_S))["text"] == "先"
        TokenFile(folder).revoke("tablet")
        lab.bus.publish(PartialTranscript(1, "后"))
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(WITHIN_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("kiosk.test", 200),
        ("KIOSK.test:8711", 200),
        (OUTSIDE, 200),
        ("evil.example", 421),
        ("localhost", 421),
        ("192.0.2.99", 421),
    ],
)
def test_only_the_names_of_the_certificate_are_answered_to(http, folder, host, status):
    headers = {**bearer(folder, "ask"), "Host": host}
    assert http.get("/v1/about", headers=headers).status_code == status


@pytest.mark.parametrize(
    "forwarded",
    [
        {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"},
        {"Forwarded": "for=192.0.2.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "127.0.0.1"},
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_of_this_machine(lab, folder, forwarded):
    """A proxy that writes our own address into Host would else let everybody in as the owner."""
    path = f"{lab.url}v1/about"
    assert httpx.get(path, headers=forwarded).status_code == 401
    assert httpx.get(path, headers={**forwarded, **bearer(folder, "ask")}).status_code == 200
    events = f"{lab.url}v1/events".replace("http", "ws", 1)
    with pytest.raises(InvalidStatus), connect(events, additional_headers=forwarded):
        pass


def test_a_proxy_asks_by_the_names_that_other_machines_use(lab, folder):
    headers = {**bearer(folder, "ask"), "X-Forwarded-For": "192.0.2.1", "Host": "localhost"}
    assert httpx.get(f"{lab.url}v1/about", headers=headers).status_code == 421


def test_wrong_tokens_are_slowed_down_and_the_right_one_is_not(folder):
    with (
        open_lab(folder=folder) as lab,
        httpx.Client(base_url=lab.outside, verify=trusting(folder)) as http,
    ):
        wrong = {"Authorization": "Bearer hean_guess"}
        codes = [http.get("/v1/about", headers=wrong).status_code for _ in range(20)]
        assert codes[0] == 401
        assert codes[-1] == 429
        assert http.get("/v1/about", headers=bearer(folder, "ask")).status_code == 200


def test_one_token_that_floods_takes_nothing_from_another(folder):
    with (
        open_lab(folder=folder) as lab,
        httpx.Client(base_url=lab.outside, verify=trusting(folder)) as http,
    ):
        body = {"name": "stop"}
        flood, other = bearer(folder, "operate"), bearer(folder, "admin")
        codes = {http.post("/v1/command", json=body, headers=flood).status_code for _ in range(40)}
        assert codes == {200, 429}
        assert http.post("/v1/command", json=body, headers=other).status_code == 200


def test_no_secret_is_ever_logged(folder, caplog):
    caplog.set_level(logging.DEBUG)
    with (
        open_lab(folder=folder) as lab,
        httpx.Client(base_url=lab.outside, verify=trusting(folder)) as http,
    ):
        signed_in(http, folder)
        http.get("/v1/about", headers=bearer(folder, "admin"))
        http.get("/v1/about", headers={"Authorization": "Bearer hean_wrong-secret"})
        http.post("/v1/session", json={"token": "hean_wrong-secret"})
        http.post("/v1/session", json={"token": ["hean_wrong-secret"]})
        value = http.cookies[COOKIE]
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    logged = " ".join(record.getMessage() for record in ours)
    token = (folder / "ask.token").read_text()
    for secret in (token, (folder / "admin.token").read_text(), value, "wrong-secret"):
        assert secret not in logged
        assert secret not in (folder / "sessions.json").read_text()


def test_when_a_token_was_used_is_noted(http, folder):
    assert http.get("/v1/about", headers=bearer(folder, "operate")).status_code == 200
    digest = next(one.digest for one in TokenFile(folder).tokens() if one.name == "operate")
    with open_lab(folder=folder):
        pass
    assert digest in last_used(folder)


def test_old_protocols_are_refused(lab, folder):
    old = trusting(folder)
    old.minimum_version = ssl.TLSVersion.TLSv1_2
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    headers = bearer(folder, "ask")
    assert httpx.get(f"{lab.outside}v1/about", verify=old, headers=headers).status_code == 200
    assert lab.beyond is not None
    assert lab.beyond.context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_every_route_tells_which_scope_it_needs(lab):
    described = httpx.get(f"{lab.url}v1/openapi.json").json()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    secured = {
        path: method["security"][0]["token"]
        for path, methods in described["paths"].items()
        for method in methods.values()
        if "security" in method
    }
    assert secured["/v1/ask"] == ["ask"]
    assert secured["/v1/command"] == ["operate"]
    assert {"/healthz", "/readyz"} == set(described["paths"]) - set(secured)
