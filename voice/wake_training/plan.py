"""What a run of `hean wake train` is to do: kept in its folder, so that it can be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kws import WakeWordError
from kws.advice import concerns, said_an_hour
from kws.words import WakeWord, make_word
from models.disk import write_json
from voice.errors import InputError

MOST_AUDIO_H = 3.0
AUDIO_H_PER_H = 1.8
"""Speech that two cores make in less than half of the time of a run: an hour of it takes 27 minutes
of one core."""
ROOM_MB_PER_H, ROOM_MB = 80, 300
"""Disk that an hour of speech takes, and the rest of a run."""
SEED = 1
"""If no other is given."""
_PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    words: tuple[WakeWord, ...]
    hours: float
    speech: tuple[str, ...]
    """Folders of recordings of people, with transcripts."""
    noise: str
    """Folder of recordings of noise; empty = made noise only."""
    seed: int

    @property
    def audio_h(self) -> float:
        """Return how many hours of speech are made."""
        return min(MOST_AUDIO_H, AUDIO_H_PER_H * self.hours)

    @property
    def command(self) -> str:
        """Return the command that makes this model; of folders it tells the name, not the place."""
        first, *more = (f'"{word.text}"' for word in self.words)
        ways = self.words[0].pinyin
        typed = ways if ways != make_word(self.words[0].text).pinyin else ()
        parts = ["hean wake train", first, *(f'--pinyin "{way}"' for way in typed)]
        parts += [*(f"--word {word}" for word in more), f"--hours {self.hours:g}"]
        parts += [f"--speech {name_of(folder)}" for folder in self.speech]
        parts += [f"--noise {name_of(self.noise)}"] if self.noise else []
        return " ".join([*parts, *([f"--seed {self.seed}"] if self.seed != SEED else [])])


def name_of(folder: str) -> str:
    """Return the last part of the path of a folder."""
    return Path(folder).resolve().name


def planned(texts: Sequence[str], pinyin: Sequence[str], options: Mapping[str, Any]) -> Plan:
    """Return a plan; `pinyin` tells how the first word is said. Raises InputError, WakeWordError.

    `options` are hours, speech, noise, seed.
    """
    words = [make_word(" ".join(text.split())) for text in dict.fromkeys(texts)]
    if pinyin:
        words[0] = make_word(words[0].text, pinyin)
    for folder in (*options["speech"], *filter(None, [options["noise"]])):
        if not Path(folder).is_dir():
            raise InputError(f"{folder} is no folder", "hean wake train --help")
    return Plan(tuple(words), **options)


def doubts(words: Sequence[WakeWord], counts: Mapping[str, int] | None = None) -> list[str]:
    """Return what speaks against some words.

    With `counts`, how often Mandarin words occur, also what such a word costs.
    """
    found: list[str] = []
    for word in words:
        reasons = concerns(word, words)
        if reasons and counts and (times := said_an_hour(word, counts)):
            reasons.append(
                f"{word.text} is said {times:.2g} times in an hour of unbroken talk, as far as "
                "words of text tell: each time would wake"
            )
        found += reasons
    return found


def begin(plan: Plan, run: Path) -> None:
    """Make the folder of a run. Raises InputError: there is a run already, or too little room."""
    if (run / _PLAN).exists():
        raise InputError(f"{run} holds a run already", f"hean wake train --resume {run}")
    try:
        run.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(run).free / 1e6
        if free_mb < (needed_mb := ROOM_MB + ROOM_MB_PER_H * plan.audio_h):
            raise InputError(
                f"{run}: {free_mb:.0f} MB are free, {needed_mb:.0f} MB are needed", "--out FOLDER"
            )
        write_json(run / _PLAN, asdict(plan))
    except OSError as error:
        raise InputError(f"{run} cannot be written: {error.strerror}", "--out FOLDER") from error


def resumed(run: Path, hours: float | None = None) -> Plan:
    """Return the plan of a run; with `hours` it is changed for good.

    Raises InputError if there is none.
    """
    path = run / _PLAN
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        words = [WakeWord(**{**row, "pinyin": tuple(row["pinyin"])}) for row in values["words"]]
        plan = Plan(**{**values, "words": tuple(words), "speech": tuple(values["speech"])})
        if hours is not None and hours != plan.hours:
            plan = replace(plan, hours=hours)
            write_json(path, asdict(plan))
        return plan
    except (OSError, ValueError, TypeError, KeyError, WakeWordError) as error:
        raise InputError(f"{path} is no plan of a run: {error}", "hean wake train WORD") from error
