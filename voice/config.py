"""The configuration: one documented tree of values. `voice.config_file` reads and prints it.

Each key is followed by the text that documents it; `hean config` prints both.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from asr import AsrConfig
from kws import WakeConfig
from llm import LlmConfig
from voice.kiosk import KioskConfig
from voice.tts import TtsConfig
from voice.wyoming import WyomingConfig


@dataclass(frozen=True)
class ModelsConfig:
    """Which models, and where they are kept."""

    profile: str = "starter"
    """Set of models: starter, pi or desktop (`hean models list`)."""
    store: str = ""
    """Folder of the models; empty = ~/.local/share/hean/models."""


@dataclass(frozen=True)
class AudioConfig:
    """Microphone and loudspeaker."""

    device: str = "system"
    """Where they are: system, or browser = the page of the screen, which has a button for it;
    for machines whose only microphone is there."""
    input: str = ""
    """Microphone: name or part of a name from `hean check`; empty = the system's default."""
    output: str = ""
    """Loudspeaker: name or part of a name from `hean check`; empty = the system's default."""
    volume: float = 1.0
    """Loudness of the answers, 0.0 to 1.0."""

    def __post_init__(self) -> None:
        if self.device not in ("system", "browser"):
            raise ValueError(f"audio.device is {self.device!r}; it must be system or browser")
        if not 0 <= self.volume <= 1:
            raise ValueError(f"audio.volume is {self.volume}; it must be from 0 to 1")


@dataclass(frozen=True)
class VadConfig:
    """When a person speaks."""

    threshold: float = 0.5
    """Speech probability from which audio counts as speech."""
    silence_s: float = 0.7
    """Silence in seconds of audio that ends a question."""
    pre_roll_s: float = 0.4
    """Audio kept from before speech was found, in seconds, so that no first syllable is lost."""

    def __post_init__(self) -> None:
        for key, low, high in (
            ("threshold", 0.05, 0.95),
            ("silence_s", 0.1, 5),
            ("pre_roll_s", 0, 2),
        ):
            if not low <= getattr(self, key) <= high:
                raise ValueError(
                    f"vad.{key} is {getattr(self, key)}; it must be from {low} to {high}"
                )


@dataclass(frozen=True)
class DialogConfig:
    """How a conversation goes."""

    wake_word: bool = True
    """Whether a wake word must come before a question. False: everything said is a question."""
    listen_s: float = 8.0
    """How long a question is waited for after the wake word, in seconds."""
    follow_up_s: float = 6.0
    """Seconds after an answer in which no wake word is needed; 0 = always needed."""
    barge_in: str = "speech"
    """What interrupts an answer: speech (needs echo_cancellation) or wake_word."""
    echo_cancellation: bool = True
    """Take the assistant's own voice out of what the microphone hears."""
    earcons: bool = True
    """Short sounds that tell that the assistant listens, stops or failed."""

    def __post_init__(self) -> None:
        if self.barge_in not in ("speech", "wake_word"):
            raise ValueError(
                f"dialog.barge_in is {self.barge_in!r}; it must be speech or wake_word"
            )
        for key, low, high in (("listen_s", 1, 60), ("follow_up_s", 0, 60)):
            value = getattr(self, key)
            if not low <= value <= high:
                raise ValueError(f"dialog.{key} is {value}; it must be from {low} to {high}")


@dataclass(frozen=True)
class KnowledgeConfig:
    """What the assistant knows."""

    folder: str = ""
    """Folder of a knowledge base; empty = the one that is shipped."""


@dataclass(frozen=True)
class AuditConfig:
    """What is recorded of each turn. Sound never is."""

    enabled: bool = True
    """Write a row for each turn, chained by hashes (`hean audit`)."""
    keep_days: int = 365
    """Days after which a row is deleted, at the start of `hean run` or by `hean audit prune`;
    0 = never."""
    text: bool = True
    """Store questions and answers; false = only their lengths and hashes, and no words in the
    journal of the service. A hash hides a rare sentence well, but not one that somebody can
    guess."""
    mask_personal: bool = False
    """Mask numbers of persons and telephones, names, addresses and e-mail in questions before
    they are stored. By rules: it finds most, not all. The journal of the service then holds no
    words."""

    def __post_init__(self) -> None:
        if self.keep_days < 0:
            raise ValueError(f"audit.keep_days is {self.keep_days}; it must be 0 or more")

    @property
    def keeps_words(self) -> bool:
        """Tell whether what was said may be stored as it was said."""
        return self.text and not self.mask_personal


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    models: ModelsConfig = field(default_factory=ModelsConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    wake: WakeConfig = field(default_factory=WakeConfig)
    vad: VadConfig = field(default_factory=VadConfig)
    asr: AsrConfig = field(default_factory=AsrConfig)
    dialog: DialogConfig = field(default_factory=DialogConfig)
    knowledge: KnowledgeConfig = field(default_factory=KnowledgeConfig)
    llm: LlmConfig = field(default_factory=LlmConfig)
    tts: TtsConfig = field(default_factory=TtsConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    kiosk: KioskConfig = field(default_factory=KioskConfig)
    wyoming: WyomingConfig = field(default_factory=WyomingConfig)

    @property
    def store(self) -> Path:
        """Return the folder of the models."""
        if self.models.store:
            return Path(self.models.store).expanduser()
        return _user_folder("XDG_DATA_HOME", "~/.local/share") / "models"

    @property
    def wake_file(self) -> Path:
        """Return the file of the wake words, beside the folder of the models."""
        return self.store.parent / "wake.toml"

    @property
    def flash_folder(self) -> Path:
        """Return the folder of the flashed models: slots, journal, received bundles."""
        return self.store.parent / "flash"

    @property
    def flash_keys(self) -> Path:
        """Return the folder of the public keys whose bundles this device takes."""
        return self.store.parent / "flash-keys"

    @property
    def kiosk_folder(self) -> Path:
        """Return the folder of who may use the kiosk: tokens, certificate, PIN."""
        return self.store.parent / "kiosk"

    @property
    def audit_file(self) -> Path:
        """Return the file of the audit log."""
        return _user_folder("XDG_STATE_HOME", "~/.local/state") / "audit.db"

    @property
    def cache(self) -> Path:
        """Return the folder of what can be made again: answers synthesised ahead, vectors."""
        return _user_folder("XDG_CACHE_HOME", "~/.cache")


def _user_folder(variable: str, default: str) -> Path:
    # The variables are those of the XDG base directory specification.
    return Path(os.environ.get(variable) or default).expanduser() / "hean"
