"""Is this machine ready? One finding for each thing that an answer depends on."""

from __future__ import annotations

import grp
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import voice
from llm import KnowledgeError
from llm.answer import Answer
from llm.flash.journal import BY_HAND, IDLE
from llm.flash.manifest import GoldenQuestion
from llm.flash.store import fault
from llm.knowledge.sign import SIGNED
from models.catalog import Catalog
from models.store import Store
from voice.active_slot import slots_of
from voice.bootstrap import cpu_flags
from voice.config import Config
from voice.device import clock as device_clock
from voice.device.care import look
from voice.engines import NO_MODEL, signed_knowledge_of
from voice.errors import (
    DeviceError,
    FlashFault,
    HealthFault,
    KnowledgeFault,
    ModelError,
    StageError,
)
from voice.flash.health import QUESTIONS, SAME_DECISION

OK, WARNING, FAILURE = "ok", "warning", "failure"
PACKAGES = ("sherpa-onnx", "onnxruntime", "llama-cpp-python", "numpy", "sounddevice", "soundfile")
FAST_FLAGS = {"x86_64": "avx2", "aarch64": "asimddp"}
"""The instruction set that the speed figures of the README rest on."""
BASE_MEMORY_MB = 250
"""What the program takes besides its models."""
_MOST_GOLDEN = 8


@dataclass(frozen=True)
class Finding:
    """One line of `hean check`."""

    subject: str
    state: str
    """ok, warning (it works, but not all of it) or failure."""
    text: str
    fix: str = ""
    """What to do, unless the state is ok."""
    exit_code: int = 0
    """Of a failure."""


def findings(config: Config) -> Iterator[Finding]:
    """Yield everything that can be told without loading a model.

    Raises ModelStoreError if the configuration names an unknown profile.
    """
    store = Store(config.store)
    yield software()
    yield processor()
    yield memory(used_models(config, store.catalog), store.catalog)
    yield disk(store)
    yield from model_profiles(config, store)
    yield slots(config)
    yield from knowledge(config)
    yield from sound()
    yield permissions()
    yield condition(config)
    yield clock(config)


def software() -> Finding:
    """Look for Python and the packages that do the work."""
    versions, missing = [f"hean {voice.__version__}", f"Python {platform.python_version()}"], []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        text = f"missing: {', '.join(missing)}"
        return Finding("software", FAILURE, text, "./hean setup", StageError.exit_code)
    return Finding("software", OK, ", ".join(versions))


def processor() -> Finding:
    """Look at cores and instruction sets."""
    machine, cores = platform.machine(), len(os.sched_getaffinity(0))
    wanted = FAST_FLAGS.get(machine, "")
    text = f"{machine}, {cores} core{'s' if cores > 1 else ''}"
    if cores < 2:
        return Finding("processor", WARNING, text, "answers come late; two cores or more are meant")
    if wanted not in cpu_flags():
        fix = "answers come late; a Raspberry Pi 5 or a PC from 2014 on is meant"
        return Finding("processor", WARNING, f"{text}, without {wanted or 'known'} speed", fix)
    return Finding("processor", OK, f"{text}, {wanted}")


def memory(model_ids: dict[str, str], catalog: Catalog) -> Finding:
    """Compare the memory that is free with what the models take."""
    needed_mb = sum(catalog.model(name).memory_mb for name in model_ids.values()) + BASE_MEMORY_MB
    free_mb = available_memory_mb(Path("/proc/meminfo").read_text("utf-8"))
    text = f"{free_mb:,} MB free, about {needed_mb:,} MB needed"
    if free_mb < needed_mb:
        fix = "close other programs, or choose smaller models: hean models list"
        return Finding("memory", WARNING, text, fix)
    return Finding("memory", OK, text)


def available_memory_mb(meminfo: str) -> int:
    """Return the memory that a new program can have, from the text of /proc/meminfo."""
    rows = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    return int(rows["MemAvailable"].split()[0]) // 1024


def disk(store: Store) -> Finding:
    """Look for room for the cache of answers and for one more set of models."""
    folder = next(path for path in (store.root, *store.root.parents) if path.is_dir())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    text = f"{free_mb:,} MB free at {folder}"
    if free_mb < 500:
        return Finding("disk", WARNING, text, "make room: models and answers need some 500 MB")
    return Finding("disk", OK, text)


def model_profiles(config: Config, store: Store) -> Iterator[Finding]:
    """Look at the models in use, then at those of the other profiles."""
    used = used_models(config, store.catalog)
    problems = list(filter(None, map(store.problem, used.values())))
    title = f"models ({config.models.profile}, in use)"
    if problems:
        fix = f"hean models fetch --profile {config.models.profile}"
        yield Finding(title, FAILURE, "; ".join(problems), fix, ModelError.exit_code)
    else:
        yield Finding(title, OK, ", ".join(used.values()))
    for name, profile in store.catalog.profiles.items():
        if name != config.models.profile:
            missing = [model for model in profile.values() if store.problem(model)]
            have = len(profile) - len(missing)
            yield Finding(f"models ({name})", OK, f"{have} of {len(profile)} here, not in use")


def used_models(config: Config, catalog: Catalog) -> dict[str, str]:
    """Return the model of each stage: that of the profile, unless the configuration names one."""
    chosen = {"asr": config.asr.model, "llm": config.llm.model, "tts": config.tts.model}
    used = dict(catalog.profile(config.models.profile))
    used |= {stage: model for stage, model in chosen.items() if model}
    if config.asr.streaming_model:
        used["streaming asr"] = config.asr.streaming_model
    if config.llm.encoder:
        used["encoder"] = config.llm.encoder
    if config.llm.server_url or used.get("llm") == NO_MODEL:
        used.pop("llm", None)
    return used


