"""`hean config`: print the configuration as a commented file."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from voice.commands.common import print_json
from voice.config import Config
from voice.config_file import print_config

_EPILOG = """\
examples:
  hean config > hean.toml                     a file to edit
  hean config --config hean.toml              check it and see what holds
  hean config --set tts.speed=0.9 --json      for scripts
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "config",
        help="print all settings with their meaning",
        description="Print all settings with their meaning, as a file that can be edited.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print an object for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Print the configuration."""
    if args.json:
        print_json(dataclasses.asdict(config))
    else:
        print(print_config(config), end="")
    return 0
