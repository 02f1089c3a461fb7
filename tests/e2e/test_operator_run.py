"""`hean run` as a service: sign in, hear the microphone, start again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.commands import DATA, hean
from tests.e2e.test_run import NO_MODEL, sound_variables
from tests.e2e.test_screen import address
from tests.live_process import LiveProcess, running
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.config import Config

pytestmark = [pytest.mark.models, pytest.mark.slow]

PIN = "271828"
WITHIN_S = 60
AREA = "/v1/operator"


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as started:
        yield started


@contextmanager
def device(folder: Path, server: SoundServer, **variables: str) -> Iterator[LiveProcess]:
    """Run on a device of its own that has the models of this machine, and a PIN."""
    (folder / "models").symlink_to(Config().store)
    store = ("--set", f"models.store={folder / 'models'}")
    assert hean(*store, "kiosk", "pin", "--stdin", typed=PIN.encode()).code == 0
    words = ("run", "--set", "kiosk.port=0", *store, *NO_MODEL)
    with running(folder, *words, **sound_variables(server), **variables) as live:
        yield live


@contextmanager
def signed_in(url: str) -> Iterator[httpx.Client]:
    headers = {"Origin": url.rstrip("/")}
    with httpx.Client(base_url=url, headers=headers, timeout=WITHIN_S) as http:
        state = http.post(f"{AREA}/session", json={"pin": PIN}).json()
        http.headers["X-Hean-Session"] = state["csrf"]
        yield http


def test_a_service_is_started_again_by_whoever_started_it(server: SoundServer, tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        variables = {"NOTIFY_SOCKET": systemd.getsockname()}
        with device(tmp_path, server, **variables) as live, signed_in(address(live)) as http:
            with server.play(DATA / "en-water.flac"):
                heard = http.post(f"{AREA}/microphone", json={"play": True}).json()
            assert heard["verdict"] in ("good", "quiet")
            assert heard["peak_dbfs"] > -40
            assert http.get(f"{AREA}/models").json()["process_mb"] > 100
            assert http.post(f"{AREA}/restart", json={}).json() == {"restarting": True}
            result = live.end()
    assert result.code == 79
    assert "wants it to start again" in result.err
    assert "Traceback" not in result.err
