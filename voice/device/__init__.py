"""He'an as a part of the machine it runs on: put in place and taken away, looked after, shown.

`install` puts all in place, `program` copies the software, `status` tells what is there and how it
is, `care` measures heat, power and disk, `clock` knows when the clock cannot be right, `media`
finds USB sticks, `screen` is what the service of the screen starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE, SCREEN_SERVICE = "hean.service", "hean-kiosk.service"
USERS = ("hean", "hean-kiosk")


@dataclass(frozen=True)
class Place:
    """Where things are on a device, below the root of its file system."""

    root: Path = Path("/")

    @property
    def live(self) -> bool:
        """Tell whether this is the running system, and not a folder that becomes one."""
        return self.root == Path("/")

    @property
    def program(self) -> Path:
        """Return the folder of the software."""
        return self.root / "opt/hean"

    @property
    def data(self) -> Path:
        """Return the only folder that the running device writes: models, slots, audit log."""
        return self.root / "var/lib/hean"

    @property
    def settings(self) -> Path:
        """Return the configuration file."""
        return self.root / "etc/hean/hean.toml"

    @property
    def models(self) -> Path:
        """Return the folder of the models."""
        return self.data / "models"
