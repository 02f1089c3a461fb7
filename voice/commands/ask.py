"""`hean ask`: answer questions from recordings, from text or from the microphone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.config import Config
from voice.errors import HeanError, InputError, translated

if TYPE_CHECKING:
    from llm.answer import Answer
    from voice.reply import Reply
    from voice.tts import Synthesizer

_EPILOG = """\
examples:
  hean ask --text 碘片什么时候吃                 one question in writing
  hean ask --wav question.wav                    one recorded question
  hean ask --wav *.wav --json > answers.jsonl    many: one JSON line each, models loaded once
  hean ask --wav a.wav --out answers             spoken answers go into that folder
  hean ask --mic                                 one question by microphone, answered aloud
  echo "Can I drink tap water?" | hean ask --text -

A recording may be WAV, FLAC, MP3 or OGG of any rate and layout. The spoken answer to NAME.wav is
written to NAME.answer.wav. Exit status: the one of the first question that failed.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "ask",
        help="answer questions from recordings, text or the microphone",
        description="Answer questions from recordings, from text or from the microphone.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--wav", nargs="+", type=Path, metavar="FILE", help="recorded questions")
    what.add_argument("--text", metavar="TEXT", help="a question in writing; - reads it from stdin")
    what.add_argument("--mic", action="store_true", help="one question by microphone")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="folder of the spoken answers"
    )
    parser.add_argument("--silent", action="store_true", help="write no spoken answer")
    parser.add_argument("--json", action="store_true", help="one JSON line for each question")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Answer all questions; return the exit code of the first that failed."""
    if args.text == "-":
        args.text = sys.stdin.read()
    if args.text is not None and not args.text.strip():
        raise InputError("the question is empty", "for example: hean ask --text 碘片什么时候吃")
    if args.mic:
        return _by_microphone(args, config)
    return _answer_all(args, config)


def _answer_all(args: argparse.Namespace, config: Config) -> int:
    voice = None if args.silent else _load_voice(config)
    replies = (
        _from_text(args, config, voice) if args.wav is None else _from_wav(args, config, voice)
    )
    status = 0
    for name, outcome in replies:
        if isinstance(outcome, HeanError):
            status = status or outcome.exit_code
        _print(name, outcome, args.json)
    return status


def _from_text(
    args: argparse.Namespace, config: Config, voice: Synthesizer | None
) -> Iterator[tuple[str, Reply | HeanError]]:
    from voice.engines import knowledge_of, load_answerer

    answerer = load_answerer(config, knowledge_of(config))

    def reply() -> Reply:
        return _reply(args.text.strip(), answerer.answer(args.text.strip()), {}, (), voice, target)

    target = args.out / "question.answer.wav"
    yield "", _attempt(reply)


def _from_wav(
    args: argparse.Namespace, config: Config, voice: Synthesizer | None
) -> Iterator[tuple[str, Reply | HeanError]]:
    from voice.app import endpoint_rules
    from voice.engines import knowledge_of, load_answerer, load_ears
    from voice.recording import hear_recording

    knowledge = knowledge_of(config)
    ears, answerer = load_ears(config, knowledge), load_answerer(config, knowledge)

    def reply(path: Path) -> Reply:
        heard = hear_recording(path, ears, endpoint_rules(config))
        answer = answerer.answer(heard.understood, heard.transcript.language)
        target = args.out / f"{path.stem}.answer.wav"
        return _reply(
            heard.transcript.text, answer, dict(heard.seconds), heard.warnings, voice, target
        )

    for path in args.wav:
        yield str(path), _attempt(partial(reply, path))


def _by_microphone(args: argparse.Namespace, config: Config) -> int:
    """Listen until one question is answered aloud."""
    from voice.app import converse, load_engines
    from voice.commands.run import open_microphone, open_speaker
    from voice.events import AnswerReady, Bus, Event, FinalTranscript, TurnEnded
    from voice.reply import Reply

    engines = load_engines(config)
    microphone = open_microphone(config)
    speaker = open_speaker(config, engines.voice.rate_hz)
    heard: dict[int, str] = {}

    def observe(event: Event) -> None:
        if isinstance(event, FinalTranscript):
            heard[event.turn] = event.heard
        elif isinstance(event, AnswerReady):
            reply = Reply(heard[event.turn], event.answer, dict(event.answer.seconds))
            _print("", reply, args.json)
        elif isinstance(event, TurnEnded) and event.turn in heard:
            microphone.close()

    bus = Bus()
    bus.subscribe(observe)
    try:
        converse(config, engines, microphone, speaker, bus)
    finally:
        speaker.close()
    return 0


def _attempt(reply: Callable[[], Reply]) -> Reply | HeanError:
    """Return the reply or what went wrong, so that the other questions are still answered."""
    try:
        with translated():
            return reply()
    except HeanError as error:
        return error


def _load_voice(config: Config) -> Synthesizer:
    from voice.engines import load_voice

    return load_voice(config)


def _reply(
    heard: str,
    answer: Answer,
    seconds: dict[str, float],
    warnings: tuple[str, ...],
    voice: Synthesizer | None,
    target: Path,
) -> Reply:
    from voice.reply import Reply, speak_to_file

    seconds.update(answer.seconds)
    if voice is not None:
        seconds.update(speak_to_file(answer, voice, target))
    return Reply(heard, answer, seconds, str(target) if voice else None, warnings)


def _print(name: str, outcome: Reply | HeanError, as_json: bool) -> None:
    from voice.cli import report

    named = {"file": name} if name else {}
    if isinstance(outcome, HeanError):
        if as_json:
            print(json.dumps({**named, "error": outcome.as_json()}, ensure_ascii=False), flush=True)
        else:
            report(outcome)
    elif as_json:
        print(json.dumps({**named, **outcome.as_json()}, ensure_ascii=False), flush=True)
    else:
        print("\n".join(outcome.lines(name)), flush=True)
