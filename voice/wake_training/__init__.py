"""What `hean wake train` does: speech is made, a model learns from it, its operating point is
chosen, a report is written, and the model is installed.

    RUN/plan.json            what was asked for; a run is continued by it
    RUN/corpus               speech
    RUN/training             checkpoints, metrics, loss.png
    RUN/model                the files that are installed
    RUN/report.json, .html   what it misses and what wakes it by mistake

Killed at any moment, `--resume RUN` goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws import RATE_HZ, Files, Samples, WakeWordError
from kws.advice import concerns
from kws.train.corpus import Clip, read_clips
from kws.train.spelling import Speller
from kws.words import WakeWord, make_word
from models.disk import write_json
from models.importing import install_made
from models.store import Store
from voice.audio.wavfile import read_audio
from voice.config import Config
from voice.engines import ModelFiles
from voice.errors import InputError, UsageError
from voice.wake import OWN_MODEL

if TYPE_CHECKING:
    from kws.train.checkpoint import Checkpoint
    from voice.wake_training.choice import Choice

INSTALL = "./hean wake train does it by itself; elsewhere: pip install 'hean[train]'"
SPEAKERS = "kokoro-speakers"
"""More voices for the mixtures, if they are installed."""
MOST_AUDIO_H = 3.0
AUDIO_H_PER_H = 2.0
"""Speech that two cores make in half of the time of a run."""
TRAINING_SHARE = 0.5
ROOM_MB_PER_H, ROOM_MB = 80, 300
"""Disk that an hour of speech takes, and the rest of a run."""
_FEWEST_SYLLABLES = 2
_PLAN = "plan.json"

Tell = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done."""


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
        """Return the command that makes this model."""
        first, *more = (f'"{word.text}"' for word in self.words)
        parts = ["hean wake train", first, *(f"--word {word}" for word in more)]
        parts += [f"--hours {self.hours:g}", *(f"--speech {folder}" for folder in self.speech)]
        return " ".join([*parts, *([f"--noise {self.noise}"] if self.noise else [])])


def prepare() -> None:
    """Make the process ready for torch. Raises UsageError: the training packages are missing."""
    # Threads that wait in a loop take the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if missing := [name for name in ("torch", "matplotlib") if find_spec(name) is None]:
        raise UsageError(f"training needs more packages: {', '.join(missing)}", INSTALL)


def planned(texts: Sequence[str], pinyin: Sequence[str], options: Mapping[str, Any]) -> Plan:
    """Return a plan; `pinyin` tells how the first word is said. Raises UsageError, WakeWordError.

    `options` are hours, speech, noise, seed.
    """
    words = [make_word(" ".join(text.split())) for text in dict.fromkeys(texts)]
    if pinyin:
        words[0] = make_word(words[0].text, pinyin)
    for word in words:
        if min((len(way.split()) for way in word.pinyin), default=_FEWEST_SYLLABLES) < 2:
            raise UsageError(
                f"{word.text} has one syllable: it is in speech all the time", "four are good"
            )
    for folder in (*options["speech"], *filter(None, [options["noise"]])):
        if not Path(folder).is_dir():
            raise InputError(f"{folder} is no folder", "hean wake train --help")
    return Plan(tuple(words), **options)


def doubts(words: Sequence[WakeWord]) -> list[str]:
    """Return what speaks against some words."""
    return [doubt for word in words for doubt in concerns(word, words)]


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


def resumed(run: Path) -> Plan:
    """Return the plan of a run. Raises InputError if there is none."""
    path = run / _PLAN
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        words = [WakeWord(**{**row, "pinyin": tuple(row["pinyin"])}) for row in values["words"]]
        return Plan(**{**values, "words": tuple(words), "speech": tuple(values["speech"])})
    except (OSError, ValueError, TypeError, KeyError, WakeWordError) as error:
        raise InputError(f"{path} is no plan of a run: {error}", "hean wake train WORD") from error


def make_speech(plan: Plan, run: Path, config: Config, tell: Tell) -> list[Clip]:
    """Make the corpus, or what is missing of it. Raises CorpusError, InputError, SynthesisError."""
    from voice.wake_training.corpus import Order, make_corpus
    from voice.wake_training.speech import add_speech
    from voice.wake_training.voices import Speakers

    model, files = ModelFiles(config).find("tts", config.tts.model)
    if model.engine != "kokoro":
        raise UsageError(f"{model.id} cannot mix voices", "--set tts.model=kokoro")
    store = Store(config.store)
    more = {} if store.problem(SPEAKERS) else store.resolve(SPEAKERS)
    speller = Speller(Speakers(files, {}, threads=1).phones_of)
    for word in plan.words:  # told now rather than after an hour
        speller.spell(word.text, word.pinyin[0] if word.pinyin else "")
    for number, folder in enumerate(plan.speech):
        tell(f"recordings of {folder}", number / len(plan.speech))
        add_speech(Path(folder), run / "corpus", speller)
    order = Order(run / "corpus", plan.words, tuple(files.items()), tuple(more.items()), plan.seed)
    wanted_s = 3600 * plan.audio_h
    return make_corpus(order, wanted_s, lambda made, all_s: tell("speech", min(1, made / all_s)))


