"""A machine whose only microphone is a browser: spoken into it, answered on its page and in it."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from asr import RATE_HZ
from tests.commands import DATA
from tests.e2e.test_run import NO_MODEL
from tests.live_process import LiveProcess, running
from voice.audio.wavfile import read_audio, write_wav

pytestmark = [pytest.mark.models, pytest.mark.slow]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no Chromium: install the package chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing")

WITHIN_MS = 90_000
_PLAYED = """() => {
  const post = MessagePort.prototype.postMessage;
  window.played = 0;
  MessagePort.prototype.postMessage = function (data, ...rest) {
    if (data instanceof ArrayBuffer) window.played += data.byteLength;
    return post.call(this, data, ...rest);
  };
}"""
"""Counts the bytes that the page gives to its loudspeaker."""


def address(live: LiveProcess) -> str:
    return live.wait_for("note        the screen is at").split()[-1]


@contextmanager
def browser_that_hears(recording: Path) -> Iterator[object]:
    """Open a browser whose microphone plays a recording, once, from when it is turned on."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={recording}%noloop",
            ],
        )
        try:
            yield opened
        finally:
            opened.close()


def visited(browser, url: str):
    context = browser.new_context(locale="zh-CN", permissions=["microphone"])
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.problems.append(said.text))
    page.add_init_script(f"({_PLAYED})()")
    page.goto(url)
    page.wait_for_selector("#microphone:not([hidden])")
    return page


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
