"""The signature of a competent authority over what is spoken at a site: Ed25519 (RFC 8032).

`signature.json` holds a statement (site, authority, first and last day, hashes of what may be
spoken, of fixed sentences and of `site.toml`) and its signature. What is changed afterwards no
longer fits, and after its last day it counts for nothing; then the local entries are not spoken
either. Drafts may come and go.

It tells who stood in for the words, not that the program around them was left alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm import KnowledgeError
from llm.fixed_texts import fixed_texts
from llm.guard import RULES
from llm.knowledge import SHIPPED, KnowledgeBase, load_knowledge, parse_toml
from llm.knowledge.check import check
from llm.knowledge.files import write_atomically
from llm.knowledge.keys import fingerprint, read_private_key, trusted_keys
from llm.knowledge.site import SITE_TOPIC, Site, with_site

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE, SITE_FILE = "signature.json", "site.toml"
UNSIGNED, SIGNED, UNTRUSTED, UNFIT, EXPIRED = "unsigned", "signed", "untrusted", "unfit", "expired"
"""States of an approval; only `signed` counts."""
_CONTEXT = b"hean knowledge signature 2\n"
"""Goes before the statement, so that the signature can mean nothing else."""
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_ALTERED = "the signature file is damaged or was altered: the signature does not fit"


@dataclass(frozen=True)
class Statement:
    """What an authority signs."""

    site: str
    authority: str
    date: str
    """Day of the signature, ISO 8601."""
    valid_until: str
    """Last day on which it counts, ISO 8601; empty = for as long as the words stay as they are."""
    spoken_hash: str
    """`KnowledgeBase.spoken_hash`, without the site's own entries."""
    replies_hash: str
    """SHA-256 of the guard's replies and of all other fixed sentences."""
    site_hash: str
    """SHA-256 of `site.toml`; empty if there is none."""
    key: str
    """Fingerprint of the public key."""

    @property
    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return _CONTEXT + json.dumps(asdict(self), sort_keys=True).encode()


@dataclass(frozen=True)
class Approval:
    """Who stands in for what is spoken."""

    state: str
    text: str
    """One line for people."""
    site: str = ""
    authority: str = ""
    date: str = ""
    valid_until: str = ""
    key: str = ""
    """Fingerprint of the key; with its name among the trusted ones in `key_name`."""
    key_name: str = ""


@dataclass(frozen=True)
class SignedKnowledge:
    """A knowledge base, with the entries of its site if they are signed, and who signed."""

    knowledge: KnowledgeBase
    approval: Approval


def load_signed(
    folder: Path = SHIPPED,
    own: Path | None = None,
    trusted: Path | None = None,
    today: date | None = None,
) -> SignedKnowledge:
    """Read a knowledge base with what the owner's folder `own` adds to it, and its signature.

    `trusted` is a folder of public keys (*.pub). The site's entries are read only if the
    signature of a trusted key fits and has not run out by `today`, the day of the machine's clock
    if none is given. Raises KnowledgeError.
    """
    knowledge = load_knowledge(folder, own)
    if own is None or not (own / SIGNATURE).exists():
        return SignedKnowledge(knowledge, _unsigned(own))
    site_text = _read_if_there(own / SITE_FILE)
    approval = _examine(knowledge, _read_if_there(own / SIGNATURE) or b"", site_text, trusted)
    approval = _by_date(approval, today or date.today())
    if approval.state == SIGNED and site_text is not None:
        site = Site(approval.site, approval.authority or approval.key_name, approval.date)
        try:
            knowledge = with_site(knowledge, site_text.decode(), site)
        except KnowledgeError as error:  # signed by a program that knew other fields
            approval = replace(approval, state=UNFIT, text=f"{error}: sign again")
    return SignedKnowledge(knowledge, approval)


def sign(
    knowledge: KnowledgeBase,
    site: Site,
    key: Path,
    own: Path,
    local: Path | None,
    *,
    valid_days: int = 0,
) -> Statement:
    """Sign a knowledge base, and the entries in `local` with it; write both to the folder `own`.

    The signature counts for `valid_days` days after the day of the site; 0 = without end.

    `knowledge` must be without site entries. Nothing is written if a check finds an error.
    Raises KnowledgeError.
    """
    private = read_private_key(key)
    if local is None and (own / SITE_FILE).exists():
        raise KnowledgeError(
            f"{own / SITE_FILE} exists: sign it with --local, or remove it before signing"
        )
    text = _read_local(local) if local else None
    whole = with_site(knowledge, text.decode(), site) if text is not None else knowledge
    for finding in check(whole):
        if finding.level == "error":
            hint = "; name it in `replaces`" if f".{SITE_TOPIC}." in finding.message else ""
            raise KnowledgeError(f"not signed: {finding.entry}: {finding.message}{hint}")
    statement = Statement(
        site.name,
        site.authority,
        site.date,
        _last_day(site.date, valid_days),
        knowledge.spoken_hash,
        replies_hash(),
        _sha256(text),
        fingerprint(private.public_key()),
    )
    if text is not None:
        write_atomically(own / SITE_FILE, text)
    write_atomically(own / SIGNATURE, _signed(statement, private))
    return statement


