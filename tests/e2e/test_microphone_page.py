"""The button that gives a page's microphone, in a real browser, before a real server."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from asr import RATE_HZ
from tests.browser import barriers, sync_api
from tests.fake_microphone import browser_that_hears, visited
from tests.unit.microphone_lab import open_microphone_lab
from voice.audio.wavfile import write_wav
from voice.events import StateChanged
from voice.state import State

WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    recording = tmp_path_factory.mktemp("sound") / "tone.wav"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(20 * RATE_HZ) / RATE_HZ)
    write_wav(recording, tone.astype(np.float32), RATE_HZ)
    with browser_that_hears(recording) as opened:
        yield opened


def shows(page, text: str) -> None:
    sync_api.expect(page.locator("#microphone")).to_have_text(text, timeout=WITHIN_MS)


def test_the_page_brings_its_microphone_again_when_the_assistant_was_started_anew(browser):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open_microphone_lab(port) as lab:
        page = visited(browser, lab.url)
        page.click("#microphone")
        shows(page, "关闭这里的麦克风")
        chunks = lab.remote.next().chunks()
        heard = np.concatenate([next(chunks) for _ in range(60)])[-8000:]
        crossings = np.count_nonzero(np.diff(np.signbit(heard)))
        assert crossings / 2 / (8000 / RATE_HZ) == pytest.approx(440, abs=10)
    shows(page, "正在重新连接麦克风")
    with open_microphone_lab(port) as lab:
        shows(page, "关闭这里的麦克风")
        assert len(next(lab.remote.next().chunks())) == 512
        page.reload()
        shows(page, "关闭这里的麦克风")
        page.click("#microphone")
        shows(page, "打开这里的麦克风")
    page.context.close()


def test_the_button_is_no_barrier(browser):
    with open_microphone_lab() as lab:
        lab.bus.publish(StateChanged(0, State.IDLE))
        page = visited(browser, lab.url)
        assert not barriers(page)
        page.focus("#microphone")
        page.keyboard.press("Enter")
        shows(page, "关闭这里的麦克风")
        assert not page.problems
        page.context.close()


def test_a_browser_that_refuses_is_told_what_to_do(browser):
    with open_microphone_lab() as lab:
        page = visited(browser, lab.url, allowed=False)
        page.click("#microphone")
        shows(page, "浏览器不让用麦克风；允许后再按一次")
        assert lab.remote.speaker.send is None
        page.context.close()
