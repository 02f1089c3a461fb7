"""A disk in memory that records every write, and makes every disk that a power cut may leave.

The model is more hostile than the file systems in use: content that was not synced may be there,
not be there, or be torn, each block for itself; names that were not synced may be old or new, each
for itself, so that a move may show under both names or none; a new link may be empty. Only `sync`
makes content (of a file) or names (in a folder) certain. After: Pillai et al., All File Systems Are
Not Created Equal (ALICE), OSDI 2014.
"""

from __future__ import annotations

import errno
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from llm.flash.disk import FILE, FOLDER, LINK, NOTHING, parent

SECTORS = 2
"""Pieces of one write that reach the disk each for itself."""
MAX_REORDERINGS = 256
_ROOT = 0
_PRESENT, _ABSENT, _TORN = range(3)


@dataclass
class Node:
    """A file (blocks), a folder (names) or a link (target)."""

    kind: str
    blocks: list[bytes] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    target: str = ""

    @property
    def content(self) -> bytes:
        """Return what a file holds."""
        return b"".join(self.blocks)


Nodes = dict[int, Node]
Pending = dict[tuple[int, str], "list[int | None]"]


@dataclass
class Cut:
    """What is certain, and what is not, at one moment."""

    certain: Nodes
    names: Pending
    """By folder and name: what was put there since the folder was synced; None = removed."""
    blocks: dict[int, int]
    """By file or link: how many of its blocks are certain. Those after them are not."""
    now: Nodes


