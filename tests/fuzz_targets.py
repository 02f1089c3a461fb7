"""Every reader of files, with what it may raise and files that it can read."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from asr import RecognitionError
from asr.files import check_onnx, check_tokens
from kws import WakeWordError
from kws.keywords import Tokenizer
from kws.protobuf import onnx_metadata
from kws.words import load_words
from llm import GenerationError, KnowledgeError
from llm.data import DataError, read
from llm.data.doctor import examine
from llm.flash import FlashError
from llm.flash.bundle import open_bundle
from llm.flash.disk import RealDisk
from llm.flash.journal import read_journal
from llm.flash.manifest import parse_manifest
from llm.gguf import read_gguf
from llm.knowledge import load_knowledge
from llm.knowledge.documents import read_document
from llm.knowledge.importing import drafts
from llm.knowledge.keys import create_key, public_path, read_private_key, read_public_key
from llm.knowledge.sign import SIGNATURE, load_signed
from llm.knowledge.site import with_site
from llm.score import parse_questions
from llm.template import ChatTemplate
from models import ModelStoreError
from models.archive import is_archive, unpack
from models.catalog import load_catalog
from models.manifest import read_manifest
from tests.commands import DATA
from tests.fuzzing import Target
from tests.small_bundles import workshop
from tests.tiny_llm import write_random_model
from tests.unit.knowledge_folder import SOURCES, ZH_SHELTER, write_base
from tests.unit.signing_place import LOCAL, SITE
from voice.audio.wavfile import read_audio
from voice.audit.log import AuditLog
from voice.bench.compare import compare
from voice.config import AuditConfig, Config
from voice.config_file import load_config, print_config
from voice.errors import AuditError, ConfigError, InputError
from voice.tts import SynthesisError
from voice.tts.kokoro import read_table
from voice.tts.sherpa import read_tokens, read_words

RATE_HZ = 16_000
SECONDS = 0.05
CATALOG = b"""
[profiles.starter] # all
asr = "m"

[models.m]
stage = "asr"
engine = "whisper"
languages = ["zh", "en"]
licence = "MIT"
memory_mb = 350
speed = "medium"
revision = 2
files = { encoder = { path = "e.onnx", bytes = 7, sha256 = "ab" } }

