"""Recordings in which nobody can be heard, and files that are no recordings."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import soundfile

from tests.commands import DATA
from voice.audio.pcm import to_int16
from voice.audio.wavfile import read_audio

RATE_HZ = 16_000


def header(channels: int, rate_hz: int, bits: int = 16, data: int = 3200) -> bytes:
    """Return a WAV file with any header, however strange."""
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 1, channels, rate_hz, (rate_hz * frame) % 2**32, frame, bits)
    body = b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", data) + b"\1" * 3200
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def picture() -> bytes:
    pixels = zlib.compress(b"\0\0\0\0" * 3)
    size = struct.pack(">II5B", 1, 3, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def write_recordings(folder: Path) -> dict[str, Path]:
    """Write recordings in which nobody can be heard, and files that are no recordings."""
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE_HZ).astype(np.float32)
    click = np.zeros(2 * RATE_HZ, np.float32)
    click[RATE_HZ : RATE_HZ + 80] = 0.9
    sounds = {
        "no-sample": np.zeros(0, np.float32),
        "one-sample": np.full(1, 0.5, np.float32),
        "silent": np.zeros(3 * RATE_HZ, np.float32),
        "noise": noise,
        "click": click,
    }
    contents = {
        "empty": b"",
        "header-alone": header(1, RATE_HZ)[:30],
        "no-channels": header(0, RATE_HZ),
        "no-rate": header(1, 0),
        "huge-rate": header(1, 2**32 - 1),
        "a-thousand-channels": header(1000, RATE_HZ),
        "more-promised-than-there": header(1, RATE_HZ, data=2**31),
        "seven-bits": header(1, RATE_HZ, bits=7),
        "text": "碘片什么时候吃".encode() * 100,
        "picture": picture(),
        "mp3-without-frames": b"ID3\4\0\0\0\0\0\0" + b"\0" * 500,
        "flac-without-frames": (DATA / "zh-water.flac").read_bytes()[:200],
    }
    paths = {name: folder / f"{name}.wav" for name in (*sounds, *contents)}
    for name, samples in sounds.items():
        soundfile.write(paths[name], samples, RATE_HZ)
    for name, content in contents.items():
        paths[name].write_bytes(content)
    return {
        **paths,
        "folder": folder,
        "device": Path("/dev/null"),
        "absent": folder / "absent.wav",
        "name-too-long": folder / ("核" * 200),
    }


def write_long_recordings(folder: Path) -> dict[str, Path]:
    """Write ten minutes of silence, and ten minutes with three questions."""
    ten_minutes = np.zeros(600 * RATE_HZ, np.int16)
    silence, questions = folder / "ten-minutes-silent.flac", folder / "ten-minutes.flac"
    soundfile.write(silence, ten_minutes, RATE_HZ)
    for name, at_s in (("zh-water", 3), ("zh-salt", 60), ("zh-joke", 300)):
        audio = to_int16(read_audio(DATA / f"{name}.flac", RATE_HZ)[0])
        ten_minutes[at_s * RATE_HZ : at_s * RATE_HZ + len(audio)] = audio
    soundfile.write(questions, ten_minutes, RATE_HZ)
    return {"ten-minutes-silent": silence, "ten-minutes": questions}


def write_cut_recordings(folder: Path) -> dict[str, Path]:
    """Write a question in three formats, then silence, and cut it in that silence."""
    audio = read_audio(DATA / "zh-water.flac", RATE_HZ)[0]
    # Silence alone would take no room in FLAC.
    hum = np.random.default_rng(2).normal(0, 1e-4, 8 * RATE_HZ).astype(np.float32)
    paths = {f"cut-{kind}": folder / f"cut.{kind}" for kind in ("wav", "flac", "mp3")}
    for path in paths.values():
        soundfile.write(path, np.concatenate([audio, hum]), RATE_HZ)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 3 // 4])
    return paths
