"""Hostile bundles: nothing of them is parsed before the signature holds."""

import json
import struct
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llm.flash import FlashError
from llm.flash.bundle import BEFORE_MANIFEST, load_keys, load_private_key, open_bundle
from llm.flash.manifest import BundledFile, Manifest, parse_manifest
from llm.knowledge.keys import create_key
from tests.small_bundles import Workshop, sha256, workshop

REGIONS = ("magic", "key", "signature", "length", "manifest", "payload")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return workshop(tmp_path / "shop")


def refused(shop: Workshop, path: Path) -> str:
    """Return the code with which a bundle is refused when it is read as a whole."""
    with pytest.raises(FlashError) as caught:
        open_bundle(path, shop.keys).verify()
    assert "\n" not in str(caught.value)
    return caught.value.code


def regions(path: Path) -> dict[str, range]:
    data = path.read_bytes()
    end = BEFORE_MANIFEST + struct.unpack_from("<I", data, BEFORE_MANIFEST - 4)[0]
    starts = (0, 16, 48, 112, 116, end, len(data))
    return dict(zip(REGIONS, map(range, starts, starts[1:]), strict=True))


def test_a_good_bundle_is_whole_and_says_what_was_signed(shop: Workshop) -> None:
    bundle = shop.make(7)
    bundle.verify()
    assert bundle.manifest == shop.manifest(7)
    assert bundle.head.key_name == "owner"


def test_the_same_content_gives_the_same_bytes(shop: Workshop) -> None:
    first = shop.write(7).read_bytes()
    assert shop.write(7).read_bytes() == first


@pytest.mark.parametrize("region", REGIONS)
def test_a_flipped_bit_anywhere_is_found(shop: Workshop, region: str) -> None:
    path = shop.write()
    whole = path.read_bytes()
    for position in regions(path)[region]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        code = refused(shop, path)
        expected = {"magic": "format", "key": "key", "signature": "signature"}
        assert code == expected.get(region, code)
        assert code in ("format", "key", "signature", "altered")


def test_cut_anywhere_it_is_refused(shop: Workshop) -> None:
    path = shop.write()
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refused(shop, path) in ("format", "altered")


def test_something_at_its_end_is_refused(shop: Workshop) -> None:
    path = shop.write()
    path.write_bytes(path.read_bytes() + b"\0")
    assert refused(shop, path) == "altered"


def test_the_wrong_key_and_no_key_are_refused(shop: Workshop) -> None:
    path = shop.write(key=Ed25519PrivateKey.generate())
    assert refused(shop, path) == "key"
    with pytest.raises(FlashError, match="does not trust") as caught:
        open_bundle(shop.write(), {})
    assert "hean keys trust" in caught.value.fix


def test_a_signature_made_for_another_purpose_is_none(shop: Workshop) -> None:
    path = shop.write()
    data = path.read_bytes()
    manifest = shop.manifest().to_bytes()
    for context in (b"", b"hean knowledge signature 1\n"):
        signature = shop.key.sign(context + manifest)
        path.write_bytes(data[:48] + signature + data[112:])
        assert refused(shop, path) == "signature"


def test_the_signature_is_asked_before_the_manifest_is_read(shop: Workshop) -> None:
    path = shop.write()
    data = path.read_bytes()
    nonsense = b"{" * (regions(path)["manifest"].stop - BEFORE_MANIFEST)
    path.write_bytes(data[:BEFORE_MANIFEST] + nonsense)
    assert refused(shop, path) == "signature"
    signed = shop.key.sign(b"hean bundle manifest 1\n" + nonsense)
    path.write_bytes(data[:48] + signed + data[112:BEFORE_MANIFEST] + nonsense)
    assert refused(shop, path) == "format"


def test_a_manifest_that_claims_gigabytes_is_not_read(shop: Workshop) -> None:
    path = shop.write()
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, BEFORE_MANIFEST - 4, 0xFFFFFFFF)
    path.write_bytes(data)
    assert refused(shop, path) == "format"


def raw(shop: Workshop, **changes: Any) -> bytes:
    row = json.loads(shop.manifest().to_bytes()) | changes
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def file_row(**changes: Any) -> dict[str, Any]:
    row = asdict(BundledFile("model/m.gguf", "model", 1, sha256(b"x")))
    return row | changes


