"""May this device take this bundle? Asked once its signature holds, before its payload is read."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from llm.flash import FlashError
from llm.flash.manifest import Manifest


@dataclass(frozen=True)
class Device:
    """What a device is, as far as bundles ask."""

    names: tuple[str, ...]
    """Its host name, kind of machine and model."""
    software: str
    """Version of this program."""
    cpu_features: frozenset[str]
    memory_mb: float
    prompts_sha256: str
    today: str
    """ISO 8601."""


def check(manifest: Manifest, device: Device, newest: int, downgrade: bool = False) -> None:
    """Raise FlashError if the device must not take the bundle.

    `newest` is the newest version that was proven good here; `downgrade` = an older one is wanted.
    """
    _check_time(manifest, device, newest, downgrade)
    _check_machine(manifest, device)
    _check_software(manifest, device)


def _check_time(manifest: Manifest, device: Device, newest: int, downgrade: bool) -> None:
    if manifest.version < newest and not downgrade:
        raise FlashError(
            "version",
            f"{_what(manifest)} is older than version {newest}, which was proven good here",
            "if that is wanted: --allow-downgrade REASON",
        )
    if manifest.expires and device.today > manifest.expires:
        raise FlashError(
            "expired",
            f"{_what(manifest)} expired on {manifest.expires}",
            "make a new one, or set the clock",
        )


def _check_machine(manifest: Manifest, device: Device) -> None:
    if not any(fnmatchcase(n, p) for n in device.names for p in manifest.devices):
        raise FlashError(
            "device",
            f"{_what(manifest)} is for {', '.join(manifest.devices)}; "
            f"this is {', '.join(device.names)}",
            "hean bundle create --device names the devices",
        )
    if missing := sorted(set(manifest.cpu_features) - device.cpu_features):
        raise FlashError(
            "processor",
            f"{_what(manifest)} needs {', '.join(missing)} of the processor",
            "flash it to another device",
        )
    if manifest.health.max_memory_mb > device.memory_mb:
        raise FlashError(
            "memory",
            f"{_what(manifest)} may take {manifest.health.max_memory_mb:,.0f} MB of memory; "
            f"this device has {device.memory_mb:,.0f} MB",
            "train or quantise a smaller model",
        )


def _check_software(manifest: Manifest, device: Device) -> None:
    if _numbers(device.software) < _numbers(manifest.min_software):
        raise FlashError(
            "software",
            f"{_what(manifest)} needs hean {manifest.min_software}; this is {device.software}",
            "update this device's software first",
        )
    if manifest.prompts_sha256 not in ("", device.prompts_sha256):
        raise FlashError(
            "prompts",
            f"{_what(manifest)} was evaluated with other prompts than this software has",
            "make the bundle with the same version of the software",
        )


def _what(manifest: Manifest) -> str:
    return f"{manifest.name} version {manifest.version}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split("."))