def train(plan: Plan, run: Path, clips: Sequence[Clip], tell: Tell) -> Checkpoint:
    """Train, or go on with it; return the last checkpoint. Raises WakeTrainingError."""
    from kws.train.batches import read_recordings
    from kws.train.inventory import token_table
    from kws.train.loop import Loop, Material, Progress
    from kws.train.settings import Settings
    from kws.train.shape import Shape

    tokens = token_table(english=True)
    split = {
        name: read_recordings(run / "corpus", [c for c in clips if c.split == name], tokens)
        for name in ("train", "dev")
    }
    material = Material(split["train"], split["dev"], tokens, noises_of(plan))
    minutes = 60 * TRAINING_SHARE * plan.hours
    settings = Settings(minutes=minutes, seed=plan.seed, threads=os.cpu_count() or 1)

    def show(now: Progress) -> None:
        heard = f"loss {now.loss:.2f}, wrong audio {now.shuffled:.2f}, held out {now.dev:.2f}"
        tell(f"training: step {now.step}, {heard}", now.done)

    return Loop(material, run / "training", settings, Shape()).train(show)


def newest_checkpoint(run: Path) -> Checkpoint:
    """Return the last checkpoint of a run. Raises InputError if there is none yet."""
    from kws.train.checkpoint import checkpoints, load

    found = checkpoints(run / "training")
    if not found:
        raise InputError(f"{run} has no checkpoint yet", f"hean wake train --resume {run}")
    return load(found[-1])


def export(checkpoint: Checkpoint, plan: Plan, run: Path, config: Config) -> dict[str, Path]:
    """Write the model's files; return them by role."""
    from kws.train.export import export as export_onnx

    folder = run / "model"
    files = dict(export_onnx(checkpoint.model(), checkpoint.tokens, folder, int8=True))
    lexicon = folder / "lexicon.txt"
    lexicon.write_text("".join(_lexicon(plan, config)), encoding="utf-8")
    return {**files, "lexicon": lexicon}


def choose(
    plan: Plan, run: Path, files: Files, clips: Sequence[Clip], tell: Tell
) -> tuple[Choice, Path]:
    """Choose the operating point; return it, and the file that the model keeps it in."""
    from voice.wake_training.choice import measure, sounds_of

    sounds = sounds_of(run / "corpus", clips, noises_of(plan))
    choice = measure(plan.words, files, sounds, lambda done: tell("operating point", done))
    path = run / "model" / "operating.json"
    write_json(path, choice.settings)
    return choice, path


def report(
    plan: Plan, run: Path, checkpoint: Checkpoint, files: Files, choice: Choice
) -> dict[str, Any]:
    """Write what was measured as JSON and as a page; return it."""
    from voice.wake_training.page import page

    clips = read_clips(run / "corpus")
    found = {
        "made": time.strftime("%Y-%m-%d"),
        "command": plan.command,
        "words": [asdict(word) for word in plan.words],
        "doubts": doubts(plan.words),
        "seed": plan.seed,
        "corpus": {
            "hours": round(sum(clip.seconds for clip in clips) / 3600, 2),
            "clips": dict(Counter(f"{clip.split} {clip.kind}" for clip in clips)),
        },
        "training": {
            "steps": checkpoint.step,
            "minutes": round(checkpoint.seconds / 60, 1),
            "bytes": sum(path.stat().st_size for path in files.values()),
        },
        **choice.as_json(),
    }
    write_json(run / "report.json", found)
    (run / "report.html").write_text(page(found), encoding="utf-8")
    return found


def install(files: Files, config: Config) -> None:
    """Put the model into the store. Raises ModelStoreError."""
    install_made(Store(config.store), OWN_MODEL, files)


def box(files: Files) -> Path:
    """Make it the model that comes with the program, in the profile starter; return its folder."""
    from models.boxing import put_in_box

    facts = {
        "stage": '"kws"',
        "engine": '"zipformer"',
        "languages": '["zh", "en"]',
        "licence": '"Apache-2.0"',
        "memory_mb": "40",
        "speed": '"fast"',
    }
    return put_in_box("kws-hean", facts, files, ["starter"])


def noises_of(plan: Plan) -> list[Samples]:
    """Return the recordings of noise."""
    if not plan.noise:
        return []
    paths = sorted(p for p in Path(plan.noise).rglob("*") if p.suffix in (".flac", ".wav"))
    if not paths:
        raise InputError(f"{plan.noise}: no recordings of noise", "WAV or FLAC files")
    return [read_audio(path, RATE_HZ)[0] for path in paths]


def _lexicon(plan: Plan, config: Config) -> list[str]:
    """Return lines of English words and their phones: those of the words, and of our own texts."""
    from llm.knowledge import load_knowledge
    from voice.wake_training.voices import Speakers

    _, files = ModelFiles(config).find("tts", config.tts.model)
    phones_of = Speakers(files, {}, threads=1).phones_of
    texts = [word.text for word in plan.words if not word.pinyin]
    texts += [a for e in load_knowledge().entries if e.language == "en" for a in (*e.ask, e.answer)]
    words = {word for text in texts for word in text.upper().split() if word.isalpha()}
    return [f"{word} {' '.join(phones_of(word.lower()))}\n" for word in sorted(words)]
