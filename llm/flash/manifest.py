"""What a bundle says of itself: one small canonical JSON text, signed as a whole.

Canonical: keys sorted, no spaces, UTF-8, so that the same manifest has the same bytes. What is
read is checked field by field; unknown, missing and wrongly typed fields are refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from functools import cache
from typing import Any, get_type_hints

from llm.flash import FlashError

FORMAT = 1
MODEL, ADAPTER, KNOWLEDGE, WAKE_WORDS, CARD, REPORT = (
    "model",
    "adapter",
    "knowledge",
    "wake",
    "card",
    "report",
)
ROLES = (MODEL, ADAPTER, KNOWLEDGE, WAKE_WORDS, CARD, REPORT)
BUNDLED, ON_DEVICE = "bundle", "device"
"""Where a file comes from: out of the bundle, or it is on the device already."""

MAX_FILES = 2000
MAX_FILE_BYTES = 64 << 30
_MAX_VERSION = (1 << 53) - 1
_HASH = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,79}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")
_SOFTWARE = re.compile(r"\d{1,5}(\.\d{1,5}){0,3}")


@dataclass(frozen=True)
class BundledFile:
    """One file of a slot."""

    path: str
    """Inside the slot, with `/`: plain names only."""
    role: str
    """One of ROLES."""
    bytes: int
    sha256: str
    origin: str = BUNDLED
    """`bundle`, or `device` for a base that must be there already."""

    def __post_init__(self) -> None:
        parts = self.path.split("/")
        _require(len(parts) <= 4 and all(map(_PART.fullmatch, parts)), f"path {self.path!r}")
        _require(self.role in ROLES, f"role {self.role!r}")
        _require(self.origin in (BUNDLED, ON_DEVICE), f"origin {self.origin!r}")
        _require(0 <= self.bytes <= MAX_FILE_BYTES, f"size of {self.path}")
        _require(bool(_HASH.fullmatch(self.sha256)), f"hash of {self.path}")


@dataclass(frozen=True)
class TokenProbe:
    """A text and the token ids that the right tokenizer makes of it."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Canary:
    """A question to the bare model, and how its answer begins."""

    question: str
    text: str
    """Greedy answer where the bundle was made."""
    agreeing_chars: int
    """How many characters must be the same; further on, rounding may choose other words."""


@dataclass(frozen=True)
class GoldenQuestion:
    """A question to the whole answer path, and what must come of it."""

    text: str
    language: str
    decision: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """What a slot must show on the device before it is used."""

    tokens: tuple[TokenProbe, ...] = ()
    canary: tuple[Canary, ...] = ()
    questions: tuple[GoldenQuestion, ...] = ()
    min_tokens_per_s: float = 0.0
    max_memory_mb: float = 0.0
    """Most resident memory of the process that answers; 0 = no limit."""
    ready_s: float = 60.0
    """From the switch until it answers; later than that the old slot comes back."""

    def __post_init__(self) -> None:
        for name, most in (("min_tokens_per_s", 1e4), ("max_memory_mb", 1e6), ("ready_s", 600)):
            _require(0 <= getattr(self, name) <= most, f"health.{name}")
        _require(self.ready_s >= 1, "health.ready_s")


