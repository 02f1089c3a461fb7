"""A kiosk of a machine whose only microphone is a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asr import Samples
from tests.unit.kiosk_lab import Lab
from voice.audio.remote import RemoteDevice

VOICE_HZ = 24_000


class MicrophoneLab(Lab):
    """What pages bring is heard by nobody but the test."""

    def __init__(self, port: int) -> None:
        self.played: list[Samples] = []
        self.remote = RemoteDevice(VOICE_HZ, 1.0, lambda samples, _hz: self.played.append(samples))
        super().__init__(port=port)


@contextmanager
def open_microphone_lab(port: int = 0) -> Iterator[MicrophoneLab]:
    lab = MicrophoneLab(port)
    lab.server.start()
    try:
        yield lab
    finally:
        lab.server.close()
        lab.remote.close()
        lab.remote.speaker.close()