[[models.m.sources]]
[[models.m.sources.downloads]]
pip = "name==1.0"
bytes = 7
take = { "e.onnx" = "inside/e.onnx" }
"""
WORDS = """
[[words]]
text = "你好核安 ok"
pinyin = ["ní hǎo hé ān", "nǐ hǎo hé ān"]
boost = 1.5
threshold = 0.25
enabled = true
""".encode()
TOKENS = b"<blk> 0\nn 1\n\xc7\x90 2\nh 3\n\xc7\x8eo 4\n"
BASE64, LEXICON = b"IQ== 0\n", b"a a\nb a a\n"
RESULTS = b"""{"bench": "x", "machine": {"cores": 2}, "warnings": ["noisy"], "figures":
{"wait_s": {"p50": 1.0, "p95": 2.0, "n": 5}, "miss_clean": {"value": 0.5, "n": 10}},
"samples": {"wait_s": [1.0, 1.0, 1.5, 2.0, 1.0]}}"""
KEPT = b"""{"model": "m", "revision": 1, "files": {"encoder":
{"path": "e.onnx", "bytes": 7, "sha256": "ab", "mtime_ns": 1}}}"""
JOURNAL = b"""{"state": "trial", "generation": 3, "slot": "a", "before": "b", "tries": 2,
"steps": 4, "reason": "", "last": {"slot": "b", "name": "n", "version": 1, "good": true}}"""
DOCUMENT = (
    "# 碘片\n\n只在政府通知后服用，130 毫克。\n\n- 一\n- 二\n\n## Shelter\n\nGo in.\n".encode()
)


def _sound(form: str, subtype: str | None = None, channels: int = 1) -> bytes:
    file = io.BytesIO()
    tone = np.sin(np.arange(int(SECONDS * RATE_HZ))[:, np.newaxis] * np.ones(channels))
    soundfile.write(file, tone * 0.1, RATE_HZ, format=form, subtype=subtype)
    return file.getvalue()


def _archives() -> tuple[bytes, ...]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.txt", b"text" * 20)
    with tarfile.open(fileobj=tarred, mode="w:gz") as tarball:
        member = tarfile.TarInfo("folder/a.txt")
        member.size = 8
        tarball.addfile(member, io.BytesIO(b"contents"))
    return zipped.getvalue(), tarred.getvalue()


def _unpack(path: Path) -> None:
    if is_archive(path):
        with tempfile.TemporaryDirectory() as folder:
            unpack(path, Path(folder))


def _examine(path: Path) -> None:
    for _ in examine(read([path]).rows):
        pass


def _onnx(*metadata: tuple[str, str]) -> bytes:
    """Return an ONNX file with an empty graph: only its outermost fields matter here."""
    entries = b"".join(
        b"\x72" + bytes([len(k) + len(v) + 4, 0x0A, len(k)]) + k + bytes([0x12, len(v)]) + v
        for k, v in ((key.encode(), value.encode()) for key, value in metadata)
    )
    return b"\x08\x07" + entries + b"\x3a\x00"


def _laid(base: Path, name: str) -> Callable[[Path], object]:
    """Return a reader of a knowledge base in which one file is the given one."""

    def read_base(path: Path) -> object:
        shutil.copy(path, base / name)
        return load_knowledge(base)

    return read_base


def _knowledge_targets(folder: Path) -> list[Target]:
    for name in ("entries", "facts", "signed"):
        write_base(folder / name)
    base, own = load_knowledge(folder / "signed"), folder / "own"
    own.mkdir()
    (folder / "trusted").mkdir()
    create_key(folder / "key")
    shutil.copy(public_path(folder / "key"), folder / "trusted")

    def signed(path: Path) -> object:
        shutil.copy(path, own / SIGNATURE)
        return load_signed(folder / "signed", own, folder / "trusted")

    def site(path: Path) -> object:
        return with_site(base, path.read_bytes().decode(errors="replace"), SITE)

    def imported(path: Path) -> object:
        return drafts(read_document(path), "topic")

    statement = json.dumps({"version": "1", "key": "0" * 64, "signature": "AAAA"}).encode()
    wrong = (KnowledgeError,)
    entries = _laid(folder / "entries", "zh/shelter.toml")
    facts = _laid(folder / "facts", "sources.toml")
    keys = ((folder / "key").read_bytes(), public_path(folder / "key").read_bytes())
    return [
        Target("knowledge-entries", entries, wrong, (ZH_SHELTER.encode(),)),
        Target("knowledge-sources", facts, wrong, (SOURCES.encode(),)),
        Target("knowledge-site", site, wrong, (LOCAL.encode(),)),
        Target("knowledge-signature", signed, wrong, (statement,)),
        Target("knowledge-document", imported, wrong, (DOCUMENT,), ".md"),
        Target("private-key", read_private_key, wrong, keys),
        Target("public-key", read_public_key, wrong, keys),
    ]


def _model_targets(folder: Path) -> list[Target]:
    def chat(path: Path) -> object:
        return ChatTemplate.from_gguf(read_gguf(path))

    def manifest(path: Path) -> object:
        shutil.copy(path, folder / "manifest.json")
        return read_manifest(folder)

    def keywords(path: Path) -> object:
        return Tokenizer({"tokens": path, "lexicon": path, "bpe": path})

    gguf = write_random_model(folder / "m.gguf").read_bytes()
    onnx = _onnx(("n_mels", "80"), ("all_language_codes", "zh,en"))
    absent = (ModelStoreError,)
    unheard = (RecognitionError,)
    return [
        Target("gguf", chat, (GenerationError,), (gguf[: 1 << 14], gguf[:2000])),
        Target("catalogue", load_catalog, absent, (CATALOG,)),
        Target("model-list", manifest, (ValueError,), (KEPT,)),
        Target("archive", _unpack, absent, _archives()),
        Target("onnx", lambda path: check_onnx(str(path), ("n_mels",)), unheard, (onnx,)),
        Target("onnx-metadata", lambda p: onnx_metadata(p.read_bytes()), (ValueError,), (onnx,)),
        Target("asr-tokens", lambda path: check_tokens(str(path)), unheard, (TOKENS,)),
        Target("whisper-tokens", lambda p: check_tokens(str(p), encoded=True), unheard, (BASE64,)),
        Target("kws-tokens", keywords, (WakeWordError,), (TOKENS, onnx)),
        Target("tts-tokens", read_tokens, (SynthesisError,), (b"_ 0\na 1\n  2\n",)),
        Target("tts-words", lambda p: read_words(p, {"a": 1}), (SynthesisError,), (LEXICON,)),
        Target("tts-table", read_table, (SynthesisError,), (b"word\tw\nother\to\n",)),
    ]  # fmt: skip


def _device_targets(folder: Path) -> list[Target]:
    shop = workshop(folder / "shop")
    bundle, listed = shop.write().read_bytes(), shop.manifest().to_bytes()
    disk = folder / "disk"
    disk.mkdir()
    log = AuditLog(folder / "audit.db")
    for number in range(3):
        log.append_flash({"number": number})

    def open_whole(path: Path) -> None:
        open_bundle(path, shop.keys).verify()

    def journal(path: Path) -> object:
        shutil.copy(path, disk / "journal.json")
        shutil.copy(path, disk / "memory.json")
        return read_journal(RealDisk(disk))

    def audit(path: Path) -> object:
        return list(AuditLog(path, AuditConfig()).rows()), AuditLog(path).verify()

    refused = (FlashError,)
    return [
        Target("bundle", open_whole, refused, (bundle,)),
        Target("bundle-list", lambda p: parse_manifest(p.read_bytes()), refused, (listed,)),
        Target("journal", journal, (), (JOURNAL, b'{"version": 3, "generation": 2}')),
        Target("audit", audit, (AuditError,), ((folder / "audit.db").read_bytes(),)),
    ]  # fmt: skip


def _owner_targets() -> list[Target]:
    def questions(path: Path) -> None:
        list(parse_questions(path.read_bytes().decode(errors="replace").splitlines()))

    def results(path: Path) -> object:
        return compare(json.loads(RESULTS), json.loads(path.read_bytes()))

    sounds = (_sound("WAV"), _sound("WAV", "FLOAT", 2), _sound("FLAC"), _sound("OGG"))
    training = tuple(path.read_bytes()[:5000] for path in sorted((DATA / "training").iterdir()))
    return [
        Target("recording", lambda path: read_audio(path, RATE_HZ), (InputError,), sounds),
        Target("config", load_config, (ConfigError,), (print_config(Config()).encode(),)),
        Target("wake-words", load_words, (WakeWordError,), (WORDS,)),
        Target("training-data", _examine, (DataError,), training),
        Target("questions", questions, (ValueError,), ("zh-1\t问\tF001, F002\tzh\n".encode(),)),
        Target("bench-results", results, (ValueError, RecursionError), (RESULTS,)),
    ]


@cache
def targets() -> dict[str, Target]:
    """Return all targets by name."""
    folder = Path(tempfile.mkdtemp(prefix="hean-fuzz-"))
    found: list[Target] = _owner_targets()
    for number, make in enumerate((_knowledge_targets, _model_targets, _device_targets)):
        place = folder / str(number)
        place.mkdir()
        found += make(place)
    return {target.name: target for target in found}


NAMES = (
    "recording", "config", "wake-words", "training-data", "questions", "bench-results",
    "knowledge-entries", "knowledge-sources", "knowledge-site", "knowledge-signature",
    "knowledge-document", "private-key", "public-key", "gguf", "catalogue", "model-list",
    "archive", "onnx", "onnx-metadata", "asr-tokens", "whisper-tokens", "kws-tokens", "tts-tokens",
    "tts-words", "tts-table", "bundle", "bundle-list", "journal", "audit",
)  # fmt: skip
"""Known before any of them is made, so that tests can be listed without making files."""
