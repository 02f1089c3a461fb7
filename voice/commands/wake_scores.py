"""How near audio comes to a wake word over time: a graph in the terminal, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kws import RATE_HZ, Samples
from voice.commands.common import print_json
from voice.config import Config
from voice.process.chatter import without_chatter
from voice.process.ending import Ending

if TYPE_CHECKING:
    from kws.scores import Score, Scorer

_BAR = 20
"""Characters of a full bar."""
_TAIL_S = 1.0
"""Silence after a recording: it ends the last word, and parts it from the next recording."""


def score_recordings(config: Config, recordings: Sequence[Path], as_json: bool) -> None:
    """Print the scores of each recording. Raises InputError, ModelStoreError, WakeWordError."""
    from voice.audio.wavfile import read_audio

    heard = [(path, *read_audio(path, RATE_HZ)) for path in recordings]
    engine, scorer = _load(config)
    rows = []
    for path, audio, length_s in heard:
        scorer.reset()
        padded = np.concatenate([audio, np.zeros(int(_TAIL_S * RATE_HZ), np.float32)])
        scores = list(_scores(scorer, [padded]))
        rows.append(
            {
                "file": str(path),
                "seconds": round(length_s, 2),
                "scores": [asdict(score) for score in scores],
            }
        )
        if not as_json:
            print(f"{path.name}, {length_s:.1f} s")
            print("\n".join(map(_graph, scores)) or "  nothing like a wake word")
    if as_json:
        print_json({"engine": engine, "recordings": rows})


@without_chatter()
def score_microphone(config: Config, as_json: bool) -> None:
    """Print scores while the person speaks, until the person ends it."""
    from voice.devices import open_microphone

    with closing(Ending()) as ending:
        _, scorer = _load(config)
        microphone = open_microphone(config)
        with closing(microphone), ending.by(microphone.close):
            for score in _scores(scorer, microphone.chunks()):
                line = json.dumps(asdict(score), ensure_ascii=False) if as_json else _graph(score)
                print(line, flush=True)


def _load(config: Config) -> tuple[str, Scorer]:
    from voice.active_slot import enabled_words
    from voice.wake import engine_of, load_scorer, load_wake_ears

    scorer = load_scorer(config, enabled_words(config), *load_wake_ears(config))
    return engine_of(config), scorer


def _scores(scorer: Scorer, audio: Iterable[Samples]) -> Iterator[Score]:
    from voice.audio.pcm import Rechunker

    rechunker = Rechunker(scorer.chunk_samples)
    for samples in audio:
        for chunk in rechunker.process(samples):
            if score := scorer.process(chunk):
                yield score


def _graph(score: Score) -> str:
    bar = "█" * round(score.score * _BAR)
    mark = "→ wakes" if score.woke else ""
    text = f"heard: {score.text}" if score.text else ""
    line = f"{score.at_s:7.1f} s  {bar:·<{_BAR}} {score.score:4.2f} {score.word} {mark} {text}"
    return line.rstrip()
