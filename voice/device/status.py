"""What is installed on a device, what runs, and how the machine is."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

from models.store import Store
from voice.active_slot import slots_of
from voice.config import Config
from voice.device import SCREEN_SERVICE, SERVICE, Place, program, system
from voice.device.care import Care, look
from voice.device.media import media

ABSENT = "not installed"


@dataclass(frozen=True)
class Service:
    """A unit, as systemd sees it."""

    state: str
    """active, activating, failed, inactive ..., or "not installed"."""
    enabled: bool
    text: str
    """What the program says of itself."""
    restarts: int


@dataclass(frozen=True)
class Status:
    """One look at a device."""

    program: str
    """Which software is installed, "" if none."""
    system: str
    board: str
    services: dict[str, Service]
    models: dict[str, str]
    """What is wrong with each model of the profile, "" if nothing."""
    slot: str
    """The flashed model in use, "" = the models of the catalogue."""
    screen: str
    """Address of the page."""
    media: tuple[str, ...]
    """USB sticks that are plugged in."""
    care: Care

    @property
    def well(self) -> bool:
        """Tell whether all is installed and runs."""
        running = self.services[SERVICE].state == "active"
        return running and not any(self.models.values()) and not self.care.problems

    def as_json(self) -> dict[str, Any]:
        """Return all of it for scripts."""
        return {"well": self.well, **asdict(self), "care": self.care.as_json()}


def status(config: Config, place: Place) -> Status:
    """Return what is there; the configuration is that of the device."""
    kiosk = config.kiosk
    store = Store(config.store)
    current = slots_of(config).current()
    slot = f"{current.manifest.name} version {current.manifest.version}" if current else ""
    return Status(
        program.installed(place),
        system.description(place),
        platform.machine(),
        {name: _service(place, name) for name in (SERVICE, SCREEN_SERVICE)},
        {
            name: store.problem(name)
            for name in store.catalog.profile(config.models.profile).values()
        },
        slot,
        f"http://{kiosk.home}:{kiosk.port}/" if kiosk.enabled else "",
        tuple(map(str, media())),
        look(config),
    )


def _service(place: Place, name: str) -> Service:
    if not (place.root / "etc/systemd/system" / name).exists():
        return Service(ABSENT, False, "", 0)
    told = system.unit_state(name) if place.live else {}
    return Service(
        told.get("ActiveState", "unknown"),
        told.get("UnitFileState", "") == "enabled",
        told.get("StatusText", ""),
        int(told.get("NRestarts", 0)),
    )
