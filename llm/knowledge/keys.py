"""Ed25519 keys of authorities: PEM files that other programs (openssl) read and write too."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from llm import KnowledgeError
from llm.knowledge.files import write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PUBLIC_SUFFIX = ".pub"


def create_key(path: Path) -> str:
    """Write a new private key, and its public half beside it; return the fingerprint.

    Raises KnowledgeError: one of the files exists, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = public_path(path)
    if public.exists():
        raise KnowledgeError(f"{public} exists already and is not overwritten")
    key = Ed25519PrivateKey.generate()
    write_new(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private=True,
    )
    write_new(
        public,
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )
    return fingerprint(key.public_key())


def public_path(path: Path) -> Path:
    """Return where the public half of a private key stands."""
    return path.with_name(path.name + PUBLIC_SUFFIX)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the 32 bytes of a public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key. Raises KnowledgeError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except TypeError as error:
        raise KnowledgeError(f"{path} is protected by a password: sign with a plain key") from error
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KnowledgeError(f"{path} is not a private key: hean keys create makes one") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KnowledgeError(f"{path} is not an Ed25519 key: hean keys create makes one")
    return key


def trusted_keys(folder: Path) -> tuple[dict[str, tuple[str, Ed25519PublicKey]], list[str]]:
    """Return the public keys in a folder by fingerprint, each with the name of its file.

    Also return the names of files that are no such keys: one bad file must not stop the others.
    """
    keys: dict[str, tuple[str, Ed25519PublicKey]] = {}
    unreadable = []
    for path in sorted(folder.glob(f"*{PUBLIC_SUFFIX}")):
        key = read_public_key(path)
        if key is None:
            unreadable.append(path.name)
        else:
            keys[fingerprint(key)] = (path.stem, key)
    return keys, unreadable


def read_public_key(path: Path) -> Ed25519PublicKey | None:
    """Return a public key; None if the file is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None
