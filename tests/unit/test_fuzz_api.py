"""Any request: the kiosk answers, and never with a fault of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import damaged
from tests.unit.kiosk_lab import Lab, open_lab
from tests.unit.scripted import WATER
from voice.kiosk.limits import Limits

MANY = 1e9
LIMITS = Limits(changes_per_s=MANY, changes_at_once=MANY, reads_per_s=MANY, reads_at_once=MANY)
BODIES = tuple(
    json.dumps(body).encode()
    for body in (
        {"text": WATER, "language": "zh", "aloud": False},
        {"name": "louder"},
        {"volume": 0.5},
        {"model": "hean", "messages": [{"role": "user", "content": WATER}], "stream": False},
        {"model": "hean-tts", "input": WATER, "voice": "hum", "response_format": "wav"},
        {"token": "abc"},
    )
)
_KINDS = (
    "application/json", "application/json; charset=utf-16", "text/plain", "audio/wav", "",
    "multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded",
)  # fmt: skip
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([WATER, "zh", "user", "wake", "hean"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
_PATHS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "../../etc/passwd",
        "..%2f..%2fetc",
        "\0",
        "%00",
        "a" * 5000,
        ".",
        "//",
        "kiosk.css/../index.html",
    ]
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with open_lab(limits=LIMITS) as lab:
        yield lab


@pytest.fixture(scope="module")
def http(lab: Lab) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=lab.url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def routes(http: httpx.Client) -> list[tuple[str, str]]:
    """Return method and path of everything that takes a body."""
    paths: dict[str, Any] = http.get("/v1/openapi.json").json()["paths"]
    found = [(m.upper(), path) for path, methods in paths.items() for m in methods]
    assert len(found) > 8
    return [pair for pair in found if pair[0] != "GET"]


def _check(reply: httpx.Response) -> None:
    """An answer, or a refusal in the one form that all refusals have."""
    assert reply.status_code < 500 or reply.status_code == 503, reply.text
    if reply.status_code >= 400:
        assert reply.json()["error"]["message"]


@given(data=st.data())
def test_any_body_is_answered_or_refused(
    http: httpx.Client, routes: list[tuple[str, str]], data: st.DataObject
) -> None:
    method, path = data.draw(st.sampled_from(routes))
    kind = data.draw(st.sampled_from(_KINDS))
    _check(
        http.request(
            method, path, content=data.draw(damaged(BODIES)), headers={"content-type": kind}
        )
    )


@given(data=st.data())
def test_any_fields_are_answered_or_refused(
    http: httpx.Client, routes: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Good bodies in which one field is something else."""
    method, path = data.draw(st.sampled_from(routes))
    body = json.loads(data.draw(st.sampled_from(BODIES)))
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(_VALUES)
    _check(
        http.request(method, path, content=json.dumps(body), headers={"content-type": _KINDS[0]})
    )


@given(path=_PATHS, query=_PATHS)
def test_any_address_is_answered_or_refused(http: httpx.Client, path: str, query: str) -> None:
    for folder in ("/", "/static/", "/v1/"):
        reply = http.get(f"{folder}{quote(path, safe='/.')}?{quote(query)}")
        assert reply.status_code < 500, reply.text
