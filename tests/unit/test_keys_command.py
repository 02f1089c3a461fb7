"""`hean keys`: made, trusted for one purpose, listed, forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import Result, hean


class Owner:
    """Somebody at a machine of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "owner"
        self.public = folder / "owner.pub"

    def keys(self, *words: str | Path) -> Result:
        return hean("keys", *words, "--set", f"models.store={self.folder / 'data' / 'models'}")

    def listed(self) -> list[tuple[str, str]]:
        rows = json.loads(self.keys("list", "--json").out)["keys"]
        return [(row["name"], row["for"]) for row in rows]


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    owner = Owner(tmp_path)
    assert owner.keys("create", owner.key).code == 0
    return owner


def test_a_new_key_is_secret_and_never_overwritten(owner: Owner) -> None:
    assert owner.key.stat().st_mode & 0o777 == 0o600
    before = owner.key.read_bytes()
    again = owner.keys("create", owner.key)
    assert again.code == 65
    assert "exists already" in again.err
    assert owner.key.read_bytes() == before
    told = json.loads(owner.keys("create", owner.folder / "other", "--json").out)
    assert told["public"] == str(owner.folder / "other.pub")
    assert len(told["key"]) == 64


def test_a_key_is_trusted_for_what_was_named_alone(owner: Owner) -> None:
    assert owner.keys("list").out.startswith("no key is trusted")
    assert owner.keys("trust", owner.public).code == 0
    assert owner.listed() == [("owner", "bundles")]
    assert owner.keys("trust", owner.public, "--for", "texts").code == 0
    assert owner.listed() == [("owner", "bundles"), ("owner", "texts")]
    assert (owner.folder / "data" / "trusted-keys" / "owner.pub").is_file()
    forgotten = owner.keys("forget", "owner")
    assert "no longer taken" in forgotten.out
    assert owner.listed() == [("owner", "texts")]


def test_mistakes_are_one_line(owner: Owner) -> None:
    private = owner.keys("trust", owner.key)
    assert private.code == 2
    assert "is no Ed25519 public key" in private.err
    absent = owner.keys("trust", "absent.pub")
    assert (absent.code, absent.err.splitlines()[0]) == (66, "hean: absent.pub: no such file")
    stranger = owner.keys("forget", "../owner")
    assert stranger.code == 2
    assert "no key ../owner is trusted for bundles" in stranger.err
    assert owner.keys("trust", owner.public).code == 0
    assert "exists already" in owner.keys("trust", owner.public).err


def test_a_file_that_is_no_key_is_told_and_stops_nothing(owner: Owner) -> None:
    owner.keys("trust", owner.public)
    folder = Path(json.loads(owner.keys("list", "--json").out)["folders"]["bundles"])
    (folder / "bad.pub").write_text("not a key")
    shown = owner.keys("list").out.splitlines()
    assert [line.split()[:2] for line in shown] == [["owner", "bundles"], ["bad.pub", "bundles"]]
    assert "is no public key" in shown[1]
