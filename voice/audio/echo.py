"""Takes the assistant's own voice out of what the microphone hears.

The canceller is WebRTC's AEC3 (pip package `pywebrtc-audio`): it finds delays of up to about half
a second by itself and follows a person who moves, a changed volume, another device. What it needs
is to be told all that leaves for the loudspeaker, pauses too: two streams that both run on without
gaps stay aligned, however late either of them is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from voice.audio import Samples
from voice.audio.pcm import Rechunker, Resampler
from voice.errors import DeviceError

ADAPTED_DB = 10.0
"""Reduction over about two seconds of own voice from which its echo counts as known."""
ADAPTED_AT_LATEST_S = 12.0
"""Where the loudspeaker is heard softly (SOFT) there is little to reduce, and no harm either."""

INAUDIBLE = 10**-4.5
"""Echo of less power than this part of what is played is heard by nobody: speech becomes -65 dBFS,
softer than a quiet room."""
SOFT = 0.01
"""Echo of less than this part, -20 dB, may be hidden in the noise of the room."""
_NO_MORE_THAN_NOISE = 2.0
_NOISE = 10**-4.5
"""Power, -45 dBFS: no room is louder without voices or machines."""
_NOISE_FRAME_S, _NOISE_S = 0.1, 10.0
_SPEECH = 1e-4
"""Power, -40 dBFS: what is played more softly tells nothing."""
_REMEMBERED = 5
"""Windows. After so many an echo that was not there before is known again."""

_FRAME_S = 0.01  # what AEC3 takes at a time
_TAIL_S = 1.0
"""Work goes on for so long after the last sound: longest delay and reverberation."""
_WATCHED_S = 1.0
_EARCON_S = 0.25
"""Until the echo is known, the canceller takes out the person rather: for an earcon it does not."""
_SLACK_S = 0.02
"""Played audio that may wait when the streams are aligned: unevenness of the audio callbacks."""
_KEPT_S = 10.0
_KEPT_BLOCKS = 1024
_FAILURES = 5
_FORGET_S = 2.0


class _Adaptation:
    """Tells when the echo is known, by how much quieter own voice has become.

    A person who speaks meanwhile only makes that later. The room keeps its echo: once known, it
    stays known.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._heard_energy = 0.0
        self._left_energy = 0.0
        self._played_energy = 0.0
        self._heard_s = 0.0
        self.done = False

    def follow(self, heard: Samples, left: Samples, played: Samples) -> None:
        """Take what was heard while something was played, and what was left of it."""
        duration_s = len(heard) / self._rate_hz
        keep = 0.5 ** (duration_s / _FORGET_S)
        self._heard_energy = keep * self._heard_energy + float(np.dot(heard, heard))
        self._left_energy = keep * self._left_energy + float(np.dot(left, left))
        self._played_energy = keep * self._played_energy + float(np.dot(played, played))
        self._heard_s += duration_s
        reduced = self._left_energy * 10 ** (ADAPTED_DB / 10) < self._heard_energy
        known = reduced and self._heard_s >= _FORGET_S
        soft = self._heard_energy < SOFT * self._played_energy
        self.done = self.done or known or (soft and self._heard_s >= ADAPTED_AT_LATEST_S)


class _Audibility:
    """Tells whether own voice comes into the microphone at all.

    With a headset, or a device that cancels echoes itself, there is nothing to take out; then the
    canceller would take out the person, for all the seconds that it needs to find out.
    """

    def __init__(self, rate_hz: int) -> None:
        self._window = int(_WATCHED_S * rate_hz)
        self._spoken: list[tuple[Samples, Samples]] = []
        self._pauses = Rechunker(int(_NOISE_FRAME_S * rate_hz))
        self._quiet: deque[float] = deque(maxlen=int(_NOISE_S / _NOISE_FRAME_S))
        """Power of what was heard in the last frames without own voice."""
        self._audible: deque[bool] = deque(maxlen=_REMEMBERED)

    @property
    def audible(self) -> bool:
        """False once own voice was played and not heard.

        A person can only make it seem audible: one window without echo outweighs the others.
        """
        return all(self._audible)

    def pause(self, near: Samples) -> None:
        """Take what was heard while nothing was played for long."""
        self._quiet.extend(_power([frame]) for frame in self._pauses.process(near))
        self._spoken.clear()  # an earcon into which a person spoke says nothing of the answer

    def follow(self, near: Samples, far: Samples) -> None:
        """Take what was heard while something was played, and that."""
        self._spoken.append((near, far))
        if sum(len(part) for part, _ in self._spoken) < self._window:
            return
        heard, played = (_power(parts) for parts in zip(*self._spoken, strict=True))
        self._spoken.clear()
        # Whoever speaks pauses now and then; what is louder all the time may be a television.
        noise = min(*self._quiet, _NOISE) if self._quiet else 0.0
        if played > _SPEECH:
            is_noise = heard < min(_NO_MORE_THAN_NOISE * noise, SOFT * played)
            self._audible.append(not is_noise and heard - noise > INAUDIBLE * played)


def _power(parts: Iterable[Samples]) -> float:
    return float(np.mean(np.square(np.concatenate(list(parts)))))


