"""Make a bundle: of a training run, or of files that are named one by one."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from llm.files import place
from llm.flash import FlashError
from llm.flash.bundle import hash_of, load_private_key, write_bundle
from llm.flash.manifest import (
    ADAPTER,
    BUNDLED,
    CARD,
    KNOWLEDGE,
    MODEL,
    ON_DEVICE,
    REPORT,
    WAKE_WORDS,
    BundledFile,
    Health,
    Manifest,
)
from llm.flash.traits import prompts_sha256, traits_of
from llm.knowledge import load_knowledge
from voice import __version__
from voice.config import Config
from voice.errors import cause
from voice.flash.health import measure

_KNOWLEDGE_FILES = ("*.toml", "sources/*.toml", "zh/*.toml", "en/*.toml")
_PLAIN = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True)
class Parts:
    """What goes into a bundle; None = it does not."""

    model: Path | None = None
    adapter: Path | None = None
    knowledge: Path | None = None
    """Folder of a knowledge base."""
    wake_words: Path | None = None
    card: Path | None = None
    report: Path | None = None
    base_on_device: bool = False
    """The model is on the device already: the bundle names it by its hash and stays small."""


@dataclass(frozen=True)
class Terms:
    """What a bundle asks of devices."""

    name: str = "hean"
    version: int = 0
    """0 = seconds since 1970, which rise by themselves."""
    devices: tuple[str, ...] = ("*",)
    expires: str = ""
    cpu_features: tuple[str, ...] = ()
    licence: str = ""
    health: Health = Health(min_tokens_per_s=2.0)
    """Limits; what is still empty of it is measured here."""


def parts_of_run(run: Path, base: Path | None = None) -> Parts:
    """Return what a training run has made: its adapter over the base it was trained on, or its
    own model. `base` names the GGUF file of the base where the run does not.

    Raises FlashError.
    """
    export = run / "export"
    card, report = _if_there(export / "card.json"), _if_there(run / "report.json")
    adapter = _if_there(export / "adapter.gguf")
    if adapter is None:
        models = sorted(export.glob("model-*.gguf"))
        if not models:
            raise FlashError("base", f"{run} has no export", f"hean export {run}")
        return Parts(model=models[0], card=card, report=report)
    return Parts(base or _base_of(run), adapter, card=card, report=report, base_on_device=True)


def create(target: Path, parts: Parts, terms: Terms, key: Path, config: Config) -> Manifest:
    """Try the parts here, and write a signed bundle of them; whole or not at all.

    Raises FlashError, HealthFault.
    """
    private = load_private_key(key)
    sources = dict(_sources(parts))
    if not sources:
        raise FlashError("format", "there is nothing to put into the bundle", "name a model")
    files = tuple(_listed(path, role, source, parts) for path, (role, source) in sources.items())
    manifest = _manifest(files, parts, terms, _health(parts, terms, config))
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            write_bundle(file, manifest, {p: source for p, (_, source) in sources.items()}, private)
        place(partial, target)
    except OSError as error:
        raise FlashError("disk", f"{target} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def _sources(parts: Parts) -> list[tuple[str, tuple[str, Path]]]:
    """Return role and source of each file by its path in the slot."""
    single = (
        (MODEL, parts.model),
        (ADAPTER, parts.adapter),
        (WAKE_WORDS, parts.wake_words),
        (CARD, parts.card),
        (REPORT, parts.report),
    )
    found = [
        (f"{role}/{_PLAIN.sub('-', path.resolve().name)}", (role, path))
        for role, path in single
        if path
    ]
    for pattern in _KNOWLEDGE_FILES if parts.knowledge else ():
        for path in sorted((parts.knowledge or Path()).glob(pattern)):
            name = f"{KNOWLEDGE}/{path.relative_to(parts.knowledge or Path()).as_posix()}"
            found.append((name, (KNOWLEDGE, path)))
    return found


def _listed(path: str, role: str, source: Path, parts: Parts) -> BundledFile:
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            digest = hash_of(file, size)
    except OSError as error:
        raise FlashError("format", f"{source} cannot be read: {error.strerror}") from error
    origin = ON_DEVICE if role == MODEL and parts.base_on_device else BUNDLED
    return BundledFile(path, role, size, digest, origin)


def _health(parts: Parts, terms: Terms, config: Config) -> Health:
    """Measure the parts as they will be used on the device."""
    llm = config.llm
    if parts.model:
        adapter = str(parts.adapter.resolve()) if parts.adapter else ""
        llm = replace(llm, model=str(parts.model.resolve()), adapter=adapter)
    knowledge = config.knowledge
    if parts.knowledge:
        knowledge = replace(knowledge, folder=str(parts.knowledge.resolve()))
    return measure(replace(config, llm=llm, knowledge=knowledge), terms.health)


def _manifest(
    files: tuple[BundledFile, ...], parts: Parts, terms: Terms, health: Health
) -> Manifest:
    verdict, evaluation = _evaluated(parts.report)
    traits = traits_of(parts.model) if parts.model else None
    knowledge = load_knowledge(parts.knowledge).content_hash if parts.knowledge else ""
    try:
        return Manifest(
            terms.name,
            terms.version or int(time.time()),
            datetime.now(timezone.utc).date().isoformat(),
            files,
            terms.expires,
            terms.devices,
            __version__,
            terms.cpu_features,
            traits.architecture if traits else "",
            traits.tokenizer_sha256 if traits else "",
            traits.template_sha256 if traits else "",
            knowledge,
            prompts_sha256(),
            evaluation,
            verdict,
            terms.licence,
            health,
        )
    except ValueError as error:
        raise FlashError("format", str(error), "hean bundle create --help") from error


def _evaluated(report: Path | None) -> tuple[str, tuple[tuple[str, float, float], ...]]:
    """Return the verdict of the gate and its measures before and after."""
    row = _json(report) if report else {}
    verdict = row.get("verdict", {})
    if not isinstance(verdict, dict):
        return str(verdict), ()
    measures = []
    for name in ("score", "loss"):
        change = verdict.get(name)
        if isinstance(change, dict) and {"before", "after"} <= set(change):
            measures.append((name, float(change["before"]), float(change["after"])))
    return str(verdict.get("word", "")), tuple(measures)


def _base_of(run: Path) -> Path:
    """Return the GGUF file that the adapter of a run is laid over."""
    base = _json(run / "run.json").get("base", "")
    named = Path(str(base.get("path", "") if isinstance(base, dict) else base)).expanduser()
    if named.suffix == ".gguf" and named.is_file():
        return named
    raise FlashError(
        "base",
        f"{run / 'run.json'} names no GGUF file as its base",
        "name the model of the devices with --model",
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FlashError("format", f"{path} cannot be read: {cause(error)}") from error
    return row if isinstance(row, dict) else {}


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.R_OK) else None
