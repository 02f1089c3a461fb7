"""`hean audit`: see, check, export and prune what was asked and answered."""

from __future__ import annotations

import argparse
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import add_command, add_group, print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from voice.audit.chain import Report, Row
    from voice.audit.log import AuditLog

_EXAMPLES = {
    "show": """\
  hean audit show                             the last 20 turns
  hean audit show --since 2026-01-31          since that day, local time
  hean audit show --decision refuse --json    for scripts""",
    "verify": """\
  hean audit verify                           has any row been changed, removed, moved, put in?
  hean audit verify --head 3f9a0c5e81d2b746   is the head noted elsewhere still in the log?
Exit status 65 and the row where the chain breaks if something is wrong.

Who may write the file can also rebuild all of it, cut off its end together with the noted head,
put back an older copy, or delete it. That is found only by --head: write down the head that
this command prints (its first 16 digits are enough), or keep an export elsewhere.""",
    "export": """\
  hean audit export audit.jsonl               the SHA-256 of each line is `previous` of the next
  hean audit export --csv audit.csv           for a spreadsheet""",
    "prune": """\
  hean audit prune                                  delete what is older than audit.keep_days
  hean audit prune --set audit.keep_days=30         older than 30 days
The row that is added says how far the log was deleted and carries the last hash, so that the
rest can still be verified.""",
}
_EXIT_DAMAGED = 65
_HEAD = re.compile(r"[0-9a-f]{16,64}")


def add_parser(subparsers: Any) -> None:
    """Register the command and its sub-commands."""
    commands = add_group(
        subparsers,
        "audit",
        "see, check, export and prune the record of all turns",
        "See, check, export and prune the record of all turns.",
    )
    show = add_command(commands, "show", "show the newest turns", _show, _EXAMPLES["show"])
    show.add_argument("--last", type=int, default=20, metavar="N", help="how many (20)")
    show.add_argument("--since", metavar="DATE", help="for example 2026-01-31 or 2026-01-31T08:00")
    show.add_argument("--decision", metavar="WORD", help="verbatim, grounded, refuse, ...")
    verify = add_command(
        commands,
        "verify",
        "check that no row was changed, removed or put in",
        _verify,
        _EXAMPLES["verify"],
    )
    verify.add_argument("--head", default="", metavar="HASH", help="a head noted elsewhere")
    export = add_command(
        commands, "export", "write all rows to a new file", _export, _EXAMPLES["export"]
    )
    export.add_argument(
        "--csv",
        action="store_true",
        help="for a spreadsheet, instead of JSON lines that can be verified again",
    )
    export.add_argument("file", type=Path, metavar="FILE")
    add_command(
        commands,
        "prune",
        "delete rows that are older than audit.keep_days",
        _prune,
        _EXAMPLES["prune"],
    )


def _show(args: argparse.Namespace, config: Config) -> int:
    from llm.knowledge import DECISIONS
    from voice.audit.log import Selection

    known = (*DECISIONS, "grounded")
    if args.last < 1:
        raise UsageError(f"--last {args.last}: must be 1 or more")
    if args.decision and args.decision not in known:
        raise UsageError(f"--decision {args.decision}: must be one of {', '.join(known)}")
    since = _date(args.since) if args.since else None
    rows = _log(config).select(Selection(args.last, since, args.decision or ""))
    if args.json:
        print_json([{**row.fields, "hash": row.hash} for row in rows])
    elif not rows:
        print("no turn is recorded, or none fits")
    for row in rows if not args.json else ():
        print("\n".join(_lines(row)))
    return 0


def _verify(args: argparse.Namespace, config: Config) -> int:
    noted = args.head.strip().lower()
    if noted and not _HEAD.fullmatch(noted):
        raise UsageError(
            f"--head {args.head}: not a hash", "at least its first 16 digits: 0 to 9, a to f"
        )
    log = _log(config)
    report = log.verify(noted)
    if args.json:
        print_json(_as_json(report))
    else:
        print("\n".join(_summary(report, log.path)))
    return _EXIT_DAMAGED if report.faults else 0


