"""`hean bench tts`: how quickly the voice speaks.

Vetted answers, whole, as they are written. Nothing is taken from the cache: a running assistant
has most answers synthesised ahead, so this is the wait for the others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from llm.knowledge import Entry
from voice.bench import Figures, Say, distribution, single, steady
from voice.config import Config
from voice.engines import knowledge_of, load_voice
from voice.process.memory import resident_mb
from voice.tts import Synthesizer

SEED = 3
_WARM_UP = {"zh": "你好。", "en": "Hello."}


def measure(config: Config, count: int, say: Say) -> Figures:
    """Speak `count` answers of each language that the voice speaks; return time per second of
    speech, and the wait for the first piece, by language."""
    voice = load_voice(replace(config, tts=replace(config.tts, cache_mb=0)))
    entries = knowledge_of(config).speakable
    values: dict[str, list[float]] = {}
    for language in _WARM_UP:
        chosen = [e for e in entries if e.language == language and e.decision == "verbatim"]
        for key, value in _speak_all(voice, _choose(chosen, count), say):
            values.setdefault(key, []).append(value)
            values.setdefault(f"{key}.{language}", []).append(value)
    figures = {key: distribution(found) for key, found in values.items()}
    return {**figures, "rss_mb": single(resident_mb())}


def _choose(entries: Sequence[Entry], count: int) -> list[Entry]:
    return random.Random(SEED).sample(entries, min(count, len(entries)))


def _speak_all(
    voice: Synthesizer, entries: Sequence[Entry], say: Say
) -> Iterator[tuple[str, float]]:
    for number, entry in enumerate(entries, 1):
        if number == 1:  # the first call of a model also sets it up
            list(voice.synthesize(_WARM_UP[entry.language], entry.language))
        say(f"{entry.language} {number} of {len(entries)}: {entry.id}")
        waits: list[float] = []
        factors = steady(partial(_speak, voice, entry, waits))
        yield "real_time_factor", sorted(factors)[len(factors) // 2]
        yield "first_piece_s", min(waits)


def _speak(voice: Synthesizer, entry: Entry, waits: list[float]) -> float:
    """Speak one answer; return the time for a second of speech, add the wait to `waits`."""
    begin_s = time.perf_counter()
    samples, first_s = 0, 0.0
    for piece in voice.synthesize(entry.answer, entry.language):
        first_s = first_s or time.perf_counter() - begin_s
        samples += len(piece)
    waits.append(first_s)
    return (time.perf_counter() - begin_s) * voice.rate_hz / samples
