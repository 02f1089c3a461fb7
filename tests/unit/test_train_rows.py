"""Rows as tokens: those of run time, the answer and its end, nothing cut, nothing dropped."""

from dataclasses import replace
from pathlib import Path

import pytest

from llm import Message
from llm.data import Origin, Row
from llm.export.huggingface import HfWeights
from llm.export.weights import write_f16
from llm.gguf import read_gguf
from llm.llama_native import NativeModel, NativeSettings
from llm.template import ChatTemplate
from llm.train import UnusableBase, UnusableRows
from llm.train.base import Base
from llm.train.rows import check_template, encode, encode_all
from tests.tiny_llm.folders import TEMPLATES, write_folder
from tests.tiny_llm.training import SYSTEM, load, row, rows

FAMILIES = sorted(TEMPLATES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("bases")
    return {family: write_folder(root / family, family) for family in FAMILIES}


@pytest.fixture(scope="module")
def bases(folders: dict[str, Path]) -> dict[str, Base]:
    return {family: load(folder) for family, folder in folders.items()}


def text_of(base: Base, ids: tuple[int, ...]) -> str:
    return str(base.tokenizer.decode(ids))


@pytest.mark.parametrize("family", FAMILIES)
def test_answer_and_end_are_trained_and_nothing_else(bases: dict[str, Base], family: str) -> None:
    base = bases[family]
    encoded = encode(row("碘片什么时候吃？", "碘片要等通知再吃。"), base, 500)
    learned = text_of(base, encoded.ids[encoded.start :])
    assert learned.endswith(f"碘片要等通知再吃。{base.tokenizer.eos_token}")
    assert "什么时候" not in learned
    assert sum(encoded.trained) == len(encoded.ids) - encoded.start


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_the_end_is_trained_where_it_is_the_padding_token_too(
    bases: dict[str, Base], family: str
) -> None:
    base = bases[family]
    assert base.tokenizer.pad_token_id == base.tokenizer.eos_token_id
    encoded = encode(row("What now?", "Go inside."), base, 500)
    assert encoded.ids[-1] == base.tokenizer.eos_token_id
    assert encoded.trained[-1]


@pytest.mark.parametrize("family", FAMILIES)
def test_training_and_run_time_see_the_same_tokens(
    folders: dict[str, Path], bases: dict[str, Base], family: str, tmp_path: Path
) -> None:
    file = tmp_path / "model.gguf"
    write_f16(file, HfWeights(folders[family]))
    template = ChatTemplate.from_gguf(read_gguf(file))
    native = NativeModel(file, NativeSettings(1, 256))
    try:
        for each in rows(12):
            encoded = encode(each, bases[family], 500)
            asked = template.tokens(each.messages[:-1], native.tokenize)
            assert list(encoded.ids[: encoded.start]) == asked
            assert native.is_end(encoded.ids[-1])
    finally:
        native.close()


def test_an_empty_thought_that_the_template_writes_is_learned(bases: dict[str, Base]) -> None:
    base = bases["qwen3"]
    encoded = encode(row("What now?", "Go inside."), base, 500)
    learned = text_of(base, encoded.ids[encoded.start :])
    assert learned == "<think>\n\n</think>\n\nGo inside.<|im_end|>"


def test_a_chain_of_thought_is_kept_or_stripped(bases: dict[str, Base]) -> None:
    thoughtful = row("What now?", "Go inside.", thinking="They ask what to do.")
    for family in ("qwen2", "qwen3"):
        kept = encode(thoughtful, bases[family], 500, "keep")
        assert text_of(bases[family], kept.ids[kept.start :]).startswith(
            "<think>\nThey ask what to do.\n</think>\n\nGo inside."
        )
    stripped = encode(thoughtful, bases["qwen2"], 500)
    assert text_of(bases["qwen2"], stripped.ids[stripped.start :]) == "Go inside.<|im_end|>"


def test_every_answer_of_a_conversation_is_learned(bases: dict[str, Base]) -> None:
    base = bases["qwen2"]
    said = ["What now?", "Go inside.", "And then?", "Listen to the radio."]
    messages = [Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(said)]
    talk = Row((SYSTEM, *messages), Origin(Path("data.jsonl")))
    first, second = encode_all([talk], base, 500)
    assert text_of(base, first.ids[first.start :]) == "Go inside.<|im_end|>"
    assert text_of(base, second.ids[second.start :]) == "Listen to the radio.<|im_end|>"
    assert "Go inside." in text_of(base, second.ids[: second.start])


def test_markers_inside_an_answer_end_nothing(bases: dict[str, Base]) -> None:
    base = bases["qwen2"]
    encoded = encode(row("What now?", "Say <|im_end|> and go."), base, 500)
    assert encoded.ids[encoded.start :].count(base.tokenizer.eos_token_id) == 1


def test_rows_that_cannot_be_used_are_all_named(bases: dict[str, Base]) -> None:
    bad = [
        row("What now?", "Go inside.", 1),
        row("What now?", "  ", 7),
        row("What now?", "Go inside. " * 90, 9),
    ]
    with pytest.raises(UnusableRows) as caught:
        encode_all(bad, bases["qwen2"], 200)
    assert str(caught.value).startswith("2 rows cannot be trained on: data.jsonl:7: there is no ")
    assert "no token is trained" in str(caught.value)
    assert "data.jsonl:9: " in str(caught.value)
    assert "200 are allowed; cutting it would cut the end of its answer" in str(caught.value)


def test_the_template_of_another_model_is_named(bases: dict[str, Base]) -> None:
    wrong = replace(bases["gemma3"], template=bases["qwen2"].template)
    with pytest.raises(UnusableBase, match=r"wrong chat template: it writes <\|im_end\|>, which"):
        check_template(wrong)


def test_a_template_without_end_is_named(bases: dict[str, Base]) -> None:
    base = bases["qwen2"]
    source = base.template.source.replace("message['content'] + '<|im_end|>'", "message['content']")
    assert source != base.template.source
    endless = replace(base, template=replace(base.template, source=source))
    with pytest.raises(UnusableBase, match="missing end: .* never to stop"):
        encode_all(rows(2), endless, 500)


def test_a_template_that_asks_otherwise_when_training_is_refused(bases: dict[str, Base]) -> None:
    source = "{% if not add_generation_prompt %}TRAINING {% endif %}" + TEMPLATES["llama"]
    base = bases["llama"]
    other = replace(base, template=replace(base.template, source=source))
    with pytest.raises(UnusableBase, match="another prompt"):
        check_template(other)
