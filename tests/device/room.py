"""The room in which a device is rehearsed: its container, a virtual sound card, what one can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.device.container import Container, ContainerError, until
from tests.device.image import run_tool

READY_S = 300.0
_SOUND = "unix:/run/virtual-sound/native"
_FILES = {
    "etc/asound.conf": "pcm.!default pulse\nctl.!default pulse\n",
    "etc/virtual-sound.pa": """\
load-module module-native-protocol-unix auth-anonymous=1 socket=/run/virtual-sound/native
load-module module-null-sink sink_name=virtmic rate=16000 channels=1 format=s16le
load-module module-null-sink sink_name=virtspk rate=24000 channels=1 format=s16le
load-module module-remap-source source_name=mic master=virtmic.monitor
set-default-source mic
set-default-sink virtspk
""",
    "etc/systemd/system/virtual-sound.service": """\
[Service]
RuntimeDirectory=virtual-sound
Environment=HOME=/run/virtual-sound
ExecStart=pulseaudio -n -F /etc/virtual-sound.pa --exit-idle-time=-1 --realtime=no \
--high-priority=no --daemonize=no --use-pid-file=no --log-level=error
""",
    "etc/systemd/system/hean.service.d/room.conf": f"""\
[Unit]
Wants=virtual-sound.service
After=virtual-sound.service
[Service]
Environment=PULSE_SERVER={_SOUND}
TimeoutStartSec={READY_S:.0f}
""",
    # No graphics card in a container: the compositor draws into memory, and there is no seat.
    "etc/systemd/system/hean-kiosk.service.d/room.conf": """\
[Unit]
ConditionPathExists=
ConditionPathExistsGlob=
[Service]
PAMName=
TTYPath=
StandardInput=null
UtmpIdentifier=
Environment=WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1
Environment=XDG_RUNTIME_DIR=/run/hean-kiosk
""",
}
_INSTALL = (
    "cd /src && PYTHONPATH=/opt/site XDG_DATA_HOME=/opt/store exec python3 -m voice device {}"
)
_REQUEST = """\
import json, sys, urllib.request
body = sys.argv[2].encode() or None
request = urllib.request.Request(
    "http://127.0.0.1:8710" + sys.argv[1], body, {"Content-Type": "application/json"}
)
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""


class Room:
    """A machine on which He'an is installed, runs, fails and is removed."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.before: set[str] = set()
        """Every path of the machine before anything was installed."""
        self._running = ExitStack()

    def furnish(self) -> None:
        """Put in what a real room has and a container has not."""
        for path, text in _FILES.items():
            target = self.container.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def __enter__(self) -> Room:
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.off()

    def boot(self, *options: str) -> None:
        """Switch the machine on, off before if it runs."""
        self.off()
        self._running.enter_context(self.container.booted(*options))

    def off(self) -> None:
        """Switch the machine off, in order."""
        self._running.close()

    @contextmanager
    def data_aside(self) -> Iterator[Path]:
        """Yield a folder that is /var/lib/hean seen from outside: it can be written even where
        the rest of the machine cannot. The machine must be off at the end."""
        aside = self.container.root.with_name("data")
        aside.mkdir()
        run_tool("mount", "--bind", str(self.container.root / "var/lib/hean"), str(aside))
        try:
            yield aside
        finally:
            run_tool("umount", str(aside))

    def device(self, words: str) -> str:
        """Run `hean device` from the checkout, as its owner would. Raises ContainerError."""
        return self.container.said("sh", "-c", _INSTALL.format(words))

    def hean(self, *words: str) -> str:
        """Run the `hean` of the device. Raises ContainerError."""
        return self.container.said("hean", *words)

    def ready(self, name: str = "hean.service") -> None:
        """Wait until a service is up. Raises ContainerError."""
        until(
            lambda: self.state(name) == "active",
            READY_S,
            f"{name} is {self.state(name)}, not active",
        )

    def state(self, name: str = "hean.service") -> str:
        """Return active, activating, failed ..."""
        return self.container.unit(name).get("ActiveState", "")

    def restarts(self) -> int:
        """Return how often systemd has started the assistant anew by itself."""
        return int(self.container.unit("hean.service")["NRestarts"])

    def main_pid(self, name: str = "hean.service") -> str:
        """Return the process of a service, as the container counts."""
        return self.container.unit(name)["MainPID"]

    def request(self, path: str, body: object = None) -> Any:
        """Ask the interface; return JSON, or text where there is none. Raises ContainerError."""
        sent = "" if body is None else json.dumps(body)
        said = self.container.said("python3", "-c", _REQUEST, path, sent)
        try:
            return json.loads(said)
        except ValueError:
            return said

    def play(self, recording: str) -> None:
        """Let somebody speak before the microphone. Raises ContainerError."""
        path = f"/src/tests/data/{recording}"
        self.container.said("paplay", f"--server={_SOUND}", "--device=virtmic", path)

    def screens(self) -> int:
        """Return how many connections to the page there are, from the browser's side."""
        # State 01 is "established"; 2206 is port 8710, as the other end.
        lines = self.container.said("cat", "/proc/net/tcp").splitlines()
        return sum(" 0100007F:2206 01 " in line for line in lines)

    def in_journal(self, text: str, within_s: float, unit: str = "hean.service") -> None:
        """Wait for a text in the journal of a unit. Raises ContainerError."""
        try:
            until(lambda: text in self.container.journal(unit), within_s, f"no {text!r}")
        except ContainerError as error:
            tail = self.container.journal(unit).splitlines()[-3:]
            raise ContainerError(f"{error}: {tail}") from None
