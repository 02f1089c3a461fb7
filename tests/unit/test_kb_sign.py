from __future__ import annotations

import base64
import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from asr.pinyin import syllables
from llm import KnowledgeError
from llm.answer import Answerer
from llm.guard import RULES
from llm.knowledge import load_knowledge
from llm.knowledge import sign as signing
from llm.knowledge.keys import create_key, public_path, read_private_key, trusted_keys
from llm.knowledge.sign import (
    SIGNATURE,
    SIGNED,
    SITE_FILE,
    UNFIT,
    UNSIGNED,
    UNTRUSTED,
    SignedKnowledge,
    load_signed,
    sign,
)
from llm.knowledge.site import SITE_FACT, Site, with_site
from llm.retrieve import Retriever
from tests.unit.knowledge_base import base_of, encoder, shipped
from tests.unit.knowledge_folder import replace_in, write_base

LOCAL = """\
[[entry]]
id = "zh.site.shelter"
ask = ["最近的避难所在哪里", "我该去哪里躲", "避难所在哪", "附近有没有避难所"]
answer = "去镇中学地下室。"

[[entry]]
id = "zh.site.siren"
ask = ["警报响几声", "我们这警报怎么响", "核电厂警报是怎样的", "警报是什么声音"]
answer = "警报连响3分钟。听到先进屋。"
replaces = ["zh.shelter.siren"]

[[entry]]
id = "en.site.shelter"
ask = ["Where is the nearest shelter?", "Where do I go?", "Which shelter?", "A shelter near me?"]
answer = "Go to the school basement."
"""
SITE = Site("秦山 NPP", "Haiyan County", "2026-05-06")


@dataclass
class Place:
    """Folders of one device, and of an authority with its key."""

    base: Path
    own: Path
    trusted: Path
    key: Path
    local: Path

    def sign(self, local: Path | None = None, site: Site = SITE) -> None:
        sign(load_knowledge(self.base, self.own), site, self.key, self.own, local)

    def load(self) -> SignedKnowledge:
        return load_signed(self.base, self.own, self.trusted)

    @property
    def state(self) -> str:
        return self.load().approval.state

    def trust(self, key: Path, name: str = "haiyan") -> None:
        self.trusted.mkdir(exist_ok=True)
        shutil.copy(public_path(key), self.trusted / f"{name}.pub")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(
        write_base(tmp_path / "base"),
        tmp_path / "own",
        tmp_path / "trusted-keys",
        tmp_path / "county",
        tmp_path / "local.toml",
    )
    create_key(made.key)
    made.trust(made.key)
    made.local.write_text(LOCAL, "utf-8")
    return made


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


# --- entries of the site


def test_local_entries_are_spoken_while_the_signature_fits(place: Place) -> None:
    place.sign(place.local)
    knowledge = place.load().knowledge
    entry = knowledge.by_id["zh.site.shelter"]
    assert entry in knowledge.speakable
    assert (entry.reviewer, entry.reviewed) == ("Haiyan County", "2026-05-06")
    (source,) = knowledge.sources_of(entry)
    assert (source.fact, source.confidence, source.issuer) == (SITE_FACT, "A", "Haiyan County")
    assert (place.own / SITE_FILE).read_text("utf-8") == LOCAL


def test_a_local_entry_stands_in_for_one_that_does_not_know(place: Place) -> None:
    place.sign(place.local)
    knowledge = place.load().knowledge
    assert "zh.shelter.siren" not in knowledge.by_id
    assert knowledge.by_id["zh.shelter.go-in"].related == ()


def test_local_questions_get_the_local_answer() -> None:
    text = LOCAL.replace("zh.shelter.siren", "zh.alarms-phones.nuclear-siren")
    for language in ("zh", "en"):
        replaced = f'replaces = ["{language}.live-data.nearest-shelter"]\n'
        name = f'id = "{language}.site.shelter"\n'
        text = text.replace(name, name + replaced)
    topics = ("live-data", "alarms-phones", "shelter")
    around = base_of(*(entry for entry in shipped().entries if entry.topic in topics))
    elsewhere, local = (
        Answerer(k, Retriever(k.speakable, encoder(), syllables, k.vocabulary), syllables)
        for k in (around, with_site(around, text, SITE))
    )
    for question, said in (
        ("离我最近的避难所在哪", "去镇中学地下室。"),
        ("Where is the nearest shelter?", "Go to the school basement."),
        ("核电厂的警报是什么声音", "警报连响3分钟。听到先进屋。"),
    ):
        assert elsewhere.answer(question).decision == "unknown"
        answer = local.answer(question)
        assert (answer.decision, answer.text, answer.facts) == ("verbatim", said, (SITE_FACT,))
        assert answer.sources[0].issuer == "Haiyan County"
    for question in ("最近的医院在哪", "Where is the nearest hospital?"):
        assert local.answer(question).decision == "unknown"


