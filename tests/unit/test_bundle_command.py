"""`hean bundle inspect` and `verify`: what the commands say of good, foreign and damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.commands import Result, hean
from tests.small_bundles import Workshop, workshop


class Device:
    """A machine that trusts the key of one workshop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workshop: Workshop = workshop(folder / "workshop")
        public = folder / "owner.pub"
        public.write_bytes(
            self.workshop.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        assert self.run("keys", "trust", public).code == 0

    def run(self, *words: str | Path) -> Result:
        return hean(*words, "--set", f"models.store={self.folder / 'data' / 'models'}")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_inspect_says_what_is_inside_and_who_signed(device: Device) -> None:
    path = device.workshop.write(7, devices=("kiosk*",), licence="MIT")
    shown = device.run("bundle", "inspect", path).out
    assert "t version 7, made on 2026-01-01" in shown
    assert "signed with owner" in shown
    assert "for kiosk*; expires never" in shown
    assert "licence MIT" in shown
    manifest = json.loads(device.run("bundle", "inspect", path, "--json").out)
    assert manifest["version"] == 7
    assert {file["role"] for file in manifest["files"]} == {"model", "adapter", "knowledge"}


def test_verify_reads_the_whole_file(device: Device) -> None:
    path = device.workshop.write()
    assert device.run("bundle", "verify", path).out == "whole, signed with owner\n"
    assert json.loads(device.run("bundle", "verify", path, "--json").out)["whole"] is True
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert device.run("bundle", "inspect", path).code == 0  # what is signed still holds
    refused = device.run("bundle", "verify", path)
    assert (refused.code, refused.out) == (65, "")
    assert len(refused.err.splitlines()) <= 2


def test_what_strangers_signed_is_refused_in_one_line(device: Device) -> None:
    path = device.workshop.write(key=Ed25519PrivateKey.generate())
    for action in ("inspect", "verify"):
        refused = device.run("bundle", action, path)
        assert (refused.code, refused.out) == (65, "")
        assert "hean keys trust" in refused.err


@pytest.mark.parametrize("content", [b"", b"not a bundle", b"\x00" * 4096])
def test_other_files_are_no_bundles(device: Device, content: bytes) -> None:
    path = device.folder / "x.hean"
    path.write_bytes(content)
    refused = device.run("bundle", "inspect", path)
    assert (refused.code, refused.out) == (65, "")
    assert str(path) in refused.err


def test_create_refuses_questions_that_are_none(device: Device) -> None:
    questions = device.folder / "golden.tsv"
    questions.write_text("碘片什么时候吃\tfr\n", "utf-8")
    made = device.run(
        *("bundle", "create", device.folder / "n.hean", "--key", device.folder / "owner"),
        *("--model", device.folder / "m.gguf", "--questions", questions),
    )
    assert made.code == 2
    assert "each line must be" in made.err
    assert not (device.folder / "n.hean").exists()
