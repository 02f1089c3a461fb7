"""Encryption for what leaves this machine: certificate and key, of the owner's or self-signed."""

from __future__ import annotations

import fcntl
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from voice.errors import ConfigError, UsageError
from voice.kiosk.private import locked, write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CERTIFICATE, KEY = "certificate.pem", "key.pem"
VALID_DAYS = 825
"""The longest that browsers of Apple accept."""
_MADE_ANEW = "make new ones: hean kiosk certificate --replace"
_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,9}")
_ADDRESS_OF, _REQUEST_BYTES = 0x8915, 256
"""SIOCGIFADDR of Linux, netdevice(7): the address stands in bytes 20 to 24 of the answer."""
_IPV6 = Path("/proc/net/if_inet6")
_BACKDATED = timedelta(days=1)
"""So that machines whose clocks are slow take it at once."""


def make_certificate(folder: Path, names: Sequence[str], replace: bool = False) -> str:
    """Write a self-signed certificate and its key; return the fingerprint.

    `names` are host names and addresses under which the machine is reached. Raises ConfigError:
    there is one already. Raises UsageError: a name is none.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    certificate_file, key_file = folder / CERTIFICATE, folder / KEY
    if not replace and (certificate_file.exists() or key_file.exists()):
        raise ConfigError(f"there is a certificate in {folder} already", "--replace writes anew")
    key = ec.generate_private_key(ec.SECP256R1())  # known to every browser and small machine
    certificate = _signed(key, names)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with locked(folder):
        write_private(key_file, private)
        write_private(certificate_file, certificate.public_bytes(serialization.Encoding.PEM))
    return fingerprint(certificate_file)


def own_names(names: Sequence[str]) -> list[str]:
    """Return the names and addresses that other machines reach this one by, `names` first."""
    host = socket.gethostname().split(".")[0].lower()
    found = [*names, host, f"{host}.local", *own_addresses(), "localhost"]
    return list(dict.fromkeys(found))


def own_addresses() -> list[str]:
    """Return the addresses of this machine that go beyond it: IPv4, then global IPv6."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        found = [_ipv4_of(asked, name) for _, name in socket.if_nameindex()]
    lines = _IPV6.read_text().splitlines() if _IPV6.exists() else []
    rows = [line.split() for line in lines]
    found += [IPv6Address(int(row[0], 16)) for row in rows]
    return [str(one) for one in found if one and not (one.is_loopback or one.is_link_local)]


def _ipv4_of(asked: socket.socket, interface: str) -> IPv4Address | IPv6Address | None:
    request = interface.encode().ljust(_REQUEST_BYTES, b"\0")
    try:
        return IPv4Address(fcntl.ioctl(asked, _ADDRESS_OF, request)[20:24])
    except OSError:  # an interface without an address
        return None


def _signed(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "He'an")])
    begin = datetime.now(timezone.utc) - _BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        if not _HOST.fullmatch(name):
            fix = "give another with --name, for example --name kiosk.example"
            raise UsageError(f"{name!r} is no host name or address", fix) from None
        return x509.DNSName(name)


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate as browsers show it. Raises ConfigError."""
    from cryptography.hazmat.primitives import hashes

    return _read(certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def names_in(certificate: Path) -> tuple[str, ...]:
    """Return the host names and addresses that a certificate is good for. Raises ConfigError."""
    from cryptography import x509

    try:
        extensions = _read(certificate).extensions
        known = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = known.get_values_for_type(x509.DNSName)
    return (*names, *(str(address) for address in known.get_values_for_type(x509.IPAddress)))


def check_valid(certificate: Path) -> None:
    """Raise ConfigError if a certificate is expired.

    One that is not yet valid is taken: the clock of a small machine may be wrong after a start,
    and it is the other side that judges.
    """
    end = _read(certificate).not_valid_after_utc
    if end <= datetime.now(timezone.utc):
        raise ConfigError(f"{certificate} is expired since {end:%Y-%m-%d}", _MADE_ANEW)


def context_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what a server needs to encrypt, TLS 1.2 or newer.

    Raises ConfigError: a file is missing or unreadable, or the key is of another certificate.
    """
    _read(certificate)  # tells which of the two files is the wrong one
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        told = "is not the key of" if "MISMATCH" in str(error) else "is no usable key of"
        raise ConfigError(f"{key} {told} {certificate}", _MADE_ANEW) from error
    except OSError as error:
        raise ConfigError(f"{key} cannot be read ({error.strerror})", _MADE_ANEW) from error
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal for the password of a key that has one."""
    return ""


def _read(certificate: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{certificate} cannot be read ({error.strerror})", "hean kiosk certificate makes one"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{certificate} is no certificate in PEM form", _MADE_ANEW) from error
