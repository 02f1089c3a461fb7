"""What commands with sub-commands share."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from voice.config import Config


def add_group(subparsers: Any, name: str, text: str, description: str) -> Any:
    """Register a command with its help text; return where its sub-commands are added."""
    parser = subparsers.add_parser(
        name,
        help=text,
        description=description,
        epilog=f"`hean {name} COMMAND --help` shows examples.",
    )
    return parser.add_subparsers(metavar="COMMAND")


def add_command(
    commands: Any,
    name: str,
    text: str,
    run: Callable[[argparse.Namespace, Config], int],
    examples: str,
) -> argparse.ArgumentParser:
    """Register a sub-command with its help text, its examples and --json."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.set_defaults(run=run)
    return parser


def print_json(value: object) -> None:
    """Print a value for scripts."""
    print(json.dumps(value, ensure_ascii=False, indent=2))
