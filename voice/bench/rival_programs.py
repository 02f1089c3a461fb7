"""The programs of `hean bench rival`, each in a process of its own. See there for the method."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from asr import RATE_HZ, Samples
from voice.app import Assistant, Engines, endpoint_rules, load_engines
from voice.audio.tap import SOUND
from voice.bench.rival import HEAN, PLAIN
from voice.bench.rival_chains import last_sound, plain_chain, server_chain
from voice.config import Config
from voice.devices import Devices
from voice.errors import InputError, StageError
from voice.events import AnswerReady, Bus, Event, FinalTranscript, TurnEnded
from voice.process.memory import resident_mb
from voice.recording import hear_audio
from voice.reply import spoken_parts
from voice.tts.cache import CachedSynthesizer

_BLOCK_S = 0.032
_TURN_S = 60.0
_BEFORE_S = 1.0
_KEPT_MB = 200.0


def run() -> None:
    """Ask one program all questions; print a JSON line for each and one for memory."""
    from voice.cli import common_options
    from voice.config_file import load_config

    task = json.load(sys.stdin)
    options, _ = common_options(task["options"])
    config = load_config(options.config, options.set)
    clips = Path(task["clips"])
    with np.load(clips) as archive:
        audio = {name: np.asarray(archive[name], np.float32) for name in archive.files}
    for line in _perform(config, task, audio):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def _perform(
    config: Config, task: Mapping[str, Any], audio: Mapping[str, Samples]
) -> Iterator[dict[str, Any]]:
    if task["program"] == HEAN:
        yield from _ask_hean(config, audio)
        return
    make = plain_chain if task["program"] == PLAIN else server_chain
    with make(config, Path(task["whisper"])) as chain:
        for name, samples in audio.items():
            yield {"id": name, **chain.ask(samples)}
        yield {"rss_mb": chain.rss_mb()}


# --- this assistant


class _Room:
    """A microphone that hears silence or a clip in real time, and a loudspeaker that only notes."""

    rate_hz = RATE_HZ
    volume = 1.0

    def __init__(self) -> None:
        self.began_s = 0.0
        """When the first sample of the last clip came in."""
        self.first_sound_s: float | None = None
        self._said: queue.Queue[Samples] = queue.Queue()
        self._closed = threading.Event()

    def say(self, audio: Samples) -> None:
        """Speak from now on."""
        self.first_sound_s = None
        self._said.put(audio)

    def chunks(self) -> Iterator[Samples]:
        """Yield blocks when their last sample is due."""
        size = int(_BLOCK_S * RATE_HZ)
        waiting = np.zeros(0, np.float32)
        due_s = time.monotonic()
        while not self._closed.is_set():
            if not len(waiting) and not self._said.empty():
                waiting = self._said.get()
                self.began_s = due_s
            block, waiting = waiting[:size], waiting[size:]
            due_s += _BLOCK_S
            time.sleep(max(0.0, due_s - time.monotonic()))
            yield np.concatenate([block, np.zeros(size - len(block), np.float32)])

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Note when the first sound came."""
        loud = np.flatnonzero(np.abs(samples) > SOUND)
        if self.first_sound_s is None and len(loud):
            self.first_sound_s = time.monotonic() + loud[0] / rate_hz

    def flush(self, before: int) -> None:
        """Do nothing: nothing waits."""

    def hold(self) -> None:
        """Do nothing."""

    def go_on(self) -> None:
        """Do nothing."""

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Return at once: what is noted was played."""
        return True

    def close(self) -> None:
        """End the audio."""
        self._closed.set()


class _Noted:
    """What the assistant told of the turn that is going on."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.heard = self.answer = ""

    def begin(self) -> None:
        self.over.clear()
        self.heard = self.answer = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, FinalTranscript):
            self.heard = event.understood
        elif isinstance(event, AnswerReady):
            self.answer = event.answer.text
        elif isinstance(event, TurnEnded):
            self.over.set()


def _ask_hean(config: Config, audio: Mapping[str, Samples]) -> Iterator[dict[str, Any]]:
    dialog = replace(config.dialog, wake_word=False, earcons=False, follow_up_s=0.0)
    config = replace(config, dialog=dialog, tts=replace(config.tts, cache_mb=0))
    loaded = load_engines(config)
    with TemporaryDirectory(prefix="hean-bench-speech-") as folder:
        voice = CachedSynthesizer(loaded.voice, Path(folder), _KEPT_MB)
        for _ in voice.warm(_ready(config, loaded, audio)):
            pass
        room, noted, bus = _Room(), _Noted(), Bus()
        bus.subscribe(noted)
        assistant = Assistant(config, replace(loaded, voice=voice), Devices(room, room), bus)
        thread = threading.Thread(target=assistant.listen)
        thread.start()
        try:
            time.sleep(_BEFORE_S)
            for name, samples in audio.items():
                yield {"id": name, **_turn(room, noted, samples)}
                if not thread.is_alive():
                    raise StageError("the assistant ended", "hean check")
            yield {"rss_mb": resident_mb()}
        finally:
            room.close()
            thread.join()


def _ready(
    config: Config, loaded: Engines, audio: Mapping[str, Samples]
) -> Iterator[tuple[str, str]]:
    """Yield the vetted first sentences that will be needed: an idle assistant has all of them."""
    for name, samples in audio.items():
        length_s = len(samples) / RATE_HZ
        try:
            heard = hear_audio(samples, length_s, loaded.ears, endpoint_rules(config), name)
        except InputError:
            continue
        answer = loaded.answerer.answer(heard.understood, heard.transcript.language)
        yield spoken_parts(answer.text)[0], answer.language


def _turn(room: _Room, noted: _Noted, samples: Samples) -> dict[str, Any]:
    noted.begin()
    room.say(samples)
    length_s = last_sound(samples) / RATE_HZ
    time.sleep(length_s)
    if noted.over.is_set():  # a pause has cut the question in two: its end is another turn
        noted.over.clear()
    noted.over.wait(_TURN_S)
    ended_s, first_s = room.began_s + length_s, room.first_sound_s
    time.sleep(max(0.0, ended_s + _BEFORE_S - time.monotonic()))
    wait_s = None if first_s is None else max(0.0, first_s - ended_s)
    return {"heard": noted.heard, "answer": noted.answer, "voice_to_voice_s": wait_s}