class _FarEnd:
    """What was played and still has no counterpart from the microphone, at the rate of the latter.

    `put` may be called from an audio callback; all else belongs to the thread that listens.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._incoming: deque[tuple[Samples, int]] = deque(maxlen=_KEPT_BLOCKS)
        self._resampler = Resampler(rate_hz, rate_hz)
        self._played_hz = rate_hz
        self._waiting: Samples = np.zeros(0, np.float32)
        self._watched = 0
        self._least = 0

    def put(self, samples: Samples, rate_hz: int) -> None:
        """Copy what is played; the oldest is dropped if nobody takes it."""
        self._incoming.append((np.array(samples, np.float32), rate_hz))

    def take(self, count: int) -> Samples:
        """Return the next `count` samples; silence where nothing was played."""
        self._collect()
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return np.concatenate([taken, np.zeros(count - len(taken), np.float32)])

    def align(self, count: int) -> None:
        """Drop what waits for no reason; call it after each `take` of silence.

        Less always waits when the microphone is late: only the least of a second is too much.
        It comes from streams that did not begin together, and from clocks that differ.
        """
        self._least = min(self._least, len(self._waiting)) if self._watched else len(self._waiting)
        self._watched += count
        if self._watched < _WATCHED_S * self._rate_hz:
            return
        excess = self._least - int(_SLACK_S * self._rate_hz)
        if excess > 0 and not self._waiting[:excess].any():
            self._waiting = self._waiting[excess:]
        self.forget()

    def forget(self) -> None:
        """Begin to watch again: something is played."""
        self._watched = 0

    def _collect(self) -> None:
        pieces = [self._waiting]
        while self._incoming:
            samples, rate_hz = self._incoming.popleft()
            if rate_hz != self._played_hz:
                self._resampler = Resampler(rate_hz, self._rate_hz)
                self._played_hz = rate_hz
            pieces.append(self._resampler.process(samples))
        if len(pieces) > 1:
            self._waiting = np.concatenate(pieces)[-int(_KEPT_S * self._rate_hz) :]


class EchoCanceller:
    """Subtracts what is played from what is heard."""

    def __init__(self, rate_hz: int = 16_000) -> None:
        """Work at the rate of the microphone: 16, 32 or 48 kHz.

        Raises DeviceError if the library is missing.
        """
        try:
            from pywebrtc_audio import EchoCanceller as Aec3
        except ImportError as error:
            raise DeviceError(
                "echo cancellation is not installed: only the wake word interrupts an answer",
                "install it: pip install pywebrtc-audio",
            ) from error
        self._aec = Aec3(sample_rate=rate_hz)
        self._rate_hz = rate_hz
        self._far = _FarEnd(rate_hz)
        self._frames = Rechunker(int(_FRAME_S * rate_hz))
        self._tail = 0
        self._played = 0
        """Samples of sound since the last pause."""
        self._adaptation = _Adaptation(rate_hz)
        self._audibility = _Audibility(rate_hz)
        self._failures = 0

    @property
    def adapted(self) -> bool:
        """True once the echo is known, or that there is none; before, what is left of it may pass
        for a person."""
        known = self._adaptation.done or not self._audibility.audible
        return known and not self.bypassed

    @property
    def bypassed(self) -> bool:
        """True after repeated failures: audio then passes unchanged."""
        return self._failures >= _FAILURES

    def played(self, samples: Samples, rate_hz: int) -> None:
        """Tell what leaves for the loudspeaker, shape (n,), volume applied, pauses included.

        May be called from an audio callback: it only copies. Where `rate_hz` is not that of the
        microphone, the echo must come 40 ms later or more; devices' own buffers see to that.
        """
        self._far.put(samples, rate_hz)

    def clean(self, samples: Samples) -> Samples:
        """Return what was heard, shape (n,), without the assistant's own voice.

        Chunks may be of any size. Whole frames of 10 ms come out; the rest waits for the next call.
        """
        frames = self._frames.process(samples)
        if not frames:
            return np.zeros(0, np.float32)
        near = np.concatenate(frames)
        far = self._far.take(len(near))
        is_earcon = self._played < _EARCON_S * self._rate_hz
        if far.any():
            self._tail = int(_TAIL_S * self._rate_hz)
            self._played += len(far)
            self._far.forget()
        elif self._tail <= 0:
            self._played = 0
            self._far.align(len(near))
            self._audibility.pause(near)
            return near
        self._tail -= len(near)
        if self.bypassed:
            return near
        cleaned = self._cancel(near, far)
        return near if is_earcon and not self.adapted else cleaned

    def _cancel(self, near: Samples, far: Samples) -> Samples:
        try:
            cleaned: Samples = self._aec.process(near, far)
        except (RuntimeError, ValueError):
            cleaned = np.full_like(near, np.nan)
        if not np.isfinite(cleaned).all():
            self._fail()
            return near
        self._failures = 0
        if far.any():
            self._adaptation.follow(near, cleaned, far)
            self._audibility.follow(near, far)
        return cleaned if self._audibility.audible else near

    def _fail(self) -> None:
        """Begin anew: what is not a number stays in the filters for ever."""
        self._failures += 1
        self._adaptation = _Adaptation(self._rate_hz)
        self._aec.reset()
