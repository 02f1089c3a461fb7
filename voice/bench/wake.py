"""`hean bench wake`: wake words missed, and taken for one that are none, for each engine.

What is said is synthesised in voices on which nothing was tuned, clean and in noise. False wakes
are counted over recordings of people who never say the words; real people who do say them are not
among them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np

from asr import Recognizer, VoiceActivityDetector
from kws import RATE_HZ, Detection, Samples, WakeWordDetector
from kws.engines import ENGINES
from kws.words import WakeWord
from voice.audio.pcm import Rechunker, resample
from voice.audio.wavfile import read_audio
from voice.bench import Figure, Figures, Say, single
from voice.config import Config
from voice.engines import ModelFiles
from voice.errors import InputError
from voice.tts import Synthesizer
from voice.tts.engines import create_synthesizer
from voice.wake import available_engines, load_detector

VOICES = ("zf_xiaoxiao", "zf_xiaoyi", "zm_yunxia", "zm_yunyang")
"""Voices of Kokoro that serve to measure and never to tune."""
QUESTION = "，碘片什么时候吃？"
NEAR_MISSES = (
    "你好小安", "你好小爱", "小爱小爱", "你好可爱", "你好黑暗", "你好河南", "你好，何先生",
    "国家核安全局", "河岸", "小兰小兰", "小安", "西安西安", "平安平安", "你好，喝水吗？",
    "我在河岸边", "小心小心",
)  # fmt: skip
"""What sounds like 你好核安 and 小安小安, or holds a part of them."""
SPEEDS = (0.85, 1.0, 1.2)
"""Of speech: each wake word is said slowly, as usual, and in haste."""
SNRS_DB = (20, 10, 5)
ROOM_SNR_DB = 10
"""Of the condition with the echo of a room in it, as well as noise."""
_EDGE_S, _TAIL_S = 0.3, 1.0
_NOISE, _ROOMS, _WAKE = "noise", "rir", "wake"
"""Folders: the recordings under the first serve as noise, but those under the second of them are
impulse responses of rooms; those under the third are left out."""


@dataclass(frozen=True)
class _Clip:
    """Something that was said; `word` is the wake word in it, if any."""

    audio: Samples
    word: str = ""


@dataclass(frozen=True)
class Trial:
    """All that an engine is tried with."""

    said: Mapping[str, Sequence[_Clip]]
    """What holds a wake word, by condition: clean, 20db, 10db, 5db, and with echo 10db_room."""
    near: Sequence[_Clip]
    folder: Path | None
    """Recordings without wake words."""


def measure(
    config: Config,
    words: Sequence[WakeWord],
    ears: tuple[Recognizer, VoiceActivityDetector],
    trial: Trial,
    say: Say,
) -> Figures:
    """Return the figures of the engine that `config.wake.engine` names, by key and engine.

    They are those of the engine as it is used. Where recognition merely confirms what a keyword
    spotting model hears, they are those of that model alone, and with `_second_stage` in the key
    those of the engine.
    """
    engine = config.wake.engine
    say(f"engine {engine}")
    spots = ENGINES[engine].needs_model and not ENGINES[engine].needs_whisper
    found: Figures = {}
    for suffix, confirms in (("", False), ("_second_stage", True)) if spots else (("", True),):
        chosen = replace(config, wake=replace(config.wake, second_stage=confirms))
        figures = _figures(load_detector(chosen, words, *ears), trial, say)
        found |= {f"{key}{suffix}.{engine}": figure for key, figure in figures.items()}
    return found


def _figures(detector: WakeWordDetector, trial: Trial, say: Say) -> Figures:
    """Return what is missed in each condition, how many near-misses wake, and what false wakes
    and work there are in recordings."""
    missed = {f"miss_{name}": _misses(detector, clips) for name, clips in trial.said.items()}
    near = {"near_miss_rate": _woken(detector, trial.near)}
    false = count_false_wakes(detector, _heard(trial.folder), say) if trial.folder else {}
    return {**missed, **near, **false}


def make_trial(
    config: Config,
    words: Sequence[WakeWord],
    folder: Path | None,
    say: Say,
    voices: Sequence[str] = VOICES,
) -> Trial:
    """Return what engines are tried with.

    `folder` holds recordings without wake words, with those of noise in a folder "noise" of its
    own, and in that perhaps a folder "rir" with impulse responses of rooms; without it there is no
    noise, and no false wake is counted. Raises InputError.
    """
    speaker = _speaker(config)
    clean = list(_called([word.text for word in words], speaker, voices, say))
    near = list(_said(NEAR_MISSES, speaker, voices, say))
    said = {"clean": clean, **(_in_places(clean, folder / _NOISE) if folder else {})}
    return Trial(said, near, folder)


def _in_places(clean: Sequence[_Clip], folder: Path) -> dict[str, Sequence[_Clip]]:
    """Return clips as they are heard in noise, and in noise and the echo of a room."""
    recorded = {path: read_audio(path, RATE_HZ)[0] for path in _recordings(folder)}
    rooms = [audio for path, audio in recorded.items() if folder / _ROOMS in path.parents]
    noise = [audio for path, audio in recorded.items() if folder / _ROOMS not in path.parents]
    if not noise:
        raise InputError(f"{folder}: no recordings of noise", "name another folder")

    def heard(snr_db: float, place: Sequence[Samples]) -> list[_Clip]:
        return [
            replace(clip, audio=in_noise(in_room(clip.audio, place, number), noise, snr_db, number))
            for number, clip in enumerate(clean)
        ]

    places: dict[str, Sequence[_Clip]] = {f"{snr_db}db": heard(snr_db, ()) for snr_db in SNRS_DB}
    if rooms:
        places[f"{ROOM_SNR_DB}db_room"] = heard(ROOM_SNR_DB, rooms)
    return places


def unmeasured(config: Config) -> dict[str, str]:
    """Return the engines that cannot be measured here, and why."""
    missing = [engine for engine in ENGINES if engine not in available_engines(config)]
    return {engine: "no model of it is installed (hean models list)" for engine in missing}


def _called(
    words: Sequence[str], speaker: Synthesizer, voices: Sequence[str], say: Say
) -> Iterator[_Clip]:
    """Yield each word in each voice at each speed, alone and with a question in the same breath."""
    for speed in SPEEDS:
        for question in ("", QUESTION):
            said = _said([word + question for word in words], speaker, voices, say, speed)
            for clip, word in zip(said, cycle(words), strict=False):
                yield replace(clip, word=word)


def _said(
    texts: Sequence[str],
    speaker: Synthesizer,
    voices: Sequence[str],
    say: Say,
    speed: float = 1.0,
) -> Iterator[_Clip]:
    """Yield each text in each voice."""
    for voice in voices:
        say(f"voice {voice}, speed {speed:g}")
        speaking = speaker.speaking(voice, speed)
        yield from (_Clip(_speech(speaking, text)) for text in texts)


def _speaker(config: Config) -> Synthesizer:
    model, files = ModelFiles(config).find("tts", config.tts.model)
    return create_synthesizer(model.engine, files, config.tts)


def _speech(voice: Synthesizer, text: str) -> Samples:
    spoken = np.concatenate(list(voice.synthesize(text, "zh")))
    quiet = np.zeros(int(_EDGE_S * RATE_HZ), np.float32)
    return np.concatenate([quiet, resample(spoken, voice.rate_hz, RATE_HZ), quiet])


def in_room(speech: Samples, rooms: Sequence[Samples], number: int) -> Samples:
    """Return speech as it is heard in a room, the same for the same number, as loud as before;
    without rooms as it is. `rooms` are impulse responses."""
    if not rooms:
        return speech
    room = rooms[number % len(rooms)]
    size = len(speech) + len(room) - 1
    heard = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(room, size), size)[: len(speech)]
    loud = float(np.sqrt(np.mean(np.square(heard)))) or 1.0
    return np.asarray(heard * (np.sqrt(np.mean(np.square(speech))) / loud), np.float32)


def in_noise(speech: Samples, noise: Sequence[Samples], snr_db: float, number: int) -> Samples:
    """Return speech with noise, both at their mean power; the same noise for the same number."""
    chosen = np.resize(noise[number % len(noise)], len(speech))
    power = float(np.mean(np.square(chosen))) or 1.0
    wanted = float(np.mean(np.square(speech))) / 10 ** (snr_db / 10)
    loud = speech + chosen * np.float32(np.sqrt(wanted / power))
    return np.asarray(np.clip(loud, -1, 1), np.float32)


def _misses(detector: WakeWordDetector, clips: Sequence[_Clip]) -> Figure:
    missed = [clip.word not in {hit.word for hit in _hits(detector, clip.audio)} for clip in clips]
    return single(float(np.mean(missed)), len(missed))


def _woken(detector: WakeWordDetector, clips: Sequence[_Clip]) -> Figure:
    woken = [bool(_hits(detector, clip.audio)) for clip in clips]
    return single(float(np.mean(woken)), len(woken))


def count_false_wakes(
    detector: WakeWordDetector, recordings: Iterable[tuple[Path, Samples]], say: Say
) -> Figures:
    """Return false wakes per hour, and the share of a core. `n` is the time of audio in minutes."""
    audio_s, false, used_s = 0.0, 0, 0.0
    for path, audio in recordings:
        audio_s += len(audio) / RATE_HZ
        begin = time.process_time()
        hits = len(_hits(detector, audio))
        used_s += time.process_time() - begin
        if hits:
            say(f"false: {path.name}: {hits}")
            false += hits
    minutes = round(audio_s / 60)
    return {
        "core_fraction": single(used_s / audio_s, minutes),
        "false_per_hour": single(3600 * false / audio_s, minutes),
    }


def _heard(folder: Path) -> Iterator[tuple[Path, Samples]]:
    for path in _recordings(folder):
        if path.relative_to(folder).parts[0] != _WAKE:
            yield path, read_audio(path, RATE_HZ)[0]


def _hits(detector: WakeWordDetector, audio: Samples) -> list[Detection]:
    detector.reset()
    padded = np.concatenate([audio, np.zeros(int(_TAIL_S * RATE_HZ), np.float32)])
    chunks: Iterable[Samples] = Rechunker(detector.chunk_samples).process(padded)
    return [hit for chunk in chunks if (hit := detector.process(chunk))]


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
