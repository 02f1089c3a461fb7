"""Install He'an on a machine with a real systemd, and look what becomes of it there.

A Debian in a container (systemd-nspawn) without any network: the installation from this checkout,
the services really started, a question asked aloud, faults, flashed models, a read-only system, and
the removal. Software only: no device was plugged in or pulled out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import sysconfig
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.device import acts
from tests.device.container import Container, ContainerError, missing
from tests.device.debian import RELEASES, TOOLS, copy_of, find_debian, make_debian
from tests.device.image import ImageError
from tests.device.room import Room

_EXAMPLES = """\
examples:
  python -m tests.device.rehearsal                       all of it, some 10 minutes
  python -m tests.device.rehearsal --short               installed, answers, removed
  python -m tests.device.rehearsal --release trixie      Debian 13: what needs no Python of its own
  python -m tests.device.rehearsal --json                for scripts

Needs root, systemd-container, debootstrap, the models of the profile starter, and on first use a
Debian mirror: then the system is kept.

exit codes: 0 all is right · 1 something is not · 2 wrong usage · 69 a tool or the system is missing
"""
EXIT_SETUP = 69
_PACKAGES = ("voice", "kws", "asr", "llm", "models", "systemd", "tests")
_ROOT = Path(__file__).parents[2]
SOURCE, SITE, STORE = "/src", "/opt/site", "/opt/store/hean/models"
"""Where the container sees the checkout, the Python packages and the models of this machine."""


@dataclass(frozen=True)
class Outcome:
    """What came of one act."""

    act: str
    right: bool
    text: str
    took_s: float


def main() -> int:
    """Rehearse; return the exit code."""
    arguments = _arguments()
    absent = missing() or _missing_tool()
    if absent:
        print(f"rehearsal: {absent}: see --help", file=sys.stderr)
        return EXIT_SETUP
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # clean up first
    try:
        if not find_debian(cache_folder(), arguments.release):
            print("the first start makes a Debian, which takes some minutes", file=sys.stderr)
        debian = make_debian(cache_folder(), arguments.release)
        outcomes = rehearse(debian, chosen(arguments.short, same_python(debian)), _say)
    except (ImageError, ContainerError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return EXIT_SETUP
    if arguments.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes]))
    return 0 if all(outcome.right for outcome in outcomes) else 1


def cache_folder() -> Path:
    """Return where the systems are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hean"


def same_python(debian: Path) -> bool:
    """Tell whether the packages of this environment can be used there."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (debian / "usr/bin" / f"python{version}").exists()


def chosen(short: bool, runs: bool) -> list[acts.Act]:
    """Return the acts to be rehearsed."""
    if not runs:
        return list(acts.WITHOUT_PROGRAM)
    return list(acts.SHORT if short else acts.ALL)


def rehearse(
    debian: Path, wanted: list[acts.Act], tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Boot a copy of a Debian and act in it. Raises ContainerError, ImageError."""
    outcomes = []
    with ExitStack() as stack:
        root = stack.enter_context(copy_of(debian))
        source = Path(stack.enter_context(TemporaryDirectory()))
        source.chmod(0o755)
        _copy_checkout(source)
        site = Path(sysconfig.get_paths()["purelib"])
        shown = {source: SOURCE, site: SITE, acts.models_folder(): STORE}
        for path in shown.values():
            (root / path.lstrip("/")).mkdir(parents=True)
        room = Room(Container(root, shown))
        room.furnish()
        with room:
            for act in wanted:
                outcomes.append(_try(act, room))
                tell(outcomes[-1])
    return outcomes


def _try(act: acts.Act, room: Room) -> Outcome:
    began_s = time.monotonic()
    try:
        right, text = True, act(room)
    except (AssertionError, ContainerError) as error:
        right, text = False, str(error)
    name = act.__name__.replace("_", " ")
    return Outcome(name, right, text, round(time.monotonic() - began_s, 1))


def _copy_checkout(target: Path) -> None:
    """Copy the code as it is now: it may change while the rehearsal lasts."""
    for name in _PACKAGES:
        shutil.copytree(
            _ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "tiny_*")
        )
    shutil.copyfile(_ROOT / "pyproject.toml", target / "pyproject.toml")


def _missing_tool() -> str:
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"missing: {', '.join(absent)}" if absent else ""


def _say(outcome: Outcome) -> None:
    mark = "ok    " if outcome.right else "WRONG "
    print(f"{mark}{outcome.act} ({outcome.took_s} s): {outcome.text}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.device.rehearsal",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--release", choices=RELEASES, default=RELEASES[0])
    parser.add_argument("--short", action="store_true", help="what CI does where it can")
    parser.add_argument("--json", action="store_true", help="print a list for scripts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
