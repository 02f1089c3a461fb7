"""`hean wake`: choose the words that begin a question, and try them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands import wake_train
from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from kws.words import WakeWord

_EXAMPLES = {
    "add": """\
  hean wake add 小核小核                             shows its pinyin and asks whether it is right
  hean wake add 你好重庆 --pinyin "ni3 hao3 chong2 qing4"
  hean wake add 小乐小乐 --pinyin "xiǎo lè xiǎo lè" --pinyin "xiǎo yuè xiǎo yuè"
  hean wake add 小核小核 --threshold 0.2 --yes       a word that is there already is changed
A good word has four syllables and is in no other phrase. Try it: hean wake test --mic""",
    "list": """\
  hean wake list
  hean wake list --json                             for scripts""",
    "remove": """\
  hean wake remove 小安小安""",
    "test": """\
  hean wake test --mic                              say it, near and far; end with Ctrl-C
  hean wake test said.wav television.wav            how near does each come?
  hean wake test --json *.wav                       for scripts
A bar shows how near what was said comes to the nearest word; → marks where it would wake.""",
}


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "wake",
        "choose and try the wake words",
        "Choose the words that begin a question, and try them.",
    )
    add = add_command(
        commands, "add", "listen for one more word, or change one", _add_word, _EXAMPLES["add"]
    )
    add.add_argument("word", metavar="WORD")
    add.add_argument(
        "--pinyin",
        action="append",
        default=[],
        metavar="P",
        help="a way to say it; may be repeated",
    )
    add.add_argument("--boost", type=float, metavar="X", help="more: wakes more easily (1.5)")
    add.add_argument("--threshold", type=float, metavar="X", help="less: wakes more easily (0.25)")
    add.add_argument("--yes", action="store_true", help="the likeliest pinyin is right")
    add_command(commands, "list", "show the words", _list, _EXAMPLES["list"])
    remove = add_command(
        commands, "remove", "listen for a word no more", _remove, _EXAMPLES["remove"]
    )
    remove.add_argument("words", nargs="+", metavar="WORD")
    wake_train.add(commands)
    test = add_command(
        commands, "test", "show how near audio comes to a wake word", _test, _EXAMPLES["test"]
    )
    test.add_argument("recordings", nargs="*", type=Path, metavar="WAV")
    test.add_argument("--mic", action="store_true", help="listen to the microphone")


def _add_word(args: argparse.Namespace, config: Config) -> int:
    from kws.advice import concerns
    from kws.words import load_words, make_word, save_words
    from voice.active_slot import wake_words_of

    settings = {
        key: value for key in ("boost", "threshold") if (value := getattr(args, key)) is not None
    }
    text = " ".join(args.word.split())
    before = load_words(wake_words_of(config))
    make_word(text, args.pinyin, **settings)  # mistakes are told before anything is asked
    word = make_word(text, args.pinyin or _confirmed_pinyin(text, args), **settings)
    others = [other for other in before if other.text.casefold() != text.casefold()]
    doubts = [*_check_hearable(config, word), *concerns(word, others)]
    save_words(config.wake_file, [*others, word])
    if args.json:
        print_json({"word": asdict(word), "changed": len(others) < len(before), "doubts": doubts})
        return 0
    print(f"{'changed' if len(others) < len(before) else 'added'}: {_line(word)}")
    for doubt in doubts:
        print(f"! {doubt}")
    print("Try it: hean wake test --mic")
    return 0


def _list(args: argparse.Namespace, config: Config) -> int:
    from kws.words import load_words
    from voice.active_slot import wake_words_of
    from voice.wake import engine_of

    path = wake_words_of(config)
    words, engine = load_words(path), engine_of(config)
    if args.json:
        rows = [asdict(word) for word in words]
        print_json({"file": str(path), "engine": engine, "words": rows})
        return 0
    for word in words:
        print(_line(word))
    print(f"engine {engine}, {path if path.exists() else 'the words that are shipped'}")
    return 0


def _remove(args: argparse.Namespace, config: Config) -> int:
    from kws.words import load_words, save_words
    from voice.active_slot import wake_words_of

    words = load_words(wake_words_of(config))
    known = [word.text for word in words]
    if unknown := [text for text in args.words if text not in known]:
        raise UsageError(f"there is no wake word {unknown[0]!r}", "hean wake list")
    kept = [word for word in words if word.text not in args.words]
    if not kept:
        raise UsageError(
            "one wake word must stay",
            "add another one first, or do without wake words: --set dialog.wake_word=false",
        )
    save_words(config.wake_file, kept)
    if args.json:
        print_json({"removed": args.words, "words": [word.text for word in kept]})
    else:
        print(f"removed: {', '.join(args.words)}; left: {', '.join(word.text for word in kept)}")
    return 0


def _test(args: argparse.Namespace, config: Config) -> int:
    from voice.commands.wake_scores import score_microphone, score_recordings

    if args.mic == bool(args.recordings):
        raise UsageError("nothing to listen to", "name recordings, or --mic, not both")
    if args.mic:
        score_microphone(config, args.json)
    else:
        score_recordings(config, args.recordings, args.json)
    return 0


def _confirmed_pinyin(text: str, args: argparse.Namespace) -> Sequence[str]:
    """Return the ways to say a word that a person has confirmed; none for English."""
    from kws.pinyin import readings

    ways = [way for way in readings(text) if way]
    if not ways or args.yes:
        return ways[:1]
    if args.json or not sys.stdin.isatty():
        raise UsageError(
            f"the pinyin of {text} must be confirmed: {ways[0]}",
            f'--yes if it is right, otherwise --pinyin "{ways[min(1, len(ways) - 1)]}"',
        )
    print(f"How is {text} said?")
    for number, way in enumerate(ways, 1):
        print(f"  {number:2} {way}")
    answer = input("Numbers, for example 1 or 1 2 (Enter = 1, n = none of these): ").split()
    numbers = answer or ["1"]
    if not all(word.isdecimal() and 1 <= int(word) <= len(ways) for word in numbers):
        raise UsageError("not added: no way to say it was chosen", 'give it: --pinyin "hé ān"')
    return [ways[int(number) - 1] for number in numbers]


def _check_hearable(config: Config, word: WakeWord) -> list[str]:
    """Return what is to be told if the wake word model lacks a token of a word, or its sounds.

    Raises ConfigError where nothing else listens.
    """
    from kws import WakeModelError, WakeWordError
    from kws.engines import ENGINES
    from kws.keywords import Tokenizer
    from voice.wake import engine_of, model_files

    engine = ENGINES[engine_of(config)]
    if not engine.needs_model:
        return []
    tokenizer = Tokenizer(model_files(config))
    try:
        for way in word.pinyin or ("",):
            tokenizer.encode(word.text, way)
    except WakeModelError:
        raise
    except WakeWordError as error:
        learn = f'a model that learns it: hean wake train "{word.text}"'
        if engine.needs_whisper:
            return [f"{error}: Whisper alone will find it; better {learn}"]
        raise ConfigError(str(error), f"another word, or {learn}") from error
    return []


def _line(word: WakeWord) -> str:
    ways = " / ".join(word.pinyin) or "English"
    off = "" if word.enabled else "  (off)"
    return f"{word.text}  {ways}  boost {word.boost:g}  threshold {word.threshold:g}{off}"
