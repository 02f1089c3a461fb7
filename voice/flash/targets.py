"""Where a bundle goes: this machine, a USB stick, another machine, or all of a table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from llm.files import place
from llm.flash import FlashError
from llm.flash.bundle import SUFFIX, Bundle, open_bundle
from voice.config import Config
from voice.errors import HeanError, UsageError, cause, translated
from voice.flash.device import trusted
from voice.flash.here import AS_USUAL, Flashed, Progress, Step, Wish, flash_here, silent
from voice.flash.ssh import Link, flash_by_ssh

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = "."
_AT_ONCE = 4


def flash(
    config: Config, path: Path, link: Link, wish: Wish = AS_USUAL, progress: Progress = silent
) -> Flashed:
    """Flash a bundle to `link.to`: "." is this machine, a folder a USB stick, else a host for ssh.

    Raises FlashError (refused), HealthFault (tried and not kept), LinkFault (begin again).
    """
    if link.to == HERE:
        return flash_here(config, path, wish, progress)
    if Path(link.to).is_dir():
        return to_folder(config, path, Path(link.to), wish, progress)
    if "/" in link.to:
        raise UsageError(f"{link.to}: no such folder", "name a folder, user@host, or . for here")
    return flash_by_ssh(link, open_bundle(path, trusted(config)), wish, progress)


def to_folder(config: Config, path: Path, folder: Path, wish: Wish, progress: Progress) -> Flashed:
    """Put a bundle on a USB stick and read it back; the device takes it with `hean flash --from`.

    Raises FlashError.
    """
    bundle = open_bundle(path, trusted(config))
    manifest = bundle.manifest
    target = folder / f"{manifest.name}-{manifest.version}{SUFFIX}".replace(" ", "-")
    if not wish.dry_run:
        progress(Step("sending", 0, path.stat().st_size))
        partial = folder / f".{target.name}.partial"
        try:
            shutil.copyfile(path, partial)
            _read_back(partial, bundle, config)
            place(partial, target)
        except OSError as error:
            raise FlashError(
                "disk", f"{target} cannot be written: {error.strerror}", "is it full or read-only?"
            ) from error
        finally:
            partial.unlink(missing_ok=True)
    return Flashed(bundle.head.id, manifest.name, manifest.version, changed=False)


def newest_in(config: Config, folder: Path) -> Path:
    """Return the bundle of the highest version in a folder whose signature holds.

    Raises FlashError that tells why there is none.
    """
    found: list[tuple[int, Path]] = []
    refusals = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found.append((open_bundle(path, trusted(config)).manifest.version, path))
        except FlashError as error:
            refusals.append(error)
    if found:
        return max(found)[1]
    if refusals:
        raise refusals[0]
    raise FlashError("format", f"{folder} holds no bundle (*{SUFFIX})", "hean flash BUNDLE --to it")


@dataclass(frozen=True)
class Row:
    """What came of one device of a table."""

    device: str
    flashed: Flashed | None
    error: HeanError | None = None


def flash_all(
    config: Config,
    path: Path,
    links: Mapping[str, Link],
    wish: Wish,
    progress: Callable[[str, Step], None],
) -> list[Row]:
    """Flash many devices, some at once; one that fails does not stop the others."""

    def one(name: str) -> Row:
        try:
            with translated():
                done = flash(config, path, links[name], wish, lambda step: progress(name, step))
                return Row(name, done)
        except HeanError as error:
            return Row(name, None, error)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, links))


def read_hosts(path: Path, options: tuple[str, ...] = ()) -> dict[str, Link]:
    """Read a table of devices. Raises UsageError.

    [kiosk-1]
    to = "hean@kiosk-1.local"
    ssh_config = "ssh.conf"       # optional; seen from the folder of the table
    command = "/opt/hean/hean"    # optional
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: {cause(error)}", "hean flash --help shows such a table"
        ) from error
    if not rows:
        raise UsageError(f"{path} names no device", "hean flash --help shows such a table")
    return {name: _link(path, name, row, options) for name, row in rows.items()}


def _link(path: Path, name: str, row: object, options: tuple[str, ...]) -> Link:
    known = {"to", "ssh_config", "command"}
    if not isinstance(row, dict) or "to" not in row or not set(row) <= known:
        raise UsageError(f"{path}: {name} must have to, and may have ssh_config and command")
    if not all(isinstance(value, str) for value in row.values()):
        raise UsageError(f"{path}: {name}: all values are texts")
    own = ("-F", str(path.parent / row["ssh_config"])) if "ssh_config" in row else options
    return Link(row["to"], own, row.get("command", "hean"))


def _read_back(partial: Path, bundle: Bundle, config: Config) -> None:
    """Read what a stick really holds, not what the page cache remembers."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    copy = open_bundle(partial, trusted(config))
    if copy.head.id != bundle.head.id:
        raise FlashError("altered", f"{partial} is not what was copied", "use another stick")
    copy.verify()
