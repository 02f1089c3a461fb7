"""A real ssh server on loopback; the link is cut in mid-transfer and taken up again."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import FileIO
from pathlib import Path

import pytest

from llm.flash import FlashError
from llm.flash.bundle import open_bundle
from llm.knowledge.keys import create_key, public_path
from tests.commands import ROOT, hean
from tests.ssh_server import SSHD, Server, ssh_server
from tests.tiny_llm import write_scripted_model
from voice.active_slot import slots_of
from voice.config import AuditConfig, Config, ModelsConfig
from voice.errors import LinkFault
from voice.flash.device import trusted
from voice.flash.incoming import Incoming
from voice.flash.making import Parts, Terms, create
from voice.flash.ssh import Link
from voice.flash.targets import flash

pytestmark = pytest.mark.skipif(
    SSHD is None, reason="no ssh server here: sudo apt-get install openssh-server"
)
BALLAST_BYTES = 20_000_000
"""Far more than ssh and the system keep on the way: what was not acknowledged can be lost."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ssh")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    with ssh_server(place) as running:
        yield running


def device(place: Path, name: str) -> Config:
    """A machine of its own: its own folder of models, slots and keys."""
    store = str(place / name / "models")
    return Config(models=ModelsConfig(store=store), audit=AuditConfig(enabled=False))


def trust(config: Config, key: Path) -> None:
    config.flash_keys.mkdir(parents=True)
    (config.flash_keys / "owner.pub").write_bytes(public_path(key).read_bytes())


@pytest.fixture(scope="module")
def bundle(place: Path) -> Path:
    key = place / "owner"
    create_key(key)
    for name in ("sender", "kiosk"):
        trust(device(place, name), key)
    model = write_scripted_model(place / "m.gguf")
    ballast = place / "card.json"
    ballast.write_bytes(os.urandom(BALLAST_BYTES))
    target = place / "new.hean"
    create(target, Parts(model=model, card=ballast), Terms(), key, device(place, "sender"))
    return target


def link(server: Server, kiosk: Config, attempts: int = 6) -> Link:
    program = [
        *("env", f"PYTHONPATH={ROOT}", f"XDG_CACHE_HOME={kiosk.store.parent}"),
        *(sys.executable, "-m", "voice", "--set", f"models.store={kiosk.store}"),
        *("--set", "audit.enabled=false"),
    ]
    options = ("-F", str(server.config))
    return Link("device", options, shlex.join(program), attempts, wait_s=0.1)


def test_a_cut_link_is_taken_up_where_it_was_cut(place: Path, server: Server, bundle: Path) -> None:
    sender, kiosk = device(place, "sender"), device(place, "kiosk")
    server.wire.cuts_bytes = [8_000_000]
    with pytest.raises(LinkFault, match="device"):
        flash(sender, bundle, link(server, kiosk, attempts=1))
    identity = open_bundle(bundle, trusted(sender)).head.id
    arrived = Incoming(kiosk).arrived(identity, bundle.stat().st_size).bytes
    assert 0 < arrived < bundle.stat().st_size
    sent: list[int] = []
    server.wire.cuts_bytes = [3_000_000, 3_500_000]
    done = flash(
        sender,
        bundle,
        link(server, kiosk),
        progress=lambda step: sent.append(step.done) if step.doing == "sending" else None,
    )
    assert server.wire.cuts == 3
    assert min(sent) > arrived  # what had arrived was not sent again
    current = slots_of(kiosk).current()
    assert current is not None
    assert (current.id, done.changed) == (done.id, True)
    assert list((kiosk.flash_folder / "incoming").iterdir()) == []
    again = flash(sender, bundle, link(server, kiosk))
    assert not again.changed


def test_what_the_device_refuses_is_told_here(place: Path, server: Server, bundle: Path) -> None:
    stranger = device(place, "stranger")  # trusts nobody
    shell = link(server, stranger)
    hosts = place / "hosts.toml"
    hosts.write_text(
        f"[one]\nto = 'device'\nssh_config = 'ssh.conf'\ncommand = {json.dumps(shell.command)}\n"
        "[two]\nto = '.'\n"
    )
    sender = device(place, "sender")
    store = ("--set", f"models.store={sender.store}")
    told = hean(*store, "flash", bundle, "--all", hosts, "--json")
    rows = json.loads(told.out)
    assert told.code == 65
    assert rows[0]["error"]["code"] == "flash"
    assert "does not trust" in rows[0]["error"]["message"]
    assert rows[1]["changed"] is True


def test_no_device_at_the_other_end_is_one_clear_line(place: Path, bundle: Path) -> None:
    nowhere = Link("nobody@127.0.0.1", ("-o", "Port=1", "-F", "none"), attempts=2, wait_s=0.0)
    with pytest.raises(LinkFault, match="no link to nobody@127.0.0.1") as caught:
        flash(device(place, "sender"), bundle, nowhere)
    assert "\n" not in caught.value.message
    with pytest.raises(LinkFault, match="no host"):
        flash(device(place, "sender"), bundle, replace(nowhere, to="-oProxyCommand=x"))


def test_bytes_that_arrive_at_the_wrong_place_are_left_out(place: Path) -> None:
    incoming = Incoming(device(place, "other"))
    assert incoming.arrived("a" * 64, 1000).bytes == 0
    with FileIO(place / "m.gguf") as source:
        assert incoming.receive("a" * 64, 5, source) == 0
        assert incoming.receive("a" * 64, 0, source) == (place / "m.gguf").stat().st_size
    for name in ("../x", "A" * 64, ""):
        with pytest.raises(FlashError, match="no identity"):
            incoming.path(name)
