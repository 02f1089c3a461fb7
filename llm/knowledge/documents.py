"""An owner's documents as plain text: Markdown, text and PDF files. What they say is data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from llm import KnowledgeError
from llm.knowledge.pdf_text import pdf_pages
from llm.wording import visible

MAX_BYTES = 50_000_000
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Page:
    """Text of a page, without control characters and invisible ones."""

    number: int
    """0 in files without pages."""
    text: str


@dataclass(frozen=True)
class Document:
    """A file that was read."""

    name: str
    """Name of the file, without its folder."""
    sha256: str
    pages: tuple[Page, ...]
    markup: bool = False
    """Whether the text is Markdown."""
    encoding: str = ""
    """utf-8, utf-16 or gb18030; empty for PDF."""


def read_document(path: Path) -> Document:
    """Read a document. Raises KnowledgeError with one line on what is wrong with the file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a device tells no size and has no end
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise KnowledgeError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB: split it")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise KnowledgeError(f"{path}: save it as one of these: {', '.join(_READERS)}")
    document = reader(path, data)
    if not any(page.text.strip() for page in document.pages):
        why = "is empty" if path.suffix.lower() != ".pdf" else "has no text, only pictures: OCR it"
        raise KnowledgeError(f"{path}: {why}")
    return document


def _text(path: Path, data: bytes) -> Document:
    known = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "")
    for encoding in [known] if known else ["utf-8", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            page = Page(0, _plain(text))
            return Document(path.name, _sha256(data), (page,), False, encoding)
    raise KnowledgeError(f"{path}: is not a text in UTF-8, UTF-16 or GB18030")


def _markdown(path: Path, data: bytes) -> Document:
    document = _text(path, data)
    return Document(document.name, document.sha256, document.pages, True, document.encoding)


def _pdf(path: Path, data: bytes) -> Document:
    try:
        texts = pdf_pages(data)
    except KnowledgeError as error:
        raise KnowledgeError(f"{path}: {error}") from error
    pages = tuple(Page(number, _plain(text)) for number, text in enumerate(texts, 1))
    return Document(path.name, _sha256(data), pages)


def _plain(text: str) -> str:
    return visible("\n".join(text.replace("\f", "\n\n").splitlines()))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_READERS: dict[str, Callable[[Path, bytes], Document]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _text,
    ".text": _text,
    ".pdf": _pdf,
}
