"""`hean keys`: whose bundles this device takes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import UsageError

_EXAMPLES = {
    "create": """\
  hean keys create flash-key                  flash-key (keep it secret) and flash-key.pub
Keep the private key away from the devices; each device trusts the .pub file alone.""",
    "trust": """\
  hean keys trust flash-key.pub               on the device: take bundles signed with this key""",
    "list": """\
  hean keys list                              the keys whose bundles this device takes""",
    "forget": """\
  hean keys forget flash-key                  take no more bundles signed with this key""",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    parser = subparsers.add_parser(
        "keys",
        help="whose bundles this device takes",
        description="Make keys to sign bundles with, and choose whose bundles this device takes.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    create = add_command(
        commands, "create", "make a key to sign bundles with", _create, _EXAMPLES["create"]
    )
    create.add_argument("file", type=Path, metavar="FILE")
    trust = add_command(
        commands, "trust", "take bundles signed with a key", _trust, _EXAMPLES["trust"]
    )
    trust.add_argument("file", type=Path, metavar="FILE.pub")
    add_command(commands, "list", "list the trusted keys", _list, _EXAMPLES["list"])
    forget = add_command(
        commands, "forget", "take no more bundles of a key", _forget, _EXAMPLES["forget"]
    )
    forget.add_argument("name", metavar="NAME")


def _create(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import create_key, public_path

    key, public = create_key(args.file), public_path(args.file)
    if args.json:
        print_json({"private": str(args.file), "public": str(public), "key": key})
    else:
        print(f"{args.file}: private key; keep it secret and away from the devices")
        print(f"{public}: public key {key[:16]}; on each device: hean keys trust {public.name}")
    return 0


def _trust(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.files import write_new
    from llm.knowledge.keys import PUBLIC_SUFFIX, read_public_key

    key = read_public_key(args.file)
    name = args.file.name.removesuffix(PUBLIC_SUFFIX)
    if key is None:
        raise UsageError(f"{args.file} is no Ed25519 public key", "hean keys create FILE makes one")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{args.file.name}: give the file a plain name", "for example owner.pub")
    target = config.flash_keys / f"{name}{PUBLIC_SUFFIX}"
    write_new(target, args.file.read_bytes())
    if args.json:
        print_json({"name": name, "file": str(target)})
    else:
        print(f"bundles signed with {name} are taken from now on")
    return 0


def _list(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import trusted_keys

    keys, unreadable = trusted_keys(config.flash_keys)
    rows = [{"name": name, "key": identity} for identity, (name, _) in keys.items()]
    if args.json:
        print_json({"folder": str(config.flash_keys), "keys": rows, "unreadable": unreadable})
        return 0
    for row in rows:
        print(f"{row['name']:24}{row['key'][:16]}")
    for name in unreadable:
        print(f"{name:24}is no public key")
    if not rows:
        print("no key is trusted: this device takes no bundles (hean keys trust FILE.pub)")
    return 0


def _forget(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import PUBLIC_SUFFIX

    path = config.flash_keys / f"{args.name}{PUBLIC_SUFFIX}"
    if not _NAME.fullmatch(args.name) or not path.is_file():
        raise UsageError(f"no key {args.name} is trusted", "hean keys list")
    path.unlink()
    if args.json:
        print_json({"forgotten": args.name})
    else:
        print(f"bundles signed with {args.name} are no longer taken; what is installed stays")
    return 0
