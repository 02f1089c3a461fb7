"""Tokens and certificates by the command line: what is stored, and what is refused."""

import io
import json
import os
import ssl
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from voice.cli import main
from voice.errors import ConfigError, UsageError
from voice.kiosk import KioskConfig
from voice.kiosk.beyond import beyond_of
from voice.kiosk.keyring import Keyring
from voice.kiosk.tls import CERTIFICATE, KEY, check_valid, fingerprint, make_certificate, names_in
from voice.kiosk.tokens import PREFIX, Token, TokenFile, digest_of

OUTSIDE = KioskConfig(address="0.0.0.0")


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "kiosk"


@pytest.fixture
def hean(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["kiosk", *words])
        return code, *capsys.readouterr()

    return run


def test_a_token_is_shown_once_and_only_its_hash_is_stored(folder):
    secret = TokenFile(folder).create("hall", "ask")
    stored = (folder / "tokens.json").read_text()
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43  # 256 bits in base 64
    assert secret not in stored
    assert secret.removeprefix(PREFIX) not in stored
    found = TokenFile(folder).find(digest_of(secret))
    assert found is not None
    assert (found.name, found.scope) == ("hall", "ask")


def test_only_the_owner_may_read_the_files(folder):
    TokenFile(folder).create("hall", "ask")
    make_certificate(folder, ["kiosk.test"])
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("tokens.json", KEY):
        assert (folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("have", "need", "allowed"),
    [("ask", "ask", True), ("ask", "operate", False), ("operate", "ask", True)]
    + [("operate", "admin", False), ("admin", "ask", True), ("admin", "operate", True)],
)
def test_each_scope_includes_the_ones_before(have, need, allowed):
    assert Token("x", have, "", "").allows(need) is allowed


def test_an_expired_token_is_not_found(folder):
    file = TokenFile(folder)
    secret = file.create("guest", "ask", days=1)
    [token] = file.tokens()
    begun = datetime.now(timezone.utc)
    assert not token.expired(begun)
    assert token.expired(begun + timedelta(days=1, seconds=1))
    rows = json.loads((folder / "tokens.json").read_text())
    rows["tokens"][0]["expires"] = (begun - timedelta(seconds=5)).isoformat()
    (folder / "tokens.json").write_text(json.dumps(rows) + " ")
    assert file.find(digest_of(secret)) is None


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "é", "a" * 65])
def test_a_name_is_plain(folder, name):
    with pytest.raises(UsageError, match="plain name"):
        TokenFile(folder).create(name, "ask")


def test_a_name_is_given_once(folder):
    TokenFile(folder).create("hall", "ask")
    with pytest.raises(UsageError, match="already"):
        TokenFile(folder).create("hall", "admin")