class SimulatedDisk:
    """Implements `llm.flash.disk.Disk`; `cut` is called after every write.

    Not after a sync: what a cut may leave then is a part of what it might have left before.
    """

    def __init__(
        self, nodes: Nodes | None = None, cut: Callable[[SimulatedDisk], None] | None = None
    ) -> None:
        self.nodes = nodes or {_ROOT: Node(FOLDER)}
        self.capacity_bytes = 1 << 40
        self._cut = cut
        self._certain = copied(self.nodes)
        self._names: Pending = {}
        self._blocks: dict[int, int] = {}

    def snapshot(self) -> Cut:
        """Return what is certain now and what is not; it stays as it is."""
        names = {key: list(entries) for key, entries in self._names.items()}
        return Cut(copied(self._certain), names, dict(self._blocks), copied(self.nodes))

    def kind(self, path: str) -> str:
        """Return what a path is."""
        node = self._find(path)
        return node.kind if node else NOTHING

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder."""
        node = self._find(folder)
        return sorted(node.names) if node else []

    def open(self, path: str) -> BinaryIO:
        """Return the content of a file."""
        return io.BytesIO(self._node(path).content)

    def forget(self, path: str) -> None:
        """Do nothing: there is no second copy of anything."""

    def size(self, path: str) -> int:
        """Return the size of a file."""
        return len(self._node(path).content)

    def target(self, path: str) -> str:
        """Return where a link leads."""
        return self._node(path).target

    def free_bytes(self) -> int:
        """Return how much room is left."""
        used = sum(len(node.content) for node in self.nodes.values())
        return self.capacity_bytes - used

    def locked(self) -> AbstractContextManager[None]:
        """Return a lock; nobody else is here."""
        return nullcontext()

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self._add(path, Node(FOLDER))

    def create(self, path: str) -> None:
        """Make an empty file."""
        self._add(path, Node(FILE))

    def append(self, path: str, data: bytes | memoryview) -> None:
        """Write at the end of a file."""
        number = self._number(path)
        self._blocks.setdefault(number, len(self.nodes[number].blocks))
        self.nodes[number].blocks += _sectors(bytes(data))
        self._wrote()

    def adopt(self, source: Path, path: str) -> bool:
        """Return False: what is outside has to be copied."""
        return False

    def link(self, path: str, new: str) -> bool:
        """Give a file a second name."""
        self._refuse_existing(new)
        self._put(new, self._number(path))
        self._wrote()
        return True

    def symlink(self, target: str, path: str) -> None:
        """Make a link."""
        self._add(path, Node(LINK, target=target))

    def rename(self, path: str, new: str) -> None:
        """Move something."""
        number, there = self._number(path), self._find(new)
        if there and there.kind == FOLDER:
            raise OSError(errno.ENOTEMPTY, "a folder is in the way", new)
        self._put(new, number)
        self._put(path, None)
        self._wrote()

    def remove(self, path: str) -> None:
        """Delete something."""
        if self._node(path).names:
            raise OSError(errno.ENOTEMPTY, "the folder is not empty", path)
        self._put(path, None)
        self._wrote()

    def sync(self, path: str) -> None:
        """Make a content, or the names in a folder, certain."""
        number = self._number(path)
        node = self.nodes[number]
        if node.kind == FOLDER:
            for folder, name in [key for key in self._names if key[0] == number]:
                entry = self._names.pop((folder, name))[-1]
                _set(self._certain[number].names, name, entry)
            for child in node.names.values():
                if self.nodes[child].kind == LINK:
                    self._certain[child].target = self.nodes[child].target
        else:
            self._certain[number].blocks = list(node.blocks)
            self._blocks.pop(number, None)

    def _wrote(self) -> None:
        if self._cut:
            self._cut(self)

    def _add(self, path: str, node: Node) -> None:
        self._refuse_existing(path)
        number = max(self.nodes) + 1
        self.nodes[number] = node
        self._certain[number] = Node(node.kind)  # a link without a target, a file without content
        self._put(path, number)
        self._wrote()

    def _put(self, path: str, number: int | None) -> None:
        folder = self._number(parent(path))
        name = path.rpartition("/")[2]
        _set(self.nodes[folder].names, name, number)
        self._names.setdefault((folder, name), []).append(number)

    def _refuse_existing(self, path: str) -> None:
        if self._find(path):
            raise FileExistsError(errno.EEXIST, "it exists", path)

    def _find(self, path: str) -> Node | None:
        try:
            return self._node(path)
        except FileNotFoundError:
            return None

    def _node(self, path: str) -> Node:
        return self.nodes[self._number(path)]

    def _number(self, path: str) -> int:
        number = _ROOT
        for name in path.split("/") if path != "." else ():
            names = self.nodes[number].names
            if name not in names:
                raise FileNotFoundError(errno.ENOENT, "it is not there", path)
            number = names[name]
        return number


def _sectors(data: bytes) -> list[bytes]:
    """Cut what is written at once into what the disk may write in any order."""
    size = max(1, -(-len(data) // SECTORS))
    return [data[start : start + size] for start in range(0, len(data), size)]


def after_cut(cut: Cut) -> Iterator[Nodes]:
    """Yield every disk that a power cut at this moment may leave.

    Raises OverflowError if there are too many to try all of them.
    """
    name_keys = list(cut.names)
    block_keys = [
        (number, index)
        for number, certain in cut.blocks.items()
        for index in range(certain, len(cut.now[number].blocks))
    ]
    links = [n for n, node in cut.now.items() if node.target != cut.certain[n].target]
    choices = [range(len(cut.names[key]) + 1) for key in name_keys]
    choices += [range(3) for _ in block_keys] + [range(2) for _ in links]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_REORDERINGS:
        raise OverflowError(f"{count} reorderings: sync more often")
    for chosen in itertools.product(*choices):
        names, rest = chosen[: len(name_keys)], chosen[len(name_keys) :]
        nodes = copied(cut.certain)
        for (folder, name), how_many in zip(name_keys, names, strict=True):
            if how_many:
                _set(nodes[folder].names, name, cut.names[folder, name][how_many - 1])
        for (number, index), state in zip(block_keys, rest[: len(block_keys)], strict=True):
            _lay(nodes[number].blocks, cut.now[number].blocks[index], state)
        for number, known in zip(links, rest[len(block_keys) :], strict=True):
            nodes[number].target = cut.now[number].target if known else ""
        yield nodes


def copied(nodes: Nodes) -> Nodes:
    """Return a disk of its own with the same content."""
    return {
        number: Node(node.kind, list(node.blocks), dict(node.names), node.target)
        for number, node in nodes.items()
    }


def without_lost(nodes: Nodes) -> Nodes:
    """Return a disk without what no name leads to."""
    kept, waiting = set(), [_ROOT]
    while waiting:
        number = waiting.pop()
        kept.add(number)
        waiting += nodes[number].names.values()
    return {number: node for number, node in nodes.items() if number in kept}


def _lay(blocks: list[bytes], block: bytes, state: int) -> None:
    """Add a block that was written but not synced: there, a hole, or half of it."""
    half = len(block) // 2
    content = {_PRESENT: block, _ABSENT: b"", _TORN: block[:half] + bytes(len(block) - half)}
    blocks.append(content[state])


def fingerprint(nodes: Nodes, number: int = _ROOT) -> object:
    """Return a value that is the same for disks that hold the same."""
    node = nodes[number]
    below = tuple((name, fingerprint(nodes, n)) for name, n in sorted(node.names.items()))
    return (node.kind, node.content, node.target, below)


def _set(names: dict[str, int], name: str, number: int | None) -> None:
    if number is None:
        names.pop(name, None)
    else:
        names[name] = number
