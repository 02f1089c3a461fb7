from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from llm import KnowledgeError
from llm.knowledge import KnowledgeBase, load_knowledge
from llm.knowledge.build import LAYOUT, build
from tests.unit.knowledge_base import shipped
from tests.unit.knowledge_folder import replace_in, write_base


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return load_knowledge(write_base(tmp_path / "base"))


def built(knowledge: KnowledgeBase, path: Path) -> bytes:
    build(knowledge, path)
    return path.read_bytes()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_the_same_content_gives_the_same_bytes(base: KnowledgeBase, tmp_path: Path) -> None:
    turned = KnowledgeBase(
        base.entries[::-1], dict(reversed(base.sources.items())), base.vocabulary
    )
    assert built(base, tmp_path / "a") == built(turned, tmp_path / "b")
    assert turned.content_hash == base.content_hash


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_order_of_sets_does_not_matter(base: KnowledgeBase, tmp_path: Path, seed: str) -> None:
    script = (
        "import sys; from pathlib import Path; from llm.knowledge import load_knowledge;"
        "from llm.knowledge.build import build;"
        "build(load_knowledge(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Shanghai"}
    command = [sys.executable, "-c", script, str(tmp_path / "base"), str(tmp_path / "other")]
    subprocess.run(command, check=True, env=environment)
    assert (tmp_path / "other").read_bytes() == built(base, tmp_path / "here")


def test_other_content_gives_another_file(base: KnowledgeBase, tmp_path: Path) -> None:
    entry = replace(base.entries[0], details="另一句。")
    other = replace(base, entries=(entry, *base.entries[1:]))
    assert built(base, tmp_path / "a") != built(other, tmp_path / "b")
    assert other.content_hash != base.content_hash


def test_everything_is_in_the_file(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "kb.sqlite"
    build(base, path)
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA page_size") == [(4096,)]
    assert rows(path, "PRAGMA user_version") == [(LAYOUT,)]
    assert dict(rows(path, "SELECT key, value FROM meta"))["content_hash"] == base.content_hash
    assert {name for (name,) in rows(path, "SELECT id FROM entry")} == set(base.by_id)
    phrases = rows(path, "SELECT entry, text FROM phrasing ORDER BY entry, position")
    assert phrases == [(e.id, p) for e in sorted(base.entries, key=lambda e: e.id) for p in e.ask]
    assert rows(path, "SELECT fact, confidence FROM source") == [
        (name, base.sources[name].confidence) for name in ("F1", "F2", "F3")
    ]
    assert rows(path, "SELECT fact FROM entry_fact WHERE entry = 'zh.water.tap'") == [("F2",)]
    assert rows(path, "SELECT * FROM related") == [("zh.shelter.go-in", 0, "zh.shelter.siren")]


def test_drafts_are_not_found(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "kb.sqlite"
    build(base, path)
    assert rows(path, "SELECT id FROM entry WHERE NOT speakable") == [("zh.shelter.draft",)]
    found = "SELECT entry FROM search WHERE search MATCH '{}' ORDER BY entry"
    assert rows(path, found.format("自来水")) == [("zh.water.tap",)]
    assert rows(path, found.format("隐蔽多")) == []
    assert rows(path, found.format("Shut the d")) == [("en.shelter.go-in",)]


def test_an_old_file_is_replaced_whole(base: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "kb.sqlite"
    first = built(base, path)
    assert built(base, path) == first
    assert [p.name for p in path.parent.iterdir()] == ["kb.sqlite"]


def test_a_file_that_cannot_be_written_is_one_line(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KnowledgeError, match=r"cannot be written") as caught:
        build(base, tmp_path / "file" / "kb.sqlite")
    assert "\n" not in str(caught.value)
    with pytest.raises(KnowledgeError, match="cannot be written"):
        build(base, tmp_path)


def test_the_shipped_base_can_be_built(tmp_path: Path) -> None:
    path = tmp_path / "kb.sqlite"
    build(shipped(), path)
    assert rows(path, "SELECT count(*) FROM search") == [(len(shipped().speakable),)]


# --- hashes


def test_the_hash_does_not_change_with_the_layout_of_the_files(tmp_path: Path) -> None:
    base = load_knowledge(write_base(tmp_path))
    replace_in(tmp_path / "zh" / "shelter.toml", "# Sheltering.\n", "# Other words.\n\n")
    (tmp_path / "sources").mkdir()
    sources = (tmp_path / "sources.toml").read_text("utf-8").partition("[F2]")
    (tmp_path / "sources.toml").write_text("[F2]" + sources[2], "utf-8")
    (tmp_path / "sources" / "more.toml").write_text(sources[0], "utf-8")
    assert load_knowledge(tmp_path).content_hash == base.content_hash


@pytest.mark.parametrize(
    ("file", "old", "new", "spoken"),
    [
        ("zh/shelter.toml", "关好门窗", "打开门窗", True),
        ("zh/shelter.toml", "先躲屋里吗", "先躲外面吗", True),
        ("sources.toml", "Office", "Bureau", True),
        ("zh/shelter.toml", "77", "78", False),
        ("sources.toml", "Not opened", "Opened", False),
    ],
)
def test_what_changes_the_hashes(
    tmp_path: Path, file: str, old: str, new: str, spoken: bool
) -> None:
    before = load_knowledge(write_base(tmp_path))
    replace_in(tmp_path / file, old, new)
    after = load_knowledge(tmp_path)
    assert after.content_hash != before.content_hash
    assert (after.spoken_hash != before.spoken_hash) == spoken


def test_own_entries_are_laid_over_the_base(tmp_path: Path) -> None:
    base, own = write_base(tmp_path / "base"), tmp_path / "own"
    assert load_knowledge(base, own).content_hash == load_knowledge(base).content_hash
    (own / "zh").mkdir(parents=True)
    text = '[[entry]]\nid = "zh.farm.x"\nask = ["菜能吃吗"]\nanswer = "先别吃。"\nfacts = ["F2"]\n'
    (own / "zh" / "farm.toml").write_text(text, "utf-8")
    assert "zh.farm.x" in load_knowledge(base, own).by_id
    (own / "zh" / "farm.toml").write_text(text.replace("F2", "F9"), "utf-8")
    with pytest.raises(KnowledgeError, match=r"farm.toml: zh.farm.x: unknown facts \['F9'\]"):
        load_knowledge(base, own)
    (own / "zh" / "farm.toml").unlink()
    (own / "zh" / "shelter.toml").write_bytes((base / "zh" / "shelter.toml").read_bytes())
    with pytest.raises(KnowledgeError, match=r"zh.shelter.go-in is used twice"):
        load_knowledge(base, own)
