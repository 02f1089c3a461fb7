"""The clients of `hean bench kiosk`, in a process of their own: programs, or a browser.

Each tells "ready", then for every partial transcript its text and when it was there, by the clock
that all processes share (time.monotonic), until the benchmark closes the line. A browser that is
missing is told instead of "ready".
"""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import Any

from websockets.sync.client import ClientConnection, connect

_WITHIN_S = 20.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PAINTED = """
addEventListener("DOMContentLoaded", () => {
  const heard = document.getElementById("heard");
  const told = [];
  globalThis.nextPainted = () => new Promise((take) => {
    const until = Date.now() + 500;
    const look = () => {
      if (told.length || Date.now() > until) take(told.shift() ?? null);
      else setTimeout(look, 1);
    };
    look();
  });
  new MutationObserver(() => {
    const text = heard.textContent;
    // A task that is queued in the frame runs after it was painted.
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => told.push([text, Date.now()]);
      after.port2.postMessage(0);
    });
  }).observe(heard, { childList: true, characterData: true, subtree: true });
});
"""
"""Notes when what was heard has been painted. Frames come every 16.7 ms."""


def listen(line: Connection, url: str, count: int) -> None:
    """Open `count` WebSockets; the first one reports what it is told."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(connect(f"{url}v1/events".replace("http", "ws", 1)))
            for _ in range(count)
        ]
        for one in opened:
            one.recv(_WITHIN_S)
        line.send("ready")
        with suppress(BrokenPipeError):  # closed while something was told
            while not line.poll():
                for one in opened:
                    _drain(one, line if one is opened[0] else None)


def _drain(opened: ClientConnection, line: Connection | None) -> None:
    """Take what has come; wait for it a little where it is reported."""
    try:
        while True:
            text = opened.recv(0.2 if line else 0)
            at_s = time.monotonic()
            message = json.loads(text)
            if line and message["type"] == "partial_transcript":
                line.send((message["text"], at_s))
    except TimeoutError:
        return


def look(line: Connection, url: str, _count: int) -> None:
    """Open the page in Chromium and report what it has painted."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        line.send("the package playwright is not installed")
        return
    if browser is None:
        line.send("there is no Chromium")
        return
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": 1024, "height": 600})
        page.add_init_script(_PAINTED)
        page.goto(url)
        page.wait_for_selector("html:not([data-state=offline])", state="attached")
        line.send("ready")
        with suppress(BrokenPipeError):
            _report(line, page)
        opened.close()


def _report(line: Connection, page: Any) -> None:
    while not line.poll():  # nothing is ever sent here: it is closed
        painted = page.evaluate("nextPainted()")
        if painted:
            text, at_ms = painted
            # The page has the time of day; both clocks are read here to compare them.
            at_s = time.monotonic() - (time.time() - at_ms / 1000)
            line.send((text.partition("：")[2], at_s))
