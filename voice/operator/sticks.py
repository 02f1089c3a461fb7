"""USB sticks with bundles: the newest that this device trusts on each, or why there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.flash import FlashError
from llm.flash.bundle import SUFFIX, open_bundle
from llm.flash.policy import check
from voice.active_slot import slots_of
from voice.config import Config
from voice.flash.device import this_device, trusted
from voice.flash.report import bundle_json
from voice.flash.targets import newest_in


@dataclass(frozen=True)
class Offer:
    """What a stick brings."""

    stick: str
    path: Path | None = None
    bundle: dict[str, Any] | None = None
    """What its newest bundle says of itself, see `voice.flash.report`."""
    problem: str = ""
    """Why this device would not take it; empty = it would."""
    in_use: bool = False

    @property
    def id(self) -> str:
        """Return the identity of the slot that the bundle becomes, "" if there is none."""
        return str(self.bundle["id"]) if self.bundle else ""

    @property
    def welcome(self) -> bool:
        """Tell whether there is something to do."""
        return bool(self.bundle) and not self.problem and not self.in_use

    def as_json(self) -> dict[str, Any]:
        """Return it for the page."""
        shown = ("stick", "bundle", "problem", "in_use")
        return {name: getattr(self, name) for name in shown}


class Sticks:
    """Looks at the sticks that are plugged in; files that have not changed are read once."""

    def __init__(self, config: Config, media: Callable[[], list[Path]]) -> None:
        self._config = config
        self._media = media
        self._lock = threading.Lock()
        self._seen: object = None
        self._offers: list[Offer] = []

    def look(self) -> list[Offer]:
        """Return what is plugged in now; sticks without a bundle are left out."""
        current = slots_of(self._config).current()
        files = {stick: _bundles(stick) for stick in self._media()}
        seen = (files, current.id if current else "")
        with self._lock:
            if seen != self._seen:
                self._offers = [self._offer(stick) for stick, found in files.items() if found]
                self._seen = seen
            return self._offers

    def _offer(self, stick: Path) -> Offer:
        config = self._config
        try:
            path = newest_in(config, stick)
            bundle = open_bundle(path, trusted(config))
        except FlashError as error:
            return Offer(stick.name, problem=_told(error))
        except OSError as error:  # pulled out just now
            return Offer(stick.name, problem=f"the stick cannot be read: {error.strerror}")
        status = slots_of(config).status()
        in_use = status.current is not None and status.current.id == bundle.head.id
        try:
            check(bundle.manifest, this_device(self._config), status.newest)
            problem = ""
        except FlashError as error:
            problem = _told(error)
        return Offer(stick.name, path, bundle_json(bundle), problem, in_use)


def _told(error: FlashError) -> str:
    return f"{error}; {error.fix}" if error.fix else str(error)


def _bundles(stick: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of the bundles of a stick; none if it is pulled out just now."""
    try:
        stats = [(path.name, path.stat()) for path in sorted(stick.glob(f"*{SUFFIX}"))]
    except OSError:
        return []
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
