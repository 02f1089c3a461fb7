"""A sound server for all faults, and one device for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.lab import Place
from voice.audio.portaudio import rescan
from voice.audio.virtual_sound import SoundServer, sound_server


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        yield running
    rescan()


@pytest.fixture
def place(server: SoundServer, tmp_path: Path) -> Place:
    return Place(tmp_path, server)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is tried at a random moment."""
    return int(request.config.getoption("--fault-rounds"))
