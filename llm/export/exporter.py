"""Make the files of a run, one kind after the other, and prove each against the trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from llm import Message
from llm.data import Row
from llm.export import ExportError
from llm.export.adapter import Lora, read_adapter, write_adapter
from llm.export.equality import PROMPTS, Likeness, Yardstick, check_file, check_merge, yardstick
from llm.export.files import sha256_of
from llm.export.huggingface import HfWeights
from llm.export.names import unchanged
from llm.export.quantise import TYPES, Importance, quantise, tensor_mix
from llm.export.run import Run
from llm.export.weights import GgufWeights, Weights, write_f16

if TYPE_CHECKING:
    from llm.export.reference import Reference

ADAPTER = "adapter"
KINDS = (ADAPTER, *TYPES)
"""What can be made of a run."""
BASE_KIND = "q4_k_m"
"""How a base that comes as a folder is quantised for the device."""
_OWN_LINES = 2000
"""Lines of the training data on which tokenizers are compared, besides the fixed ones."""
_CALIBRATION_ROWS, _CALIBRATION_TOKENS = 32, 256
_CANARIES = 5
"""Rows that are tried until the trained model ends its answer to one by itself."""
_UNQUANTISED = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True)
class Exported:
    """A file that was made, and what is known of it."""

    kind: str
    """One of KINDS, or base."""
    path: Path
    sha256: str
    mix: dict[str, int]
    """Number of weights in each type."""
    likeness: Likeness | None
    """To the trained model; None of a base."""


class Exporter:
    """Makes the files of one run. What several files need is made once."""

    def __init__(
        self, run: Run, out: Path, threads: int, say: Callable[[str], None], calibrate: bool = True
    ) -> None:
        """`say` is told what goes on; `calibrate` makes an importance matrix before quantising."""
        self.run = run
        self.out = out
        self._threads = threads
        self._say = say
        self._calibrate = calibrate
        self._unneeded: list[Path] = []

    def make(self, kind: str) -> Exported:
        """Write one file and prove it. Raises ExportError, TrainingError, GenerationError."""
        if kind not in KINDS:
            raise ExportError(f"unknown kind {kind!r}", f"use one of {', '.join(KINDS)}")
        if kind == ADAPTER:
            return self._adapter()
        path = self._merged if kind == "f16" else self.out / f"model-{kind.upper()}.gguf"
        if kind == "f16":
            self._unneeded.remove(path)
        else:
            self._say(f"quantising to {kind.upper()}")
            quantise(self._merged, path, kind, self._threads, self._importance)
        return self._proved(kind, path, None, kind)

    @cached_property
    def base(self) -> Path:
        """Return the GGUF that an adapter of this run is laid over; of a folder it is made."""
        if self.run.base.is_file():
            return self.run.base
        whole = self.out / "base-F16.gguf"
        path = self.out / f"base-{BASE_KIND.upper()}.gguf"
        self._say(f"converting the base {self.run.base.name}")
        write_f16(whole, HfWeights(self.run.base))
        try:
            quantise(whole, path, BASE_KIND, self._threads)
        finally:
            whole.unlink(missing_ok=True)
        return path

    @cached_property
    def wanted(self) -> Yardstick:
        """Return what the trained model says to everything it is compared by."""
        from llm.train.rows import encode_all

        self._say("asking the trained model, the yardstick of every file")
        rows = self.run.rows("train")
        own = [line for row in rows for m in row.messages for line in m.content.splitlines()]
        asked = _spread(rows, PROMPTS)
        encoded = encode_all(asked, self._reference.base, _LONGEST)
        canary = self._canary(rows)
        return yardstick(self._reference, own[:_OWN_LINES], [e.ids for e in encoded], canary)

    def clean(self) -> None:
        """Delete what was only needed on the way, and forget the trained model."""
        for path in self._unneeded:
            path.unlink(missing_ok=True)
        self.__dict__.pop("_reference", None)

    def _adapter(self) -> Exported:
        if not self.run.has_adapter:
            raise ExportError(
                "this run trained the model itself, so there is no adapter",
                "for example: --to q8_0",
            )
        path = self.out / "adapter.gguf"
        facts = {"general.name": self.run.folder.name, "hean.base.name": self.base.name}
        self._say("writing the adapter")
        assert self._lora is not None
        write_adapter(path, self._lora, self.base, facts)
        return self._proved(ADAPTER, self.base, path, self._bound_of_base())

    def _proved(self, kind: str, model: Path, adapter: Path | None, bound: str) -> Exported:
        path = adapter or model
        self._say(f"comparing {path.name} with the trained model")
        try:
            likeness = check_file(model, adapter, bound, self.wanted, self._threads)
        except ExportError:
            path.unlink(missing_ok=True)  # nobody shall find it and believe in it
            raise
        return Exported(kind, path, sha256_of(path), tensor_mix(path), likeness)

    def _bound_of_base(self) -> str:
        """Return the type whose bounds hold for the adapter on its base.

        A base that was trained dequantised differs by what llama.cpp rounds while it computes;
        one that is quantised only now, by all that costs.
        """
        if set(tensor_mix(self.base)) <= _UNQUANTISED:
            return "f16"
        return "q8_0" if self.run.base.is_file() else BASE_KIND

    @cached_property
    def _weights(self) -> Weights:
        source = self.run.base if self.run.has_adapter else self.run.result
        return GgufWeights(source) if source.is_file() else HfWeights(source)

    @cached_property
    def _lora(self) -> Lora | None:
        return read_adapter(self.run.result, self._weights.layout) if self.run.has_adapter else None

    @cached_property
    def _merged(self) -> Path:
        """Return the merged model in 16 bits; the trained model must say the same once merged."""
        path = self.out / "model-F16.gguf"
        wanted = self.wanted
        if self._lora:
            self._say("merging in fp32")
            check_merge(self._reference, wanted)
        write_f16(path, self._weights, self._lora.merged if self._lora else unchanged)
        self._unneeded.append(path)
        return path

    @cached_property
    def _importance(self) -> Importance | None:
        from llm.train.rows import encode_all

        if not self._calibrate:
            return None
        self._say("measuring which weights matter on the training data")
        rows = _spread(self.run.rows("train"), _CALIBRATION_ROWS)
        encoded = encode_all(rows, self._reference.base, _LONGEST)
        sequences = [row.ids[-_CALIBRATION_TOKENS:] for row in encoded]
        return self._reference.importance(sequences, self._weights.layout)

    @cached_property
    def _reference(self) -> Reference:
        from llm.export.reference import Reference

        whole = self.run.has_adapter
        model = self.run.base if whole else self.run.result
        reference = Reference(model, self.run.result if whole else None, self._threads)
        if whole and reference.base.identity != self.run.record["base"]["sha256"]:
            raise ExportError(f"{self.run.base} was altered since it was trained on")
        return reference

    def _canary(self, rows: Sequence[Row]) -> tuple[Message, ...]:
        """Return a question of the training data whose answer the trained model ends by itself."""
        shortest = sorted(_spread(rows, 4 * _CANARIES), key=lambda row: len(row.answer))
        for row in shortest[:_CANARIES]:
            if self._reference.answer(row.messages[:-1]).ended:
                return row.messages[:-1]
        return shortest[0].messages[:-1]


_LONGEST = 131_072
"""Tokens of a row: it was trained on, so it is short enough."""


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """Return at most `count` rows from everywhere in the data."""
    step = max(1, len(rows) // count)
    return list(rows[::step][:count])
