"""A kiosk with its operator area, really served, on a machine of its own folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import APIRouter

from asr import RATE_HZ, Samples
from llm.flash.bundle import load_private_key
from llm.knowledge.keys import create_key, public_path
from tests.small_bundles import Workshop
from tests.unit.kiosk_lab import Lab
from tests.unit.scripted import answerer
from voice.config import AuditConfig, Config, KnowledgeConfig, ModelsConfig
from voice.kiosk.board import Board
from voice.kiosk.limits import Limits
from voice.operator.area import Area, Surroundings
from voice.operator.pin import Pin

_answerer = cache(answerer)
"""Making one takes a second; nobody changes it."""
PIN, WRONG_PIN = "271828", "314159"
WITHIN_S = 20


class OperatorLab(Lab):
    """The area, its folder, and what was asked of the assistant."""

    limits = Limits(changes_at_once=1000)

    def __init__(self, folder: Path, stack: ExitStack, **settings: Any) -> None:
        self.folder, self._stack = folder, stack
        self.config = Config(
            models=ModelsConfig(store=str(folder / "models")),
            audit=AuditConfig(),
            knowledge=KnowledgeConfig(folder=str(settings.pop("knowledge", ""))),
        )
        self.stick = folder / "media" / "sda1"
        self.stick.mkdir(parents=True, exist_ok=True)
        self.played: list[Samples] = []
        self.restarts = 0
        self.restartable = bool(settings.pop("restartable", True))
        super().__init__(_answerer(), **settings)
        self.area.follow(self.bus)

    def more(self, board: Board) -> tuple[APIRouter, ...]:
        restart = self._restart if self.restartable else None
        self.area = Area(
            Surroundings(
                self.config, self.answerer, board, lambda: [self.stick], self._play, restart
            )
        )
        return self._stack.enter_context(self.area.open())

    def _play(self, samples: Samples, rate_hz: int) -> bool:
        assert rate_hz == RATE_HZ
        self.played.append(samples)
        return True

    def _restart(self) -> None:
        self.restarts += 1

    def set_pin(self) -> None:
        Pin(self.config.kiosk_folder).set(PIN)

    @cached_property
    def bundles(self) -> Workshop:
        """A workshop whose bundles this device takes."""
        key, keys = self.folder / "owner", self.config.flash_keys
        if not key.exists():
            create_key(key)
            keys.mkdir()
            shutil.copy(public_path(key), keys)
        (self.folder / "bundles").mkdir(exist_ok=True)
        return Workshop(self.folder / "bundles", load_private_key(key))

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser that has opened the page."""
        headers = {"Origin": self.url.rstrip("/")}
        with httpx.Client(base_url=self.url, timeout=WITHIN_S, headers=headers) as http:
            yield http

    @contextmanager
    def operator(self) -> Iterator[httpx.Client]:
        """A browser that is signed in."""
        with self.client() as http:
            signed_in = http.post("/v1/operator/session", json={"pin": PIN})
            assert signed_in.status_code == 200, signed_in.text
            http.headers["X-Hean-Session"] = signed_in.json()["csrf"]
            yield http

    @contextmanager
    def speaking(self, level: float = 0.2) -> Iterator[None]:
        """Somebody speaks into the microphone while the block runs."""
        ended = threading.Event()
        noise = np.random.default_rng(0).uniform(-level, level, RATE_HZ).astype(np.float32)

        def speak() -> None:
            while not ended.wait(0.01):
                self.area.recorder.hear(noise)
                self.area.recorder.hear(noise * 0.001)

        thread = threading.Thread(target=speak)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextmanager
def open_operator_lab(folder: Path, pin: bool = True, **settings: Any) -> Iterator[OperatorLab]:
    with ExitStack() as stack:
        lab = OperatorLab(folder, stack, **settings)
        if pin:
            lab.set_pin()
        lab.server.start()
        stack.callback(lab.server.close)
        yield lab
