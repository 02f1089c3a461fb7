"""What `hean train` does: find the base, read and split the rows, train, write everything down."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llm.data import Problem, Row, read, split, write
from llm.data.doctor import examine
from llm.train.settings import Settings, preset
from llm.train.together import leads
from models.store import Store
from voice.config import Config
from voice.errors import InputError, UsageError

if TYPE_CHECKING:
    from llm.train.base import Base
    from llm.train.folder import RunFolder
    from llm.train.loop import Show

INSTALL = "./hean train does it by itself; elsewhere: pip install 'hean[train]'"
VALIDATION_SHARE = 0.1
_OF_A_MODEL = "q8_0"
"""What a whole model is exported as: refusals survive 8 bits better than 4."""
_VALIDATION_TIME = 1.1
"""Validation, forwards only and twice an epoch, adds a tenth."""


@dataclass(frozen=True)
class Plan:
    """A run before it begins."""

    base: Path
    settings: Settings
    train: Sequence[Row]
    valid: Sequence[Row]
    data: dict[str, str]
    """SHA-256 of each data file by its name."""
    warnings: tuple[str, ...] = ()
    """What to look at in the rows; nothing that forbids training."""


def prepare() -> None:
    """Make the process ready for torch. Raises UsageError: the training packages are missing."""
    from llm.train.hardware import calm_threads

    calm_threads()
    try:
        import peft
        import torch
        import transformers
    except ImportError as error:
        raise UsageError(f"training needs more packages: {error}", INSTALL) from error
    del peft, torch, transformers


def find_base(name: str, config: Config) -> Path:
    """Return the file or folder of a base: a path, or a model of the catalogue.

    Raises ModelStoreError, UsageError.
    """
    path = Path(name).expanduser()
    if path.exists():
        return path
    if os.sep in name or name.endswith(".gguf"):
        raise UsageError(f"{name}: no such file or folder", "name a model, a file or a folder")
    store = Store(config.store)
    model = store.catalog.model(name)
    if model.stage != "llm":
        raise UsageError(
            f"{name} is a model for {model.stage}, not for answers", "hean models list"
        )
    return store.resolve(name)["model"]


def settings_for(base: Path, method: str, objective: str) -> Settings:
    """Return the preset for a base of its size."""
    from llm.train.estimate import shape_of

    return preset(shape_of(base).parameters, method, objective)


def planned(data: Sequence[Path], base: Path, settings: Settings, rows: int | None) -> Plan:
    """Read and split the rows. Raises InputError, DataError: some cannot be used."""
    from llm.train.hardware import find_hardware

    found = read(data)
    _refuse(found.errors)
    chosen = list(found.rows)
    if rows is not None and rows < len(chosen):
        kept = sorted(Random(settings.seed).sample(range(len(chosen)), rows))
        chosen = [chosen[n] for n in kept]
    problems = examine(chosen)
    _refuse([problem for problem in problems if problem.level == "error"])
    train_rows, valid_rows = split(chosen, VALIDATION_SHARE, settings.seed)
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in data if path.is_file()
    }
    settings = replace(settings, dtype=find_hardware().dtype)
    warnings = tuple(map(str, problems))
    return Plan(base, settings, train_rows, valid_rows, hashes, warnings)


def _refuse(errors: Sequence[Problem]) -> None:
    if errors:
        raise InputError(
            f"{len(errors)} things forbid training on this data; {errors[0]}",
            errors[0].fix or "hean data check tells all that is wrong",
        )


def resumed(root: Path) -> Plan:
    """Return the plan of a run that was begun. Raises TrainingError, DataError."""
    from llm.train.folder import RunFolder

    folder = RunFolder(root)
    record = folder.read()
    if record["state"] == "done":
        raise UsageError(f"the run {root} is done", "hean eval model tells what came of it")
    train_rows, valid_rows = (
        read([folder.data / f"{part}.jsonl"]).rows for part in ("train", "valid")
    )
    settings = Settings(**record["settings"])
    return Plan(Path(record["base"]["path"]), settings, train_rows, valid_rows, record["data"])


def estimate(plan: Plan) -> dict[str, Any]:
    """Do one step and tell what the run will take. Raises TrainingError: too little memory."""
    from llm.train import TrainingError, run
    from llm.train.estimate import available_mb, needed_mb, peak_mb, shape_of
    from llm.train.folder import RunFolder
    from llm.train.hardware import find_hardware
    from llm.train.loop import Loop
    from llm.train.method import Trainable

    needed, free = needed_mb(shape_of(plan.base), plan.settings), available_mb()
    if needed > free:
        raise TrainingError(
            f"training needs about {needed:,.0f} MB of memory, {free:,.0f} MB are free",
            "take a smaller base, or close other programs",
        )
    hardware = find_hardware()
    base = run.load_for(plan.base, plan.settings, hardware)
    rows = run.encode_rows(plan.train, plan.valid, base, plan.settings)
    with TemporaryDirectory() as folder:
        trainable = Trainable(base, plan.settings, hardware)
        loop = Loop(trainable, rows, plan.settings, hardware, RunFolder(Path(folder)))
        step_s, tokens = loop.try_step()
    rehearsed = plan.settings.rehearse * plan.settings.epochs / plan.settings.batch_rows
    return {
        "rows": len(plan.train),
        "validation_rows": len(plan.valid),
        "everyday_questions": plan.settings.rehearse,
        "steps": loop.steps,
        "device": hardware.device,
        "dtype": plan.settings.dtype,
        "learning_rate": plan.settings.learning_rate,
        "tokens_per_s": round(tokens / step_s, 1),
        "minutes": round((loop.steps + rehearsed) * step_s * _VALIDATION_TIME / 60, 1),
        "peak_mb_estimated": round(needed),
        "peak_mb": round(peak_mb()),
    }


def train(plan: Plan, root: Path, say: Callable[[str], None] | None, show: Show) -> dict[str, Any]:
    """Train and return what came out. Raises TrainingError."""
    from llm.train import run
    from llm.train.folder import RunFolder
    from llm.train.hardware import cores, find_hardware
    from llm.train.runtime import check_runtime
    from llm.train.together import Together

    folder = RunFolder(root)
    if leads() and not folder.started:
        _start(folder, plan)
    hardware = find_hardware()
    base = run.load_for(plan.base, plan.settings, hardware)
    general = Together(hardware.device).of_leader(
        lambda: _general(folder, base, plan.settings.rehearse, say)
    )
    train_rows = [*plan.train, *general]
    rows = run.encode_rows(train_rows, plan.valid, base, plan.settings)
    asked = [base.template.render(row.messages[:-1]) for row in (*train_rows, *plan.valid)]
    check_runtime(base, asked, cores())
    state = run.train(folder, base, rows, plan.settings, hardware, show)
    return {
        "run": str(root),
        "result": str(folder.result),
        "rehearsed": len(general),
        "steps": state.step,
        "best_step": state.best_step,
        "valid_loss_before": round(state.first_valid_loss, 4),
        "valid_loss_after": round(state.best_loss, 4),
        "minutes": round(state.seconds / 60, 1),
    }


def _general(
    folder: RunFolder, base: Base, count: int, say: Callable[[str], None] | None
) -> Sequence[Row]:
    """Return what the base knows without training: asked once, then kept in the run."""
    from llm.train.rehearsal import GENERAL, rehearse

    file = folder.data / f"{GENERAL}.jsonl"
    if not count:
        return []
    if not file.exists():
        if say:
            say(f"the base answers {count} everyday questions, so that it does not forget them")
        write(rehearse(base, count), "messages", file)
    rows = read([file]).rows
    record = folder.read()
    record["rehearsed"] = {"file": file.name, "asked": count, "answered": len(rows)}
    folder.write(record)
    return rows


def prove(
    root: Path, config: Config, say: Callable[[str], None] | None, show: Callable[..., None]
) -> dict[str, Any]:
    """Export a finished run and compare it with its base on the rows that were held out.

    Raises ExportError, GenerationError.
    """
    from llm.export.exporter import ADAPTER
    from llm.export.run import open_run
    from voice.training.exporting import Job
    from voice.training.gate import ROWS, compare, held_out, judge_of, pair_of, write_reports

    opened = open_run(root)
    job = Job(opened, opened.export, config, True, say)
    made = job.make([ADAPTER if opened.has_adapter else _OF_A_MODEL])
    cases = held_out([root / "data" / "valid.jsonl"], ROWS)
    result = compare(pair_of(opened, config), cases, judge_of(config), show)
    page = root / "report.html"
    write_reports(result, root / "report.json", page)
    return {
        "verdict": result["verdict"],
        "reasons": result["reasons"],
        "files": [str(each.path) for each in made],
        "page": str(page),
    }


def _start(folder: RunFolder, plan: Plan) -> None:
    """Write down what a run begins with."""
    counts = {
        part: dict(Counter(row.kind or "not told" for row in rows))
        for part, rows in (("train", plan.train), ("valid", plan.valid))
    }
    write(plan.train, "messages", folder.data / "train.jsonl")
    write(plan.valid, "messages", folder.data / "valid.jsonl")
    record = {"data": plan.data, "rows": counts, "settings": asdict(plan.settings)}
    folder.write({"state": "prepared", "base": {"path": str(plan.base)}, **record})
