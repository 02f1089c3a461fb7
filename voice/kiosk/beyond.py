"""What it takes to serve other machines: encryption, names, and somebody who may come."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from voice.errors import ConfigError
from voice.kiosk import KioskConfig
from voice.kiosk.keyring import Keyring
from voice.kiosk.tls import CERTIFICATE, KEY, context_of, names_in
from voice.kiosk.tokens import TokenFile


@dataclass(frozen=True)
class Beyond:
    """How other machines are served."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    """By which they reach this one, in lower case."""
    keyring: Keyring
    certificate: Path


def beyond_of(config: KioskConfig, folder: Path) -> Beyond | None:
    """Return how other machines are served, None if they are not to be.

    `folder` is that of tokens and certificate. Raises ConfigError: something is missing or wrong.
    """
    if not config.beyond:
        return None
    certificate = Path(config.certificate or folder / CERTIFICATE).expanduser()
    key = Path(config.key or folder / KEY).expanduser()
    missing = [] if certificate.exists() else ["hean kiosk certificate"]
    if not TokenFile(folder).tokens():
        missing.append("hean kiosk token create NAME")
    if missing:
        raise ConfigError(
            f"kiosk.address {config.address} serves other machines, which needs a certificate "
            "and a token",
            " && ".join(missing),
        )
    context = context_of(certificate, key)
    names = config.all_names or tuple(name.lower() for name in names_in(certificate))
    return Beyond(context, names, Keyring(folder), certificate)
