"""`hean bench day`: a day of listening, as quickly as it can be computed.

Everything is real but the devices: voice detection, wake words, recognition, answers, voice, audit.
The clock is the audio, so a time limit lasts as long as in a room.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asr import RATE_HZ, Samples
from llm.knowledge import Entry
from voice.active_slot import enabled_words
from voice.app import Engines, load_engines
from voice.audio.clocked import room_response
from voice.audio.pcm import resample
from voice.audio.wavfile import read_audio
from voice.audit.log import AuditLog
from voice.bench import Figures, Say, single
from voice.bench.day_audio import Clips, Day, Scene
from voice.bench.day_memory import WARM_UP, MemoryLog
from voice.clocked_room import ClockedRoom
from voice.config import Config
from voice.engines import load_voice
from voice.errors import InputError, UsageError
from voice.events import (
    Bus,
    Event,
    Outcome,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    WakeWordDetected,
)
from voice.process.memory import resident_mb
from voice.recorder import AuditObserver, versions_of
from voice.tts import Synthesizer

VOICES = ("zf_xiaobei", "zm_yunjian")
"""Voices that call and ask; where the configured model has others, its default voice does."""
TALK = (
    "今天晚上吃什么？我们去超市买点菜吧，家里的鸡蛋也不多了。",
    "孩子明天几点上学？记得把雨伞放到书包里，天气预报说下午有雨。",
    "昨天的比赛你看了吗？最后一分钟进了一个球，大家都高兴坏了。",
)
"""Said to others."""
STOP = "停"
ECHO_GAIN = 0.3
_QUESTIONS_PER_H, _LEAST_QUESTIONS, _MOST_QUESTIONS = 10, 3, 60
_SAMPLES = 144
"""Of the memory: one every ten minutes of a day."""
_ANSWERED_LATE_S = 2.5
"""After the end of a call until which it may be found: a look takes its pause."""
_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Plan:
    """What is listened to."""

    audio_s: float
    recordings: Path | None = None
    """A folder of people who talk, without wake words."""
    seed: int = 1
    trace: bool = False
    """Note where Python's memory goes."""
    limit_s: float = inf
    """By the clock on the wall; what was not heard by then is left."""


@dataclass(frozen=True)
class DayOutcome:
    """What came of the day."""

    figures: Figures
    problems: tuple[str, ...]
    """What must not be: an open turn, a lost block, a broken audit; empty = all is well."""
    growth: tuple[str, ...]
    """Where Python's memory grew, if that was traced."""


