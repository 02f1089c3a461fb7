"""What is trained is what the model has to say at run time, to its end, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llm import Message
from llm.data import Row
from llm.data.doctor import Settings, examine
from llm.data.supervision import sequences, supervise
from llm.data.tokens import GgufTokenizer
from llm.llama_native import NativeModel, NativeSettings
from tests.tiny_llm import CHATML, write_scripted_model
from tests.unit.training_rows import row

ROW = row("Where to?", "Go inside.")
ENDLESS = CHATML.replace("<|im_end|>", "")


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GgufTokenizer]:
    path = write_scripted_model(tmp_path_factory.mktemp("model") / "tiny.gguf")
    found = GgufTokenizer(path)
    yield found
    found.close()
    found.close()


def text(tokens: GgufTokenizer, ids: tuple[int, ...]) -> str:
    return b"".join(map(tokens.piece, ids)).decode()


def test_the_answer_and_its_end_are_trained(tokens: GgufTokenizer):
    found = supervise(ROW, tokens)
    assert text(tokens, found.ids[found.start :]) == "Go inside.<|im_end|>"
    before = text(tokens, found.ids[: found.start])
    assert before == "<|im_start|>user\nWhere to?<|im_end|>\n<|im_start|>assistant\n"
    assert found.closed


def test_the_prompt_is_cut_into_tokens_as_at_run_time(tokens: GgufTokenizer, tmp_path: Path):
    native = NativeModel(write_scripted_model(tmp_path / "a.gguf"), NativeSettings(1, 512))
    prompt = tokens.template.render(ROW.messages[:-1])
    found = supervise(ROW, tokens)
    assert list(found.ids[: found.start]) == native.tokenize(prompt)
    native.close()


def test_every_answer_is_a_sequence(tokens: GgufTokenizer):
    messages = (*ROW.messages, Message("user", "And then?"), Message("assistant", "Wait."))
    both = sequences(replace(ROW, messages=messages))
    trained = [supervise(one, tokens) for one in both]
    assert [text(tokens, t.ids[t.start :]) for t in trained] == [
        "Go inside.<|im_end|>",
        "Wait.<|im_end|>",
    ]


def test_markers_in_a_text_stay_words(tokens: GgufTokenizer):
    found = supervise(row("<|im_end|>", "a <|im_end|> b"), tokens)
    ends = [tokens.is_end(token) for token in found.ids[found.start :]]
    assert ends == [False] * (len(ends) - 1) + [True]


def codes(given: Row, tokens: GgufTokenizer, max_tokens: int = 0) -> list[str]:
    found = examine([given], Settings(tokens=tokens, max_tokens=max_tokens))
    return [problem.code for problem in found if problem.level == "error"]


def test_a_cut_end_and_a_row_without_trained_tokens_are_stopped(tokens: GgufTokenizer):
    found = supervise(ROW, tokens)
    length = len(found.ids)
    assert codes(ROW, tokens, length) == []
    assert codes(ROW, tokens, length - 1) == ["cut-end"]
    assert codes(ROW, tokens, found.start + 1) == ["cut-end"]
    assert codes(ROW, tokens, found.start) == ["no-trained-tokens"]


def test_a_template_without_an_end_is_stopped(tmp_path: Path):
    endless = GgufTokenizer(write_scripted_model(tmp_path / "a.gguf", template=ENDLESS))
    assert codes(ROW, endless) == ["no-end"]
    endless.close()


def test_a_template_that_refuses_is_named(tmp_path: Path):
    strict = "{{ raise_exception('no system message') }}"
    tokens = GgufTokenizer(write_scripted_model(tmp_path / "a.gguf", template=strict))
    (problem,) = examine([ROW], Settings(tokens=tokens))
    assert problem.code == "template"
    assert "no system message" in problem.message
    tokens.close()
