"""What a base can do is asked before training: only right answers that end are kept as rows."""

from pathlib import Path

import pytest
import torch

from llm import Message
from llm.data import Origin, Row, read, write
from llm.data.similarity import signature, similarity
from llm.evaluate.probes import questions, sentences
from llm.train.base import Base
from llm.train.loss import log_likelihoods
from llm.train.packing import pack
from llm.train.rehearsal import prompts, rehearse
from llm.train.rows import encode_all
from tests.tiny_llm.folders import write_folder
from tests.tiny_llm.training import load

LONG = "海" * 60
SAID = (
    "八。",
    "We live on Earth.",
    "thank you",
    "It is cold.",
    LONG,
    "大海很大。",
    "吴承恩。",
    "Go in.",
)
"""What the tiny base is taught to answer to the first prompts, of many lengths."""
ASKED = tuple(prompt.asked for prompt in prompts()[: len(SAID)])
KEPT = [ASKED[n] for n in (0, 1, 2, 3, 6)]
"""Of the others one does not end, one is in the wrong language, and one is no answer."""


def test_nothing_is_near_to_what_the_gate_asks() -> None:
    gate = [*(question.asked for question in questions()), *sentences()]
    for prompt in prompts():
        nearest = max(gate, key=lambda text: similarity(*map(signature, (prompt.asked, text))))
        near = similarity(signature(prompt.asked), signature(nearest))
        assert near < 0.5, f"{prompt.asked} is near to {nearest}"


def test_questions_are_different_and_in_both_languages_in_turns() -> None:
    asked = [prompt.asked for prompt in prompts()]
    assert len(set(asked)) == 64
    assert [text.isascii() for text in asked] == [False, True] * 32


@pytest.mark.parametrize(
    ("asked", "said", "kept"),
    [
        ("What is the opposite of hot?", "Cold.", True),
        ("What is the opposite of hot?", "Warm.", False),
        ("请用一句话描述大海。", "大海很蓝。", True),
        ("请用一句话描述大海。", "The sea is blue.", False),
        ("请用一句话描述大海。", "大海很蓝。大海很蓝。", False),
        ("请用一句话描述大海。", "请用一句话描述大海。", False),
    ],
)
def test_what_is_wrong_or_goes_round_in_circles_is_not_learned_again(
    asked: str, said: str, kept: bool
) -> None:
    (prompt,) = (prompt for prompt in prompts() if prompt.asked == asked)
    assert prompt.is_answered(said) is kept


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Return a tiny base that answers the first prompts as SAID says."""
    base = load(write_folder(tmp_path_factory.mktemp("taught") / "model"))
    pairs = zip(ASKED, SAID, strict=True)
    turns = [(Message("user", asked), Message("assistant", said)) for asked, said in pairs]
    rows = [Row(turn, Origin(Path("taught.jsonl"), n)) for n, turn in enumerate(turns, 1)]
    lesson = pack(encode_all(rows, base, 400))
    optimizer = torch.optim.AdamW(base.model.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        (-log_likelihoods(base.model, lesson).mean()).backward()
        optimizer.step()
    return base


def test_right_answers_that_end_become_rows(taught: Base) -> None:
    rows = rehearse(taught, len(SAID))
    assert [row.question for row in rows] == KEPT
    assert [row.answer for row in rows] == [SAID[ASKED.index(asked)] for asked in KEPT]
    assert {row.kind for row in rows} == {"general"}
    assert {row.messages[0].role for row in rows} == {"user"}
    assert rehearse(taught, len(SAID)) == rows
    assert len(encode_all(rows, taught, 200)) == len(KEPT)


def test_so_many_are_asked_as_wanted(taught: Base) -> None:
    assert [row.question for row in rehearse(taught, 2)] == list(ASKED[:2])
    assert rehearse(taught, 0) == []


def test_rows_survive_their_file(taught: Base, tmp_path: Path) -> None:
    rows = rehearse(taught, len(SAID))
    file = tmp_path / "general.jsonl"
    write(rows, "messages", file)
    again = read([file])
    assert not again.problems
    assert [(row.messages, row.kind) for row in again.rows] == [(r.messages, r.kind) for r in rows]
