"""A microphone and a loudspeaker elsewhere, at the end of a connection that comes and goes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from asr import RATE_HZ
from voice.audio import Samples
from voice.audio.pcm import to_int16, to_mono
from voice.audio.playing import PlaybackQueue

FRAME_S = 0.04
"""Audio that is sent at a time."""
_CAPTURED = 250
"""Chunks that may wait for the listener, about 8 s as a page sends them; the oldest is dropped
beyond."""
_BEHIND_S = 1.0
"""After a machine has slept, what would have been played meanwhile is not played all at once."""

Send = Callable[[bytes], None]


class Occupied(Exception):
    """Another connection brings its microphone already."""


class RemoteMicrophone:
    """The microphone of one connection, 16 kHz; ends with it."""

    rate_hz = RATE_HZ

    def __init__(self, send: Send) -> None:
        self.send = send
        self._chunks: queue.Queue[Samples | None] = queue.Queue(_CAPTURED)

    def hear(self, data: bytes) -> None:
        """Take 16-bit little-endian samples. Never waits."""
        self._put(to_mono(np.frombuffer(data, "<i2")))

    def chunks(self) -> Iterator[Samples]:
        """Yield what is heard until the connection ends."""
        while (chunk := self._chunks.get()) is not None:
            yield chunk

    def close(self) -> None:
        """End the audio."""
        self._put(None)

    def _put(self, chunk: Samples | None) -> None:
        while True:
            try:
                self._chunks.put_nowait(chunk)
            except queue.Full:
                with suppress(queue.Empty):
                    self._chunks.get_nowait()
            else:
                return


class RemoteSpeaker(PlaybackQueue):
    """Plays in real time into the connection that there is; without one, nobody hears it."""

    def __init__(self, rate_hz: int, volume: float, played: Callable[[Samples, int], None]) -> None:
        """`played` is told what leaves, pauses too."""
        super().__init__("browser", rate_hz, volume)
        self.send: Send | None = None
        self._played = played
        self._ended = threading.Event()
        self._clock = threading.Thread(target=self._work, name="remote speaker", daemon=True)
        self._clock.start()

    def close(self) -> None:
        """End; whoever waits goes on."""
        super().close()
        self._ended.set()
        self._clock.join()

    def _work(self) -> None:
        count = int(FRAME_S * self.rate_hz)
        due_s = time.monotonic()
        while not self._ended.wait(max(0.0, due_s - time.monotonic())):
            due_s = max(due_s + FRAME_S, time.monotonic() - _BEHIND_S)
            samples = self.take(count)
            self._played(samples, self.rate_hz)
            send = self.send
            if send is not None and samples.any():
                send(to_int16(samples).astype("<i2").tobytes())


class RemoteDevice:
    """Where connections bring their microphone to, one at a time."""

    def __init__(self, rate_hz: int, volume: float, played: Callable[[Samples, int], None]) -> None:
        """`rate_hz` is that of the voice."""
        self.speaker = RemoteSpeaker(rate_hz, volume, played)
        self._changed = threading.Condition()
        self._connected: RemoteMicrophone | None = None
        self._waits = False
        """It was not yet listened to."""
        self._closed = False

    def connect(self, send: Send) -> RemoteMicrophone:
        """Bring a microphone; `send` takes what is to be played, 16-bit samples, and never waits.

        Raises Occupied.
        """
        with self._changed:
            if self._connected is not None or self._closed:
                raise Occupied
            self._connected = RemoteMicrophone(send)
            self._waits = True
            self.speaker.send = send
            self._changed.notify_all()
            return self._connected

    def disconnect(self, microphone: RemoteMicrophone) -> None:
        """Take a microphone away."""
        with self._changed:
            microphone.close()
            if self._connected is microphone:
                self._connected = self.speaker.send = None

    def next(self) -> RemoteMicrophone | None:
        """Wait for the next microphone; None once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waits or self._closed)
            self._waits = False
            return None if self._closed else self._connected

    def close(self) -> None:
        """Take no more."""
        with self._changed:
            self._closed = True
            if self._connected is not None:
                self._connected.close()
            self._changed.notify_all()
