"""The run card: what was made of what, so that anybody can check it years later."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from llm import Message
from llm.export.equality import Yardstick
from llm.export.exporter import Exported
from llm.export.quantise import mix_text
from llm.export.run import Run

_PACKAGES = ("hean", "llama-cpp-python", "gguf", "numpy")
_OF_THE_RUN = (
    "settings", "data", "rehearsed", "tokens", "results", "versions", "template_sha256",
    "tokenizer_sha256",
)  # fmt: skip


def card(run: Run, made: Sequence[Exported], wanted: Yardstick, licence: str) -> dict[str, Any]:
    """Return the card of an export; paths of this machine are left out."""
    base = run.record["base"]
    return {
        "name": run.folder.name,
        "licence": licence or "that of the base",
        "base": {**base, "path": run.base.name},
        "seed": run.record.get("settings", {}).get("seed"),
        "run": {key: run.record[key] for key in _OF_THE_RUN if key in run.record},
        "versions": {"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        "canary": {
            "asked": [_message(message) for message in wanted.canary],
            "answered": wanted.said.text,
            "ended": wanted.said.ended,
        },
        "files": [_file(each) for each in made],
    }


def _message(message: Message) -> Mapping[str, str]:
    return {"role": message.role, "content": message.content}


def _file(made: Exported) -> dict[str, Any]:
    return {
        "name": made.path.name,
        "kind": made.kind,
        "bytes": made.path.stat().st_size,
        "sha256": made.sha256,
        "weights": mix_text(made.mix),
        "likeness": asdict(made.likeness) if made.likeness else None,
    }
