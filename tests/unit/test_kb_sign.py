from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.guard import RULES
from llm.knowledge import load_knowledge
from llm.knowledge import sign as signing
from llm.knowledge.keys import create_key, read_private_key
from llm.knowledge.sign import (
    SIGNATURE,
    SIGNED,
    SITE_FILE,
    UNFIT,
    UNSIGNED,
    UNTRUSTED,
    load_signed,
)
from llm.knowledge.site import Site
from tests.unit.knowledge_folder import replace_in
from tests.unit.signing_place import LOCAL, Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def change_json(place: Place, key: str, value: object) -> None:
    path = place.own / SIGNATURE
    row = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**row, key: value}), "utf-8")


# --- states


def test_without_a_signature_it_says_so(place: Place) -> None:
    loaded = place.load()
    assert loaded.approval.state == UNSIGNED
    assert loaded.approval.text == "not signed off by a competent authority for this site"
    assert load_signed(place.base).approval.state == UNSIGNED


def test_a_signature_tells_who_signed_for_which_site_and_when(place: Place) -> None:
    place.sign()
    approval = place.load().approval
    assert approval.state == SIGNED
    assert approval.text.startswith(
        "signed by Haiyan County for 秦山 NPP on 2026-05-06 (key haiyan, "
    )
    assert (approval.site, approval.authority, approval.key_name) == (
        "秦山 NPP",
        "Haiyan County",
        "haiyan",
    )


def test_without_a_name_the_key_tells_who_signed(place: Place) -> None:
    place.sign(site=Site("X", "", "2026-05-06"))
    assert "signed by haiyan for X" in place.load().approval.text


def test_a_key_that_is_not_trusted_counts_for_nothing(place: Place) -> None:
    place.sign(place.local)
    shutil.rmtree(place.trusted)
    loaded = place.load()
    assert loaded.approval.state == UNTRUSTED
    assert "not trusted here" in loaded.approval.text
    assert "Haiyan" not in loaded.approval.text
    assert "zh.site.shelter" not in loaded.knowledge.by_id
    assert load_signed(place.base, place.own).approval.state == UNTRUSTED


def test_another_trusted_key_does_not_help(place: Place, tmp_path: Path) -> None:
    place.sign()
    create_key(tmp_path / "other")
    place.trust(tmp_path / "other")  # in place of the right one
    assert place.state == UNTRUSTED


def test_a_bad_file_among_the_trusted_keys_does_not_stop_the_others(place: Place) -> None:
    (place.trusted / "a.pub").write_bytes(b"\xff junk")
    (place.trusted / "b.pub").mkdir()
    place.sign()
    assert place.state == SIGNED
    (place.trusted / "haiyan.pub").unlink()
    assert "a.pub, b.pub cannot be read" in place.load().approval.text


# --- tampering: the statement


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("site", "Daya Bay"),
        ("authority", "Somebody else"),
        ("date", "2036-05-06"),
        ("spoken_hash", "0" * 64),
        ("replies_hash", "0" * 64),
        ("site_hash", "0" * 64),
        ("site_hash", ""),
        ("signature", base64.b64encode(bytes(64)).decode()),
        ("signature", base64.b64encode(bytes(63)).decode()),
        ("signature", ""),
        ("signature", "no base64"),
        ("key", "../../etc"),
        ("site", None),
        ("date", 5),
        ("more", "x"),
    ],
)
def test_a_changed_statement_does_not_fit(place: Place, key: str, value: object) -> None:
    place.sign(place.local)
    assert place.state == SIGNED
    change_json(place, key, value)
    loaded = place.load()
    assert loaded.approval.state == UNFIT
    assert "damaged or was altered" in loaded.approval.text
    assert loaded.approval.site == ""
    assert "zh.site.shelter" not in loaded.knowledge.by_id


def test_every_byte_of_the_signature_counts(place: Place) -> None:
    place.sign()
    path = place.own / SIGNATURE
    row = json.loads(path.read_text("utf-8"))
    right = base64.b64decode(row["signature"])
    for number in range(len(right)):
        wrong = bytearray(right)
        wrong[number] ^= 1
        change_json(place, "signature", base64.b64encode(wrong).decode())
        assert place.state == UNFIT
    change_json(place, "signature", row["signature"])
    assert place.state == SIGNED


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe\x00", b"{" * 100_000, b'{"site": 1e999}']
)
def test_a_damaged_signature_file_does_not_fit(place: Place, content: bytes) -> None:
    place.sign(place.local)
    (place.own / SIGNATURE).write_bytes(content)
    assert place.state == UNFIT


def test_a_signature_file_cut_short_does_not_fit(place: Place) -> None:
    place.sign()
    whole = (place.own / SIGNATURE).read_bytes()
    for cut in range(0, len(whole) - 2, 23):
        (place.own / SIGNATURE).write_bytes(whole[:cut])
        assert place.state == UNFIT


