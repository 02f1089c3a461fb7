"""`hean keys`: whose texts are spoken here, and whose bundles are taken."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import InputError, UsageError

_EXAMPLES = {
    "create": """\
  hean keys create county-key                 county-key (keep it secret) and county-key.pub
Keep the private key away from the devices; each device trusts the .pub file alone.""",
    "trust": """\
  hean keys trust flash-key.pub               on the device: take bundles signed with this key
  hean keys trust county-key.pub --for texts  on the device: speak what this authority signed""",
    "list": """\
  hean keys list                              the keys this device trusts, and for what""",
    "forget": """\
  hean keys forget flash-key                  take no more bundles signed with this key
  hean keys forget county-key --for texts     speak no more local texts signed with this key""",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_PURPOSES = ("bundles", "texts")


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "keys",
        "whose texts are spoken, and whose bundles are taken",
        "Make keys to sign texts and bundles with, and choose whose are trusted here.",
    )
    create = add_command(
        commands, "create", "make a key to sign with", _create, _EXAMPLES["create"]
    )
    create.add_argument("file", type=Path, metavar="FILE")
    trust = add_command(commands, "trust", "trust a key from now on", _trust, _EXAMPLES["trust"])
    trust.add_argument("file", type=Path, metavar="FILE.pub")
    add_command(commands, "list", "list the trusted keys", _list, _EXAMPLES["list"])
    forget = add_command(commands, "forget", "trust a key no longer", _forget, _EXAMPLES["forget"])
    forget.add_argument("name", metavar="NAME")
    for command in (trust, forget):
        command.add_argument(
            "--for",
            dest="purpose",
            choices=_PURPOSES,
            default="bundles",
            help="bundles to install (default), or texts that an authority signed for its site",
        )


def _create(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import create_key, public_path

    key, public = create_key(args.file), public_path(args.file)
    if args.json:
        print_json({"private": str(args.file), "public": str(public), "key": key})
    else:
        print(f"{args.file}: private key; keep it secret and away from the devices")
        print(
            f"{public}: public key {key[:16]}; on each device, to take bundles or to speak texts:"
        )
        print(f"      hean keys trust {public.name} [--for texts]")
    return 0


def _trust(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.files import write_new
    from llm.knowledge.keys import PUBLIC_SUFFIX, read_public_key

    if not args.file.is_file():
        raise InputError(f"{args.file}: no such file", "bring the .pub file of a key")
    key = read_public_key(args.file)
    name = args.file.name.removesuffix(PUBLIC_SUFFIX)
    if key is None:
        raise UsageError(f"{args.file} is no Ed25519 public key", "hean keys create FILE makes one")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{args.file.name}: give the file a plain name", "for example owner.pub")
    target = _folder(config, args.purpose) / f"{name}{PUBLIC_SUFFIX}"
    write_new(target, args.file.read_bytes())
    if args.json:
        print_json({"name": name, "for": args.purpose, "file": str(target)})
    else:
        print(f"{args.purpose} signed with {name} are trusted from now on")
    return 0


def _list(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import trusted_keys

    found = {purpose: trusted_keys(_folder(config, purpose)) for purpose in _PURPOSES}
    rows = [
        {"name": name, "for": purpose, "key": identity}
        for purpose, (keys, _) in found.items()
        for identity, (name, _) in keys.items()
    ]
    unreadable = [
        {"name": name, "for": purpose} for purpose, (_, names) in found.items() for name in names
    ]
    if args.json:
        folders = {purpose: str(_folder(config, purpose)) for purpose in _PURPOSES}
        print_json({"folders": folders, "keys": rows, "unreadable": unreadable})
        return 0
    for row in rows:
        print(f"{row['name']:24}{row['for']:9}{row['key'][:16]}")
    for row in unreadable:
        print(f"{row['name']:24}{row['for']:9}is no public key")
    if not rows:
        print("no key is trusted: this device takes no bundles (hean keys trust FILE.pub)")
    return 0


def _forget(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.keys import PUBLIC_SUFFIX

    path = _folder(config, args.purpose) / f"{args.name}{PUBLIC_SUFFIX}"
    if not _NAME.fullmatch(args.name) or not path.is_file():
        raise UsageError(f"no key {args.name} is trusted for {args.purpose}", "hean keys list")
    path.unlink()
    if args.json:
        print_json({"forgotten": args.name, "for": args.purpose})
    elif args.purpose == "bundles":
        print(f"bundles signed with {args.name} are no longer taken; what is installed stays")
    else:
        print(f"texts signed with {args.name} are no longer trusted here")
    return 0


def _folder(config: Config, purpose: str) -> Path:
    from voice.engines import trusted_keys_folder

    return config.flash_keys if purpose == "bundles" else trusted_keys_folder(config)
