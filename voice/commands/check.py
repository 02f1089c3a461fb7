"""`hean check`: one screen that tells whether this machine is ready."""

from __future__ import annotations

import argparse
from typing import Any

from voice.commands.common import print_json
from voice.config import Config

_MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failure": "[red]✗[/]"}
_EPILOG = """\
A warning (!) leaves the program usable. A failure (✗) does not: the exit code is then that of
the program itself, for example 65 for missing models.

examples:
  hean check
  hean check --json                     for scripts
  hean check --set models.profile=pi    would it be ready with these models?
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "check",
        help="tell whether this machine is ready",
        description="Tell whether this machine is ready, and what to do where it is not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print one object for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Print all findings; return 0 or the exit code of the first failure."""
    from voice.readiness import findings

    found = list(findings(config))
    code = next((finding.exit_code for finding in found if finding.state == "failure"), 0)
    if args.json:
        rows = [finding.as_json() for finding in found]
        print_json({"ready": code == 0, "findings": rows})
    else:
        _show(found, ready=code == 0)
    return code


def _show(found: list[Any], ready: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    for finding in found:
        text = escape(finding.text.en) + (f"\n→ {escape(fix)}" if (fix := finding.fix.en) else "")
        table.add_row(_MARKS[finding.state], escape(finding.subject.en), text)
    console = Console(highlight=False)
    console.print(table)
    console.print("Ready." if ready else "Not ready: see ✗ above.", style="bold")
