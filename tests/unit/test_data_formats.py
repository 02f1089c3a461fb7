"""Every format that people have is told by its content and read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm import Message
from llm.data import DataError, Dataset, read, write
from llm.data.writing import FORMATS

TRAINING = Path(__file__).parents[1] / "data" / "training"
PAIRS = (
    ("碘片什么时候吃？", "接到当地政府通知再吃，不要自己提前吃。"),
    ("家里怎么隐蔽？", "关好门窗，关掉空调和风扇，待在靠里的房间。"),
)
SYSTEM = "简短回答。"


def texts(data: Dataset) -> list[tuple[str, ...]]:
    return [tuple(message.content for message in row.messages) for row in data.rows]


@pytest.mark.parametrize(
    ("name", "form", "system"),
    [
        ("alpaca.json", "alpaca", False),
        ("messages.jsonl", "messages", True),
        ("conversations.jsonl", "conversations", False),
        ("cot.json", "cot", False),
        ("thinking-concatenated.json", "thinking", True),
        ("pairs.csv", "pairs", False),
        ("pairs-gb18030.tsv", "pairs", False),
        ("preference.jsonl", "preference", False),
        ("openai-preference.jsonl", "preference", False),
    ],
)
def test_a_format_is_told_by_its_content(name: str, form: str, system: bool, tmp_path: Path):
    nameless = tmp_path / "data"
    nameless.write_bytes((TRAINING / name).read_bytes())
    data = read([nameless])
    assert texts(data) == [(SYSTEM, *pair) if system else pair for pair in PAIRS]
    assert data.counts == {"found": 2, "read": 2, "unread": 0, f"format.{form}": 2}
    assert data.errors == ()


def test_several_turns_and_a_system_message_beside_them():
    data = read([TRAINING / "sharegpt.json"])
    assert texts(data) == [(SYSTEM, *PAIRS[0], *PAIRS[1])]
    assert [m.role for m in data.rows[0].messages] == ["system", *["user", "assistant"] * 2]


@pytest.mark.parametrize("name", ["cot.json", "thinking-concatenated.json"])
def test_what_was_thought_is_kept_apart(name: str):
    assert all(row.thinking.startswith("先看要做什么") for row in read([TRAINING / name]).rows)


@pytest.mark.parametrize("name", ["preference.jsonl", "openai-preference.jsonl"])
def test_the_worse_answer_is_kept(name: str):
    assert [row.rejected for row in read([TRAINING / name]).rows] == ["随便。"] * 2


def test_a_folder_is_read_whole():
    data = read([TRAINING])
    assert data.counts["read"] == data.counts["found"] == 19
    assert {row.origin.path.parent for row in data.rows} == {TRAINING}


def test_lines_are_those_of_the_file():
    lines = [row.origin.line for row in read([TRAINING / "thinking-concatenated.json"]).rows]
    text = (TRAINING / "thinking-concatenated.json").read_text("utf-8").splitlines()
    assert [text[line - 1] for line in lines] == ["{", "{"]


def test_rows_that_share_a_line_are_told_apart(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"q": f"q{n}", "a": f"a{n}"} for n in range(3)]))
    assert [str(row.origin) for row in read([path]).rows] == [
        f"{path}:1",
        f"{path}:1#2",
        f"{path}:1#3",
    ]


def test_a_thought_at_the_beginning_of_an_answer_is_taken_out(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "<think>hm\\n</think>\\n\\nyes"}')
    (row,) = read([path]).rows
    assert (row.answer, row.thinking) == ("yes", "hm")


def test_a_chosen_conversation_holds_its_own_question(tmp_path: Path):
    turns = {
        name: [{"role": "user", "content": "q"}, {"role": "assistant", "content": name}]
        for name in ("chosen", "rejected")
    }
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(turns))
    (row,) = read([path]).rows
    assert row.messages == (Message("user", "q"), Message("assistant", "chosen"))
    assert row.rejected == "rejected"


def test_a_list_inside_an_object_is_read(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [{"q": "1", "a": "2"}] * 3}, indent=1))
    data = read([path])
    assert (data.counts["read"], data.problems) == (3, ())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_other_encodings(encoding: str, tmp_path: Path):
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    path = tmp_path / "a.jsonl"
    path.write_bytes((mark + '{"q": "碘片", "a": "等通知"}').encode(encoding))
    assert texts(read([path])) == [("碘片", "等通知")]


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_read_again(form: str, tmp_path: Path):
    rows = [row for row in read([TRAINING]).rows if form in FORMATS[:4] or len(row.messages) < 4]
    assert write(rows, form, tmp_path / "a.jsonl") == len(rows)
    back = read([tmp_path / "a.jsonl"])
    assert back.problems == ()
    assert [
        (row.messages, row.kind, row.entry, row.thinking, row.rejected) for row in back.rows
    ] == [(row.messages, row.kind, row.entry, row.thinking, row.rejected) for row in rows]


@pytest.mark.parametrize("form", FORMATS[4:])
def test_a_conversation_that_a_format_cannot_hold_is_not_cut(form: str, tmp_path: Path):
    rows = read([TRAINING / "sharegpt.json"]).rows
    with pytest.raises(DataError, match="2 answers"):
        write(rows, form, tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.jsonl cannot be read"):
        read([tmp_path / "none.jsonl"])
    with pytest.raises(DataError, match="holds no training data"):
        read([tmp_path])
