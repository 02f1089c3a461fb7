"""A real ssh server on loopback, with keys of its own, and a link to it that can be cut."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

_SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
"""
_CLIENT = """\
Host device
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking accept-new
    HostKeyAlias device
    LogLevel ERROR
"""


class Wire:
    """Passes bytes on between a port of its own and the server; cut after some of them."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cuts_bytes: list[int] = []
        """After how many bytes towards the device each next connection is cut that sends many."""
        self.cuts = 0
        threading.Thread(target=self._accept, name="wire", daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                for source, target, towards in ((client, server, True), (server, client, False)):
                    arguments = (source, target, towards)
                    threading.Thread(target=self._pass, args=arguments, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, towards_device: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(16_384):
                target.sendall(data)
                passed += len(data)
                if towards_device and self.cuts_bytes and passed >= self.cuts_bytes[0]:
                    self.cuts_bytes.pop(0)
                    self.cuts += 1
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@dataclass(frozen=True)
class Server:
    """A running server; `config` lets ssh reach it as `device`."""

    config: Path
    wire: Wire


@contextmanager
def ssh_server(folder: Path) -> Iterator[Server]:
    """Run sshd as this user until the block ends."""
    assert SSHD is not None
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd as root locks itself in
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "server").write_text(_SERVER.format(port=port, folder=folder))
    command = [SSHD, "-D", "-e", "-f", str(folder / "server")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        wire = Wire(port)
        try:
            _await_port(port, process)
            user = pwd.getpwuid(os.geteuid()).pw_name
            config = folder / "ssh.conf"
            config.write_text(_CLIENT.format(port=wire.port, folder=folder, user=user))
            yield Server(config, wire)
        finally:
            wire.close()
            process.terminate()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not listen: {process.poll()}")
