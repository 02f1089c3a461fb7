"""The parts of an installation: what is missing, how it comes into place and how it goes."""

from __future__ import annotations

import os
import pwd
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from models.importing import import_models
from models.progress import Progress, silent
from models.store import Store
from voice.config import Config
from voice.device import SCREEN_SERVICE, SERVICE, USERS, Place, program, system

FILES = {
    "hean.service": f"etc/systemd/system/{SERVICE}",
    "hean-media@.service": "etc/systemd/system/hean-media@.service",
    "hean.sysusers": "etc/sysusers.d/hean.conf",
    "hean.tmpfiles": "etc/tmpfiles.d/hean.conf",
    "hean.journald": "etc/systemd/journald.conf.d/hean.conf",
    "70-hean.rules": "etc/udev/rules.d/70-hean.rules",
    "hean.sh": "usr/local/bin/hean",
}
SCREEN_FILES = {
    "hean-kiosk.service": f"etc/systemd/system/{SCREEN_SERVICE}",
    "hean-kiosk.pam": "etc/pam.d/hean-kiosk",
}
_SETTINGS = """\
# Configuration of He'an on this device; `hean config` prints all keys with their meaning.
[models]
profile = "{profile}"
"""


@dataclass(frozen=True)
class Wish:
    """What is to be installed or taken away."""

    kiosk: bool = True
    purge: bool = False
    """Delete models, slots, audit log and settings too."""


@dataclass
class Part(ABC):
    """One step. `missing` changes nothing and says in a few words what is to be done."""

    place: Place
    wish: Wish = field(default_factory=Wish)
    name = ""

    @abstractmethod
    def missing(self) -> str:
        """Return what has to be done, "" if all is in place."""

    @abstractmethod
    def install(self) -> None:
        """Do it. Raises HeanError."""

    @abstractmethod
    def present(self) -> str:
        """Return what has to be taken away, "" if there is nothing."""

    @abstractmethod
    def remove(self) -> None:
        """Take it away. Raises HeanError."""


class Packages(Part):
    """Packages of Debian; they stay when the rest goes, for others may need them by then."""

    name = "packages"

    def missing(self) -> str:
        """Return what Debian has to bring."""
        return ", ".join(self._missing())

    def install(self) -> None:
        """Install them with apt."""
        system.install_packages(self.place, self._missing())

    def present(self) -> str:
        """Return nothing: they stay."""
        return ""

    def remove(self) -> None:
        """Let them stay."""

    def _missing(self) -> list[str]:
        needed = system.SOUND + (system.SCREEN if self.wish.kiosk else ())
        return system.missing_packages(self.place, needed)


class Program(Part):
    """The software."""

    name = "program"

    def missing(self) -> str:
        """Return what is to be copied; the device itself has nothing newer to copy."""
        if program.runs_from(self.place):
            return ""
        wanted, have = program.here(), program.installed(self.place)
        return "" if wanted == have else f"{wanted} to {self.place.program}"

    def install(self) -> None:
        """Copy it."""
        program.copy(self.place)

    def present(self) -> str:
        """Return its folder."""
        return str(self.place.program) if self.place.program.exists() else ""

    def remove(self) -> None:
        """Delete it."""
        program.remove(self.place)


class Files(Part):
    """Units, rules and the like."""

    name = "files"

    def missing(self) -> str:
        """Return the files that are not there, not as they should be, or no longer wanted."""
        return ", ".join(
            [f"/{path}" for name, path in self._wanted().items() if not self._is_right(name, path)]
            + [f"without /{path}" for path in self._unwanted()]
        )

    def install(self) -> None:
        """Write them."""
        for name, path in self._wanted().items():
            if not self._is_right(name, path):
                target = self.place.root / path
                self._make_folder(target.parent)
                shutil.copyfile(program.units() / name, target)
                target.chmod(0o755 if target.parent.name == "bin" else 0o644)
        for path in self._unwanted():
            self._delete(path)

    def present(self) -> str:
        """Return the files that are there."""
        return ", ".join(f"/{path}" for path in self._all() if (self.place.root / path).exists())

    def remove(self) -> None:
        """Delete them."""
        for path in self._all():
            self._delete(path)
        for folder in reversed(self._made()):
            with suppress(OSError):  # somebody else uses it by now
                (self.place.root / folder).rmdir()

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and note it, so that it can go again with the files."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir()
        self._list.parent.mkdir(parents=True, exist_ok=True)
        with self._list.open("a", encoding="utf-8") as made:
            made.write(f"{folder.relative_to(self.place.root)}\n")

    def _made(self) -> list[str]:
        return self._list.read_text("utf-8").splitlines() if self._list.exists() else []

    @property
    def _list(self) -> Path:
        return self.place.program / "folders"

    def _wanted(self) -> dict[str, str]:
        return {**FILES, **(SCREEN_FILES if self.wish.kiosk else {})}

    def _unwanted(self) -> list[str]:
        unwanted = [] if self.wish.kiosk else list(SCREEN_FILES.values())
        return [path for path in unwanted if (self.place.root / path).exists()]

    @staticmethod
    def _all() -> list[str]:
        return [*FILES.values(), *SCREEN_FILES.values()]

    def _delete(self, path: str) -> None:
        (self.place.root / path).unlink(missing_ok=True)

    def _is_right(self, name: str, path: str) -> bool:
        target = self.place.root / path
        return target.exists() and target.read_bytes() == (program.units() / name).read_bytes()