def _export(args: argparse.Namespace, config: Config) -> int:
    from voice.audit.export import export

    head = export(_log(config).rows(), args.file, "csv" if args.csv else "jsonl")
    if args.json:
        print_json({"file": str(args.file), "last_row": head.id, "head": head.hash})
    else:
        print(f"{args.file}: all rows up to row {head.id}\nhead {head.hash}")
    return 0


def _prune(args: argparse.Namespace, config: Config) -> int:
    row = _log(config).prune()
    through = row.fields["pruned_through"] if row else 0
    if args.json:
        print_json({"pruned_through": through, "row": row.id if row else None})
    elif row:
        print(f"deleted all rows up to row {through}; row {row.id} says so")
    elif config.audit.keep_days:
        print(f"no row is older than {config.audit.keep_days} days")
    else:
        print("nothing is deleted: audit.keep_days is 0")
    return 0


def _log(config: Config) -> AuditLog:
    from voice.audit.log import AuditLog

    return AuditLog(config.audit_file, config.audit)


def _date(text: str) -> datetime:
    try:
        # Python 3.10 does not know Z. Without a zone it is local time.
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since {text}: not a date", "for example 2026-01-31 or 2026-01-31T08:00"
        ) from error


def _lines(row: Row) -> list[str]:
    fields = row.fields
    names = ("source", "decision", "outcome", "error_code")
    what = [_printable(fields[name]) for name in names if fields.get(name)]
    lines = [f"{row.id}  {_local(fields.get('started_at'))}  {' · '.join(what)}"]
    if fields.get("kind") == "prune":
        lines[0] += f"rows up to {fields.get('pruned_through')} deleted by retention"
    if fields.get("kind") == "flash":
        how = "flashed" if fields.get("good") else f"not kept: {fields.get('reason')}"
        lines[0] += _printable(f"{fields.get('name')} version {fields.get('version')}: {how}")
    if fields.get("kind") == "clock":
        lines[0] += _printable(f"times are wrong: {fields.get('reason')}")
    for name in ("heard", "understood", "answer"):
        text = fields.get(name)
        if text and not (name == "understood" and text == fields.get("heard")):
            lines.append(f"    {name:<11}{_printable(text)}")
    return lines if row.intact else [*lines, "    ! changed after it was written"]


def _local(started_at: object) -> str:
    try:
        time = datetime.fromisoformat(str(started_at).replace("Z", "+00:00"))
    except ValueError:
        return "?"
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _printable(text: object) -> str:
    """Return a text without characters that would command a terminal."""
    if isinstance(text, dict):
        return f"({text.get('chars')} characters, SHA-256 {str(text.get('sha256'))[:16]}…)"
    return "".join(c if c.isprintable() else " " for c in str(text))


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "ok": not report.faults,
        "rows": report.rows,
        "pruned_through": report.pruned.id,
        "last_row": report.newest.id,
        "head": report.newest.hash,
        "noted_row": report.noted_row,
        "faults": [{"row": fault.row, "problem": fault.problem} for fault in report.faults],
    }


def _summary(report: Report, path: Path) -> list[str]:
    if report.faults:
        return [
            f"row {fault.row}: {fault.problem}" if fault.row else f"the log: {fault.problem}"
            for fault in report.faults
        ]
    if not report.newest.id:
        return [f"nothing is recorded in {path}, or all of it was removed"]
    rows = "1 row" if report.rows == 1 else f"{report.rows} rows"
    lines = [f"{rows}, none changed, removed, moved or put in"]
    if report.pruned.id:
        lines.append(f"rows up to {report.pruned.id} were deleted by retention")
    if report.noted_row is not None:
        after = report.newest.id - report.noted_row
        lines.append(f"the head noted elsewhere is row {report.noted_row}; {after} came after it")
    return [*lines, f"head {report.newest.hash}"]
