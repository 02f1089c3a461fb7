"""Everything that can go wrong, once.

HeanError                  exit
├── UsageError               2    the command line asks for something that makes no sense
├── ModelError              65    a model is missing, cut short, altered or of the wrong format
├── KnowledgeFault          65    the knowledge base is wrong
├── AuditError              65    the audit log is damaged, or cannot be read or written
├── FlashFault              65    a bundle is refused, or a slot cannot be changed
├── InputError              66    a recording, text or data cannot be used, or nothing was heard
├── StageError              70    recognition, retrieval, generation or synthesis failed
├── HealthFault             70    a new model failed its checks; the one before is still in use
├── DeviceError             74    no microphone or loudspeaker, or it was lost
├── LinkFault               75    the link to a device broke; starting again goes on from there
├── ConfigError             78    wrong configuration: file, key, value or wake word
└── RestartWanted           79    the operator wants it to start again: a service does so

130 is an interruption by the person. Leaves raise errors of their own; `translated` turns them
into these at the call, so that `main` is the only place that prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from asr import RecognitionError
from kws import WakeModelError, WakeWordError
from llm import GenerationError, KnowledgeError
from llm.data import DataError
from llm.export import ExportError
from llm.flash import FlashError
from llm.train import TrainingError, UnusableBase, UnusableRows, UnusableRun
from models import ModelStoreError
from voice.tts import NoSuchVoice, SynthesisError

EXIT_INTERRUPTED = 130


class HeanError(Exception):
    """Base of all expected failures: one line on what happened, one on what to do."""

    code = "error"
    exit_code = 1
    renews = False
    """Whether a new process may mend it."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def as_json(self) -> dict[str, str]:
        """Return the error as scripts see it."""
        return {"code": self.code, "message": self.message, "fix": self.fix}


class UsageError(HeanError):
    """The command line asks for something that makes no sense."""

    code, exit_code = "usage", 2


class ModelError(HeanError):
    """A model is missing, cut short, altered or of the wrong format."""

    code, exit_code = "model", 65


class KnowledgeFault(HeanError):
    """The knowledge base is wrong."""

    code, exit_code = "knowledge", 65


class AuditError(HeanError):
    """The audit log is damaged, or cannot be read or written; a turn goes on without it."""

    code, exit_code = "audit", 65


class FlashFault(HeanError):
    """A bundle is refused, or a slot cannot be changed; the slot in use stays."""

    code, exit_code = "flash", 65


class HealthFault(HeanError):
    """A new model failed its checks or was not ready in time; the one before is in use."""

    code, exit_code = "health", 70


class LinkFault(HeanError):
    """The link to another device broke; what arrived there is kept."""

    code, exit_code = "link", 75


class InputError(HeanError):
    """A recording, text or data cannot be used, or nothing was heard in it."""

    code, exit_code = "input", 66


class StageError(HeanError):
    """A stage failed on input that it should have managed."""

    code, exit_code = "stage", 70


class StageLost(StageError):
    """A stage hangs or has crashed: only a new process has it again."""

    renews = True


class DeviceError(HeanError):
    """No microphone or loudspeaker, or it was lost."""

    code, exit_code = "device", 74


class ConfigError(HeanError):
    """Wrong configuration file, key or value."""

    code, exit_code = "config", 78


class RestartWanted(HeanError):
    """The operator wants the assistant to start again; nothing is wrong."""

    code, exit_code = "restart", 79


def error_of(code: str, message: str) -> HeanError:
    """Return the error of a code, for what was told by code and message alone."""
    kinds = {kind.code: kind for kind in HeanError.__subclasses__()}
    return kinds.get(code, StageError)(message)


def cause(error: Exception) -> str:
    """Return why a file could not be used, for a line that names it: without its path again."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    return str(getattr(error, "strerror", None) or error)


_TRANSLATIONS: dict[type[Exception], type[HeanError]] = {
    ModelStoreError: ModelError,
    KnowledgeError: KnowledgeFault,
    DataError: InputError,
    ExportError: ModelError,
    WakeModelError: ModelError,  # before its base class
    WakeWordError: ConfigError,
    RecognitionError: StageError,
    GenerationError: StageError,
    UnusableBase: ModelError,  # before their base class
    UnusableRows: InputError,
    UnusableRun: InputError,
    TrainingError: StageError,
    FlashError: FlashFault,
    NoSuchVoice: ConfigError,  # before its base class
    SynthesisError: StageError,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of kws, asr, llm, models and tts into the tree above."""
    try:
        yield
    except tuple(_TRANSLATIONS) as error:
        kind = next(new for old, new in _TRANSLATIONS.items() if isinstance(error, old))
        raise kind(str(error), getattr(error, "fix", "")) from error


@contextmanager
def stage_errors() -> Iterator[None]:
    """Turn all that a stage may raise into the tree above, also what its native library throws."""
    try:
        with translated():
            yield
    except MemoryError as error:
        raise StageError("there is too little memory") from error
    except _native_errors() as error:
        raise StageError(f"a native library failed: {error}") from error


def _native_errors() -> tuple[type[Exception], ...]:
    """Return what C++ exceptions become in Python, as far as such libraries are loaded."""
    onnxruntime = sys.modules.get("onnxruntime.capi.onnxruntime_pybind11_state")
    own = ("Fail", "RuntimeException", "InvalidArgument", "EPFail", "NotImplemented")
    return (RuntimeError, *(getattr(onnxruntime, name) for name in own if onnxruntime))
