"""`hean export`: from a training run to files that a device runs, each proved to say the same."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice.commands.common import print_json
from voice.config import Config
from voice.errors import UsageError

if TYPE_CHECKING:
    from llm.export.exporter import Exported

_EPILOG = """\
examples:
  hean export runs/2026-01-31-train                       the LoRA adapter, for the base as it is
  hean export runs/2026-01-31-train --to q8_0,q4_k_m      merged in fp32, then quantised
  hean export runs/2026-01-31-train --to smallest         the smallest that passes the gate
  hean export runs/2026-01-31-train --compare             a table of every form, asked the same rows
  hean ask --text 碘片什么时候吃 --set llm.adapter=runs/2026-01-31-train/export/adapter.gguf

Every file is compared with the trained model: the tokens of more than 1,000 lines, the
probabilities after 32 prompts, and a canary sentence word for word. What differs is deleted.
Quantised weights may lose the canary; then they are no candidate for `smallest`.

Beside the files: card.json (hashes, seed, versions, licence, what types the weights really have)
and a Modelfile for Ollama. With --compare also variants.json and variants.html.
"""
_SMALLEST, _ALL = "smallest", "all"
COMPARED_ROWS = 18
"""Rows of --compare: two minutes for each form of a 0.5B model on two cores."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "export",
        help="make GGUF files of a training run",
        description="Make GGUF files of a training run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--to",
        default="",
        metavar="A,B",
        help="adapter (default), f16, q8_0, q6_k, q5_k_m, q4_k_m, all, or smallest",
    )
    parser.add_argument("--base", type=Path, metavar="PATH", help="where the run's base is now")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: export/ in the run")
    parser.add_argument(
        "--no-imatrix", action="store_true", help="quantise without looking at the training data"
    )
    parser.add_argument(
        "--compare", action="store_true", help="measure every form on the same rows"
    )
    parser.add_argument(
        "--rows", type=int, default=COMPARED_ROWS, metavar="N", help="rows to ask each form (18)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, config: Config) -> int:
    """Export, and compare the forms if that is wanted."""
    from llm.export.run import open_run
    from voice.training.exporting import Job
    from voice.training.run import prepare

    kinds = _kinds(args.to, args.compare)
    if args.rows < 1:
        raise UsageError(f"--rows is {args.rows}; it must be 1 or more", "hean export --help")
    prepare()
    opened = open_run(args.folder, args.base)
    say = None if args.json else _say
    job = Job(opened, args.out or opened.export, config, not args.no_imatrix, say)
    made = job.smallest(args.rows) if kinds == [_SMALLEST] else job.make(kinds)
    variants = job.table(made, args.rows) if args.compare else []
    if args.json:
        files = [{**asdict(each), "path": str(each.path)} for each in made]
        print_json({"files": files, "variants": variants})
    else:
        _print(made, variants)
    return 0


def _kinds(to: str, compare: bool) -> list[str]:
    """Return the kinds of files to make. Raises UsageError: unknown ones."""
    from llm.export.exporter import ADAPTER, KINDS

    names = [name.strip().lower() for name in to.split(",") if name.strip()]
    if not names:
        names = [_ALL] if compare else [ADAPTER]
    if names == [_ALL]:
        return list(KINDS)
    if unknown := sorted(set(names) - set(KINDS)):
        if names == [_SMALLEST]:
            return names
        raise UsageError(
            f"unknown kind {unknown[0]!r}", f"use some of {', '.join(KINDS)}; or all, or smallest"
        )
    return names


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _print(made: Sequence[Exported], variants: Sequence[dict[str, Any]]) -> None:
    from llm.export.quantise import mix_text
    from voice.training.gate_page import VARIANT_HEAD, variant_row

    for each in made:
        print(f"{each.path}  {each.path.stat().st_size / 1e6:,.1f} MB")
        print(f"  weights: {mix_text(each.mix)}")
        if like := each.likeness:
            canary = "kept" if like.canary_kept else "lost"
            print(
                f"  same tokens on {like.lines} lines; after {like.prompts} prompts KL "
                f"{like.mean_kl:.4f} nats, same token {like.agreement:.0%}; canary {canary}"
            )
    if variants:
        rows = [VARIANT_HEAD, *(tuple(map(str, variant_row(v))) for v in variants)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
