"""The command `hean`: parse, configure, run, and report errors in one place."""

from __future__ import annotations

import argparse
import errno
import io
import json
import sys
from importlib import import_module
from pathlib import Path

from voice import __version__
from voice.config_file import load_config
from voice.errors import EXIT_INTERRUPTED, HeanError, InputError, translated
from voice.terminal import discard, printable, reader_gone
from voice.usage import Parser

COMMANDS = (
    "run",
    "ask",
    "say",
    "kiosk",
    "wake",
    "kb",
    "data",
    "eval",
    "check",
    "models",
    "train",
    "export",
    "keys",
    "bundle",
    "flash",
    "slots",
    "device",
    "bench",
    "audit",
    "config",
)
"""Each is a module of voice.commands with `add_parser(subparsers)`."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DESCRIPTION = "He'an (核安): an offline voice assistant for nuclear and radiological emergencies."
_EPILOG = """\
examples:
  hean run                                 listen and answer
  hean ask --text 碘片什么时候吃           one question in writing
  hean ask --wav question.wav --json       one recorded question, for scripts
  hean check                               is this machine ready?

options of every command:
  --config FILE          configuration file (TOML)
  --set SECTION.KEY=V    one setting; may be repeated; `hean config` prints all of them

exit codes: 0 done · 1 `device status` found something, or it hung at its end and was cut short ·
2 wrong usage · 3 no proven gain · 4 worse · 65 model, bundle, knowledge or audit log damaged or
missing · 66 input not usable, or nothing heard · 70 a stage or a new model failed · 74 no sound
device · 75 link broken · 78 wrong configuration · 79 to be started again · 130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file name need not be valid Unicode
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    try:
        args = parse(words)
        with translated():
            config = load_config(args.common.config, args.common.set)
            code = int(args.run(args, config))
        print(end="", flush=True)  # where there is no room for it, here and not at the very end
        return code
    except HeanError as error:
        report(error, as_json="--json" in words)
        return error.exit_code
    except KeyboardInterrupt:
        print("hean: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        if not reader_gone(sys.stdout):
            raise
        discard(sys.stdout)
        return 0
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        discard(sys.stdout)
        full = f"the output cannot be written: {error.strerror}"
        report(InputError(full, "free some space on that disk"))
        return InputError.exit_code


def report(error: HeanError, as_json: bool = False) -> None:
    """Say what happened and what to do: two lines for people, one object for scripts."""
    if as_json:
        print(json.dumps({"error": error.as_json()}, ensure_ascii=False))
        return
    print(f"hean: {printable(error.message)}", file=sys.stderr)
    if error.fix:
        print(f"      {printable(error.fix)}", file=sys.stderr)


def parse(words: list[str]) -> argparse.Namespace:
    """Read a command line; `hean help COMMAND` is `hean COMMAND --help`. Raises UsageError."""
    common, rest = common_options(words)
    if rest[:1] == ["help"]:
        rest = [*rest[1:], "--help"]
    args, unknown = build_parser().parse_known_args(rest)
    if unknown:
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    args.common = common
    return args


def build_parser() -> Parser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="hean",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hean {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for name in COMMANDS:
        import_module(f"voice.commands.{name}").add_parser(subparsers)
    return parser


def common_options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Take out the options that may stand anywhere on the command line; return the rest too."""
    parser = Parser(prog="hean", add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_known_args(words)
