"""The folder of a run: everything that belongs to it, and nothing outside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llm.files import write_json, write_whole
from llm.train import UnusableRun
from llm.train.files import read_json


class RunFolder:
    """The files of one run by name.

    run.json  data/{train,valid}.jsonl  adapter/ or model/  metrics.jsonl  loss.png
    checkpoints/step-N/  references.json (of preference training)
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.checkpoints = root / "checkpoints"
        self.metrics = root / "metrics.jsonl"
        self._record = root / "run.json"
        self._references = root / "references.json"

    @property
    def result(self) -> Path:
        """Return where what was trained stands: adapter/ or model/."""
        model = self.root / "model"
        return model if model.is_dir() else self.root / "adapter"

    @property
    def started(self) -> bool:
        """Return whether there is a run to go on with."""
        return self._record.is_file()

    def read(self) -> dict[str, Any]:
        """Return the record of the run. Raises UnusableRun."""
        if not self.started:
            raise UnusableRun(
                f"{self.root} is no run: it has no run.json", "name the folder of a run"
            )
        record: dict[str, Any] = read_json(self._record)
        return record

    def write(self, record: dict[str, Any]) -> None:
        """Replace the record of the run."""
        self.root.mkdir(parents=True, exist_ok=True)
        write_json(self._record, record)

    def add_metrics(self, row: dict[str, Any]) -> None:
        """Append what a step or a validation gave."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return all metrics; a last line that a kill cut short is left out."""
        if not self.metrics.is_file():
            return []
        rows = []
        for line in self.metrics.read_text("utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
        return rows

    def forget_metrics_after(self, step: int) -> None:
        """Drop the metrics of steps that a resumed run does anew."""
        kept = [row for row in self.read_metrics() if step and row["step"] <= step]
        write_whole(self.metrics, "".join(json.dumps(row) + "\n" for row in kept))

    def read_references(self) -> dict[str, float]:
        """Return what the base thinks of each answer of preference training; empty = not known."""
        found: dict[str, float] = {}
        if self._references.is_file():
            found = read_json(self._references)
        return found

    def write_references(self, found: dict[str, float]) -> None:
        """Keep what the base thinks of each answer."""
        write_json(self._references, found)
