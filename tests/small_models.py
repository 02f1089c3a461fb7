"""Catalogues of tiny models, for the tests of the store."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from models.catalog import Catalog, Download, File, Model, Source


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def model(model_id: str, files: Mapping[str, File], *sources: Source, revision: int = 1) -> Model:
    return Model(
        id=model_id,
        stage="vad",
        engine="silero",
        languages=("any",),
        licence="MIT",
        memory_mb=1,
        speed="fast",
        files=files,
        sources=sources,
        revision=revision,
    )


def catalog(*models: Model) -> Catalog:
    return Catalog({each.id: each for each in models}, {})


def plain(model_id: str, address: str, content: bytes, pinned: bool = True) -> Model:
    """A model of one file that is downloaded as it is."""
    known = sha256(content) if pinned else ""
    download = Download("url", address, len(content) if pinned else 0, known, save="model.onnx")
    file = File("model.onnx", len(content) if pinned else 0, known)
    return model(model_id, {"model": file}, Source((download,)))


def tarball(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def wheel(folder: Path, name: str, members: Mapping[str, bytes]) -> Path:
    """Write a wheel of version 1.0 that pip accepts."""
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    rows = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{member},sha256={_urlsafe(content)},{len(content)}\n" for member, content in rows.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in rows.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
