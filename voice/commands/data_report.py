"""What `hean data` says about problems and counts."""

from __future__ import annotations

import argparse
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from voice.commands.common import print_json
from voice.terminal import printable

if TYPE_CHECKING:
    from llm.data import Problem

_T = TypeVar("_T")
_EXIT_WRONG = 65
_SHOWN = 5
"""Problems of one kind that are named, unless all are wanted."""
_STEP = 500


def print_report(
    args: argparse.Namespace, counts: Mapping[str, int], problems: Sequence[Problem]
) -> int:
    """Print counts and problems; return the exit status."""
    errors = sum(problem.level == "error" for problem in problems)
    if args.json:
        told = [_as_json(problem) for problem in problems]
        print_json({"counts": dict(counts), "errors": errors, "problems": told})
        return _EXIT_WRONG if errors else 0
    _print_groups(problems, args.all)
    found, read, unread = (counts[name] for name in ("found", "read", "unread"))
    print(f"{found} rows found = {read} usable + {unread} that cannot be used")
    for title in ("format", "kind", "language"):
        shares = {n.partition(".")[2]: c for n, c in counts.items() if n.startswith(f"{title}.")}
        print(f"{title + 's':10}" + ", ".join(f"{name} {count}" for name, count in shares.items()))
    if counts.get("longest_tokens"):
        print(f"longest   {counts['longest_tokens']} tokens")
    verdict = "not fit for training" if errors else "fit for training"
    print(f"{verdict}: {errors} errors, {len(problems) - errors} warnings")
    return _EXIT_WRONG if errors else 0


def print_problems(args: argparse.Namespace, problems: Sequence[Problem], end: str) -> None:
    """Print problems that stop a command, and what that means."""
    if args.json:
        print_json({"problems": [_as_json(problem) for problem in problems], "written": {}})
        return
    _print_groups(problems, everything=False)
    print(end)


def _print_groups(problems: Iterable[Problem], everything: bool) -> None:
    groups: dict[tuple[str, str], list[Problem]] = defaultdict(list)
    for problem in problems:
        groups[problem.level, problem.code].append(problem)
    for (level, code), found in sorted(groups.items()):
        shown = found if everything else found[:_SHOWN]
        for problem in shown:
            print(printable(f"{level:8}{problem} [{code}]"))
        if len(found) > len(shown):
            print(f"        … and {len(found) - len(shown)} more of these: --all")
        if found[0].fix:
            print(printable(f"        → {found[0].fix}"))


def _as_json(problem: Problem) -> dict[str, Any]:
    fields = dataclasses.asdict(problem)
    origin = fields.pop("origin")
    return {**fields, "path": str(origin["path"]), "line": origin["line"], "row": origin["row"]}


def counted(rows: Iterable[_T], quiet: bool) -> Iterator[_T]:
    """Pass many rows on, and show on a terminal how far it is."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield from rows
        return
    with console.status("") as status:
        for number, item in enumerate(rows, 1):
            if number % _STEP == 0:
                status.update(f"{number:,} rows")
            yield item
