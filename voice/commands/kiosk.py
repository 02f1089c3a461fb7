"""`hean kiosk`: who may use the screen and the interface."""

from __future__ import annotations

import argparse
from typing import Any

from voice.commands import kiosk_pin
from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import UsageError

_SCOPES = ("ask", "operate", "admin")
_MOST_DAYS = 3650
_EXAMPLES = {
    "create": """\
  hean kiosk token create hall-screen                   may ask and watch
  hean kiosk token create home-assistant --scope operate --days 365
  TOKEN=$(hean kiosk token create script --plain)       the token alone, for scripts
The token is shown once: only a hash of it is stored.
Programs send it as `Authorization: Bearer TOKEN`; a browser asks for it once, at /login.
scopes: ask (questions, events, metrics) < operate (also aloud, volume, stop) < admin (also the
operator area, behind its PIN)""",
    "list": """\
  hean kiosk token list                                 names, scopes, when made and last used""",
    "revoke": """\
  hean kiosk token revoke hall-screen                   at once, without a restart""",
    "certificate": """\
  hean kiosk certificate                                for this machine's names and addresses
  hean kiosk certificate --name kiosk.example --name 192.0.2.7
  hean kiosk certificate --replace                      before it expires
Browsers warn of a certificate that nobody else has signed: compare the fingerprint, then accept.
One of your own authority is named by kiosk.certificate and kiosk.key.""",
}


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "kiosk",
        "who may use the screen and the interface",
        "Choose who may use the screen and the interface of `hean run`.",
    )
    kiosk_pin.add_parser(commands)
    _add_token(commands)
    certificate = add_command(
        commands,
        "certificate",
        "make a self-signed certificate for other machines",
        _certificate,
        _EXAMPLES["certificate"],
    )
    certificate.add_argument("--name", action="append", metavar="HOST|ADDRESS")
    certificate.add_argument("--replace", action="store_true", help="instead of the one there is")


def _add_token(commands: Any) -> None:
    parser = commands.add_parser("token", help="let programs and screens of other machines in")
    tokens = parser.add_subparsers(metavar="COMMAND")
    create = add_command(tokens, "create", "make a token", _create, _EXAMPLES["create"])
    create.add_argument("name", metavar="NAME")
    create.add_argument("--scope", choices=_SCOPES, default=_SCOPES[0], help="default: ask")
    create.add_argument("--days", type=int, default=0, metavar="N", help="0 = for ever (default)")
    create.add_argument("--plain", action="store_true", help="print the token and nothing else")
    add_command(tokens, "list", "list the tokens", _list, _EXAMPLES["list"])
    revoke = add_command(tokens, "revoke", "let a token in no more", _revoke, _EXAMPLES["revoke"])
    revoke.add_argument("name", metavar="NAME")


def _create(args: argparse.Namespace, config: Config) -> int:
    from voice.kiosk.tokens import TokenFile

    if not 0 <= args.days <= _MOST_DAYS:
        raise UsageError(f"--days is {args.days}", f"give a number from 0 to {_MOST_DAYS}")
    secret = TokenFile(config.kiosk_folder).create(args.name, args.scope, args.days)
    if args.json:
        print_json({"name": args.name, "scope": args.scope, "token": secret})
    elif args.plain:
        print(secret)
    else:
        print(secret)
        print(f"this is the token {args.name} ({args.scope}); it is not shown again")
    return 0


def _list(args: argparse.Namespace, config: Config) -> int:
    from voice.kiosk.keyring import last_used
    from voice.kiosk.tokens import TokenFile

    tokens, used = TokenFile(config.kiosk_folder).tokens(), last_used(config.kiosk_folder)
    rows: list[dict[str, str]] = [
        {
            "name": one.name,
            "scope": one.scope,
            "created": one.created,
            "used": used[one.digest].isoformat() if one.digest in used else "",
            "expires": one.expires,
        }
        for one in tokens
    ]
    if args.json:
        print_json({"tokens": rows})
        return 0
    for one, row in zip(tokens, rows, strict=True):
        seen = f"used {row['used'][:16].replace('T', ' ')} UTC" if row["used"] else "never used"
        ends = f"expires {one.expires[:10]}" if one.expires else "for ever"
        ends = "expired" if one.expired() else ends
        print(f"{one.name:24}{one.scope:9}made {one.created[:10]}  {seen:26}{ends}")
    if not tokens:
        print("there is no token: only this machine is let in (hean kiosk token create NAME)")
    return 0


def _revoke(args: argparse.Namespace, config: Config) -> int:
    from voice.kiosk.tokens import TokenFile

    TokenFile(config.kiosk_folder).revoke(args.name)
    if args.json:
        print_json({"revoked": args.name})
    else:
        print(f"the token {args.name} lets nobody in any more")
    return 0


def _certificate(args: argparse.Namespace, config: Config) -> int:
    from voice.kiosk.tls import CERTIFICATE, make_certificate, own_names

    names = args.name or own_names(config.kiosk.all_names)
    fingerprint = make_certificate(config.kiosk_folder, names, args.replace)
    file = config.kiosk_folder / CERTIFICATE
    if args.json:
        print_json({"certificate": str(file), "names": names, "fingerprint": fingerprint})
    else:
        print(f"{file}: good for {', '.join(names)}")
        print(f"fingerprint (SHA-256): {fingerprint}")
        print("other machines are served from the next start with kiosk.address = 0.0.0.0")
    return 0
