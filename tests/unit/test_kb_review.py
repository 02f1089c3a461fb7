from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from llm import KnowledgeError
from llm.knowledge import SHIPPED, load_knowledge, parse_toml
from llm.knowledge.review import (
    MAX_AGE_DAYS,
    Change,
    apply_review,
    due,
    edited,
    entry_of,
    file_of,
    obstacles,
)
from tests.unit.knowledge_base import shipped
from tests.unit.knowledge_folder import ZH_SHELTER, replace_in, write_base

VET = Change("vetted", "Li Hua", "2026-05-06")
DRAFT = "zh.shelter.draft"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_base(tmp_path)


def change(base: Path, name: str, wanted: Change = VET) -> None:
    apply_review(load_knowledge(base), [name], wanted, [base])


def raise_confidence(base: Path) -> None:
    replace_in(base / "sources.toml", 'confidence = "C"', 'confidence = "B"')


def test_a_draft_becomes_vetted_in_the_reviewers_name(base: Path) -> None:
    raise_confidence(base)
    change(base, DRAFT)
    entry = load_knowledge(base).by_id[DRAFT]
    assert (entry.status, entry.reviewer, entry.reviewed) == ("vetted", "Li Hua", "2026-05-06")
    assert entry in load_knowledge(base).speakable


def test_only_these_lines_change(base: Path) -> None:
    raise_confidence(base)
    change(base, DRAFT)
    text = (base / "zh" / "shelter.toml").read_text("utf-8")
    added = 'reviewer = "Li Hua"\nreviewed = "2026-05-06"\n'
    assert text == ZH_SHELTER.replace('"draft"', '"vetted"') + added


def test_comments_behind_and_before_stay(base: Path) -> None:
    change(base, "zh.shelter.go-in")
    text = (base / "zh" / "shelter.toml").read_text("utf-8")
    assert text == ZH_SHELTER.replace('"editor"', '"Li Hua"', 1).replace(
        '"2026-01-02"   # the first review\n',
        '"2026-05-06"   # the first review\nstatus = "vetted"\n',
    )


def test_unvetting_leaves_who_reviewed_it(base: Path) -> None:
    change(base, "zh.water.tap", Change("draft"))
    entry = load_knowledge(base).by_id["zh.water.tap"]
    assert (entry.status, entry.reviewer, entry.reviewed) == ("draft", "editor", "2026-01-02")


def test_unverified_facts_are_refused(base: Path) -> None:
    before = (base / "zh" / "shelter.toml").read_bytes()
    with pytest.raises(KnowledgeError, match=r"F3 has confidence C.*'Not opened'"):
        change(base, DRAFT)
    assert (base / "zh" / "shelter.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("躲77天。", "一直躲在屋里不要出来，直到听见政府的广播说可以出来为止。", "first sentence"),
        ("躲77天。", "请打12369。", "12369"),
        ("要躲多久", "要不要先进屋", "also asked in"),
        ('facts = ["F3"]', "facts = []", "names no fact"),
        ('issuer = "Office"\nyear = ""', 'issuer = ""\nyear = ""', "no title or issuer"),
    ],
)
def test_what_check_finds_is_refused(base: Path, old: str, new: str, complaint: str) -> None:
    raise_confidence(base)
    file = "sources.toml" if "issuer" in old else "zh/shelter.toml"
    replace_in(base / file, old, new)
    before = (base / "zh" / "shelter.toml").read_bytes()
    with pytest.raises(KnowledgeError, match=complaint):
        change(base, DRAFT)
    assert (base / "zh" / "shelter.toml").read_bytes() == before


def test_mistakes_of_other_entries_do_not_stop_a_review(base: Path) -> None:
    raise_confidence(base)
    replace_in(base / "zh" / "water.toml", "可以喝，等通知。", "请打12369。")
    change(base, DRAFT)
    assert load_knowledge(base).by_id[DRAFT].status == "vetted"


def test_several_at_once_or_none(base: Path) -> None:
    knowledge = load_knowledge(base)
    before = {path: path.read_bytes() for path in base.rglob("*.toml")}
    ids = ["zh.water.tap", DRAFT]
    with pytest.raises(KnowledgeError, match="F3"):
        apply_review(knowledge, ids, VET, [base])
    with pytest.raises(KnowledgeError, match="there is no entry zh.x"):
        apply_review(knowledge, ["zh.water.tap", "zh.x"], VET, [base])
    assert {path: path.read_bytes() for path in base.rglob("*.toml")} == before
    both = ["zh.shelter.go-in", "zh.shelter.siren", "zh.water.tap"]
    written = apply_review(knowledge, both, VET, [base])
    assert written == [base / "zh" / "shelter.toml", base / "zh" / "water.toml"]
    after = load_knowledge(base).by_id
    assert {after[name].reviewer for name in both} == {"Li Hua"}
    assert sorted(path.name for path in (base / "zh").iterdir()) == ["shelter.toml", "water.toml"]


