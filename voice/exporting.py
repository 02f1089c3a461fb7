"""What `hean export` does: make files, compare their forms, write the card and the Modelfile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
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
from voice.gate import held_out, judge_of, progress, subject
from voice.gate_page import VARIANT_HEAD, variant_row
from voice.html_tables import table, whole_page

if TYPE_CHECKING:
    from llm.evaluate import Case, Measured
    from llm.evaluate.judging import Judge
    from llm.evaluate.measuring import Subject


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
        from llm.evaluate.gate import ask

        cases = self._cases(rows)
        with progress(self._quiet) as show:
            before = ask(self._subject("base", self._exporter.base), cases, show)
            for kind in TYPES:
                try:
                    made = self._exporter.make(kind)
                except ExportError as error:  # too far from the trained model
                    self._say(f"{kind.upper()}: {error}")
                    continue
                after = ask(self._subject(kind, made.path), cases, show)
                against = self._against(made, before, after, cases)
                if not against:
                    return made
                self._say(f"{kind.upper()}: {against}")
                made.path.unlink()
        return None

    def _against(
        self, made: Exported, before: Measured, after: Measured, cases: Sequence[Case]
    ) -> str:
        """Return what speaks against a file; nothing = it may be used."""
        from llm.evaluate.gate import compared
        from llm.evaluate.verdict import PASS

        verdict = compared(before, after, cases, self._judge).verdict
        if verdict.word != PASS:
            return f"{verdict.word}: {verdict.reasons[0]}"
        return "" if made.likeness and made.likeness.canary_kept else "it lost the canary sentence"

    def table(self, made: Sequence[Exported], rows: int) -> list[dict[str, Any]]:
        """Ask the base and every form the same rows; write variants.json and variants.html."""
        from llm.evaluate.variants import table as measured

        base = self._exporter.base
        forms = [
            self._subject("base + adapter", base, each.path)
            if each.kind == ADAPTER
            else self._subject(f"merged {each.kind.upper()}", each.path)
            for each in made
        ]
        with progress(self._quiet) as show:
            lines = measured(
                self._subject("base", base), forms, self._cases(rows), self._judge, show
            )
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

    @cached_property
    def _judge(self) -> Judge:
        return judge_of(self._config)

    def _cases(self, rows: int) -> list[Case]:
        return held_out([self.run.folder / "data" / "valid.jsonl"], rows)

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
