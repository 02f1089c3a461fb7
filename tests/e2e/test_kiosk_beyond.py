"""`hean run` for other machines: from the first command to an answer over the network."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.commands import hean_process
from tests.e2e.test_run import NO_MODEL, sound_variables
from tests.live_process import running
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.config import Config
from voice.kiosk.tls import make_certificate
from voice.kiosk.tokens import TokenFile

pytestmark = [pytest.mark.models, pytest.mark.slow]

OUTSIDE = "127.0.0.2"
"""None of the addresses of the kiosk itself: it counts as one of another machine."""
SETTINGS = ("--set", f"kiosk.address={OUTSIDE}", "--set", "kiosk.tls_port=0")
WITHIN_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as started:
        yield started


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    """Options for the models of this machine with tokens of the test's own."""
    store = tmp_path / "hean" / "models"
    store.parent.mkdir()
    store.symlink_to(Config().store)
    return ("--set", f"models.store={store}")


def test_another_machine_asks_with_a_token_and_this_one_without(
    server: SoundServer, tmp_path: Path, words: tuple[str, ...]
):
    kiosk = (*words, "kiosk")
    made = hean_process(tmp_path, *kiosk, "certificate", "--name", OUTSIDE)
    certificate = made.out.splitlines()[0].split(": ")[0]
    token = hean_process(tmp_path, *kiosk, "token", "create", "script", "--plain").out.strip()
    run = (*words, "run", "--set", "kiosk.port=0", *SETTINGS, *NO_MODEL)
    with running(tmp_path, *run, **sound_variables(server)) as live:
        line = live.wait_for("note        other machines are served at port")
        url = f"https://{OUTSIDE}:{line.split()[-2]}/v1/ask"
        believed = ssl.create_default_context(cafile=certificate)
        body = {"text": "自来水还能喝吗"}
        with httpx.Client(verify=believed, timeout=WITHIN_S) as http:
            assert http.post(url, json=body).status_code == 401
            headers = {"Authorization": f"Bearer {token}"}
            answer = http.post(url, json=body, headers=headers).json()
            assert answer["decision"] == "verbatim"
            revoked = hean_process(tmp_path, *kiosk, "token", "revoke", "script")
            assert revoked.code == 0
            assert http.post(url, json=body, headers=headers).status_code == 401
        here = live.wait_for("note        the screen is at").split()[-1]
        again = httpx.post(f"{here}v1/ask", json=body, timeout=WITHIN_S).json()
        assert again["answer"] == answer["answer"]
        assert not [text for text in (*live.said(""), *live.said("", "err")) if token in text]


def test_without_a_token_it_does_not_start(tmp_path: Path, words: tuple[str, ...]):
    refused = hean_process(tmp_path, *words, "run", *SETTINGS, *NO_MODEL)
    assert refused.code == 78
    fix = refused.err.splitlines()[-1].strip()
    assert fix == "hean kiosk certificate && hean kiosk token create NAME"


def test_an_expired_certificate_costs_the_others_and_not_the_voice(
    server: SoundServer,
    tmp_path: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("voice.kiosk.tls.VALID_DAYS", 0)
    folder = tmp_path / "hean" / "kiosk"
    make_certificate(folder, [OUTSIDE])
    TokenFile(folder).create("script", "ask")
    run = (*words, "run", "--set", "kiosk.port=0", *SETTINGS, *NO_MODEL)
    with running(tmp_path, *run, **sound_variables(server)) as live:
        told = live.wait_for("note        other machines are not served:")
        assert "is expired since" in told
        assert "hean kiosk certificate --replace" in told
        here = live.wait_for("note        the screen is at").split()[-1]
        assert httpx.get(f"{here}healthz").is_success
