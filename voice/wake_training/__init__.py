"""What `hean wake train` does: speech is made, a model learns from it, its operating point is
chosen, a report is written, and the model is installed.

    RUN/plan.json            what was asked for; a run is continued by it
    RUN/corpus               speech
    RUN/training             checkpoints, metrics, loss.png
    RUN/model                the files that are installed
    RUN/report.json, .html   what it misses and what wakes it by mistake
    RUN/training.json        what the model was made from, and with what

Killed at any moment, `--resume RUN` goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kws import RATE_HZ, Files, Samples
from kws.train.corpus import Clip
from kws.train.spelling import Speller
from models import ModelStoreError
from models.catalog import BOX
from models.disk import write_json
from models.importing import install_made
from models.store import Store
from voice.audio.wavfile import read_audio
from voice.config import Config
from voice.engines import ModelFiles
from voice.errors import InputError, UsageError
from voice.wake import OWN_MODEL
from voice.wake_training.plan import Plan

if TYPE_CHECKING:
    from kws.train.checkpoint import Checkpoint
    from voice.wake_training.choice import Choice

INSTALL = "./hean wake train does it by itself; elsewhere: pip install 'hean[train]'"
SPEAKERS = "kokoro-speakers"
"""More voices for the mixtures, if they are installed."""
TRAINING_SHARE = 0.45
"""Of the time of a run; as much is for speech, the rest to measure the model."""
LEXICON_LETTERS = 8
"""Length of English words that can be typed later; longer ones would double the lexicon."""

Tell = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done."""


def prepare() -> None:
    """Make the process ready for torch. Raises UsageError: the training packages are missing."""
    # Threads that wait in a loop take the cores from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if missing := [name for name in ("torch", "matplotlib") if find_spec(name) is None]:
        raise UsageError(f"training needs more packages: {', '.join(missing)}", INSTALL)


def word_counts(config: Config) -> dict[str, int]:
    """Return how often Mandarin words occur in text; none if the synthesiser is not installed."""
    from voice.tts.kokoro import read_table

    try:
        _, files = ModelFiles(config).find("tts", config.tts.model)
    except ModelStoreError:  # told when speech is to be made
        return {}
    table = read_table(files["words_zh"]) if "words_zh" in files else {}
    return {word: int(count) for word, count in table.items()}


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

    tokens = token_table()
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


def install(files: Files, config: Config) -> None:
    """Put the model into the store. Raises ModelStoreError."""
    install_made(Store(config.store), OWN_MODEL, files)


def box(files: Files, folder: Path = BOX) -> Path:
    """Make it the model that comes with the program, in all profiles; return its folder."""
    from models.boxing import put_in_box

    facts = {
        "stage": '"kws"',
        "engine": '"zipformer"',
        "languages": '["zh", "en"]',
        "licence": '"Apache-2.0"',
        "memory_mb": "40",
        "speed": '"fast"',
    }
    return put_in_box("kws-hean", facts, files, ["starter", "pi", "desktop"], folder)


def noises_of(plan: Plan) -> list[Samples]:
    """Return the recordings of noise."""
    if not plan.noise:
        return []
    paths = sorted(p for p in Path(plan.noise).rglob("*") if p.suffix in (".flac", ".wav"))
    if not paths:
        raise InputError(f"{plan.noise}: no recordings of noise", "WAV or FLAC files")
    return [read_audio(path, RATE_HZ)[0] for path in paths]


def _lexicon(plan: Plan, config: Config) -> list[str]:
    """Return lines of English words and their phones: those of the wake words and of our own texts,
    and the shorter ones of the dictionary, so that other words can be typed later."""
    from kws.train.inventory import phones
    from llm.knowledge import load_knowledge
    from voice.tts.kokoro import read_table
    from voice.tts.phonemes_en import WORDS, English

    _, files = ModelFiles(config).find("tts", config.tts.model)
    dictionary = read_table(files["lexicon_en"])
    texts = [word.text for word in plan.words if not word.pinyin]
    texts += [a for e in load_knowledge().entries if e.language == "en" for a in (*e.ask, e.answer)]
    words = {word for text in texts for word in text.lower().split() if word.isalpha()}
    words |= {word for word in (*dictionary, *WORDS) if _typeable(word)}
    english = English(dictionary)
    spelled = ((word, phones(english.word(word))) for word in sorted(words))
    return [f"{word.upper()} {' '.join(sounds)}\n" for word, sounds in spelled if sounds]


def _typeable(word: str) -> bool:
    return word.islower() and word.isascii() and word.isalpha() and len(word) <= LEXICON_LETTERS
