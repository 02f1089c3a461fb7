"""What is done with an installed device, in order; each act says in words what it found.

An act raises AssertionError or ContainerError where the device did not do what it must.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.device import faults
from tests.device.container import until
from tests.device.room import Room
from voice.config import Config

Act = Callable[[Room], str]
_KEPT_ELSEWHERE = (
    "/var/log",
    "/var/lib/systemd",
    "/var/cache/ldconfig",
    "/var/tmp",
    "/etc/resolv.conf",
)
_LOOKED_AT = ("/etc", "/opt", "/usr", "/var")
_LIST = f"find {' '.join(_LOOKED_AT)} -xdev -not -name '*.pyc' -not -name __pycache__"
_MOST_EXPOSED = {"hean.service": 1.5, "hean-kiosk.service": 3.0}


def models_folder() -> Path:
    """Return where this machine keeps its models."""
    return Config().store


def there_is_no_network(room: Room) -> str:
    room.before = _files(room)
    lines = room.container.said("cat", "/proc/net/dev").splitlines()[2:]
    names = [line.split(":")[0].strip() for line in lines]
    assert names == ["lo"], names
    return "the machine has the interface lo and no other"


def it_refuses_clearly(room: Room) -> str:
    inner = "cd /src && PYTHONPATH=/opt/site exec setpriv --reuid=65534 python3 -m voice device "
    result = room.container.run("sh", "-c", inner + "install")
    assert result.code == 2, result
    assert "only root" in result.out
    assert "Traceback" not in result.out
    return result.out.strip().splitlines()[0]


def a_dry_run_changes_nothing(room: Room) -> str:
    said = room.device("install --dry-run")
    assert "services    to do" in said, said
    assert _files(room) == room.before
    return f"{len(room.before)} paths are as before"


def it_is_installed(room: Room) -> str:
    said = room.device("install")
    assert said.count("done: ") == 6, said
    return ", ".join(re.findall(r"^(\w+) +done", said, re.MULTILINE))


def a_second_time_does_nothing(room: Room) -> str:
    said = room.device("install")
    assert "done: " not in said, said
    assert said.count("already: ") == 7, said
    return "all steps say already"


def it_is_ready(room: Room) -> str:
    room.ready()
    until(lambda: "StatusText" in room.container.unit("hean.service"), 10, "nothing was told")
    unit = room.container.unit("hean.service")
    assert unit["Type"] == "notify"
    assert unit.get("StatusText") == "listening", unit.get("StatusText")
    assert room.request("/readyz") == {"status": "ready"}
    seconds = (
        int(unit["ActiveEnterTimestampMonotonic"]) - int(unit["ExecMainStartTimestampMonotonic"])
    ) / 1e6
    return f"READY {seconds:.1f} s after the start, systemd says: listening"


def the_units_are_clean(room: Room) -> str:
    units = [*_MOST_EXPOSED, "hean-media@sda1.service"]
    said = room.container.said("systemd-analyze", "verify", *units)
    assert "hean" not in said, said
    exposed = {}
    for name, most in _MOST_EXPOSED.items():
        last = room.container.said("systemd-analyze", "security", name).strip().splitlines()[-1]
        exposed[name] = float(re.findall(r"[\d.]+(?= [A-Z])", last)[0])
        assert exposed[name] <= most, last
    return f"verify finds nothing; exposure {exposed}"


def it_answers_aloud(room: Room) -> str:
    room.play("wake/breath.flac")
    room.in_journal("answer", 60)
    until(
        lambda: "hean_voice_to_voice_seconds_count 1.0" in room.request("/metrics"), 60, "no sound"
    )
    said = [line for line in room.container.journal("hean.service").splitlines()]
    return next(line for line in said if line.startswith("answer"))[:90]


def it_answers_in_writing(room: Room) -> str:
    answer = room.request("/v1/ask", {"text": "碘片什么时候吃"})
    assert answer["decision"] == "verbatim", answer
    return f"{answer['decision']}: {answer['answer']}"


def it_writes_nowhere_else(room: Room) -> str:
    owned = room.container.said(
        "find", *_LOOKED_AT, "/run", "-user", "hean", "-not", "-path", "/proc/*"
    )
    elsewhere = [path for path in owned.split() if not path.startswith("/var/lib/hean")]
    assert not elsewhere, elsewhere
    strange = room.container.said("find", "/var/lib/hean", "-not", "-user", "hean").split()
    assert {path.split("/")[4] for path in strange} == {"flash-keys", "trusted-keys"}, strange
    return f"{len(owned.split())} files of the user hean, all below /var/lib/hean"


def the_status_tells(room: Room) -> str:
    found = json.loads(room.container.run("hean", "device", "status", "--json").out)
    assert found["services"]["hean.service"]["state"] == "active"
    assert not any(found["models"].values())
    assert found["care"]["clock"] == ""
    return f"{found['program']} on {found['system']}, {found['care']['free_mb']} MB free"


def the_screen_shows_the_page(room: Room) -> str:
    room.ready("hean-kiosk.service")
    until(room.screens, 120, "no browser at the page")
    processes = room.container.said("ps", "-eo", "user:20,args")
    sandboxed = [line for line in processes.splitlines() if "--type=renderer" in line]
    assert sandboxed, processes
    assert not [line for line in sandboxed if "--no-sandbox" in line]
    return f"Chromium has {room.screens()} connections, its pages are locked up"


def the_screen_outlives_the_assistant(room: Room) -> str:
    browser = room.main_pid("hean-kiosk.service")
    room.container.said("systemctl", "restart", "hean.service")
    room.ready()
    until(room.screens, 60, "the page does not come back")
    assert room.main_pid("hean-kiosk.service") == browser
    return "the same browser shows the page again"


def it_runs_on_a_read_only_system(room: Room) -> str:
    with room.data_aside() as data:
        room.boot("--read-only", f"--bind={data}:/var/lib/hean")
        refused = room.container.run("touch", "/etc/x", "/opt/x", "/var/x")
        assert refused.out.count("Read-only") == 3, refused
        room.ready()
        answer = room.request("/v1/ask", {"text": "碘片什么时候吃"})
        assert answer["decision"] == "verbatim", answer
        assert "cannot" not in room.container.journal("hean.service")
        room.off()
    room.boot()
    room.ready()
    return "only /var/lib/hean can be written: it starts, answers and complains of nothing"


def it_goes_and_leaves_the_data(room: Room) -> str:
    said = room.hean("device", "uninstall")
    assert (room.container.root / "var/lib/hean/models").is_dir()
    left = {path for path in _files(room) - room.before if not path.startswith("/var/lib/hean")}
    assert not {path for path in left if "passwd" not in path and "shadow" not in path}, left
    assert room.state() in ("inactive", ""), room.state()
    return said.strip().splitlines()[-1]


def it_comes_back_to_its_data(room: Room) -> str:
    said = room.device("install --no-kiosk")
    assert "models      already" in said, said
    room.ready()
    assert room.state("hean-kiosk.service") != "active"
    return "installed again, without a screen: the models were still there, it is ready"


def nothing_is_left(room: Room) -> str:
    room.hean("device", "uninstall", "--purge")
    after = _files(room)
    left = {path for path in after - room.before if not path.endswith("-")}  # passwd- is a backup
    assert not left, left
    assert not room.before - after, room.before - after
    users = room.container.said("cat", "/etc/passwd", "/etc/group")
    assert "hean" not in users
    assert room.device("uninstall").count("already") == 6
    return f"{len(after)} paths are as before the installation; no user is left"


def the_files_are_understood(room: Room) -> str:
    """All that can be told where the program cannot run: another Python."""
    place = room.container
    for name, target in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        place.said("install", "-D", f"/src/systemd/hean.{name}", f"/etc/{target}/hean.conf")
    for name in ("hean.service", "hean-kiosk.service", "hean-media@.service"):
        place.said("cp", f"/src/systemd/{name}", "/etc/systemd/system/")
    place.said(
        "sh",
        "-c",
        "mkdir -p /opt/hean/venv/bin && ln -s /usr/bin/python3 /opt/hean/venv/bin/python",
    )
    place.said("systemd-sysusers", "hean.conf")
    place.said("systemd-tmpfiles", "--create", "hean.conf")
    place.said("udevadm", "verify", "/src/systemd/70-hean.rules")
    return "sysusers, tmpfiles and udev take them"


def _files(room: Room) -> set[str]:
    paths = room.container.said("sh", "-c", _LIST).splitlines()
    return {path for path in paths if not path.startswith(_KEPT_ELSEWHERE)}


SHORT: tuple[Act, ...] = (
    there_is_no_network,
    it_is_installed,
    it_is_ready,
    it_answers_in_writing,
    nothing_is_left,
)
ALL: tuple[Act, ...] = (
    there_is_no_network,
    it_refuses_clearly,
    a_dry_run_changes_nothing,
    it_is_installed,
    a_second_time_does_nothing,
    it_is_ready,
    the_units_are_clean,
    it_answers_aloud,
    it_answers_in_writing,
    it_writes_nowhere_else,
    the_status_tells,
    the_screen_shows_the_page,
    the_screen_outlives_the_assistant,
    faults.a_killed_one_starts_anew,
    faults.a_stuck_one_starts_anew,
    faults.a_wrong_setting_is_left_to_a_person,
    faults.a_damaged_model_is_left_to_a_person,
    faults.a_model_that_does_not_load_goes_back,
    faults.a_model_that_hangs_goes_back_after_three_starts,
    it_runs_on_a_read_only_system,
    it_goes_and_leaves_the_data,
    it_comes_back_to_its_data,
    nothing_is_left,
)
WITHOUT_PROGRAM: tuple[Act, ...] = (
    there_is_no_network,
    the_files_are_understood,
    the_units_are_clean,
)
