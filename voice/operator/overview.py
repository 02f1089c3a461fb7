"""Routes: the last turns, the models, and the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query

from llm.flash.store import fault
from models.store import Store
from voice.active_slot import slots_of
from voice.audit.log import AuditLog
from voice.config import Config
from voice.operator.diary import MOST, Diary, turns_before
from voice.operator.guard import refusing
from voice.operator.log_ring import MOST_LINES, LogRing
from voice.operator.work import Report, Work
from voice.readiness.machine import available_memory_mb
from voice.readiness.models import used_models

_MEMORY = Path("/proc/meminfo")


def overview_routes(config: Config, diary: Diary, log: LogRing, work: Work) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/turns")
    def turns() -> dict[str, Any]:
        """Return the last turns, newest first, with the seconds of each stage."""
        found = diary.turns()
        audit = AuditLog(config.audit_file, config.audit)
        return {"turns": [*found, *turns_before(audit, diary.began, MOST - len(found))]}

    @router.get("/models")
    def models() -> dict[str, Any]:
        """Return the installed models and how much memory there is."""
        from voice.process.memory import resident_mb

        with refusing():
            found = _models(config)
        return {
            "models": found,
            "process_mb": round(resident_mb()),
            "free_mb": available_memory_mb(_MEMORY.read_text("utf-8")),
        }

    @router.post("/models/verify", status_code=202)
    def verify() -> dict[str, Any]:
        """Begin to read every file of every model and slot and compare its hash."""
        with refusing():
            return work.start("verify", lambda report: _verified(config, report)).as_json()

    @router.get("/log")
    def lines(most: Annotated[int, Query(ge=1, le=MOST_LINES)] = 200) -> dict[str, Any]:
        """Return the last lines of the log of this run, oldest first."""
        return {"lines": log.lines(most)}

    return router


def _models(config: Config) -> list[dict[str, Any]]:
    store = Store(config.store)
    used = used_models(config, store.catalog)
    installed = {model.id for model in store.installed()}
    rows = []
    for model in store.catalog:
        stages = [stage for stage, name in used.items() if name == model.id]
        if model.id in installed or stages:
            rows.append(
                {
                    "id": model.id,
                    "stage": model.stage,
                    "used_for": stages,
                    "memory_mb": model.memory_mb,
                    "licence": model.licence,
                    "problem": store.problem(model.id),
                }
            )
    return sorted(rows, key=lambda row: (not row["used_for"], row["stage"], row["id"]))


def _verified(config: Config, report: Report) -> dict[str, Any]:
    store = Store(config.store)
    names = [model.id for model in store.installed()]
    faults = []
    for number, name in enumerate(names):
        report(name, number, len(names))
        faults += [f"{name}: {found.problem}" for found in store.verify([name])]
    slots = slots_of(config)
    stored = slots.status().slots
    for slot in stored:
        named = f"{slot.manifest.name} {slot.manifest.version}"
        report(named)
        if problem := fault(slots.disk, slot):
            faults.append(f"{named}: {problem}")
    return {"models": len(names), "slots": len(stored), "faults": faults}
