"""The links of a device into its store: the slot in use, and the one before."""

from __future__ import annotations

from llm.flash.disk import LINK, NOTHING, Disk, parent, replace_link
from llm.flash.store import STORE

CURRENT, PREVIOUS = "slots/current", "slots/previous"
_INTO = f"../{STORE}/"
"""How what they lead to begins."""


def linked(disk: Disk, link: str) -> str:
    """Return the slot that a link leads to, "" if it leads nowhere that could be one."""
    if disk.kind(link) != LINK:
        return ""
    target = disk.target(link)
    return target.rpartition("/")[2] if target.startswith(_INTO) else ""


def lead(disk: Disk, link: str, identity: str) -> None:
    """Let a link lead to a slot, at once and for good."""
    replace_link(disk, _INTO + identity, link)


def cut(disk: Disk, link: str) -> None:
    """Remove what has the name of a link, if anything."""
    if disk.kind(link) != NOTHING:
        disk.remove(link)
        disk.sync(parent(link))
