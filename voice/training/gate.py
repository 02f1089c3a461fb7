"""The gate between training and use, for commands: which models, which rows, what to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.evaluate import Case
from llm.evaluate.measuring import Subject
from voice.config import Config
from voice.errors import InputError

if TYPE_CHECKING:
    from llm.evaluate.gate import Show
    from llm.evaluate.judging import Judge
    from llm.export.run import Run

ROWS = 48
"""Held-out rows that are asked: two to four minutes for a 0.5B model on two cores."""
EXIT_CODES = {"pass": 0, "no proven gain": 3, "worse": 4}
"""Exit code of each verdict, so that a script can stop before a model is used."""


@dataclass(frozen=True)
class Pair:
    """Two models to compare."""

    before: Subject
    after: Subject


def held_out(paths: Sequence[Path], most: int) -> list[Case]:
    """Return a fair share of the rows of files. Raises DataError, InputError: there are none."""
    from llm.data import read
    from llm.evaluate.cases import cases_of, fair_share

    rows = read(paths).rows
    if not rows:
        raise InputError(f"{paths[0]} holds no rows that can be asked", "hean data check FILE")
    return fair_share(cases_of(rows), most)


def judge_of(config: Config) -> Judge:
    """Return the judge that knows the words of the field."""
    from llm.evaluate.judging import Judge
    from voice.engines import knowledge_of

    return Judge(knowledge_of(config).vocabulary)


def pair_of(run: Run, config: Config) -> Pair:
    """Return a run's base and what was exported of it, the adapter first.

    Raises InputError: nothing was exported.
    """
    base = run.base if run.base.is_file() else run.export / "base-Q4_K_M.gguf"
    adapter = run.export / "adapter.gguf"
    models = sorted(run.export.glob("model-*.gguf"), key=lambda path: path.stat().st_size)
    fix = f"hean export {run.folder}"
    if adapter.is_file():
        return Pair(
            subject("base", base, None, config), subject("base + adapter", base, adapter, config)
        )
    if not models:
        raise InputError(f"nothing was exported of {run.folder}", fix)
    if not base.is_file():
        raise InputError(f"{base.name} is not there to compare with", "name it: --before FILE")
    return Pair(
        subject("base", base, None, config), subject(models[0].stem, models[0], None, config)
    )


def subject(name: str, model: Path, adapter: Path | None, config: Config) -> Subject:
    """Return a model to be measured as this machine is configured to run it."""
    return Subject(name, model, adapter, config.llm.threads, config.llm.context_tokens)


def compare(pair: Pair, cases: Sequence[Case], judge: Judge, show: Show) -> dict[str, Any]:
    """Ask both models and return the comparison for scripts and for the page."""
    from llm.evaluate.gate import as_json, ask, compared

    before, after = ask(pair.before, cases, show), ask(pair.after, cases, show)
    return as_json(compared(before, after, cases, judge))


def write_reports(result: dict[str, Any], json_path: Path | None, html_path: Path | None) -> None:
    """Write the comparison, whole or not at all. Raises ExportError."""
    from llm.export.files import write_json, write_text
    from voice.training.gate_page import page

    if json_path:
        write_json(json_path, result)
    if html_path:
        write_text(html_path, page(result))


@contextmanager
def progress(quiet: bool) -> Iterator[Show]:
    """Show on standard error which model is asked, and how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=Console(stderr=True), disable=quiet)
    tasks: dict[str, Any] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(f"asking {name}", total=total)
        bars.update(tasks[name], completed=done)

    with bars:
        yield show