def test_a_folder_instead_of_the_signature_does_not_stop_the_assistant(place: Place) -> None:
    (place.own / SIGNATURE).mkdir(parents=True)
    assert place.state == UNFIT


def test_a_statement_signed_for_another_purpose_does_not_fit(place: Place) -> None:
    place.sign()
    path = place.own / SIGNATURE
    row = json.loads(path.read_text("utf-8"))
    statement = {key: value for key, value in row.items() if key != "signature"}
    bare = json.dumps(statement, sort_keys=True).encode()
    signature = read_private_key(place.key).sign(bare)
    change_json(place, "signature", base64.b64encode(signature).decode())
    assert place.state == UNFIT


def test_what_the_statement_says_commands_no_terminal(place: Place) -> None:
    place.sign()
    change_json(place, "key", "\x1b[2J")
    assert "\x1b" not in place.load().approval.text


# --- tampering: what was signed


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("zh/shelter.toml", "关好门窗", "打开门窗"),
        ("zh/shelter.toml", "先躲屋里吗", "先躲外面吗"),
        ("zh/shelter.toml", '"F1"', '"F2"'),
        ("zh/shelter.toml", "the first review", "the first review\ndecision = 'refuse'"),
        ("sources.toml", "Office", "Bureau"),
        ("sources.toml", 'confidence = "B"', 'confidence = "A"'),
        ("sources.toml", 'confidence = "B"', 'confidence = "C"'),
    ],
)
def test_a_changed_base_does_not_fit(place: Place, file: str, old: str, new: str) -> None:
    place.sign(place.local)
    text = (place.base / file).read_text("utf-8")
    replace_in(place.base / file, old, new)
    loaded = place.load()
    assert loaded.approval.state == UNFIT
    assert loaded.approval.text == (
        "signed by Haiyan County for 秦山 NPP on 2026-05-06, "
        "but entries were changed since: the signature does not fit"
    )
    assert "zh.site.shelter" not in loaded.knowledge.by_id
    (place.base / file).write_text(text, "utf-8")
    assert place.state == SIGNED


def test_more_words_of_the_field_do_not_fit(place: Place) -> None:
    place.sign()
    (place.base / "terms.toml").write_text('[[same]]\nzh = ["进屋", "出门"]\n', "utf-8")
    assert place.state == UNFIT


def test_an_entry_added_or_removed_does_not_fit(place: Place) -> None:
    place.sign()
    water = place.base / "zh" / "water.toml"
    text = water.read_text("utf-8")
    water.unlink()
    assert place.state == UNFIT
    more = text.partition('[[entry]]\nid = "zh.water.boil"')[0].replace("tap", "more")
    water.write_text(text + more.replace("水", "湖"), "utf-8")
    assert place.state == UNFIT
    water.write_text(text, "utf-8")
    assert place.state == SIGNED


def test_own_entries_that_are_spoken_are_signed_too(place: Place) -> None:
    place.sign()
    entry = '[[entry]]\nid = "zh.farm.x"\nask = ["菜能吃吗"]\nanswer = "别吃。"\nfacts = ["F2"]\n'
    (place.own / "zh").mkdir()
    (place.own / "zh" / "farm.toml").write_text(entry + 'status = "draft"\n', "utf-8")
    assert place.state == SIGNED  # a draft is never spoken
    (place.own / "zh" / "farm.toml").write_text(entry, "utf-8")
    assert place.state == UNFIT


def test_changed_replies_of_the_guard_do_not_fit(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sign()
    rules = tmp_path / "guard.toml"
    text = RULES.read_text("utf-8")
    rules.write_text(text.replace("我不知道您当地的安排", "不用管"), "utf-8")
    monkeypatch.setattr(signing, "RULES", rules)
    assert "fixed replies were changed" in place.load().approval.text
    rules.write_text(text + '\n[[rule]]\nreply = "live"\nall = [["x"]]\n', "utf-8")
    assert place.state == SIGNED  # when a rule applies is a matter of the program


@pytest.mark.parametrize(
    "tamper",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes() + b"\n"),
        lambda path: path.write_bytes(path.read_bytes().replace(b"3", b"5")),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_changed_site_file_is_not_spoken(place: Place, tamper: Callable[[Path], object]) -> None:
    place.sign(place.local)
    tamper(place.own / SITE_FILE)
    loaded = place.load()
    assert loaded.approval.state == UNFIT
    assert "site.toml was changed or removed since" in loaded.approval.text
    assert loaded.knowledge.content_hash == load_knowledge(place.base).content_hash


def test_a_site_file_put_beside_a_signature_is_not_spoken(place: Place) -> None:
    place.sign()
    (place.own / SITE_FILE).write_text(LOCAL, "utf-8")
    assert place.state == UNFIT
    (place.own / SIGNATURE).unlink()
    approval = place.load().approval
    assert approval.state == UNSIGNED
    assert "site.toml is therefore not spoken" in approval.text
