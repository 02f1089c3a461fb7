"""Rows that cannot be used are named with file, line and field, and cost themselves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.data import Dataset, read
from llm.data.doctor import examine
from llm.data.json_rows import CHUNK_CHARS

GOOD = [{"question": f"问题 {n}", "answer": f"回答 {n}"} for n in range(3)]


def read_text(folder: Path, text: str | bytes) -> Dataset:
    path = folder / "data"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read([path])


def told(data: Dataset) -> list[tuple[str, int, str]]:
    return [(p.code, p.origin.line, p.field) for p in data.problems]


def turns(*roles: str) -> str:
    return json.dumps({"messages": [{"role": role, "content": "text"} for role in roles]})


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (turns("assistant", "user", "assistant"), "assistant-first", "messages[0].content"),
        (turns("user", "assistant", "assistant"), "two-answers", "messages[2].content"),
        (turns("user", "user", "assistant"), "two-questions", "messages[1].content"),
        (turns("user", "assistant", "user"), "ends-with-question", "messages[2].content"),
        (turns("user", "system", "assistant"), "late-system", ""),
        (turns("system"), "no-messages", ""),
        (turns("user", "tool", "assistant"), "tool-turn", "messages[1].role"),
        (turns("user", "asistant"), "unknown-role", "messages[1].role"),
        ('{"messages": {"role": "user"}}', "not-a-list", "messages"),
        ('{"messages": ["hello"]}', "not-an-object", "messages[0]"),
        ('{"question": "q", "answer": " \\u200b\\n"}', "empty-answer", "answer"),
        ('{"instruction": "", "output": "a"}', "empty-question", "instruction"),
        ('{"question": "q", "answer": 7}', "not-text", "answer"),
        ('{"question": "q", "answer": {"x": 1}}', "not-text", "answer"),
        ('{"text": "only text"}', "unknown-format", "text"),
        ('{"url": "x", "title": "y"}', "unknown-format", ""),
        ('{"question": "q", "answer": "a", "kind": "joke"}', "unknown-kind", "kind"),
        ('["hello"]', "not-an-object", ""),
        ("12", "not-an-object", ""),
        ('{"question": "q", "answer": "a"', "broken", ""),
        ('{"question": "q, "answer": "a"}', "broken", ""),
        ("[" * 3000 + '{"a":' * 3000, "broken", ""),
        ('{"question": ' + "9" * 5000 + "}", "broken", ""),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_bad_row_is_named_and_the_others_are_read(row, code, field, tmp_path: Path):
    before, *after = map(json.dumps, GOOD)
    data = read_text(tmp_path, "\n".join([before, row, *after]) + "\n")
    assert (code, 2, field) in told(data)
    assert data.counts["read"] == len(GOOD)
    assert all(problem.fix for problem in data.problems)


@pytest.mark.parametrize("layout", [{"indent": 2}, {"indent": None}, {"indent": 0}])
def test_a_list_goes_on_behind_a_broken_row(layout: dict[str, int], tmp_path: Path):
    text = json.dumps(GOOD, ensure_ascii=False, **layout).replace('"问题 1",', '"问题 1"')
    data = read_text(tmp_path, text)
    assert [row.answer for row in data.rows] == ["回答 0", "回答 2"]
    assert data.counts["unread"] == 1


def test_a_file_that_was_cut_is_told(tmp_path: Path):
    text = json.dumps(GOOD, indent=2)
    data = read_text(tmp_path, text[: text.index("\\u56de\\u7b54 2")])
    assert [code for code, _, _ in told(data)] == ["broken", "cut-short"]
    assert data.counts["read"] == 2


def test_rows_longer_than_what_is_read_at_once(tmp_path: Path):
    long = [{"question": f"q{n}", "answer": "长" * CHUNK_CHARS} for n in range(3)]
    data = read_text(tmp_path, json.dumps(long, ensure_ascii=False, indent=1))
    assert [len(row.answer) for row in data.rows] == [CHUNK_CHARS] * 3
    assert [row.origin.line for row in data.rows] == [2, 6, 10]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"PK\x03\x04", "ZIP"),
        (b"abc\0def", "no text"),
        (b"hello there\nsecond line\n", "neither JSON nor a table"),
    ],
)
def test_a_file_that_is_no_data_is_named(content: bytes, words: str, tmp_path: Path):
    (problem,) = read_text(tmp_path, content).problems
    assert words in problem.message
    assert problem.whole
    assert problem.level == "error"


def test_mixed_formats_and_unused_fields_are_told(tmp_path: Path):
    lines = [*map(json.dumps, GOOD), turns("user", "assistant"), '{"q": "1", "a": "2", "id": 7}']
    data = read_text(tmp_path, "\n".join(lines))
    assert told(data) == [("mixed-formats", 4, ""), ("unused-field", 5, "id")]


def test_a_table_with_too_many_cells_or_an_open_quote(tmp_path: Path):
    data = read_text(tmp_path, 'question,answer\nq,a\nq,a,b\n"q\nr",a\n')
    assert [row.question for row in data.rows] == ["q", "q\nr"]
    assert told(data) == [("broken", 3, "")]
    data = read_text(tmp_path, 'question,answer\nq,"' + "a" * 200_000)
    assert told(data) == [("broken", 2, "")]


NAMES = st.sampled_from(
    ["messages", "conversations", "role", "content", "from", "value", "instruction", "output"]
    + ["question", "answer", "chosen", "rejected", "system", "kind", "thinking", "history", "x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def accounted(data: Dataset) -> bool:
    """Whether each row was read, or is named in an error."""
    named = {p.origin for p in data.problems if p.level == "error" and not p.whole}
    assert data.counts["read"] == len(data.rows)
    assert data.counts["unread"] == len(named)
    return data.counts["found"] == data.counts["read"] + data.counts["unread"]


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_accounted_for(content: bytes, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.getbasetemp()
    assert accounted(read_text(folder, content))
    assert accounted(read_text(folder, b'{"question": "q", "answer": "a"}\n' + content))
    assert accounted(read_text(folder, b"question,answer\n" + content))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(JSON, max_size=4), indent=st.sampled_from([None, 0, 2]))
def test_any_json_is_accounted_for(rows: list[object], indent: int | None, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    listed = read_text(folder, json.dumps(rows, indent=indent))
    following = read_text(folder, "\n".join(json.dumps(row, indent=indent) for row in rows))
    assert accounted(listed)
    assert accounted(following)
    for problem in examine(listed.rows):
        assert problem.message


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_cut_or_a_changed_sign_costs_few_rows(data: st.DataObject, tmp_path_factory):
    text = "".join(json.dumps(row) + "\n" for row in GOOD * 3)
    place = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.sampled_from(['"', "{", "}", "[", "]", ",", "\\", "\n", "x", ""]))
    found = read_text(tmp_path_factory.getbasetemp(), text[:place] + sign + text[place + 1 :])
    assert accounted(found)
    assert found.counts["read"] >= len(GOOD) * 3 - 2