def test_commands_at_the_same_time_lose_no_token(folder):
    script = (
        "import sys; from pathlib import Path; from voice.kiosk.tokens import TokenFile\n"
        "for n in range(5): TokenFile(Path(sys.argv[1])).create(f'{sys.argv[2]}-{n}', 'ask')"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), str(number)])
        for number in range(3)
    ]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert len(TokenFile(folder).tokens()) == 15


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"tokens": 1}', '{"tokens": [{}]}', '{"tokens": [{"name": "x"}]}', "\udcff"]
    + ['{"tokens": [{"name":"x","scope":"root","digest":"","created":""}]}']
    + ['{"tokens": [{"name":"x","scope":"ask","digest":"","created":"","expires":"soon"}]}'],
)
def test_a_damaged_file_of_tokens_is_told_in_one_line(folder, content):
    folder.mkdir()
    (folder / "tokens.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=r"tokens\.json: cannot be read"):
        TokenFile(folder).tokens()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sessions": [1], "used": {}}', "{}"])
def test_a_damaged_file_of_sessions_only_costs_the_sessions(folder, content):
    secret = TokenFile(folder).create("hall", "ask")
    (folder / "sessions.json").write_text(content)
    keyring = Keyring(folder)
    assert keyring.by_token(secret) is not None
    assert keyring.by_cookie("x") is None


def test_the_commands_make_list_and_revoke(hean):
    assert "no token" in hean("token", "list")[1]
    code, out, _ = hean("token", "create", "hall", "--scope", "operate", "--days", "9")
    assert code == 0
    secret = out.splitlines()[0]
    assert secret.startswith(PREFIX)
    _, out, _ = hean("token", "list")
    assert out.split()[:2] == ["hall", "operate"]
    assert "never used" in out
    assert secret not in out
    assert hean("token", "create", "script", "--plain")[1].count("\n") == 1
    rows = json.loads(hean("token", "list", "--json")[1])["tokens"]
    assert [row["name"] for row in rows] == ["hall", "script"]
    assert hean("token", "revoke", "hall")[0] == 0
    assert hean("token", "revoke", "hall")[0] == 2
    assert hean("token", "create", "x", "--days", "-1")[0] == 2


def test_a_certificate_is_made_for_the_names_that_are_given(hean, tmp_path):
    code, out, _ = hean("certificate", "--name", "kiosk.test", "--name", "192.0.2.7")
    file = tmp_path / "data" / "hean" / "kiosk" / CERTIFICATE
    assert code == 0
    assert names_in(file) == ("kiosk.test", "192.0.2.7")
    assert fingerprint(file) in out
    shown = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert fingerprint(file) in shown.stdout
    assert hean("certificate")[0] == 78
    assert hean("certificate", "--replace")[0] == 0


@pytest.mark.parametrize("name", ["", "é", "a b", "a..b", "https://kiosk.test", "a" * 64])
def test_what_is_no_name_gets_no_certificate(hean, name):
    code, _, told = hean("certificate", "--name", name)
    assert code == 2
    assert "is no host name or address" in told


def test_what_is_missing_for_other_machines_is_told_with_the_commands_that_mend_it(folder):
    with pytest.raises(ConfigError, match="needs a certificate and a token") as missing:
        beyond_of(OUTSIDE, folder)
    assert missing.value.fix == "hean kiosk certificate && hean kiosk token create NAME"
    make_certificate(folder, ["kiosk.test"])
    with pytest.raises(ConfigError) as missing:
        beyond_of(OUTSIDE, folder)
    assert missing.value.fix == "hean kiosk token create NAME"
    TokenFile(folder).create("hall", "ask")
    beyond = beyond_of(OUTSIDE, folder)
    assert beyond is not None
    assert beyond.names == ("kiosk.test",)
    assert beyond.context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_nothing_is_needed_for_this_machine_alone(folder):
    assert beyond_of(KioskConfig(), folder) is None


def test_hean_run_ends_at_once_if_others_could_come_in_without_a_token(hean, tmp_path, capsys):
    recording = Path(__file__).parents[2] / "voice" / "data" / "question.flac"
    words = ["run", "--wav", str(recording), "--out", str(tmp_path / "out.wav")]
    assert main([*words, "--set", "kiosk.address=0.0.0.0"]) == 78
    told = capsys.readouterr().err
    assert "hean kiosk certificate && hean kiosk token create NAME" in told
    assert "Traceback" not in told


def test_wrong_files_are_told_in_one_line(folder, tmp_path):
    make_certificate(folder, ["kiosk.test"])
    make_certificate(tmp_path / "other", ["other.test"])
    TokenFile(folder).create("hall", "ask")
    good, key = folder / CERTIFICATE, folder / KEY
    text = tmp_path / "text.pem"
    text.write_text("hello")
    missing = tmp_path / "missing.pem"
    for certificate, its_key, told in (
        (good, tmp_path / "other" / KEY, "is not the key of"),
        (good, text, "is no usable key of"),
        (good, good, "is no usable key of"),
        (good, missing, "cannot be read"),
        (text, key, "is no certificate in PEM form"),
        (tmp_path, key, "cannot be read"),
        (good, tmp_path, "cannot be read"),
    ):
        config = KioskConfig(address="0.0.0.0", certificate=str(certificate), key=str(its_key))
        with pytest.raises(ConfigError, match=told):
            beyond_of(config, folder)


def test_an_expired_certificate_is_told_with_the_day(folder, monkeypatch):
    monkeypatch.setattr("voice.kiosk.tls.VALID_DAYS", 0)
    make_certificate(folder, ["kiosk.test"])
    with pytest.raises(ConfigError, match=r"is expired since \d{4}-\d\d-\d\d") as expired:
        check_valid(folder / CERTIFICATE)
    assert expired.value.fix == "make new ones: hean kiosk certificate --replace"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_that_root_makes_belong_to_whom_the_folder_belongs(tmp_path):
    os.chown(tmp_path, 12345, 12345)
    TokenFile(tmp_path / "kiosk").create("hall", "ask")
    for path in (tmp_path / "kiosk", tmp_path / "kiosk" / "tokens.json"):
        assert path.stat().st_uid == 12345


@pytest.mark.parametrize(
    "words", [("token", "create", "hall"), ("certificate",), ("pin", "--stdin")]
)
@pytest.mark.parametrize("blocked", ["hean", "hean/kiosk"])
def test_a_place_that_cannot_be_written_is_told_in_two_lines(
    hean, tmp_path, monkeypatch, words, blocked
):
    monkeypatch.setattr("sys.stdin", io.StringIO("739164\n"))
    obstacle = tmp_path / "data" / blocked  # a file where the folder should be
    obstacle.parent.mkdir(parents=True)
    obstacle.touch()
    code, shown, told = hean(*words)
    assert (code, shown) == (78, "")
    assert str(obstacle) in told
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"certificate": "a.pem"}, "must be given together"),
        ({"port": -1}, "must be 0 to 65535"),
        ({"tls_port": 70_000}, "must be 0 to 65535"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        KioskConfig(**settings)
