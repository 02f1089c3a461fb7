"""What a client of another machine has: a certificate to believe, a token to show."""

from __future__ import annotations

import ssl
from pathlib import Path

from tests.unit.kiosk_lab import OUTSIDE
from voice.kiosk.tls import CERTIFICATE, make_certificate
from voice.kiosk.tokens import SCOPES, TokenFile


def prepared(folder: Path) -> Path:
    """Return a folder with a certificate and one token of each scope; NAME.token has it."""
    make_certificate(folder, [OUTSIDE, "kiosk.test"])
    for scope in SCOPES:
        (folder / f"{scope}.token").write_text(TokenFile(folder).create(scope, scope))
    return folder


def bearer(folder: Path, scope: str) -> dict[str, str]:
    """Return the header with the token of a scope."""
    return {"Authorization": f"Bearer {(folder / f'{scope}.token').read_text()}"}


def trusting(folder: Path) -> ssl.SSLContext:
    """Return what a client needs to believe the certificate."""
    return ssl.create_default_context(cafile=folder / CERTIFICATE)
