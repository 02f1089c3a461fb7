"""`hean bench`: measure this machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws.engines import ENGINES
from voice.commands import bench_day, bench_results
from voice.commands.files import read_questions
from voice.config import Config
from voice.errors import InputError, UsageError

if TYPE_CHECKING:
    from voice.bench import Figures

_EPILOG = """\
examples:
  hean bench all --html page.html --json > results.json       everything, and a page
  hean bench compare before.json results.json --fail-on-worse for CI
  hean bench ask --wav questions/*.wav                        with recordings of yours
  hean bench answer --n 20                                    from a question to its answer, aloud
  hean bench asr --recordings people                          errors of recognition, also of people
  hean bench wake --audio recordings                          misses; false wakes over recordings
  hean bench rival                                            the same models, chained by hand

Speed depends on what else the machine does: that is watched, and measured again if it is too much
(--tries). Compare ratios, by `hean bench compare`.
"""
_QUESTIONS = Path(__file__).parents[1] / "data" / "questions.tsv"


def add_parser(subparsers: Any) -> None:
    """Register the command and its benchmarks."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed and memory on this machine",
        description="Measure speed and memory on this machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    benches = parser.add_subparsers(metavar="NAME")
    _add_turns(benches)
    _add_engines(benches)
    _add_others(benches)
    bench_day.add_parser(benches)
    bench_results.add_parsers(benches)


def _add_turns(benches: Any) -> None:
    """Register what measures whole turns."""
    ask = _add(benches, "ask", "recorded questions: start, waiting time, memory", _ask)
    ask.add_argument("--wav", nargs="+", type=Path, metavar="FILE", help="recorded questions")
    answer = _add(benches, "answer", "the wait for an answer, on a virtual sound card", _answer)
    answer.add_argument("--n", type=int, default=20, metavar="N", help="questions (20)")
    listen = _add(benches, "listen", "what listening costs, on a virtual sound card", _listen)
    listen.add_argument(
        "--seconds", type=int, default=20, metavar="S", help="length of each of three parts (20)"
    )


def _add_engines(benches: Any) -> None:
    """Register what measures single stages."""
    wake = _add(benches, "wake", "wake words missed and false wakes", _wake)
    wake.add_argument(
        "--audio", type=Path, metavar="FOLDER", help="hours of recordings without wake words"
    )
    wake.add_argument(
        "--engine", action="append", choices=ENGINES, help="measure only this; may be repeated"
    )
    asr = _add(benches, "asr", "errors of recognition by engine, voice and noise", _asr)
    asr.add_argument("--n", type=int, default=40, metavar="N", help="questions said aloud (40)")
    asr.add_argument("--voices", metavar="A,B", help="who says them, taking turns")
    asr.add_argument(
        "--recordings", type=Path, metavar="DIR", help="recordings of people, and INDEX.tsv"
    )
    asr.add_argument(
        "--most", type=int, default=100, metavar="N", help="recordings of them at most (100)"
    )
    tts = _add(benches, "tts", "how quickly the voice speaks", _tts)
    tts.add_argument("--n", type=int, default=10, metavar="N", help="answers a language (10)")
    llm = _add(benches, "llm", "how quickly the language model reads and writes", _llm)
    llm.add_argument("--n", type=int, default=8, metavar="N", help="answers (8)")


def _add_others(benches: Any) -> None:
    """Register the rest."""
    base = _add(benches, "kb", "recall of the knowledge base, thresholds, search by size", _kb)
    base.add_argument(
        "--largest", type=int, default=100_000, metavar="N", help="most entries (100000)"
    )
    flash = _add(benches, "flash", "cuts and kills while flashing, and how long it takes", _flash)
    flash.add_argument("--kills", type=int, default=200, metavar="N", help="processes killed (200)")
    kiosk = _add(benches, "kiosk", "how soon a screen shows it, and what serving costs", _kiosk)
    kiosk.add_argument("--n", type=int, default=50, metavar="N", help="transcripts, questions (50)")
    kiosk.add_argument(
        "--seconds", type=int, default=20, metavar="S", help="length of each of three parts (20)"
    )
    train = _add(benches, "train", "training, and the plain loop of transformers + PEFT", _train)
    train.add_argument("--base", default="qwen2.5-coder-0.5b", metavar="ID|PATH", help="model")
    rival = _add(benches, "rival", "the same models, chained by hand: time, memory, truth", _rival)
    rival.add_argument("--n", type=int, default=20, metavar="N", help="questions said aloud (20)")
    rival.add_argument("--questions", type=Path, default=_QUESTIONS, metavar="FILE", help="TSV")
    rival.add_argument(
        "--faster-whisper", type=Path, metavar="DIR", help="Whisper in the form of CTranslate2"
    )


def _add(
    benches: Any, name: str, text: str, run: Callable[[argparse.Namespace, Config], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = benches.add_parser(
        name, help=text, epilog="`hean bench --help` shows examples."
    )
    parser.add_argument("--json", action="store_true", help="print one object for scripts")
    parser.add_argument(
        "--tries", type=int, default=2, metavar="N", help="runs at most, while it is noisy (2)"
    )
    parser.set_defaults(run=run)
    return parser


def _ask(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.ask import measure
    from voice.commands.run import SHIPPED

    recordings = args.wav or [SHIPPED]
    if missing := [path for path in recordings if not path.is_file()]:
        raise InputError(f"{missing[0]}: no such file", "name recordings that exist")
    common = bench_results.common_words(args)
    return _run("ask", args, lambda: measure(config, common, recordings, say))


def _kb(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.kb import SIZES, measure

    _check_range("--largest", args.largest, 1_000_000)
    sizes = [size for size in SIZES if size <= args.largest]
    return _run("kb", args, lambda: measure(config, say, sizes))


def _wake(args: argparse.Namespace, config: Config) -> int:
    from voice.active_slot import enabled_words
    from voice.bench.wake import make_trial, measure, unmeasured
    from voice.wake import load_wake_ears

    if args.audio and not args.audio.is_dir():
        raise InputError(f"{args.audio}: no such folder", "name a folder of recordings")
    missing = unmeasured(config)
    here = [engine for engine in ENGINES if engine not in missing]
    engines = args.engine or here
    if absent := [engine for engine in engines if engine in missing]:
        raise UsageError(f"{absent[0]}: {missing[absent[0]]}", f"--engine {here[0]}")
    words = [word for word in enabled_words(config) if word.pinyin]
    trial = make_trial(config, words, args.audio, say)
    ears = load_wake_ears(config)

    def figures() -> Figures:
        found: Figures = {}
        for engine in engines:
            chosen = replace(config, wake=replace(config.wake, engine=engine))
            found |= measure(chosen, words, ears, trial, say)
        return found

    return _run("wake", args, figures, {"not_measured": missing})


def _asr(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.asr import human_clips, installed_engines, measure, synthetic_clips
    from voice.evaluation.speech import VOICES

    _check_range("--n", args.n, 1000)
    _check_range("--most", args.most, 100_000)
    people = human_clips(args.recordings, args.most) if args.recordings else []
    questions = read_questions(_QUESTIONS)
    voices = args.voices.split(",") if args.voices else VOICES
    clips = [*synthetic_clips(config, _spread(questions, args.n), voices, say), *people]

    def figures() -> Figures:
        found: Figures = {}
        for engine, model_id in installed_engines(config).items():
            found |= measure(config, engine, model_id, clips, say)
        return found

    return _run("asr", args, figures)


def _spread(questions: list[Any], count: int) -> list[Any]:
    """Return questions from all over a list, so that both languages and all kinds are there."""
    step = max(1.0, len(questions) / count)
    return [questions[int(n * step)] for n in range(min(count, len(questions)))]


def _tts(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.tts import measure

    _check_range("--n", args.n, 100)
    return _run("tts", args, lambda: measure(config, args.n, say))


def _llm(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.llm import measure

    _check_range("--n", args.n, 100)
    return _run("llm", args, lambda: measure(config, args.n, say))


def _answer(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.answer import measure

    _check_range("--n", args.n, 100)
    return _run("answer", args, lambda: measure(config, args.n, say))


def _listen(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.listen import measure

    _check_range("--seconds", args.seconds, 600)
    return _run("listen", args, lambda: measure(config, args.seconds, say))


def _train(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.train import measure

    return _run("train", args, lambda: measure(config, args.base, say))


def _kiosk(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.kiosk import measure

    _check_range("--n", args.n, 1000)
    _check_range("--seconds", args.seconds, 600)
    return _run("kiosk", args, lambda: measure(config, args.n, args.seconds, say))


def _flash(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.flash import measure

    _check_range("--kills", args.kills, 10_000)
    return _run("flash", args, lambda: measure(config, args.kills, say))


def _rival(args: argparse.Namespace, config: Config) -> int:
    from voice.bench.rival import measure

    _check_range("--n", args.n, 1000)
    if args.faster_whisper and not (args.faster_whisper / "model.bin").is_file():
        raise InputError(f"{args.faster_whisper}: no model.bin in it", "name a CTranslate2 model")
    questions = _spread(read_questions(args.questions), args.n)
    common = bench_results.common_words(args)
    told: dict[str, Any] = {}

    def figures() -> Figures:
        outcome = measure(config, common, questions, args.faster_whisper, say)
        told.update(not_measured=outcome.not_measured, rows=outcome.rows)
        return outcome.figures

    return _run("rival", args, figures, told)


def _run(
    name: str,
    args: argparse.Namespace,
    measure: Callable[[], Figures],
    more: Mapping[str, Any] | None = None,
) -> int:
    """Measure and print; `more` is told beside the figures, as it is after measuring."""
    from voice.bench import measured

    _check_range("--tries", args.tries, 10)
    outcome = {**measured(name, measure, say, args.tries), **(more or {})}
    if args.json:
        print(json.dumps(outcome, ensure_ascii=False))
    else:
        bench_results.show(outcome)
    return 0


def _check_range(option: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise UsageError(f"{option} is {value}", f"give a number from 1 to {most}")


def say(progress: str) -> None:
    """Tell how far it is."""
    print(progress, file=sys.stderr, flush=True)