# --- signing


def test_signing_the_same_again_gives_the_same_file(place: Place) -> None:
    place.sign(place.local)
    first = (place.own / SIGNATURE).read_bytes()
    place.sign(place.own / SITE_FILE)
    assert (place.own / SIGNATURE).read_bytes() == first  # Ed25519 needs no random number


def test_a_site_file_is_never_dropped_silently(place: Place) -> None:
    place.sign(place.local)
    with pytest.raises(KnowledgeError, match=r"site\.toml exists: sign it with --local"):
        place.sign()
    assert place.state == SIGNED


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"has no \[\[entry\]\]"),
        ("entry = 5", r"has no \[\[entry\]\]"),
        ("[[entry", "site.toml"),
        (LOCAL.replace("zh.site.shelter", "zh.shelter.x"), "must begin with zh.site."),
        (LOCAL.replace("zh.site.shelter", "fr.site.x"), "must begin with zh.site. or en.site."),
        (LOCAL.replace("zh.site.siren", "zh.site.shelter"), "used twice"),
        (LOCAL.replace("zh.shelter.siren", "zh.no.such"), "unknown entries"),
        (LOCAL.replace("zh.shelter.siren", "zh.shelter.draft"), "unknown entries"),
        (LOCAL.replace('["zh.shelter.siren"]', "5"), "must be a list"),
        (LOCAL.replace("replaces", "facts"), "leave out facts"),
        (LOCAL.replace("replaces", "colour"), "unknown keys"),
        (LOCAL.replace("去镇中学地下室。", ""), "must not be empty"),
        (LOCAL.replace("去镇中学地下室。", "请打12369。"), "12369"),
        (LOCAL.replace('"避难所在哪"', '"要不要先进屋"'), "also asked in .* name it in `replaces`"),
    ],
)
def test_a_wrong_site_file_is_not_signed(place: Place, text: str, complaint: str) -> None:
    place.local.write_text(text, "utf-8")
    with pytest.raises(KnowledgeError, match=complaint) as caught:
        place.sign(place.local)
    assert "\n" not in str(caught.value)
    assert not (place.own / SIGNATURE).exists()


def test_a_base_with_errors_is_not_signed(place: Place) -> None:
    replace_in(place.base / "zh" / "water.toml", "可以喝，等通知。", "请打12369。")
    with pytest.raises(KnowledgeError, match=r"not signed: zh\.water\.tap: 12369"):
        place.sign()


def test_a_missing_or_unreadable_site_file_is_one_line(place: Place) -> None:
    place.local.write_bytes(b"\xff\xff")
    for path in (place.local, place.local / "none", place.base):
        with pytest.raises(KnowledgeError, match="cannot be read"):
            place.sign(path)


# --- keys


def test_only_the_owner_can_read_a_private_key(place: Place) -> None:
    assert stat.S_IMODE(os.stat(place.key).st_mode) == 0o600
    assert b"PRIVATE" not in public_path(place.key).read_bytes()


def test_a_key_is_never_overwritten(place: Place, tmp_path: Path) -> None:
    before = place.key.read_bytes()
    with pytest.raises(KnowledgeError, match="exists already"):
        create_key(place.key)
    public_path(place.key).rename(tmp_path / "elsewhere")
    with pytest.raises(KnowledgeError, match="exists already"):
        create_key(place.key)
    assert place.key.read_bytes() == before


def pem(key: object, password: bytes | None = None) -> bytes:
    protection = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not a private key"),
        (b"\xff\x00", "is not a private key"),
        (pem(generate_private_key(SECP256R1())), "not an Ed25519 key"),
        (pem(Ed25519PrivateKey.generate(), b"secret"), "protected by a password"),
    ],
)
def test_wrong_keys_are_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=complaint) as caught:
        read_private_key(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(KnowledgeError, match="is not a private key"):
        read_private_key(tmp_path / "none")


def test_a_private_key_is_no_trusted_one(place: Place) -> None:
    shutil.copy(place.key, place.trusted / "secret.pub")
    keys, unreadable = trusted_keys(place.trusted)
    assert [name for name, _ in keys.values()] == ["haiyan"]
    assert unreadable == ["secret.pub"]
