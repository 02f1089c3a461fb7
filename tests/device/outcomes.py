"""What a machine tells on its console, and whether that may be so after a power cut."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

MARK = "@hean "
"""Begins the lines of the machine; the others are the kernel's."""
MOUNT = "mount"
OLD, NEW, NOTHING_YET = "old", "new", "nothing yet"
_COMPLAINT = re.compile(r"(EXT4-fs|F2FS-fs|XFS|JBD2|I/O|Kernel).*(error|corrupt|panic)", re.I)


@dataclass
class Outcomes:
    """What came of all cuts."""

    cuts: int = 0
    during: Counter[str] = field(default_factory=Counter)
    """What the machine did when it was cut off, by the name of the act."""
    found: dict[str, Counter[str]] = field(default_factory=dict)
    """Slot in use after recovery (OLD, NEW, NOTHING_YET), by the state of the journal before it."""
    flashed: int = 0
    """Versions that were proven good."""
    newest: int = 0
    broken: list[str] = field(default_factory=list)
    """What was wrong; empty = never anything."""

    def as_row(self) -> dict[str, Any]:
        """Return a table for JSON."""
        found = {state: dict(kinds) for state, kinds in self.found.items()}
        return {**vars(self), "during": dict(self.during), "found": found}


class Judge:
    """Follows a machine over its cuts; versions are numbers, 0 is no slot."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.came_up = False
        """Whether the machine has reported its slots since it was last cut off."""
        self.act = MOUNT
        """What the machine does, or did last."""
        self._settled = 0
        """Version to go back to: the last that was proven good."""
        self._tried = 0
        """Version that was last begun."""
        self._allowed = {0}
        """Versions that may be in use if the power is cut now."""
        self._newest = 0

    def hear(self, line: str) -> bool:
        """Take a line of the console; True if the machine tells of itself."""
        text = line.strip()
        _, mark, row = text.partition(MARK)
        if not mark:
            if _COMPLAINT.search(text) or text.startswith("Traceback"):
                self._blame(text)
            return False
        try:
            event = json.loads(row)
        except ValueError:  # cut off while it was printed
            return False
        getattr(self, f"_{event['event']}")(event)
        return True

    def cut(self) -> None:
        """The power was cut."""
        self.outcomes.cuts += 1
        self.outcomes.during[self.act] += 1
        self.came_up = False
        self.act = MOUNT

    def silent(self) -> None:
        """The machine ended, or said nothing for long, before it was to be cut off."""
        self._blame(f"the machine stopped by itself at {self.act}")

    def _begin(self, event: dict[str, Any]) -> None:
        self.act, version = event["act"], event.get("version", 0)
        if self.act in ("install", "activate"):
            self._tried = version
        if self.act == "activate":
            self._allowed.add(version)
        if self.act in ("start", "fail"):
            self._allowed.add(self._settled)

    def _end(self, event: dict[str, Any]) -> None:
        act, version, current = event["act"], event["version"], event["current"]
        if act == "good":
            self._settled = self._newest = self.outcomes.newest = version
            self.outcomes.flashed += 1
        wanted = {"fail": {self._settled}, "start": self._allowed, "collect": {self._settled}}
        if act != "install" and current not in wanted.get(act, {version}):
            self._blame(f"version {current} is in use after {act} of version {version}")
        if act == "start" and current != version:
            self._settled = current
        self._allowed = {current}

    def _found(self, event: dict[str, Any]) -> None:
        """Judge what a machine found after its recovery."""
        self.came_up = True
        current = event["current"]
        if current not in self._allowed:
            may = " or ".join(map(str, sorted(self._allowed)))
            self._blame(f"version {current} is in use, not {may}")
        if event["fault"]:
            self._blame(f"version {current}: {event['fault']}")
        if event["newest"] < self._newest:
            self._blame(f"newest version fell from {self._newest} to {event['newest']}")
        if event["staged"]:
            self._blame(f"{event['staged']} left in the staging folder")
        kind = OLD if current else NOTHING_YET
        if current and current == self._tried != self._settled:
            kind = NEW
        self.outcomes.found.setdefault(event["journal"], Counter())[kind] += 1
        self._newest = self.outcomes.newest = max(self._newest, event["newest"])
        self._settled = event["before"] if event["trial"] else current
        self._allowed = {current}

    def _blame(self, problem: str) -> None:
        self.outcomes.broken.append(f"cut {self.outcomes.cuts}: {problem}")
