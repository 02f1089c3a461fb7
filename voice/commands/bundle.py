"""`hean bundle`: pack what a device is to use into one signed file, and look into such files."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, add_group, print_json
from voice.commands.files import read_text
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from llm.flash.bundle import Bundle
    from llm.flash.manifest import GoldenQuestion
    from voice.flash.making import Parts, Terms

_EXAMPLES = {
    "create": """\
  hean bundle create new.hean --key flash-key --run runs/2026-05-01-iodine
  hean bundle create new.hean --key flash-key --model m.gguf --adapter a.gguf --base-on-device
  hean bundle create new.hean --key flash-key --model m.gguf --knowledge my-knowledge
The model is tried here first: what it says is what devices compare with. A bundle with
--base-on-device (a run with an adapter: always) holds the adapter alone, a few MB.""",
    "inspect": """\
  hean bundle inspect new.hean                what it says of itself; the signature must hold
  hean bundle inspect new.hean --json         the whole manifest""",
    "verify": """\
  hean bundle verify new.hean                 read all of it and compare every hash""",
}


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "bundle",
        "pack a model for devices into one signed file",
        "Pack a model for devices into one signed file, and look into such files.",
    )
    _add_create(commands)
    for name, text, run in (
        ("inspect", "show what a bundle says of itself", _inspect),
        ("verify", "read a whole bundle and compare every hash", _verify),
    ):
        command = add_command(commands, name, text, run, _EXAMPLES[name])
        command.add_argument("file", type=Path, metavar="BUNDLE")


def _add_create(commands: Any) -> None:
    create = add_command(commands, "create", "make a signed bundle", _create, _EXAMPLES["create"])
    add = create.add_argument
    add("file", type=Path, metavar="BUNDLE")
    add("--key", type=Path, required=True, metavar="FILE", help="private key (hean keys create)")
    add("--run", dest="run_folder", type=Path, metavar="FOLDER", help="a training run, whole")
    add("--model", type=Path, metavar="FILE.gguf")
    add("--adapter", type=Path, metavar="FILE.gguf", help="LoRA adapter laid over the model")
    add("--base-on-device", action="store_true", help="leave the model out: devices have it")
    add("--knowledge", type=Path, metavar="FOLDER", help="a whole knowledge base")
    add("--wake-words", type=Path, metavar="FILE.toml")
    add("--name", default="hean", help="name of the line of bundles (hean)")
    add("--version", type=int, default=0, metavar="N", help="must rise (default: the time)")
    add("--device", action="append", metavar="PATTERN", help="host names or boards (all)")
    add("--expires", default="", metavar="DATE", help="last day of installation")
    add("--cpu-feature", action="append", default=[], metavar="NAME", help="as in /proc/cpuinfo")
    add("--licence", default="", metavar="NAME")
    add("--questions", type=Path, metavar="FILE.tsv", help="golden questions: question, language")
    add("--min-tokens-per-s", type=float, default=2.0, metavar="N", help="slower fails (2)")
    add("--max-memory-mb", type=float, default=0.0, metavar="N", help="default: as measured here")
    add(
        "--ready-s", type=float, default=60.0, metavar="S", help="later, the old model is back (60)"
    )


def _create(args: argparse.Namespace, config: Config) -> int:
    from voice.flash.making import create

    manifest = create(args.file, _parts(args), _terms(args), args.key, config)
    size = args.file.stat().st_size
    if args.json:
        row = {"file": str(args.file), "bytes": size, "version": manifest.version}
        print_json({**row, "name": manifest.name})
    else:
        print(f"{args.file}: {manifest.name} version {manifest.version}, {size / 1e6:,.1f} MB")
    return 0


def _parts(args: argparse.Namespace) -> Parts:
    from voice.flash.making import Parts, parts_of_run

    parts = parts_of_run(args.run_folder, args.model) if args.run_folder else Parts()
    named = {
        "model": args.model,
        "adapter": args.adapter,
        "knowledge": args.knowledge,
        "wake_words": args.wake_words,
    }
    chosen = replace(parts, **{name: path for name, path in named.items() if path})
    if chosen.adapter and not chosen.model:
        raise UsageError("--adapter needs the model that it is laid over", "name it with --model")
    return replace(chosen, base_on_device=parts.base_on_device or args.base_on_device)


def _terms(args: argparse.Namespace) -> Terms:
    from llm.flash.manifest import Health
    from voice.flash.making import Terms

    questions = _questions(args.questions) if args.questions else ()
    try:
        health = Health(
            questions=questions,
            min_tokens_per_s=args.min_tokens_per_s,
            max_memory_mb=args.max_memory_mb,
            ready_s=args.ready_s,
        )
    except ValueError as error:
        raise UsageError(str(error), "hean bundle create --help") from error
    return Terms(
        args.name,
        args.version,
        tuple(args.device or ("*",)),
        args.expires,
        tuple(args.cpu_feature),
        args.licence,
        health,
    )


def _questions(path: Path) -> tuple[GoldenQuestion, ...]:
    """Read golden questions; what the answer path makes of them here is what is signed."""
    from llm.flash.manifest import GoldenQuestion

    text = read_text(path, "name a file of lines: question, tab, language")
    rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    if any(len(row) != 2 or row[1] not in ("zh", "en") for row in rows):
        raise UsageError(f"{path}: each line must be: question, tab, zh or en")
    return tuple(GoldenQuestion(text, language, "") for text, language in rows)


def _inspect(args: argparse.Namespace, config: Config) -> int:
    bundle = _open(args.file, config)
    manifest = bundle.manifest
    if args.json:
        print_json({"id": bundle.head.id, "key": bundle.head.key_name, **asdict(manifest)})
        return 0
    print(f"{manifest.name} version {manifest.version}, made on {manifest.created}")
    print(f"signed with {bundle.head.key_name}; slot {bundle.head.id[:16]}")
    print(f"for {', '.join(manifest.devices)}; expires {manifest.expires or 'never'}")
    print(f"needs hean {manifest.min_software}; licence {manifest.licence or 'not told'}")
    if manifest.verdict:
        print(f"evaluated: {manifest.verdict} {json.dumps(manifest.evaluation)}")
    for file in manifest.files:
        if file.role != "knowledge":
            print(f"{file.bytes / 1e6:>10,.1f} MB  {file.path} (from the {file.origin})")
    if entries := manifest.of_role("knowledge"):
        print(f"{sum(f.bytes for f in entries) / 1e6:>10,.1f} MB  knowledge, {len(entries)} files")
    return 0


def _verify(args: argparse.Namespace, config: Config) -> int:
    bundle = _open(args.file, config)
    bundle.verify()
    if args.json:
        print_json({"id": bundle.head.id, "key": bundle.head.key_name, "whole": True})
    else:
        print(f"whole, signed with {bundle.head.key_name}")
    return 0


def _open(path: Path, config: Config) -> Bundle:
    from llm.flash.bundle import open_bundle
    from voice.flash.device import trusted

    return open_bundle(path, trusted(config))