HOSTILE_FILES = {
    "parent": [file_row(path="../m.gguf")],
    "parent inside": [file_row(path="model/../../m.gguf")],
    "absolute": [file_row(path="/etc/passwd")],
    "backslash": [file_row(path="..\\m.gguf")],
    "hidden": [file_row(path=".ssh/authorized_keys")],
    "empty": [file_row(path="")],
    "empty part": [file_row(path="model//m.gguf")],
    "zero byte": [file_row(path="model/m\0.gguf")],
    "newline": [file_row(path="model/m\n")],
    "deep": [file_row(path="a/b/c/d/e")],
    "long": [file_row(path="a" * 300)],
    "the head of the slot": [file_row(path="bundle.head")],
    "duplicate": [file_row(), file_row(role="card")],
    "duplicate but for case": [file_row(), file_row(path="MODEL/M.gguf", role="card")],
    "a file that is also a folder": [file_row(path="model"), file_row(role="card")],
    "two models": [file_row(), file_row(path="model/n.gguf")],
    "link": [file_row(link="/etc/passwd")],
    "unknown role": [file_row(role="script")],
    "unknown origin": [file_row(origin="network")],
    "negative size": [file_row(bytes=-1)],
    "oversize": [file_row(bytes=1 << 60)],
    "size is true": [file_row(bytes=True)],
    "size is a text": [file_row(bytes="1")],
    "no hash": [file_row(sha256="")],
    "none at all": [],
    "too many": [file_row(path=f"knowledge/{n}", role="knowledge") for n in range(2001)],
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_even_signed_hostile_files_are_refused(shop: Workshop, name: str) -> None:
    with pytest.raises(FlashError) as caught:
        parse_manifest(raw(shop, files=HOSTILE_FILES[name]))
    assert caught.value.code == "format"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"version": 0},
        {"version": 1 << 60},
        {"version": 1.5},
        {"name": "../x"},
        {"created": "yesterday"},
        {"expires": "2026-13-01"},
        {"devices": []},
        {"devices": "kiosk"},
        {"min_software": "latest"},
        {"health": {}},
        {"more": 1},
        {"files": None},
        {"evaluation": [["loss", 1]]},
    ],
    ids=str,
)
def test_fields_that_make_no_sense_are_refused(shop: Workshop, changes: dict[str, Any]) -> None:
    with pytest.raises(FlashError, match="makes no sense"):
        parse_manifest(raw(shop, **changes))


def test_only_the_canonical_text_of_a_manifest_counts(shop: Workshop) -> None:
    data = shop.manifest().to_bytes()
    assert parse_manifest(data) == shop.manifest()
    twice = data.replace(b'"version":1', b'"version":1,"version":1')
    for other in (data + b"\n", data.replace(b":", b": ", 1), twice, b"[]", b"\xff", b"[" * 9999):
        with pytest.raises(FlashError, match="makes no sense"):
            parse_manifest(other)


def test_an_adapter_needs_its_base_in_the_same_manifest() -> None:
    file = BundledFile("adapter/a.gguf", "adapter", 1, sha256(b"x"))
    with pytest.raises(ValueError, match="without base"):
        Manifest("t", 1, "2026-01-01", (file,))


def test_a_source_that_changes_while_it_is_packed_is_not_signed(shop: Workshop) -> None:
    manifest = shop.manifest()
    changed = replace(manifest.files[0], sha256=sha256(b"other"))
    with pytest.raises(FlashError, match="not what was signed"):
        shop.write(files=(changed, *manifest.files[1:]))


def test_keys_come_from_pem_files(tmp_path: Path, shop: Workshop) -> None:
    create_key(tmp_path / "own")
    shop.key = load_private_key(tmp_path / "own")
    assert open_bundle(shop.write(), load_keys(tmp_path)).head.key_name == "own"
    with pytest.raises(FlashError, match="not a private key"):
        load_private_key(tmp_path / "own.pub")


def test_what_is_no_bundle_is_said_in_one_line(tmp_path: Path, shop: Workshop) -> None:
    (tmp_path / "x").write_bytes(b"GGUF")
    (tmp_path / "empty").touch()
    for name in ("x", "empty", "missing", "."):
        assert refused(shop, tmp_path / name) == "format"
