"""`hean bench asr`: how much of what is said is recognised wrong, by engine, voice and noise.

Questions in synthetic voices, clean and in noise, and recordings of people if there are any. What
counts is errors per character (Chinese) or word (English): insertions, deletions, replacements.
Synthetic voices are clearer than people: the figures of `human` are the ones to believe.
"""

from __future__ import annotations

import csv
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr import RATE_HZ, Recognizer, Samples
from asr.error_rate import edit_distance, units
from asr.repair import Repairer
from llm.score import Question
from models.catalog import Model
from models.store import Store
from voice.audio.wavfile import read_audio
from voice.bench import Figure, Figures, Say, distribution, single
from voice.config import Config
from voice.engines import knowledge_of, load_recognizer
from voice.errors import InputError, cause
from voice.evaluation.noise import Noise
from voice.evaluation.speech import deal, say

SNRS_DB = (20, 10, 5)
HUMAN = "human"
TABLE = "INDEX.tsv"
_COLUMNS = ("file", "language", "transcript")
_UNKNOWN = ("", "?")
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Clip:
    """Something that was said, at 16 kHz, with what it was."""

    audio: Samples
    text: str
    language: str
    voice: str
    condition: str
    """clean, 20db, 10db, 5db or human."""


@dataclass(frozen=True)
class _Heard:
    """One clip as an engine understood it."""

    clip: Clip
    raw_errors: int
    repaired_errors: int
    units: int
    seconds: float


def installed_engines(config: Config) -> dict[str, str]:
    """Return the recognisers that can run here: the id of the model by the name of its engine.

    A second model of the same engine is called by its id.
    """
    store = Store(config.store)
    models = [m for m in store.installed() if m.stage == "asr" and not store.problem(m.id)]
    counts = Counter(model.engine for model in models)
    return {_name(model, counts): model.id for model in models}


def synthetic_clips(
    config: Config, questions: Sequence[Question], voices: Sequence[str], progress: Say
) -> Iterator[Clip]:
    """Yield each question said by one voice in turn, without noise and with three levels of it."""
    noises = {f"{snr_db}db": Noise(snr_db) for snr_db in SNRS_DB}
    for voice, own in deal(questions, voices).items():
        progress(f"voice {voice}: {len(own)} questions")
        for said in say(config, voice, own):
            text, language = said.question.text, said.question.language
            clip = Clip(said.audio, text, language, voice, "clean")
            yield clip
            for name, noise in noises.items():
                yield replace(clip, audio=said.with_noise(noise).audio, condition=name)


def human_clips(folder: Path, count: int) -> list[Clip]:
    """Return up to `count` recordings of people from all over the table of a folder.

    INDEX.tsv names file, language and transcript, in columns with these titles; recordings
    without a transcript are left out. Raises InputError.
    """
    rows = [row for row in _rows(folder / TABLE) if row["transcript"] not in _UNKNOWN]
    rows = [row for row in rows if row["language"][:2].lower() in _LANGUAGES]
    if not rows:
        raise InputError(f"{folder / TABLE} tells no transcript", _FIX)
    chosen = rows[:: max(1, -(-len(rows) // count))]
    return [_recorded(folder, row) for row in chosen]


def measure(
    config: Config, engine: str, model_id: str, clips: Sequence[Clip], progress: Say
) -> Figures:
    """Return the error rates of one recogniser, raw and repaired, by condition and by voice."""
    progress(f"engine {engine}: {len(clips)} clips")
    asr = replace(config.asr, model=model_id, streaming_model="")
    recognizer = load_recognizer(replace(config, asr=asr))
    repairer = Repairer(knowledge_of(config).terms("zh"))
    groups: dict[str, list[_Heard]] = defaultdict(list)
    for clip in clips:
        heard = _hear(recognizer, repairer, clip)
        groups[clip.condition].append(heard)
        if clip.condition != HUMAN:
            groups[f"{clip.condition}.{clip.voice}"].append(heard)
        else:
            groups[f"{HUMAN}.{clip.language}"].append(heard)
    figures: dict[str, Figure] = {}
    for name, found in groups.items():
        figures[f"cer_raw.{engine}.{name}"] = _rate(found, [h.raw_errors for h in found])
        figures[f"cer_repaired.{engine}.{name}"] = _rate(found, [h.repaired_errors for h in found])
    every = [heard for clip_kind in {c.condition for c in clips} for heard in groups[clip_kind]]
    factors = [heard.seconds * RATE_HZ / len(heard.clip.audio) for heard in every]
    return {**figures, f"real_time_factor.{engine}": distribution(factors)}


_FIX = f"a folder with {TABLE}: columns file, language, transcript, separated by tabs"


def _name(model: Model, counts: Mapping[str, int]) -> str:
    return model.engine if counts[model.engine] == 1 else model.id


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {cause(error)}", _FIX) from error
    if any(row.get(column) is None for row in rows for column in _COLUMNS):
        raise InputError(f"{path} lacks a column in some line", _FIX)
    return rows


def _recorded(folder: Path, row: Mapping[str, str]) -> Clip:
    audio, _ = read_audio(folder / row["file"], RATE_HZ)
    language = row["language"][:2].lower()
    return Clip(audio, row["transcript"], language, row.get("speaker") or HUMAN, HUMAN)


def _hear(recognizer: Recognizer, repairer: Repairer, clip: Clip) -> _Heard:
    begin_s = time.perf_counter()
    stream = recognizer.stream()
    stream.accept(clip.audio)
    transcript = stream.finish()
    seconds = time.perf_counter() - begin_s
    repaired = repairer.repair(transcript.text, transcript.language) if transcript.text else ""
    truth = units(clip.text)
    return _Heard(
        clip,
        edit_distance(truth, units(transcript.text)),
        edit_distance(truth, units(repaired)),
        len(truth),
        seconds,
    )


def _rate(found: Sequence[_Heard], errors: Sequence[int]) -> Figure:
    """Return errors per unit over all clips; the samples are the rates of single clips."""
    total = sum(heard.units for heard in found)
    samples = [e / max(1, h.units) for e, h in zip(errors, found, strict=True)]
    return single(sum(errors) / max(1, total), len(found), samples)