class Diary:
    """Counts what happens, and when by the clock of the room."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.woken_s: list[float] = []
        self.outcomes: Counter[Outcome] = Counter()
        self.failures: Counter[str] = Counter()
        self.ended: Counter[int] = Counter()
        self.begun: set[int] = set()
        self._called: set[int] = set()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, WakeWordDetected):
            self.woken_s.append(self._now_s())
            self._called.add(event.turn)
        elif isinstance(event, SpeechStarted):
            self.begun.add(event.turn)
        elif isinstance(event, StageFailed):
            self.failures[event.message] += 1
        elif isinstance(event, TurnEnded):
            self.outcomes[event.outcome] += 1
            self.ended[event.turn] += 1

    def open_turns(self) -> set[int]:
        """Return the turns without an end. A call alone only begins the next turn."""
        return self.begun - set(self.ended) - self._called

    def closed_twice(self) -> list[int]:
        """Return the turns with several ends."""
        return [turn for turn, count in self.ended.items() if count > 1]


class Calls:
    """Which wake words were found, and which were none."""

    def __init__(self) -> None:
        self._said: list[tuple[float, float]] = []

    def add(self, scene: Scene, begin_s: float) -> None:
        """Take the calls of a scene that begins at a time."""
        self._said += [(begin_s + begin, begin_s + end) for begin, end in scene.calls]

    def judge(self, woken_s: Sequence[float]) -> tuple[int, int, int]:
        """Return how many calls there were, how many of them were missed, and false wakes."""
        windows = [(begin_s, end_s + _ANSWERED_LATE_S) for begin_s, end_s in self._said]
        missed = sum(not any(a <= at <= b for at in woken_s) for a, b in windows)
        false = sum(not any(a <= at <= b for a, b in windows) for at in woken_s)
        return len(windows), missed, false


def measure(config: Config, plan: Plan, say: Say) -> DayOutcome:
    """Listen for so much audio; tell what came of it. Raises UsageError, InputError, HeanError."""
    engines = load_engines(config)
    clips = make_clips(config, engines, plan, say)
    room = ClockedRoom(config, ECHO_GAIN * room_response())
    diary, calls, memory = Diary(lambda: room.now_s), Calls(), MemoryLog(plan.trace)
    # Nothing is synthesised ahead: that would take the time of the day, once.
    silent = replace(engines, ahead=False)
    with TemporaryDirectory(prefix="hean-bench-day-") as folder:
        file = Path(folder) / "audit.db"
        bus = Bus()
        bus.subscribe(diary)
        versions = versions_of(engines.knowledge, engines.answerer.model, engines.model_id)
        bus.subscribe(AuditObserver(config, versions, file=file))
        begin_s = time.monotonic()
        with room.listening(silent, bus):
            for scene in within_time(Day(plan.seed, clips).scenes(plan.audio_s), plan, say):
                calls.add(scene, room.now_s)
                room.hear(scene.audio)
                share = room.now_s / plan.audio_s
                if share * _SAMPLES >= len(memory.samples):
                    memory.sample(room.now_s / 3600)
                if share >= WARM_UP:
                    memory.begin_trace()
        wall_s = time.monotonic() - begin_s
        report = AuditLog(file, config.audit).verify()
    growth = memory.growth()
    figures = _figures(room, diary, calls, memory, wall_s)
    figures["audit_rows"] = single(report.rows)
    figures["audit_faults"] = single(len(report.faults))
    return DayOutcome(figures, tuple(_problems(figures)), tuple(growth))


def within_time(scenes: Iterator[Scene], plan: Plan, say: Say) -> Iterator[Scene]:
    """Yield scenes while there is time; tell every hundredth part of the day how far it is."""
    passed_s, told = 0.0, -1
    begin_s = time.monotonic()
    for scene in scenes:
        yield scene
        passed_s += len(scene.audio) / RATE_HZ
        wall_s = time.monotonic() - begin_s
        part = int(100 * passed_s / plan.audio_s)
        if part > told:
            told = part
            say(f"{passed_s / 3600:.2f} of {plan.audio_s / 3600:.2f} h, "
                f"{passed_s / wall_s:.1f} times real time, {resident_mb():.0f} MB")  # fmt: skip
        if wall_s > plan.limit_s:
            say(f"no time is left; heard {passed_s / 3600:.2f} h")
            return


def _figures(
    room: ClockedRoom, diary: Diary, calls: Calls, memory: MemoryLog, wall_s: float
) -> Figures:
    hours = room.now_s / 3600
    count, missed, false = calls.judge(diary.woken_s)
    dropped = room.microphone.given - room.microphone.taken
    by_outcome = {f"turns_{name.value}": single(diary.outcomes[name]) for name in Outcome}
    return {
        "audio_h": single(hours),
        "speed_factor": single(room.now_s / wall_s),
        "dropped_blocks": single(dropped, room.microphone.given),
        "turns": single(len(diary.begun)),
        "turns_left_open": single(len(diary.open_turns()), len(diary.begun)),
        "turns_closed_twice": single(len(diary.closed_twice()), len(diary.begun)),
        **by_outcome,
        "stage_failures": single(sum(diary.failures.values())),
        "calls": single(count),
        "missed_calls": single(missed, count),
        "false_wakes": single(false),
        "false_wakes_per_h": single(false / hours),
        "rss_first_mb": single(memory.samples[0][1]),
        "rss_last_mb": single(memory.samples[-1][1], len(memory.samples)),
        "rss_most_mb": single(max(rss for _, rss, _ in memory.samples), len(memory.samples)),
        "pss_last_mb": single(memory.samples[-1][2], len(memory.samples)),
        "memory_slope_mb_per_h": memory.slope_mb_per_h(),
    }


def _problems(figures: Figures) -> Iterator[str]:
    """Yield what must not be in any day."""
    for key in ("dropped_blocks", "turns_left_open", "turns_closed_twice", "turns_failed",
                "stage_failures", "audit_faults"):  # fmt: skip
        if value := figures[key]["value"]:
            yield f"{key} is {value:g}"


def make_clips(config: Config, engines: Engines, plan: Plan, say: Say) -> Clips:
    """Let voices say what people say in a day; the longer it is, the more different questions."""
    words = [word.text for word in enabled_words(config)]
    if not words:
        raise UsageError("there is no wake word", "hean wake add 你好核安")
    asked = int(plan.audio_s / 3600 * _QUESTIONS_PER_H)
    count = min(_MOST_QUESTIONS, max(_LEAST_QUESTIONS, asked))
    calls, questions = [], []
    voices = [name for name in VOICES if name in engines.voice.voices] or [""]
    for place, name in enumerate(voices[: max(1, count // _LEAST_QUESTIONS)]):
        say(f"synthesising questions: {name or 'default voice'}")
        voice = load_voice(replace(config, tts=replace(config.tts, voice_zh=name, cache_mb=0)))
        calls += [_speak(voice, word) for word in words]
        mine = _questions(engines.knowledge.speakable, count)[place :: len(voices)]
        questions += [_speak(voice, text) for text in mine]
    talk = [_speak(engines.voice, text) for text in TALK[: max(1, count // _LEAST_QUESTIONS)]]
    return Clips(
        calls, questions, [_speak(engines.voice, STOP)], talk, _recordings(plan.recordings)
    )


def _questions(entries: Sequence[Entry], count: int) -> list[str]:
    mandarin = [entry for entry in entries if entry.language == "zh"]
    choice = random.Random(1)
    return [choice.choice(e.ask) for e in choice.sample(mandarin, min(count, len(mandarin)))]


def _speak(voice: Synthesizer, text: str) -> Samples:
    audio = np.concatenate(list(voice.synthesize(text, "zh")))
    return resample(audio, voice.rate_hz, RATE_HZ)


def _recordings(folder: Path | None) -> list[Path]:
    """Return the recordings in a folder that can be read. Raises InputError if there are none."""
    if folder is None:
        return []
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
    if not found:
        raise InputError(f"{folder}: no recordings", "name a folder of WAV, FLAC, OGG or MP3 files")
    read_audio(found[0], RATE_HZ, max_s=1.0)
    return found
