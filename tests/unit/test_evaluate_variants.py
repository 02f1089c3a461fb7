"""A merged form must keep what training taught, not only what the base could do."""

from pathlib import Path

from llm import Message
from llm.compose import NOTHING_VETTED
from llm.evaluate import Case
from llm.evaluate.judging import Judge
from llm.evaluate.measuring import Subject
from llm.evaluate.variants import Forms
from llm.knowledge.vocabulary import Vocabulary
from tests.tiny_llm import write_adapter, write_scripted_model

NO = NOTHING_VETTED["en"]
PIECES = ("Go in", "side.")


def test_a_form_that_lost_the_refusals_of_the_adapter_is_worse(tmp_path: Path):
    """The base refuses nothing either, so against the base alone it would not be worse."""
    base = write_scripted_model(tmp_path / "base.gguf", PIECES)
    refusing = write_scripted_model(tmp_path / "refusing.gguf", (NO,))
    harmless = write_adapter(tmp_path / "a.gguf", NO, NO, (NO,))
    asked = (Message("user", "Who won?"),)
    cases = [Case(f"valid.jsonl:{n}", "refusal", "en", asked, NO) for n in range(6)]
    forms = Forms(Subject("base", base), cases, Judge(Vocabulary()), lambda *_: None)
    alone = forms.add(Subject("merged alone", base))
    adapted = forms.add(Subject("adapter", refusing, harmless))
    merged = forms.add(Subject("merged", base))
    assert forms.base.figures["refusals"] == [0, 6]
    assert alone.verdict == "no proven gain"
    assert adapted.figures["refusals"] == [6, 6]
    assert merged.verdict == "worse"
    assert "against the adapter: fewer refusals where nothing is known" in merged.reasons[0]
