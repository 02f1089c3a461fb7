"""What `hean export` does: make files, compare their forms, write the card and the Modelfile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.compose import prefix
from llm.export import ExportError
from llm.export.card import card
from llm.export.exporter import ADAPTER, Exported, Exporter
from llm.export.files import write_json, write_text
from llm.export.modelfile import modelfile
from llm.export.quantise import TYPES
from llm.export.run import Run
from llm.gguf import read_gguf
from llm.template import ChatTemplate
from models.store import Store
from voice.config import Config
from voice.html_tables import table, whole_page
from voice.training.gate import held_out, judge_of, progress, subject
from voice.training.gate_page import VARIANT_HEAD, variant_row

if TYPE_CHECKING:
    from llm.evaluate.measuring import Subject
    from llm.evaluate.variants import Forms

_ADAPTED = "base + adapter"


class Job:
    """One call of the command."""

    def __init__(
        self,
        run: Run,
        out: Path,
        config: Config,
        calibrate: bool,
        say: Callable[[str], None] | None,
    ) -> None:
        """`say` is told what goes on; None = nothing is shown."""
        self.run = run
        self.out = out
        self._config = config
        self._quiet = say is None
        self._say = say or _nothing
        self._licence = _licence_of(run, config)  # now, not after an hour of work
        self._exporter = Exporter(run, out, config.llm.threads, self._say, calibrate)

    def make(self, kinds: Sequence[str]) -> list[Exported]:
        """Make and prove files, then write card and Modelfile beside them."""
        kinds = [kind for kind in kinds if kind != ADAPTER or self.run.has_adapter]
        try:
            made = [self._exporter.make(kind) for kind in kinds]
        finally:
            self._exporter.clean()
        self._describe(made)
        return made

    def smallest(self, rows: int) -> list[Exported]:
        """Make quantised files, the smallest first, until one passes the gate; keep that one.

        Raises ExportError: none does.
        """
        try:
            found = self._first_that_passes(rows)
        finally:
            self._exporter.clean()
        if found is None:
            raise ExportError(
                "no merged form passes the gate", f"use the adapter: hean export {self.run.folder}"
            )
        self._describe([found])
        return [found]

    def _first_that_passes(self, rows: int) -> Exported | None:
        from llm.evaluate.verdict import PASS

        with self._forms(rows) as forms:
            self._add_adapter(forms)
            for kind in TYPES:
                try:
                    made = self._exporter.make(kind)
                except ExportError as error:  # too far from the trained model
                    self._say(f"{kind.upper()}: {error}")
                    continue
                found = forms.add(self._subject(kind, made.path))
                kept = made.likeness is not None and made.likeness.canary_kept
                if found.verdict == PASS and kept:
                    return made
                why = found.reasons[0] if kept else "it lost the canary sentence"
                self._say(f"{kind.upper()}: {found.verdict}: {why}")
                made.path.unlink()
        return None

    def _add_adapter(self, forms: Forms) -> None:
        """Ask the adapter: no merged form may have lost what it has."""
        if self.run.has_adapter:
            adapter = self._exporter.make(ADAPTER).path
            forms.add(self._subject(_ADAPTED, self._exporter.base, adapter))
            adapter.unlink()

    def table(self, made: Sequence[Exported], rows: int) -> list[dict[str, Any]]:
        """Ask the base and every form the same rows; write variants.json and variants.html."""
        first = sorted(made, key=lambda each: each.kind != ADAPTER)
        with self._forms(rows) as forms:
            lines = [forms.base, *(forms.add(self._form(each)) for each in first)]
        result = [asdict(line) for line in lines]
        write_json(self.out / "variants.json", result)
        page = [
            "<h1>What each form of the model costs</h1>",
            table(VARIANT_HEAD, map(variant_row, result)),
            *(f"<p><b>{r['name']}</b>: {'; '.join(r['reasons'])}</p>" for r in result[1:]),
        ]
        write_text(self.out / "variants.html", whole_page("He'an: forms of a model", "", page))
        return result

    def _describe(self, made: Sequence[Exported]) -> None:
        """Write card.json, and the Modelfile for the first file."""
        facts = card(self.run, made, self._exporter.wanted, self._licence)
        write_json(self.out / "card.json", facts)
        first = made[0]
        model = self._exporter.base if first.kind == ADAPTER else first.path
        template = ChatTemplate.from_gguf(read_gguf(model))
        text = modelfile(
            model.name,
            template,
            [template.eos],
            prefix("zh")[0].content,
            first.path.name if first.kind == ADAPTER else "",
        )
        write_text(self.out / "Modelfile", text)

    @contextmanager
    def _forms(self, rows: int) -> Iterator[Forms]:
        """Ask the base, and show how far each form is."""
        from llm.evaluate.variants import Forms

        cases = held_out([self.run.folder / "data" / "valid.jsonl"], rows)
        base = self._subject("base", self._exporter.base)
        with progress(self._quiet) as show:
            yield Forms(base, cases, judge_of(self._config), show)

    def _form(self, made: Exported) -> Subject:
        if made.kind == ADAPTER:
            return self._subject(_ADAPTED, self._exporter.base, made.path)
        return self._subject(f"merged {made.kind.upper()}", made.path)

    def _subject(self, name: str, model: Path, adapter: Path | None = None) -> Subject:
        return subject(name, model, adapter, self._config)


def _licence_of(run: Run, config: Config) -> str:
    """Return the licence of the base, as the catalogue or its own header has it."""
    if not run.base.is_file():
        return ""
    digest = run.record["base"]["sha256"]
    for model in Store(config.store).catalog.models.values():
        if any(file.sha256 == digest for file in model.files.values()):
            return model.licence
    return str(read_gguf(run.base).metadata.get("general.license", ""))


def _nothing(_what: str) -> None:
    """Tell nobody."""
