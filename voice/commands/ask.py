"""`hean ask`: answer questions from recordings, from text or from the microphone."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.config import Config
from voice.errors import HeanError, InputError, UsageError, translated
from voice.process.chatter import without_chatter
from voice.process.ending import Ending

if TYPE_CHECKING:
    from voice.dialog.first_answer import FirstAnswer
    from voice.replier import Replier
    from voice.reply import Reply

_EPILOG = """\
examples:
  hean ask --text 碘片什么时候吃                 one question in writing
  hean ask --wav question.wav                    one recorded question
  hean ask --wav *.wav --json > answers.jsonl    many: one JSON line each, models loaded once
  hean ask --wav a.wav --out answers             spoken answers go into that folder
  hean ask --mic                                 one question by microphone, answered aloud
  echo "Can I drink tap water?" | hean ask --text -

A recording may be WAV, FLAC, MP3 or OGG of any rate and layout. The spoken answer to NAME.wav is
written to NAME.answer.wav, or to NAME-2.answer.wav where that would replace a file of the same
run. Exit status: the one of the first question that failed.
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
        "--out", type=Path, metavar="DIR", help="folder of the spoken answers (this one)"
    )
    parser.add_argument("--silent", action="store_true", help="write no spoken answer")
    parser.add_argument("--json", action="store_true", help="one JSON line for each question")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Answer all questions; return the exit code of the first that failed."""
    if args.mic:
        if args.silent or args.out:
            raise UsageError(
                "--silent and --out are for --wav and --text: with --mic the answer is spoken",
                "leave them out",
            )
        return _by_microphone(args, config)
    args.out = args.out or Path()
    if args.text is not None:
        args.text = _written_question(args.text)
    if not args.silent:
        _check_folder(args.out)
    return _answer_all(args, config)


def _written_question(text: str) -> str:
    """Return a question in writing, "-" read from stdin. Raises InputError if it cannot be one."""
    from llm.answer import MAX_QUESTION_CHARS

    if text == "-":
        # No character takes more than four bytes; endless input must not fill the memory.
        text = sys.stdin.buffer.read(4 * MAX_QUESTION_CHARS + 1).decode("utf-8-sig", "replace")
    question = text.strip()
    if not question:
        raise InputError("the question is empty", "for example: hean ask --text 碘片什么时候吃")
    if len(question) > MAX_QUESTION_CHARS:
        raise InputError(
            f"the question is longer than {MAX_QUESTION_CHARS} characters", "ask in one sentence"
        )
    return question


def _check_folder(folder: Path) -> None:
    """Raise InputError now rather than after the first answer was made, and lost."""
    fix = "name a folder that can be written with --out, or write none with --silent"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror})", fix) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder}: cannot be written", fix)


def _answer_all(args: argparse.Namespace, config: Config) -> int:
    from voice.replier import Replier

    status = 0
    with closing(Replier(config, hears=args.wav is not None, speaks=not args.silent)) as replier:
        for name, reply in _questions(args, replier):
            outcome = _attempt(reply)
            if isinstance(outcome, HeanError):
                status = status or outcome.exit_code
            _print(name, outcome, args.json)
    return status


def _questions(
    args: argparse.Namespace, replier: Replier
) -> Iterator[tuple[str, Callable[[], Reply]]]:
    """Yield the name of each question and what answers it."""
    if args.wav is None:
        yield "", partial(replier.to_text, args.text, args.out / "question.answer.wav")
        return
    for path, target in zip(args.wav, _targets(args.wav, args.out), strict=True):
        yield str(path), partial(replier.to_recording, path, target)


def _targets(recordings: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Yield where the answer to each recording goes: none replaces another, nor a recording."""
    taken = {path.absolute() for path in recordings}
    for path in recordings:
        target, number = folder / f"{path.stem}.answer.wav", 1
        while target.absolute() in taken:
            number += 1
            target = folder / f"{path.stem}-{number}.answer.wav"
        taken.add(target.absolute())
        yield target


@without_chatter()
def _by_microphone(args: argparse.Namespace, config: Config) -> int:
    """Listen until one question is answered aloud. No wake word is needed."""
    if config.audio.device == "browser":
        raise UsageError(
            "audio.device is browser: its microphone belongs to the page of `hean run`",
            "ask there, or here with --set audio.device=system",
        )
    config = replace(config, dialog=replace(config.dialog, wake_word=False))
    with closing(Ending()) as ending:
        first = _first_answer(config, ending, shows=not args.json)
    if first.error:
        raise first.error
    if args.json and first.reply:
        _print("", first.reply, as_json=True)
    return 0


def _first_answer(config: Config, ending: Ending, shows: bool) -> FirstAnswer:
    """Listen until a question is answered or fails; `shows` what goes on in the terminal."""
    from voice.app import Assistant, load_engines
    from voice.audio.portaudio import find_device
    from voice.devices import LiveDevices
    from voice.dialog.first_answer import FirstAnswer
    from voice.events import Bus
    from voice.recorder import AuditObserver, versions_of
    from voice.view import TerminalView

    find_device(config.audio.input, "input")  # none: say so before everything is loaded
    engines = load_engines(config)
    bus = Bus()
    if shows:
        bus.subscribe(TerminalView())
    versions = versions_of(engines.knowledge, engines.answerer.model, engines.model_id)
    bus.subscribe(AuditObserver(config, versions, "mic"))
    devices = LiveDevices(config, engines.voice.rate_hz, bus)
    print(f"listening with {devices.name}; Ctrl-C ends", file=sys.stderr, flush=True)
    first = FirstAnswer(devices.stop_listening)
    bus.subscribe(first)
    assistant = Assistant(config, engines, devices, bus)
    with closing(devices), ending.by(assistant.interrupt):
        assistant.listen()
    return first


def _attempt(reply: Callable[[], Reply]) -> Reply | HeanError:
    """Return the reply or what went wrong, so that the other questions are still answered."""
    try:
        with translated():
            return reply()
    except HeanError as error:
        return error


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