def replies_hash() -> str:
    """Return a SHA-256 of what is spoken though it stands in no entry."""
    replies = parse_toml(RULES.read_text("utf-8"), RULES.name).get("reply", {})
    spoken = {"replies": replies, "fixed": fixed_texts()}
    return hashlib.sha256(
        json.dumps(spoken, ensure_ascii=False, sort_keys=True).encode()
    ).hexdigest()


def _last_day(first: str, days: int) -> str:
    return (date.fromisoformat(first) + timedelta(days)).isoformat() if days else ""


def _by_date(approval: Approval, today: date) -> Approval:
    """Take back an approval that has run out."""
    if approval.state != SIGNED or not approval.valid_until:
        return approval
    if approval.valid_until >= today.isoformat():
        return approval
    text = f"{approval.text}, but that is past: as good as not signed, sign again"
    return replace(approval, state=EXPIRED, text=f"{text}; entries of the site are not spoken")


def _unsigned(own: Path | None) -> Approval:
    text = "not signed off by a competent authority for this site"
    if own is not None and (own / SITE_FILE).exists():
        text += f"; {SITE_FILE} is therefore not spoken"
    return Approval(UNSIGNED, text)


def _examine(
    knowledge: KnowledgeBase, content: bytes, site_text: bytes | None, trusted: Path | None
) -> Approval:
    parsed = _parse(content)
    if parsed is None:
        return Approval(UNFIT, _ALTERED)
    statement, signature = parsed
    keys, unreadable = trusted_keys(trusted) if trusted else ({}, [])
    named = keys.get(statement.key)
    if named is None:
        text = f"signed with the key {statement.key[:16]}, which is not trusted here"
        text += f" ({', '.join(unreadable)} cannot be read)" if unreadable else ""
        return Approval(UNTRUSTED, text, key=statement.key)
    name, key = named
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, statement.message)
    except InvalidSignature:
        return Approval(UNFIT, _ALTERED, key=statement.key, key_name=name)
    changed = _changed(statement, knowledge, site_text)
    who = f"{statement.authority or name} for {statement.site} on {statement.date}"
    if statement.valid_until:
        who += f", valid until {statement.valid_until}"
    known = (*astuple(statement)[:4], statement.key, name)
    if changed:
        text = f"signed by {who}, but {changed} since: the signature does not fit"
        return Approval(UNFIT, text, *known)
    return Approval(SIGNED, f"signed by {who} (key {name}, {statement.key[:16]})", *known)


def _changed(statement: Statement, knowledge: KnowledgeBase, site_text: bytes | None) -> str:
    """Return what is no longer as it was signed; empty if all is."""
    if statement.spoken_hash != knowledge.spoken_hash:
        return "entries were changed"
    if statement.replies_hash != replies_hash():
        return "fixed replies were changed"
    if statement.site_hash != _sha256(site_text):
        return f"{SITE_FILE} was changed or removed"
    return ""


def _signed(statement: Statement, private: Ed25519PrivateKey) -> str:
    signature = base64.b64encode(private.sign(statement.message)).decode()
    row = {**asdict(statement), "signature": signature}
    return json.dumps(row, ensure_ascii=False, indent=2) + "\n"


def _parse(content: bytes) -> tuple[Statement, bytes] | None:
    """Return the statement and its signature; None if the file holds something else."""
    names = {field.name for field in fields(Statement)}
    try:
        row: Any = json.loads(content)
        if not isinstance(row, dict) or set(row) != names | {"signature"}:
            return None
        if not all(isinstance(value, str) for value in row.values()):
            return None
        signature = base64.b64decode(row.pop("signature"), validate=True)
    except (ValueError, RecursionError, binascii.Error):
        return None
    return (Statement(**row), signature) if _FINGERPRINT.fullmatch(row["key"]) else None


def _read_local(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path} cannot be read: {error}") from error
    return data


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""  # fits no signature; the rest of the knowledge base is spoken all the same


def _sha256(data: bytes | None) -> str:
    return hashlib.sha256(data).hexdigest() if data is not None else ""
