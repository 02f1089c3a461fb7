"""`hean kiosk pin`: set the PIN of the operator area."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import UsageError

_EXAMPLES = """\
  hean kiosk pin                              asks for it twice, and shows nothing
  hean kiosk pin --stdin < pin.txt            the first line, for scripts
6 to 16 digits. Only a hash (Argon2id) is kept. Setting a PIN anew also ends the wait after wrong
ones. The operator area is at http://127.0.0.1:8710/operator while `hean run` listens."""


def add_parser(commands: Any) -> None:
    """Register the sub-command of `hean kiosk`."""
    pin = add_command(commands, "pin", "set the PIN of the operator area", _run, _EXAMPLES)
    pin.add_argument("--stdin", action="store_true", help="read it from standard input")


def _run(args: argparse.Namespace, config: Config) -> int:
    from voice.operator.pin import Pin

    pin = Pin(config.kiosk_folder)
    changed = pin.is_set
    pin.set(_read(args.stdin))
    if args.json:
        print_json({"pin_set": True, "changed": changed})
    else:
        print("the PIN is changed" if changed else "the PIN is set")
    return 0


def _read(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(80).strip()
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask for the PIN", "hean kiosk pin --stdin")
    first = getpass.getpass("PIN, 6 to 16 digits: ").strip()
    if getpass.getpass("again: ").strip() != first:
        raise UsageError("the two PINs differ", "hean kiosk pin")
    return first
