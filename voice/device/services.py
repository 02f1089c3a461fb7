"""What starts at boot: the services of the assistant and of its screen."""

from __future__ import annotations

import shutil
from pathlib import Path

from voice.device import SCREEN_SERVICE, SERVICE, system
from voice.device.parts import Part

_DISPLAY_MANAGER = Path("etc/systemd/system/display-manager.service")


class Services(Part):
    """What starts at boot, and runs from now on if this is the running system."""

    name = "services"

    def missing(self) -> str:
        """Return the services that are not enabled, or not running."""
        return ", ".join(name for name in self._wanted() if not self._is_on(name))

    def install(self) -> None:
        """Enable them, and start them without waiting for the models to be loaded."""
        system.run("systemd-tmpfiles", f"--root={self.place.root}", "--create", "hean.conf")
        if self.place.live:
            _reread()
        if self.wish.kiosk and (manager := self._display_manager()):
            system.systemctl(self.place, "disable", manager)  # it would take the screen
            (self.place.program / "display-manager").write_text(manager, "utf-8")
        system.systemctl(self.place, "enable", *self._wanted())
        if self.place.live:
            system.systemctl(self.place, "restart", "--no-block", *self._wanted())

    def present(self) -> str:
        """Return the services that are enabled."""
        return ", ".join(name for name in (SERVICE, SCREEN_SERVICE) if self._has_unit(name))

    def remove(self) -> None:
        """Stop and disable them, and let a desktop have the screen again."""
        names = [name for name in (SERVICE, SCREEN_SERVICE) if self._has_unit(name)]
        if self.place.live:
            system.systemctl(self.place, "stop", *names, "hean-media@*.service")
        shutil.rmtree(self.place.root / "run/hean", ignore_errors=True)
        system.systemctl(self.place, "disable", *names)
        kept = self.place.program / "display-manager"
        if kept.exists():
            system.systemctl(self.place, "enable", kept.read_text("utf-8"))

    def settle(self) -> None:
        """Let systemd forget what has gone."""
        if self.place.live:
            _reread()
            system.run("systemctl", "reset-failed")
            system.systemctl(self.place, "start", "--no-block", "getty@tty1.service")

    def _wanted(self) -> list[str]:
        return [SERVICE, SCREEN_SERVICE] if self.wish.kiosk else [SERVICE]

    def _has_unit(self, name: str) -> bool:
        return (self.place.root / "etc/systemd/system" / name).exists()

    def _is_on(self, name: str) -> bool:
        wants = self.place.root / "etc/systemd/system/multi-user.target.wants" / name
        if not wants.is_symlink():
            return False
        if not self.place.live or name == SCREEN_SERVICE:  # without a screen it does not run
            return True
        return system.unit_state(name).get("ActiveState") in ("active", "activating")

    def _display_manager(self) -> str:
        link = self.place.root / _DISPLAY_MANAGER
        return link.readlink().name if link.is_symlink() else ""


def _reread() -> None:
    """Let the running system take what was written or deleted."""
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "restart", "systemd-journald.service")
    # In a container nobody looks after devices.
    if system.unit_state("systemd-udevd.service").get("ActiveState") == "active":
        system.run("udevadm", "control", "--reload")