class Settings(Part):
    """The configuration file: the owner's, once it is there."""

    name = "settings"

    def __init__(self, place: Place, wish: Wish, config: Config) -> None:
        super().__init__(place, wish)
        self._text = _SETTINGS.format(profile=config.models.profile)

    def missing(self) -> str:
        """Return the file if there is none."""
        return "" if self.place.settings.exists() else str(self.place.settings)

    def install(self) -> None:
        """Write it."""
        self.place.settings.parent.mkdir(parents=True, exist_ok=True)
        self.place.settings.write_text(self._text, "utf-8")

    def present(self) -> str:
        """Return the file if it is to go: what its owner wrote stays."""
        path = self.place.settings
        goes = path.exists() and (self.wish.purge or path.read_text("utf-8") == self._text)
        return str(path) if goes else ""

    def remove(self) -> None:
        """Delete it."""
        self.place.settings.unlink()
        if not any(self.place.settings.parent.iterdir()):
            self.place.settings.parent.rmdir()


class Users(Part):
    """The users that the services run as; they stay as long as files belong to them."""

    name = "users"

    def missing(self) -> str:
        """Return the users that do not exist."""
        return ", ".join(user for user in USERS if user not in self._known("passwd"))

    def install(self) -> None:
        """Create them as systemd does at boot."""
        system.run("systemd-sysusers", f"--root={self.place.root}", "hean.conf")

    def present(self) -> str:
        """Return the users that exist, if nothing is to be kept for them."""
        return ", ".join(self._existing()) if self.wish.purge else ""

    def remove(self) -> None:
        """Delete them, with the groups of the same name."""
        for user in self._existing():
            system.run("userdel", "--root", str(self.place.root), user)

    def _existing(self) -> list[str]:
        return [user for user in USERS if user in self._known("passwd")]

    def _known(self, table: str) -> list[str]:
        lines = (self.place.root / "etc" / table).read_text("utf-8").splitlines()
        return [line.split(":")[0] for line in lines]


class Data(Part):
    """The models, in the only folder that the device writes. Kept unless everything is to go."""

    name = "models"

    def __init__(
        self, place: Place, wish: Wish, config: Config, progress: Progress = silent
    ) -> None:
        super().__init__(place, wish)
        self._sources, self._progress = [config.store, *_store_before_sudo()], progress
        self._store = Store(place.models)
        self._ids = tuple(self._store.catalog.profile(config.models.profile).values())

    def missing(self) -> str:
        """Return the models of the profile that are not there."""
        return ", ".join(name for name in self._ids if self._store.problem(name))

    def install(self) -> None:
        """Copy the models that are on this machine, and fetch the others."""
        self.place.models.mkdir(parents=True, exist_ok=True)
        for source in self._sources:
            for name in self._ids:
                if self._store.problem(name) and (source / name).is_dir():
                    import_models(self._store, source / name, self._progress)
        self._store.fetch(self._ids, self._progress)
        system.give(self.place, self.place.models, USERS[0])  # who may fetch others later

    def present(self) -> str:
        """Return the folder if it is to be deleted."""
        return str(self.place.data) if self.wish.purge and self.place.data.exists() else ""

    def remove(self) -> None:
        """Delete models, slots, keys and audit log."""
        shutil.rmtree(self.place.data)


def _store_before_sudo() -> list[Path]:
    """Return where whoever called sudo keeps models: root has another home."""
    try:
        home = Path(pwd.getpwnam(os.environ.get("SUDO_USER", "")).pw_dir)
    except (KeyError, ValueError):
        return []
    return [home / ".local/share/hean/models"]