@dataclass(frozen=True)
class Manifest:
    """Everything that the signature of a bundle binds."""

    name: str
    version: int
    """Rises with every bundle; a device takes none older than the newest it has proven good."""
    created: str
    """Day, ISO 8601."""
    files: tuple[BundledFile, ...]
    expires: str = ""
    """Last day on which it may be installed; empty = none."""
    devices: tuple[str, ...] = ("*",)
    """Patterns (`kiosk-*`), one of which must fit the name or kind of the device."""
    min_software: str = "0.1.0"
    cpu_features: tuple[str, ...] = ()
    """Instruction sets that the processor must have, as /proc/cpuinfo names them."""
    architecture: str = ""
    """Family of the model, as its GGUF header has it."""
    tokenizer_sha256: str = ""
    template_sha256: str = ""
    knowledge_sha256: str = ""
    """`KnowledgeBase.content_hash` of the bundled knowledge; empty if there is none."""
    prompts_sha256: str = ""
    """Of the fixed prompts that the model was evaluated with."""
    evaluation: tuple[tuple[str, float, float], ...] = ()
    """Measure, value before, value after."""
    verdict: str = ""
    """What the gate of the training said."""
    licence: str = ""
    health: Health = field(default_factory=Health)
    format: int = FORMAT

    def __post_init__(self) -> None:
        _require(self.format == FORMAT, f"format {self.format}")
        _require(bool(_NAME.fullmatch(self.name)), f"name {self.name!r}")
        _require(1 <= self.version <= _MAX_VERSION, f"version {self.version}")
        _require(bool(_SOFTWARE.fullmatch(self.min_software)), f"software {self.min_software!r}")
        for day in (self.created, self.expires) if self.expires else (self.created,):
            _require(_is_day(day), f"day {day!r}")
        for value in (self.tokenizer_sha256, self.template_sha256, self.knowledge_sha256):
            _require(not value or bool(_HASH.fullmatch(value)), f"hash {value!r}")
        _require(bool(self.devices), "devices")
        self._check_files()

    def _check_files(self) -> None:
        _require(0 < len(self.files) <= MAX_FILES, f"{len(self.files)} files")
        paths = [file.path.casefold() for file in self.files]
        _require(len(set(paths)) == len(paths), "two files of one name")
        folders = {path.rpartition("/")[0] for path in paths}
        _require(not folders & set(paths), "a file and a folder of one name")
        for role in (MODEL, ADAPTER, WAKE_WORDS):
            _require(len(self.of_role(role)) <= 1, f"two files of role {role}")
        _require(bool(self.of_role(MODEL)) or not self.of_role(ADAPTER), "an adapter without base")
        _require(HEAD_NAME not in paths, f"a file with the name {HEAD_NAME}")

    def of_role(self, role: str) -> tuple[BundledFile, ...]:
        """Return the files of a role."""
        return tuple(file for file in self.files if file.role == role)

    @property
    def bundled(self) -> tuple[BundledFile, ...]:
        """Return the files that the bundle itself carries, in the order of its payload."""
        return tuple(file for file in self.files if file.origin == BUNDLED)

    @property
    def payload_bytes(self) -> int:
        """Return the size of what follows the head of the bundle."""
        return sum(file.bytes for file in self.bundled)

    def to_bytes(self) -> bytes:
        """Return the canonical text."""
        return _canonical(asdict(self))


HEAD_NAME = "bundle.head"
"""The signed manifest inside a slot, exactly as it came."""


def slot_id(manifest: bytes) -> str:
    """Return the identity of a slot: it binds the manifest, which binds all files."""
    return hashlib.sha256(manifest).hexdigest()


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest of a text. Call it only for a text whose signature holds.

    Raises FlashError: not canonical, unknown or missing fields, values out of range.
    """
    try:
        row = json.loads(data)
        if _canonical(row) != data:
            raise ValueError("it is not canonical")
        manifest: Manifest = _build(Manifest, row)
    except (ValueError, TypeError, RecursionError) as error:
        raise FlashError("format", f"the manifest makes no sense: {error}") from error
    return manifest


def parse_health(row: Any) -> Health:
    """Return the health of a JSON object. Raises FlashError."""
    try:
        health: Health = _build(Health, row)
    except (ValueError, TypeError) as error:
        raise FlashError("format", f"the health section makes no sense: {error}") from error
    return health


def _canonical(row: Any) -> bytes:
    return json.dumps(
        row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


_ITEMS: dict[tuple[type, str], type] = {
    (Manifest, "files"): BundledFile,
    (Health, "tokens"): TokenProbe,
    (Health, "canary"): Canary,
    (Health, "questions"): GoldenQuestion,
}


def _build(kind: type, row: Any) -> Any:
    """Make a value of a table with exactly its fields."""
    if not isinstance(row, dict) or set(row) != {f.name for f in fields(kind)}:
        raise ValueError(f"the fields of {kind.__name__} are wrong")
    hints = _hints(kind)
    return kind(**{name: _value(kind, name, hints[name], row[name]) for name in row})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(owner: type, name: str, hint: Any, value: Any) -> Any:
    item = _ITEMS.get((owner, name))
    if item:
        return tuple(_build(item, each) for each in _list(name, value))
    if hint is Health:
        return _build(Health, value)
    if hint in (int, float, str):
        return _plain(name, hint, value)
    if name == "evaluation":
        return tuple(_measure(each) for each in _list(name, value))
    inner = int if name == "ids" else str
    return tuple(_plain(name, inner, each) for each in _list(name, value))


def _measure(value: Any) -> tuple[str, float, float]:
    name, before, after = _list("evaluation", value)
    return (
        _plain("evaluation", str, name),
        _plain("evaluation", float, before),
        _plain("evaluation", float, after),
    )


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    return value


def _plain(name: str, kind: type, value: Any) -> Any:
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if not fits or isinstance(value, bool):
        raise ValueError(f"{name} is {str(value)[:40]!r}")
    return value


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(f"{what[:120]} is not allowed")
