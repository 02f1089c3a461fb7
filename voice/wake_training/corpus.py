"""Has the speech made from which a wake word model learns: one process for each core."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import count
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from kws.train.corpus import Clip, read_clips
from kws.train.speakers import Mixer
from kws.train.spelling import Speller
from kws.train.synthesis import Studio
from kws.train.texts import Readings
from kws.words import WakeWord
from voice.errors import StageError
from voice.tts.kokoro import read_table
from voice.wake_training.material import material_of
from voice.wake_training.voices import Speakers

MOST_PROCESSES = 8
"""Each takes 500 MB."""
_NUMBER = re.compile(r"/(\d+)-\d+\.flac$")

Count = Callable[[float, float], None]
"""Told the seconds of audio that are made, and those that are wanted."""


@dataclass(frozen=True)
class Order:
    """What is to be made, in a form that another process can take."""

    folder: Path
    words: tuple[WakeWord, ...]
    voice_files: tuple[tuple[str, Path], ...]
    """Of the synthesiser, by role."""
    more_voices: tuple[tuple[str, Path], ...]
    seed: int


def make_corpus(order: Order, seconds: float, show: Count) -> list[Clip]:
    """Make clips until there are so many seconds of them; return all clips of the corpus.

    What an interrupted call has made is kept. Raises CorpusError, SynthesisError, StageError.
    """
    clips = read_clips(order.folder)
    done = {int(found[1]) for clip in clips if (found := _NUMBER.search(clip.audio))}
    made = sum(clip.seconds for clip in clips if _NUMBER.search(clip.audio))
    show(made, seconds)
    recorded = _recorded(order, (number for number in count() if number not in done))
    while made < seconds:
        made += next(recorded)
        show(made, seconds)
    recorded.close()
    return read_clips(order.folder)


def _recorded(order: Order, numbers: Iterator[int]) -> Generator[float, None, None]:
    """Yield the seconds of audio of each reading as it is recorded, without end."""
    processes = min(MOST_PROCESSES, os.cpu_count() or 1)
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _end_with_parent)
    waiting: set[Future[float]] = set()
    try:
        while True:
            while len(waiting) < 2 * processes:
                waiting.add(pool.submit(record, order, next(numbers)))
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in finished)
    except BrokenProcessPool as error:
        raise StageError(
            "a process that makes speech was ended, perhaps for want of memory; what is made is "
            "kept",
            f"hean wake train --resume {order.folder.parent}",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end if the one that began it is killed: it would wait for work for ever."""
    parent = parent_process()

    def watch() -> None:
        if parent:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def record(order: Order, number: int) -> float:
    """Make the clips of one reading; return their seconds of audio."""
    return sum(clip.seconds for clip in _studio(order).record(number))


@cache
def _studio(order: Order) -> Studio:
    """Load what speaks, once in each process."""
    speakers = Speakers(dict(order.voice_files), dict(order.more_voices), threads=1)
    counts = read_table(dict(order.voice_files)["words_zh"])
    material = material_of(order.words, counts, speakers)
    return Studio(
        order.folder,
        Readings(material, Speller(speakers.phones_of), order.seed),
        {language: Mixer(speakers.mixable, language) for language in ("zh", "en")},
        speakers.say,
    )
