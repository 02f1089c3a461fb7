"""Training and validation rows have nothing in common, and every row is in one of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.data import DataError, Row, split
from llm.data.dividing import leaks
from llm.data.knowledge_rows import knowledge_rows
from tests.unit.knowledge_base import shipped
from tests.unit.training_rows import grounded, pair, row, rows


def test_the_knowledge_base_is_split_without_leaks():
    given_rows = list(knowledge_rows(shipped()))[::3]
    train, valid = split(given_rows)
    assert 0.07 < len(valid) / len(given_rows) < 0.15
    assert list(leaks(train, valid)) == []
    assert not {r.entry for r in train} & {r.entry for r in valid}
    assert {r.kind for r in valid} == {"answer", "correction", "refusal"}


def test_the_same_seed_gives_the_same_split():
    assert split(rows(100), seed=3) == split(rows(100), seed=3)
    assert split(rows(100), seed=3) != split(rows(100), seed=4)


def test_near_duplicates_stay_together():
    alike = [replace(r, messages=(*row(r.question + "！", "好").messages,)) for r in rows(60)]
    train, valid = split([*rows(60), *alike])
    known = {r.question.rstrip("！") for r in train}
    assert valid
    assert not known & {r.question.rstrip("！") for r in valid}


def test_each_kind_gets_its_share():
    given_rows = [grounded(n, refuse=n % 5 == 0) for n in range(50)]
    _, valid = split(given_rows, share=0.2)
    kinds = Counter(r.kind for r in valid)
    assert kinds["refusal"] == 2
    assert 7 <= kinds["answer"] <= 9


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=6), min_size=2, max_size=24),
    share=st.floats(0.05, 0.9),
    seed=st.integers(0, 5),
)
def test_every_row_is_on_one_side(texts: list[str], share: float, seed: int):
    given_rows = [row(text, "a", n) for n, text in enumerate(texts)]
    try:
        train, valid = split(given_rows, share, seed)
    except DataError:
        return  # all too alike
    assert sorted(r.origin for r in [*train, *valid]) == [r.origin for r in given_rows]
    assert train
    assert list(leaks(train, valid)) == []


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_that_makes_no_sense(share: float):
    with pytest.raises(DataError, match="share"):
        split(rows(10), share)


@pytest.mark.parametrize("given_rows", [[], rows(1), [row("a", str(n)) for n in range(9)]])
def test_rows_that_cannot_be_split(given_rows: list[Row]):
    with pytest.raises(DataError, match="too alike"):
        split(given_rows)


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (row(*pair(5)), "leak-exact"),
        (row(pair(5)[0] + "？", "另一个回答。"), "leak-near"),
        (row("完全不同的问题", "回答", entry="zh.a.b"), "leak-entry"),
    ],
)
def test_leaks_are_stopped_and_named(other: Row, code: str):
    train = [*rows(20), row("别的问题在这里", "回答二", entry="zh.a.b")]
    (problem,) = leaks(train, [row("从来没有问过的事", "不知道"), other])
    assert (problem.code, problem.level) == (code, "error")
    assert "a.jsonl" in problem.message
