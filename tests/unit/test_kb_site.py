from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from asr.pinyin import syllables
from llm import KnowledgeError
from llm.answer import Answerer
from llm.knowledge.keys import create_key, public_path, read_private_key, trusted_keys
from llm.knowledge.sign import SIGNATURE, SIGNED, SITE_FILE
from llm.knowledge.site import SITE_FACT, with_site
from llm.retrieve import Retriever
from tests.unit.knowledge_base import base_of, encoder, shipped
from tests.unit.knowledge_folder import replace_in
from tests.unit.signing_place import LOCAL, SITE, Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


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
