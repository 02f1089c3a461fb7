"""A bundle: one file with a signed manifest first, then the files one after the other.

    magic            16 bytes  "hean bundle  1\\n" and a zero
    key              32 bytes  fingerprint of the public key
    signature        64 bytes  Ed25519 (RFC 8032) over a context line and the manifest
    length            4 bytes  of the manifest, little endian
    manifest                   canonical JSON, see `llm.flash.manifest`
    payload                    the bundled files in the order of the manifest, nothing between

The payload has no structure of its own: no names, links, headers or compression that could be
parsed. What it holds, and how much of it, the manifest alone says.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llm import KnowledgeError
from llm.flash import FlashError
from llm.flash.manifest import BundledFile, Manifest, parse_manifest, slot_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SUFFIX = ".hean"
MAGIC = b"hean bundle  1\n\0"
_HEAD = struct.Struct("<16s32s64sI")
BEFORE_MANIFEST = _HEAD.size
"""Bytes of a head before its manifest."""
_CONTEXT = b"hean bundle manifest 1\n"
"""Goes before the manifest, so that a signature made for something else means nothing here."""
MAX_MANIFEST_BYTES = 4 << 20
BLOCK_BYTES = 1 << 20

Keys = Mapping[str, "tuple[str, Ed25519PublicKey]"]
"""Trusted keys by fingerprint, each with its name."""
Counter = Callable[[int], None]
"""Told how many more bytes are done."""


def uncounted(_more: int) -> None:
    """Take the place of a counter where nobody watches."""


@dataclass(frozen=True)
class Head:
    """The beginning of a bundle, whose signature holds."""

    data: bytes
    """Exactly as it came."""
    manifest: Manifest
    id: str
    key_name: str


@dataclass(frozen=True)
class Bundle:
    """A bundle file whose signature holds and that has the right length."""

    path: Path
    head: Head

    @property
    def manifest(self) -> Manifest:
        """Return what it says of itself."""
        return self.head.manifest

    def open(self) -> BinaryIO:
        """Open the bundle at the beginning of its payload."""
        source = self.path.open("rb")
        source.seek(len(self.head.data))
        return source

    def verify(self, counter: Counter = uncounted) -> None:
        """Read the whole payload and compare it with the manifest.

        Raises FlashError that names the file that was altered, OSError.
        """
        with self.open() as source:
            for file in self.manifest.bundled:
                if hash_of(source, file.bytes, counter) != file.sha256:
                    raise altered(file, str(self.path))


def write_bundle(
    target: BinaryIO, manifest: Manifest, sources: Mapping[str, Path], key: Ed25519PrivateKey
) -> None:
    """Write a bundle of files given by their path in the slot.

    Raises FlashError if a file is no longer as the manifest has it, OSError.
    """
    from llm.knowledge.keys import fingerprint

    data = manifest.to_bytes()
    parse_manifest(data)
    signature = key.sign(_CONTEXT + data)
    identity = bytes.fromhex(fingerprint(key.public_key()))
    target.write(_HEAD.pack(MAGIC, identity, signature, len(data)) + data)
    for file in manifest.bundled:
        digest = hashlib.sha256()
        with sources[file.path].open("rb") as source:
            for block in read_blocks(source, file.bytes):
                digest.update(block)
                target.write(block)
        if digest.hexdigest() != file.sha256:
            raise altered(file, str(sources[file.path]))


def open_bundle(path: Path, keys: Keys) -> Bundle:
    """Check signature and length of a bundle; nothing behind the manifest is read.

    Raises FlashError.
    """
    try:
        with path.open("rb") as source:
            head = read_head(source, keys, str(path))
            size = os.fstat(source.fileno()).st_size
    except OSError as error:
        raise FlashError("format", f"{path} cannot be read: {error.strerror or error}") from error
    expected = len(head.data) + head.manifest.payload_bytes
    if size != expected:
        what = "is cut short" if size < expected else "has something at its end"
        raise FlashError(
            "altered", f"{path} {what}: {size:,} bytes instead of {expected:,}", "copy it again"
        )
    return Bundle(path, head)


def read_head(source: BinaryIO, keys: Keys, where: str) -> Head:
    """Read a head and check its signature; only then is the manifest parsed. Raises FlashError."""
    start = source.read(_HEAD.size)
    if start[: len(MAGIC)] != MAGIC[: len(start)] or not start:
        raise FlashError("format", f"{where} is no bundle", "hean bundle create makes one")
    if len(start) < _HEAD.size:
        raise _cut_short(where)
    _, identity, signature, length = _HEAD.unpack(start)
    if length > MAX_MANIFEST_BYTES:
        raise FlashError("format", f"{where}: the manifest claims to be {length:,} bytes long")
    data = source.read(length)
    if len(data) < length:
        raise _cut_short(where)
    name = _check_signature(identity.hex(), signature, data, keys, where)
    return Head(start + data, parse_manifest(data), slot_id(data), name)


def _check_signature(identity: str, signature: bytes, data: bytes, keys: Keys, where: str) -> str:
    """Return the name of the key. Raises FlashError."""
    from cryptography.exceptions import InvalidSignature

    if identity not in keys:
        raise FlashError(
            "key",
            f"{where} is signed with the key {identity[:16]}, which this device does not trust",
            "if it is yours: hean keys trust FILE.pub",
        )
    name, key = keys[identity]
    try:
        key.verify(signature, _CONTEXT + data)
    except InvalidSignature:
        raise FlashError(
            "signature", f"{where} was altered: its signature does not hold", "copy it again"
        ) from None
    return name


def load_keys(folder: Path) -> Keys:
    """Return the public keys (*.pub) that an owner has put into a folder."""
    from llm.knowledge.keys import trusted_keys

    return trusted_keys(folder)[0]


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read the key to sign with. Raises FlashError."""
    from llm.knowledge.keys import read_private_key

    try:
        return read_private_key(path)
    except KnowledgeError as error:
        raise FlashError("key", str(error), "hean keys create FILE makes one") from error


def read_blocks(source: BinaryIO, count: int) -> Iterator[memoryview]:
    """Yield `count` bytes in blocks, fewer only if the file ends; each is valid until the next."""
    buffer = memoryview(bytearray(min(BLOCK_BYTES, max(count, 1))))
    while count > 0:
        got = source.readinto(buffer[: min(count, len(buffer))])  # type: ignore[attr-defined]
        if not got:
            return
        count -= got
        yield buffer[:got]


def hash_of(source: BinaryIO, count: int, counter: Counter = uncounted) -> str:
    """Return the SHA-256 of the next `count` bytes."""
    digest = hashlib.sha256()
    for block in read_blocks(source, count):
        digest.update(block)
        counter(len(block))
    return digest.hexdigest()


def altered(file: BundledFile, where: str) -> FlashError:
    """Return the error for content that is not what was signed."""
    return FlashError(
        "altered", f"{where}: {file.path} is not what was signed", "copy or make the bundle again"
    )


def _cut_short(where: str) -> FlashError:
    return FlashError("altered", f"{where} is cut short", "copy it again")
