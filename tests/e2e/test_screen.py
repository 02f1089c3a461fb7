"""`hean run` with its screen: asked by touch it answers aloud, shows it, and tells systemd."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.test_run import NO_MODEL, sound_variables, wait_until_said
from tests.live_process import LiveProcess, running
from voice.audio.virtual_sound import SoundServer, sound_server

pytestmark = [pytest.mark.models, pytest.mark.slow]

QUESTION = "警报响了该怎么办"
WITHIN_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as started:
        yield started


def address(live: LiveProcess) -> str:
    """Return where the screen is, as the command says it."""
    return live.wait_for("note        the screen is at").split()[-1]


def told(opened: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while not wanted(message := json.loads(opened.recv(WITHIN_S))):
        pass
    return dict(message)


def test_a_touched_question_is_spoken_shown_and_counted(server: SoundServer, tmp_path: Path):
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        server.record(tmp_path / "heard.wav"),
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(WITHIN_S)
        variables = {**sound_variables(server), "NOTIFY_SOCKET": systemd.getsockname()}
        with running(tmp_path, "run", "--set", "kiosk.port=0", *NO_MODEL, **variables) as live:
            url = address(live)
            while systemd.recv(200) != b"READY=1":
                pass
            with connect(f"{url}v1/events".replace("http", "ws")) as screen:
                assert told(screen, lambda m: m["type"] == "picture")["state"] == "idle"
                ask = {"text": QUESTION, "aloud": True}
                assert httpx.post(f"{url}v1/ask", json=ask).status_code == 200
                answer = told(screen, lambda m: m["type"] == "answer_ready")["answer"]
                assert answer["decision"] == "verbatim"
                assert answer["sources"]
                wait_until_said(tmp_path / "heard.wav")
                assert told(screen, lambda m: m["type"] == "turn_ended")["outcome"] == "answered"
            aside = httpx.post(f"{url}v1/ask", json={"text": QUESTION}, timeout=WITHIN_S).json()
            assert aside["answer"] == answer["answer"]
            assert 'hean_turns_total{outcome="answered"} 1.0' in httpx.get(f"{url}metrics").text
            assert httpx.get(f"{url}readyz").status_code == 200
            live.end(signal.SIGINT)
            while systemd.recv(200) != b"STOPPING=1":
                pass


def test_a_port_that_is_taken_costs_the_screen_and_not_the_voice(
    server: SoundServer, tmp_path: Path
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"kiosk.port={taken.getsockname()[1]}"
        variables = sound_variables(server)
        with running(tmp_path, "run", "--set", port, *NO_MODEL, **variables) as live:
            assert "cannot be used" in live.wait_for("note        no screen:")
            assert live.process.poll() is None
            live.end(signal.SIGINT)
