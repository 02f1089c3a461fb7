"""`hean kb sign | verify-signature`: an authority stands in for what is spoken."""

from __future__ import annotations

import argparse
import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

from voice.commands.common import add_command, print_json
from voice.config import Config
from voice.errors import UsageError

_EXIT_UNFIT = 65
_MOST_DAYS = 3650
VALID_DAYS = 365
"""Plans are exercised and revised about once a year: then somebody reads the words again."""
_EXAMPLES = {
    "sign": """\
  hean keys create county-key                 once: county-key (keep it secret) and county-key.pub
  hean kb sign --key county-key --site "Example NPP" --authority "Example County"
  hean kb sign --key county-key --site "Example NPP" --local site.toml --valid-days 180
`site.toml` holds what is true at this site only: sirens, numbers, meeting points, shelters:
  [[entry]]
  id = "en.site.shelter"
  ask = ["Where is the nearest shelter?", "Where do I go?", "Which shelter?", "Is a shelter near?"]
  answer = "Go to the school basement."
It is spoken only while the signature fits, its key is trusted and its last day is not past.""",
    "verify-signature": """\
  hean kb verify-signature                    who signed, for which site, on which day?
  hean kb verify-signature --json
Exit status 65 unless the signature of a trusted key fits.""",
}


def add_parsers(commands: Any) -> None:
    """Register the sub-commands of `hean kb` that have to do with signatures."""
    sign = add_command(
        commands, "sign", "sign for what is spoken at a site", _sign, _EXAMPLES["sign"]
    )
    sign.add_argument("--key", type=Path, required=True, metavar="FILE")
    sign.add_argument("--site", required=True, metavar="NAME")
    sign.add_argument("--authority", default="", metavar="NAME")
    sign.add_argument("--local", type=Path, metavar="FILE.toml", help="entries of this site")
    sign.add_argument(
        "--valid-days",
        type=int,
        default=VALID_DAYS,
        metavar="N",
        help=f"days for which it counts; 0 = without end; default: {VALID_DAYS}",
    )
    add_command(
        commands,
        "verify-signature",
        "tell who signed, and whether it fits",
        _verify,
        _EXAMPLES["verify-signature"],
    )


def _sign(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge import load_knowledge
    from llm.knowledge.sign import sign
    from llm.knowledge.site import Site
    from voice.engines import knowledge_folder, own_folder

    site, authority = (" ".join(text.split()) for text in (args.site, args.authority))
    if not site:
        raise UsageError("--site is empty", "name the site that the signature is for")
    if not 0 <= args.valid_days <= _MOST_DAYS:
        raise UsageError(
            f"--valid-days is {args.valid_days}; it must be from 0 to {_MOST_DAYS}", "try 365"
        )
    own = own_folder(config)
    statement = sign(
        load_knowledge(knowledge_folder(config), own),
        Site(site, authority, date.today().isoformat()),
        args.key,
        own,
        args.local,
        valid_days=args.valid_days,
    )
    if args.json:
        print_json({"folder": str(own), **dataclasses.asdict(statement)})
    else:
        until = f", valid until {statement.valid_until}" if statement.valid_until else ""
        print(
            f"signed for {statement.site} on {statement.date}{until} "
            f"with the key {statement.key[:16]}"
        )
        print(f"      {own}")
    return 0


def _verify(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge.sign import SIGNED
    from voice.engines import signed_knowledge_of

    approval = signed_knowledge_of(config).approval
    if args.json:
        print_json(dataclasses.asdict(approval))
    else:
        print(approval.text)
    return 0 if approval.state == SIGNED else _EXIT_UNFIT
