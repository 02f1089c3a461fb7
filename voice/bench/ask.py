"""`hean bench ask`: how long a person waits for a recorded question, and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from llm.answer import Answer
from voice.app import Engines, endpoint_rules, load_engines
from voice.bench import Figures, Say, distribution, single
from voice.config import Config
from voice.errors import StageError
from voice.process.memory import give_back, resident_mb
from voice.recording import hear_recording
from voice.reply import speech, spoken_parts
from voice.tts import Synthesizer
from voice.tts.cache import CachedSynthesizer

_STARTS = 3
_READY = "import json, sys; from voice.bench.ask import report_ready; report_ready()"


def measure(
    config: Config, options: Sequence[str], recordings: Sequence[Path], say: Say
) -> Figures:
    """Ask every recording; return cold start, waiting time by stage and memory.

    `options` are command-line options that lead a child process to the same configuration.
    Only vetted answers (decision `verbatim`) count for end_to_first_sample_s; in the key with
    `warmed` their first sentence was synthesised ahead, as a running assistant does when idle.
    """
    starts = []
    for number in range(_STARTS):
        say(f"cold start {number + 1} of {_STARTS}")
        starts.append(_cold_start_s(config, options))
    engines = load_engines(config)
    stages: dict[str, list[float]] = {}
    for number, path in enumerate(recordings, 1):
        say(f"question {number} of {len(recordings)}: {path.name}")
        answer, seconds = _ask(path, config, engines)
        for stage, value in seconds.items():
            stages.setdefault(f"stage_{stage}_s", []).append(value)
        vetted = answer.decision == "verbatim"
        key = "end_to_first_sample_s" if vetted else "end_to_first_sample_other_s"
        stages.setdefault(key, []).append(sum(seconds.values()))
        if vetted and isinstance(engines.voice, CachedSynthesizer):
            seconds["first_sound"] = _warmed_first_sound_s(answer, engines.voice)
            stages.setdefault("end_to_first_sample_warmed_s", []).append(sum(seconds.values()))
        give_back()
    figures: Figures = {key: distribution(values) for key, values in stages.items()}
    figures["cold_start_s"] = distribution(starts)
    figures["rss_mb"] = single(resident_mb())
    figures["rss_peak_mb"] = single(resident_mb(field="VmHWM"))
    return figures


def _ask(path: Path, config: Config, engines: Engines) -> tuple[Answer, dict[str, float]]:
    """Return the answer and the seconds of each stage up to the first sample of the answer."""
    heard = hear_recording(path, engines.ears, endpoint_rules(config))
    answer = engines.answerer.answer(heard.understood, heard.transcript.language)
    first_sound = {"first_sound": _first_sound_s(answer, engines.voice)}
    return answer, {**heard.seconds, **answer.seconds, **first_sound}


def _first_sound_s(answer: Answer, voice: Synthesizer) -> float:
    begin = time.perf_counter()
    next(speech(answer.text, answer.language, voice))
    return time.perf_counter() - begin


def _warmed_first_sound_s(answer: Answer, voice: CachedSynthesizer) -> float:
    first = spoken_parts(answer.text)[0]
    for _ in voice.warm([(first, answer.language)]):
        pass
    return _first_sound_s(answer, voice)


def _cold_start_s(config: Config, options: Sequence[str]) -> float:
    """Return the seconds from starting a process to everything being loaded."""
    begin = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", _READY, json.dumps(list(options))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    ready = child.stdout.readline()
    seconds = time.perf_counter() - begin
    child.communicate()
    if child.returncode or not ready:
        load_engines(config)  # raises the error that the child met
        raise StageError("a second process with the same models did not start", "hean check")
    return seconds


def report_ready() -> None:
    """Load everything as configured and say so. Runs in the child process."""
    from voice.cli import common_options
    from voice.config_file import load_config

    options, _ = common_options(json.loads(sys.argv[1]))
    load_engines(load_config(options.config, options.set))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
