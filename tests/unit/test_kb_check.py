from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from llm import KnowledgeError
from llm.knowledge import Entry, load_knowledge
from llm.knowledge.check import Finding, check, reading_s
from tests.unit.knowledge_base import base_of, shipped
from voice.cli import main

GOOD = Entry(
    "zh.shelter.x",
    "zh",
    "shelter",
    ("要不要先进屋", "出事先进屋吗", "先躲屋里吗", "先进房子吗"),
    "先进屋。关好门窗。",
    ("F001",),
    reviewer="editor",
    reviewed="2026-11-22",
)


def _messages(*entries: Entry) -> list[Finding]:
    return check(base_of(*entries))


def test_the_shipped_base_has_no_errors() -> None:
    errors = [finding for finding in check(shipped()) if finding.level == "error"]
    assert errors == []


def test_the_shipped_base_is_large_enough() -> None:
    spoken = [entry.language for entry in shipped().speakable]
    assert spoken.count("zh") >= 60
    assert spoken.count("en") >= 30


def test_a_good_entry_has_no_findings() -> None:
    assert _messages(GOOD) == []


@pytest.mark.parametrize(
    ("change", "level", "message"),
    [
        ({"facts": ("F040",)}, "error", "confidence M"),
        ({"facts": ("F057",)}, "error", "confidence C"),
        ({"answer": "请打12369。"}, "error", "12369"),
        (
            {"answer": "这一句话实在是太长了以至于没有人能够在紧急的时候把它听完记住。"},
            "error",
            "25",
        ),
        ({"reviewer": ""}, "error", "reviewer"),
        ({"related": ("zh.shelter.none",)}, "error", "does not exist"),
        ({"answer": "Go in."}, "error", "not in the language"),
        ({"ask": ("要不要先进屋",)}, "warning", "only 1 ways"),
        ({"answer": "先进屋。最多5毫希沃特。"}, "warning", "5 mSv"),
        ({"answer": "先进屋。" + "关好门窗。" * 40}, "warning", "to read out"),
    ],
)
def test_findings(change: dict[str, object], level: str, message: str) -> None:
    entry = replace(GOOD, **change)  # type: ignore[arg-type]
    assert any(f.level == level and message in f.message for f in _messages(entry))


def test_the_same_phrasing_in_two_entries_is_ambiguous() -> None:
    other = replace(GOOD, id="zh.shelter.y", ask=("要不要，先进屋？", *GOOD.ask[1:]))
    found = _messages(GOOD, other)
    assert [f.entry for f in found if "also asked in zh.shelter.y" in f.message]


def test_drafts_may_rest_on_unverified_facts() -> None:
    assert _messages(replace(GOOD, status="draft", facts=("F040",))) == []


def test_reading_takes_time() -> None:
    assert reading_s("关好门窗。" * 9, "zh") == pytest.approx(8)
    assert reading_s("one two three", "en") < 2


# --- files


def _folder(tmp_path: Path, entry: str = "", terms: str = "") -> Path:
    (tmp_path / "zh").mkdir()
    (tmp_path / "sources.toml").write_text(
        '[F001]\nconfidence = "A"\ntitle = "t"\nissuer = "i"\nyear = ""\n', encoding="utf-8"
    )
    (tmp_path / "zh" / "shelter.toml").write_text(
        entry
        or '[[entry]]\nid = "zh.shelter.x"\nask = ["进屋吗"]\nanswer = "进屋。"\nfacts = ["F001"]\n'
        'reviewer = "e"\nreviewed = "2026-11-22"\n',
        encoding="utf-8",
    )
    if terms:
        (tmp_path / "terms.toml").write_text(terms, encoding="utf-8")
    return tmp_path


def test_a_base_without_terms_has_the_shipped_ones(tmp_path: Path) -> None:
    assert load_knowledge(_folder(tmp_path)).terms("zh") == shipped().terms("zh")


def test_terms_of_a_base(tmp_path: Path) -> None:
    terms = '[[term]]\nkind = "thing"\nzh = ["碘片", "碘药"]\n[[same]]\nzh = ["怎么", "咋"]\n'
    knowledge = load_knowledge(_folder(tmp_path, terms=terms))
    assert knowledge.terms("zh") == ("碘片", "碘药")
    assert knowledge.vocabulary.synonyms("zh")["碘药"] == "碘片"
    assert knowledge.vocabulary.synonyms("zh")["咋"] == "怎么"


@pytest.mark.parametrize(
    ("terms", "complaint"),
    [
        ('[[term]]\nkind = "mood"\nzh = ["碘片"]', "term 1: kind"),
        ('[[term]]\nkind = "thing"\nfr = ["iode"]', "unknown keys"),
        ('[[term]]\nkind = "thing"\nzh = "碘片"', "lists of words"),
        ("[moods]", "unknown tables"),
        ("[[term", "terms.toml"),
    ],
)
def test_wrong_terms_are_named(tmp_path: Path, terms: str, complaint: str) -> None:
    with pytest.raises(KnowledgeError, match=complaint):
        load_knowledge(_folder(tmp_path, terms=terms))


# --- commands

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_kb_check_command(run: Run) -> None:
    code, out, _ = run("kb", "check")
    assert code == 0
    assert "0 errors" in out


def test_kb_check_command_fails_on_errors(run: Run, tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        '[[entry]]\nid = "zh.shelter.x"\nask = ["进屋吗"]\n'
        'answer = "请打12369。"\nfacts = ["F001"]\n',
    )
    code, out, _ = run("kb", "check", "--json", "--set", f"knowledge.folder={folder}")
    assert code == 65
    assert json.loads(out)["errors"] == 2


def test_kb_search_command_shows_why(run: Run) -> None:
    code, out, _ = run("kb", "search", "自来水还能喝吗", "--json", "--limit", "2")
    hits = json.loads(out)["hits"]
    assert code == 0
    assert len(hits) == 2
    assert "F065" in hits[0]["facts"]
    assert hits[0]["parts"]["fused"] >= hits[1]["parts"]["fused"]
    assert hits[0]["phrase"]


def test_kb_search_without_text(run: Run) -> None:
    code, _, err = run("kb", "search", " ")
    assert code == 2
    assert "no text" in err


def test_kb_list_command(run: Run) -> None:
    code, out, _ = run("kb", "list", "--language", "en", "--topic", "iodine", "--json")
    entries = json.loads(out)["entries"]
    assert code == 0
    assert entries
    assert {(e["language"], e["topic"]) for e in entries} == {("en", "iodine")}


def test_a_missing_base_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    code, _, err = run("kb", "check", "--set", f"knowledge.folder={tmp_path / 'none'}")
    assert code == 65
    assert "sources.toml" in err
    assert len(err.strip().splitlines()) <= 2