def slots(config: Config) -> Finding:
    """Look at the flashed model that is in use, and at how the last flash ended.

    Sizes are compared; `hean slots verify` reads everything.
    """
    subject, kept = "flashed model", slots_of(config)
    status = kept.status()
    current, last = status.current, status.journal.last
    if current is None:
        text = "none: the models of the profile are used"
    else:
        text = f"{current.manifest.name} version {current.manifest.version}"
    if problem := current and fault(kept.disk, current, quick=True):
        fix = "start hean, which goes back to the one before; then flash it again"
        return Finding(subject, FAILURE, f"{text}: {problem}", fix, FlashFault.exit_code)
    if status.journal.state != IDLE:
        return Finding(subject, WARNING, f"{text}, on trial", "start hean: it proves itself there")
    if last.slot and not last.good and last.reason != BY_HAND:
        tried = f"{last.name} version {last.version} was not kept: {last.reason}"
        return Finding(
            subject, WARNING, f"{text}; {tried}", "make or train it again, then flash it"
        )
    return Finding(subject, OK, text)


def golden_question(
    config: Config, answer: Callable[[str, str | None], Answer | None]
) -> Iterator[Finding]:
    """Ask through the whole answer path what the slot in use was signed with, else what always has
    a vetted answer. `answer` returns None while a person is answered."""
    current = slots_of(config).current()
    signed = current.manifest.health.questions if current else ()
    text, language = QUESTIONS[0]
    for golden in signed[:_MOST_GOLDEN] or (GoldenQuestion(text, language, "verbatim"),):
        subject = f"golden question {golden.text}"
        began_s = time.monotonic()
        got = answer(golden.text, golden.language)
        took = f"{time.monotonic() - began_s:.2f} s"
        if got is None:
            yield Finding(subject, WARNING, "a person was answered instead", "try again")
        elif _kind(got.decision) != _kind(golden.decision):
            text = f"{got.decision} instead of {golden.decision}, {took}"
            fix = "hean slots rollback, or flash it again"
            yield Finding(subject, FAILURE, text, fix, HealthFault.exit_code)
        else:
            yield Finding(subject, OK, f"{got.decision}, {took}: {got.text}")


def _kind(decision: str) -> str:
    return SAME_DECISION.get(decision, decision)


def knowledge(config: Config) -> Iterator[Finding]:
    """Count the entries, and say who has approved them."""
    try:
        signed = signed_knowledge_of(config)
    except KnowledgeError as error:
        fix = "hean kb check"
        yield Finding("knowledge", FAILURE, str(error), fix, KnowledgeFault.exit_code)
        return
    base, approval = signed.knowledge, signed.approval
    spoken = Counter(entry.language for entry in base.speakable)
    kept_back = len(base.entries) - len(base.speakable)
    text = f"{spoken['zh']} Chinese and {spoken['en']} English entries, {kept_back} kept back"
    yield Finding("knowledge", OK, text)
    if approval.state == SIGNED:
        yield Finding("approval", OK, approval.text)
    else:
        fix = "let the authority responsible for this site review the entries: hean kb sign --help"
        yield Finding("approval", WARNING, approval.text, fix)


def sound() -> Iterator[Finding]:
    """Look for a microphone and a loudspeaker."""
    from voice.audio.portaudio import devices

    try:
        found = devices()
    except DeviceError as error:
        yield Finding("sound", WARNING, error.message, error.fix)
        return
    for subject, key in (("microphone", "max_input_channels"), ("speaker", "max_output_channels")):
        names = [device["name"] for device in found if device[key] > 0]
        if names:
            yield Finding(subject, OK, ", ".join(names))
        else:
            fix = "plug one in; without it `hean run` uses the recording that is shipped"
            if subject == "speaker":
                fix = "plug one in; without it answers are written to a WAV file"
            yield Finding(subject, WARNING, "none", fix)


def permissions(devices: Path = Path("/dev/snd")) -> Finding:
    """Tell whether this user may use the sound devices."""
    if not devices.exists():
        return Finding("permissions", OK, "no sound device that would need any")
    if all(os.access(path, os.R_OK | os.W_OK) for path in devices.glob("pcm*")):
        return Finding("permissions", OK, "sound devices may be used")
    user = os.environ.get("USER") or str(os.geteuid())
    fix = f"sudo usermod -aG {_group_of(devices)} {user}, then log in again"
    return Finding("permissions", WARNING, f"user {user} may not use the sound devices", fix)


def _group_of(devices: Path) -> str:
    try:
        return grp.getgrgid(next(devices.glob("pcm*")).stat().st_gid).gr_name
    except KeyError:
        return "audio"


def clock(config: Config, now_s: float | None = None) -> Finding:
    """Tell whether the clock can be right: a machine without a battery starts in the past."""
    now_s = time.time() if now_s is None else now_s
    text = time.strftime("%Y-%m-%d %H:%M:%S %Z (UTC%z)", time.localtime(now_s))
    if problem := device_clock.problem(config, now_s):
        fix = "set it: sudo date -s 'DATE TIME'; on a device, if it is right: hean device install"
        return Finding("clock", WARNING, f"{text}: {problem}", fix)
    return Finding("clock", OK, text)


def condition(config: Config) -> Finding:
    """Look at heat and power supply."""
    care = look(config)
    heat = "no sensor" if care.temperature_c is None else f"{care.temperature_c:.0f} °C"
    text = f"{heat}{', was slowed down since it was switched on' if care.was_throttled else ''}"
    if care.under_voltage or care.throttled:
        fix = "answers come late; a stronger power supply, a fan or a cooler place helps"
        return Finding("heat and power", WARNING, f"{text}; {'; '.join(care.problems)}", fix)
    return Finding("heat and power", OK, text)
