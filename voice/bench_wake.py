"""`hean bench wake`: wake words missed, and taken for one that are none, for each engine.

What is said is synthesised in voices on which nothing was tuned. False wakes are counted over
recordings of people who never say the words; real people who do say them are not among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr import Recognizer, VoiceActivityDetector
from kws import RATE_HZ, Detection, Samples, WakeWordDetector
from kws.verify import ConfirmedDetector
from kws.words import WakeWord
from voice.audio.pcm import Rechunker, resample
from voice.audio.wavfile import read_audio
from voice.bench import single
from voice.config import Config
from voice.engines import ModelFiles
from voice.errors import InputError
from voice.tts import Synthesizer
from voice.tts.engines import create_synthesizer
from voice.wake import engine_of, load_detector

VOICES = ("zf_xiaoxiao", "zf_xiaoyi", "zm_yunxia", "zm_yunyang")
"""Voices of Kokoro that serve to measure and never to tune."""
QUESTION = "，碘片什么时候吃？"
NEAR_MISSES = (
    "你好小安", "你好小爱", "小爱小爱", "你好可爱", "你好黑暗", "你好河南", "你好，何先生",
    "国家核安全局", "河岸", "小兰小兰", "小安", "西安西安", "平安平安", "你好，喝水吗？",
    "我在河岸边", "小心小心",
)  # fmt: skip
"""What sounds like 你好核安 and 小安小安, or holds a part of them."""
SNR_DB = 10.0
_EDGE_S, _TAIL_S = 0.3, 1.0
_NOISE, _WAKE = "noise", "wake"
"""Folders: the recordings under the first serve as noise, those under the second are left out."""

Figures = dict[str, Mapping[str, float | int]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Clip:
    """Something that was said; `word` is the wake word in it, if any."""

    audio: Samples
    word: str = ""


def measure(
    config: Config,
    words: Sequence[WakeWord],
    ears: tuple[Recognizer, VoiceActivityDetector],
    folder: Path | None,
    say: Say,
    voices: Sequence[str] = VOICES,
) -> Figures:
    """Return the figures of the configured engine, by key and engine.

    `folder` holds recordings without wake words, with those of noise in a folder "noise" of its
    own; without it only clean misses and near-misses are measured. Raises InputError.
    """
    detector = load_detector(config, words, *ears)
    said = list(_said([word.text for word in words], config, voices, say))
    near = list(_said(NEAR_MISSES, config, voices, say, wake=False))
    figures = {"miss_clean": _misses(detector, said), "near_miss_rate": _woken(detector, near)}
    if folder:
        noise = [read_audio(path, RATE_HZ)[0] for path in _recordings(folder / _NOISE)]
        if not noise:
            raise InputError(f"{folder / _NOISE}: no recordings of noise", "name another folder")
        noisy = [replace(clip, audio=_mixed(clip.audio, noise, n)) for n, clip in enumerate(said)]
        figures["miss_10db"] = _misses(detector, noisy)
        figures |= _false_wakes(detector, folder, say)
    return {f"{key}.{engine_of(config)}": figure for key, figure in figures.items()}


def _said(
    texts: Sequence[str], config: Config, voices: Sequence[str], say: Say, wake: bool = True
) -> Iterator[_Clip]:
    """Yield each text in each voice; wake words alone and with a question in the same breath."""
    for voice in voices:
        say(f"voice {voice}")
        speaker = _voice(config, voice)
        for text in texts:
            yield _Clip(_speech(speaker, text), text if wake else "")
            if wake:
                yield _Clip(_speech(speaker, text + QUESTION), text)


def _voice(config: Config, name: str) -> Synthesizer:
    model, files = ModelFiles(config).find("tts", config.tts.model)
    return create_synthesizer(model.engine, files, replace(config.tts, voice_zh=name))


def _speech(voice: Synthesizer, text: str) -> Samples:
    spoken = np.concatenate(list(voice.synthesize(text, "zh")))
    quiet = np.zeros(int(_EDGE_S * RATE_HZ), np.float32)
    return np.concatenate([quiet, resample(spoken, voice.rate_hz, RATE_HZ), quiet])


def _mixed(speech: Samples, noise: Sequence[Samples], number: int) -> Samples:
    """Return speech with noise, both at their mean power; the same noise for the same number."""
    chosen = np.resize(noise[number % len(noise)], len(speech))
    power = float(np.mean(np.square(chosen))) or 1.0
    wanted = float(np.mean(np.square(speech))) / 10 ** (SNR_DB / 10)
    loud = speech + chosen * np.float32(np.sqrt(wanted / power))
    return np.asarray(np.clip(loud, -1, 1), np.float32)


def _misses(detector: WakeWordDetector, clips: Sequence[_Clip]) -> Mapping[str, float | int]:
    missed = [clip.word not in {hit.word for hit in _hits(detector, clip.audio)} for clip in clips]
    return single(float(np.mean(missed)), len(missed))


def _woken(detector: WakeWordDetector, clips: Sequence[_Clip]) -> Mapping[str, float | int]:
    woken = [bool(_hits(detector, clip.audio)) for clip in clips]
    return single(float(np.mean(woken)), len(woken))


def _false_wakes(detector: WakeWordDetector, folder: Path, say: Say) -> Figures:
    """Return false wakes per hour and the share of a core, over all recordings.

    `n` is the time of audio in minutes.
    """
    audio_s, false, begin = 0.0, 0, time.process_time()
    vetoed = detector.vetoed if isinstance(detector, ConfirmedDetector) else 0
    for path in _recordings(folder):
        if path.relative_to(folder).parts[0] != _WAKE:
            audio, length_s = read_audio(path, RATE_HZ)
            audio_s += length_s
            if hits := _hits(detector, audio):
                say(f"false: {path.name}: {', '.join(hit.word for hit in hits)}")
                false += len(hits)
    hours, minutes = audio_s / 3600, round(audio_s / 60)
    used = (time.process_time() - begin) / audio_s
    figures: Figures = {"core_fraction": single(used, minutes)}
    if isinstance(detector, ConfirmedDetector):
        figures["false_per_hour_second_stage"] = single(false / hours, minutes)
        false += detector.vetoed - vetoed
    figures["false_per_hour"] = single(false / hours, minutes)
    return figures


def _hits(detector: WakeWordDetector, audio: Samples) -> list[Detection]:
    detector.reset()
    padded = np.concatenate([audio, np.zeros(int(_TAIL_S * RATE_HZ), np.float32)])
    chunks: Iterable[Samples] = Rechunker(detector.chunk_samples).process(padded)
    return [hit for chunk in chunks if (hit := detector.process(chunk))]


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