def test_names_are_quoted(base: Path) -> None:
    name = 'Anna "A" O\'Brien\\ 李华 # x'
    change(base, "zh.water.tap", Change("vetted", name, "2026-05-06"))
    assert load_knowledge(base).by_id["zh.water.tap"].reviewer == name


def test_line_ends_and_the_mode_of_the_file_stay(base: Path) -> None:
    path = base / "zh" / "water.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b'reviewer = "editor"', b""))
    path.chmod(0o600)
    load_knowledge(base)
    change(base, "zh.water.tap")
    data = path.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "layout",
    [
        'entry = [{ id = "a", status = "draft" }]\n',
        '[[entry]]\nid = "a"\nstatus = """\ndraft"""\n',
        "[[entry]]\nid = 'a'\nask = '''\n[[entry]]\n'''\nstatus = 'draft'\n",
        '[["entry"]]\nid = "a"\nstatus = "draft"\n',
        '[[entry]]\nid = "a"\n"status" = "draft"\n',
    ],
)
def test_an_unusual_layout_is_left_to_a_person(layout: str) -> None:
    with pytest.raises(KnowledgeError, match="by hand"):
        edited(layout, "a", {"status": "vetted"})


def test_a_text_that_looks_like_a_key_is_not_one() -> None:
    text = "[[entry]]\nid = 'a'\nanswer = '''\nstatus = 'draft'\n'''\nstatus = 'draft'\n"
    with pytest.raises(KnowledgeError, match="by hand"):
        edited(text, "a", {"status": "vetted"})


def test_every_shipped_entry_can_be_edited() -> None:
    entries = shipped().entries
    texts = {path: path.read_text("utf-8") for path in SHIPPED.glob("*/*.toml")}
    for entry in entries[::5]:
        text = texts[file_of(entry, [SHIPPED])]
        result = edited(text, entry.id, VET.values)
        rows = {row["id"]: row for row in parse_toml(result, "")["entry"]}
        assert rows[entry.id] | VET.values == rows[entry.id]
        changed = set(text.splitlines()) ^ set(result.splitlines())
        assert len(changed) <= 6


def test_own_entries_are_found_in_their_folder(base: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "zh").mkdir(parents=True)
    text = ZH_SHELTER.partition("# Nobody")[0].replace("zh.shelter.go-in", "zh.shelter.own")
    text = text.replace("先", "快").replace('related = ["zh.shelter.siren"]\n', "")
    (own / "zh" / "shelter.toml").write_text(text, "utf-8")
    written = apply_review(load_knowledge(base, own), ["zh.shelter.own"], VET, [base, own])
    assert written == [own / "zh" / "shelter.toml"]
    entry = load_knowledge(base, own).by_id["zh.shelter.own"]
    with pytest.raises(KnowledgeError, match="in no file"):
        file_of(entry, [base])


# --- what is due


def test_drafts_and_old_reviews_are_due(base: Path) -> None:
    knowledge = load_knowledge(base)
    day = date(2026, 1, 2)
    assert [(item.entry.id, item.reason) for item in due(knowledge, day)] == [(DRAFT, "draft")]
    limit = day + timedelta(MAX_AGE_DAYS)
    assert len(due(knowledge, limit)) == 1
    later = due(knowledge, limit + timedelta(1))
    assert len(later) == len(knowledge.entries)
    assert later[1].reason == "reviewed 366 days ago"
    early = due(knowledge, day - timedelta(1))
    assert early[1].reason == "reviewed on 2026-01-02, which is still to come"


def test_an_unknown_day_is_due(base: Path) -> None:
    replace_in(base / "zh" / "water.toml", "2026-01-02", "spring")
    reasons = [item.reason for item in due(load_knowledge(base), date(2026, 1, 3))]
    assert reasons.count("reviewed on no known day") == 2


def test_a_draft_has_no_obstacle_to_remaining_one(base: Path) -> None:
    knowledge = load_knowledge(base)
    entry = entry_of(knowledge, DRAFT)
    assert obstacles(knowledge, [entry]) == []
    assert obstacles(knowledge, [replace(entry, status="vetted")])
