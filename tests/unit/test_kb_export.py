from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from llm.compose import NOTHING_VETTED, prefix, prompt
from llm.data import DataError, Row, read, write
from llm.data.knowledge_rows import knowledge_rows
from llm.data.writing import FORMATS
from llm.knowledge import Entry, load_knowledge
from llm.verify import Verifier
from tests.unit.knowledge_base import base_of, shipped
from tests.unit.knowledge_folder import write_base


@lru_cache
def rows() -> tuple[Row, ...]:
    return tuple(knowledge_rows(shipped()))


def asked(example: Row) -> str:
    return example.messages[-2].content


def answer(example: Row) -> str:
    return example.messages[-1].content


def test_prompts_are_those_of_the_assistant() -> None:
    starts = {language: prompt("Q", "P", language)[1].content[:3] for language in ("zh", "en")}
    for example in rows():
        language = "zh" if asked(example).startswith(starts["zh"]) else "en"
        assert asked(example).startswith(starts[language])
        assert [example.messages[0]] == prefix(language)
        assert [m.role for m in example.messages] == ["system", "user", "assistant"]


def test_one_passage_gives_the_very_prompt() -> None:
    entry = next(e for e in shipped().speakable if e.decision == "verbatim")
    (*found, last) = knowledge_rows(base_of(entry))
    question = entry.ask[-1]
    assert list(last.messages[:-1]) == prompt(question, entry.passage, entry.language)
    assert len(found) == len(entry.ask) - 1


def test_every_answer_stands_in_its_passage() -> None:
    verifiers = {language: Verifier(language, shipped().vocabulary) for language in ("zh", "en")}
    answered = [row for row in rows() if row.kind != "refusal"]
    for example in answered:
        assert answer(example).replace(" ", "") in asked(example).replace(" ", "")
    for example in answered[::40]:
        language = "en" if example.messages[0] == prefix("en")[0] else "zh"
        assert verifiers[language].problems(answer(example), asked(example)) == ()


def test_false_premises_are_corrected() -> None:
    beliefs = {p: e.answer for e in shipped().speakable if e.decision == "correct" for p in e.ask}
    corrections = [row for row in rows() if row.kind == "correction"]
    assert len(corrections) == len(beliefs)
    for example in corrections:
        belief = (
            asked(example).rpartition("\n")[2].partition("：" if "：" in asked(example) else ":")
        )
        assert beliefs[belief[2].strip()].startswith(answer(example)[:8])


def test_without_the_right_passage_it_refuses() -> None:
    refusals = [row for row in rows() if row.kind == "refusal"]
    assert 0.15 < len(refusals) / len(rows()) < 0.35
    by_question: dict[str, list[Entry]] = {}
    for entry in shipped().speakable:
        for phrase in entry.ask:
            by_question.setdefault(phrase, []).append(entry)
    for example in refusals:
        passages, _, question = asked(example).rpartition("\n")
        assert answer(example) in NOTHING_VETTED.values()
        for entry in by_question[question.partition("：")[2] or question.partition(": ")[2]]:
            assert entry.answer not in passages


def test_the_right_passage_stands_at_every_place() -> None:
    places = set()
    for example in rows():
        if example.kind != "refusal":
            before, _, after = asked(example).partition(answer(example))
            # The prompt itself holds no line break before the passage, and one after it.
            places.add((before.count("\n") > 0, after.count("\n") > 2))
    assert places == {(False, False), (False, True), (True, False), (True, True)}


def test_what_may_not_be_spoken_is_not_exported() -> None:
    knowledge = shipped()
    spoken = {entry.answer for entry in knowledge.speakable}
    kept_back = [e for e in knowledge.entries if e.answer not in spoken]
    assert kept_back
    text = "\n".join(message.content for row in rows() for message in row.messages)
    for entry in kept_back:
        assert entry.answer not in text
        assert not entry.details or entry.details not in text or entry.details in str(spoken)


def test_site_entries_are_left_out() -> None:
    site = Entry("zh.site.x", "zh", "site", ("在哪集合",), "去操场。", ("F001",), reviewer="a")
    assert list(knowledge_rows(base_of(site))) == []


def test_bare_rows_have_no_passage() -> None:
    bare = list(knowledge_rows(shipped(), grounded=False))
    assert {row.kind for row in bare} == {"answer", "correction"}
    assert all([m.role for m in row.messages] == ["user", "assistant"] for row in bare)


@pytest.mark.parametrize("seed", ["0", "7"])
def test_the_same_content_gives_the_same_file(tmp_path: Path, seed: str) -> None:
    base = write_base(tmp_path / "base")
    script = (
        "import sys; from pathlib import Path; from llm.knowledge import load_knowledge;"
        "from llm.data import write; from llm.data.knowledge_rows import knowledge_rows;"
        "rows = knowledge_rows(load_knowledge(Path(sys.argv[1])));"
        "write(rows, 'messages', Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(base), str(tmp_path / "other")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    write(knowledge_rows(load_knowledge(base)), "messages", tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == (tmp_path / "other").read_bytes()


def test_another_seed_gives_other_rows() -> None:
    assert tuple(knowledge_rows(shipped(), seed=1)) != rows()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_keeps_text_kind_and_entry(tmp_path: Path, form: str) -> None:
    assert write(rows(), form, tmp_path / "a.jsonl") == len(rows())
    back = read([tmp_path / "a.jsonl"])
    assert back.problems == ()
    assert [(r.messages, r.kind, r.entry) for r in back.rows] == [
        (r.messages, r.kind, r.entry) for r in rows()
    ]


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown format"):
        write(rows(), "xml", tmp_path / "a")
    with pytest.raises(DataError, match="cannot be written"):
        write(rows()[:1], "alpaca", tmp_path)
    assert list(tmp_path.iterdir()) == []
