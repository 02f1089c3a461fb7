"""A machine whose only microphone is a browser: spoken into it, answered on its page and in it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ
from tests.browser import sync_api
from tests.commands import DATA
from tests.e2e.test_run import NO_MODEL
from tests.fake_microphone import browser_that_hears, visited
from tests.live_process import LiveProcess, running
from voice.audio.wavfile import read_audio, write_wav

pytestmark = [pytest.mark.models, pytest.mark.slow]

WITHIN_MS = 90_000


def address(live: LiveProcess) -> str:
    return live.wait_for("note        the screen is at").split()[-1]


def until_played(page) -> None:
    """Wait until the page has given a second of speech to its loudspeaker."""
    end_s = time.monotonic() + WITHIN_MS / 1000
    while page.evaluate("window.played") < 48_000:
        assert time.monotonic() < end_s, "nothing is played"
        page.wait_for_timeout(200)


def test_spoken_into_the_page_it_is_answered_there(tmp_path: Path):
    question = read_audio(DATA / "wake" / "breath.flac", RATE_HZ)[0]
    quiet = np.zeros(2 * RATE_HZ, np.float32)
    recording = tmp_path / "spoken.wav"
    write_wav(recording, np.concatenate([quiet, question, quiet]), RATE_HZ)
    settings = ("--set", "audio.device=browser", "--set", "kiosk.port=0")
    with (
        running(tmp_path, "run", *settings, *NO_MODEL) as live,
        browser_that_hears(recording) as browser,
    ):
        url = address(live)
        page = visited(browser, url)
        expect = sync_api.expect
        expect(page.locator("#hint")).to_have_text("请先打开麦克风")
        page.click("#microphone")
        expect(page.locator("#microphone")).to_have_text("关闭这里的麦克风", timeout=WITHIN_MS)
        expect(page.locator("#heard")).to_contain_text("什么时候吃", timeout=WITHIN_MS)
        expect(page.locator("#answer")).to_contain_text("碘", timeout=WITHIN_MS)
        expect(page.locator("#sources li").first).to_contain_text("依据：")
        until_played(page)
        second = visited(browser, url)
        second.click("#microphone")
        expect(second.locator("#microphone")).to_contain_text("另一个页面", timeout=WITHIN_MS)
        page.click("#microphone")
        expect(page.locator("#microphone")).to_have_text("打开这里的麦克风")
        expect(page.locator("#hint")).to_have_text("请先打开麦克风", timeout=WITHIN_MS)
        assert not page.problems + second.problems
        live.end(signal.SIGINT)
