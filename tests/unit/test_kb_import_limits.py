"""PDF files that are built to hold up their reader or to fill the memory."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from llm import KnowledgeError
from llm.knowledge import pdf_text
from llm.knowledge.documents import read_document
from tests.unit.small_pdf import write_pdf


def endless(path: Path) -> Path:
    """Write a page of millions of operations, which is small as a file."""
    content = zlib.compress(b"BT /F 12 Tf\n" + b"<4E00> Tj\n" * 3_000_000 + b"ET", 9)
    head = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(content)
    whole = write_pdf(path, [["x"]]).read_bytes()
    begin = whole.index(b"7 0 obj") + len(b"7 0 obj\n")
    end = whole.index(b"endobj", begin)
    path.write_bytes(whole[:begin] + head + content + b"\nendstream\n" + whole[end:])
    return path


def test_a_file_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_text, "TIME_S", 1.0)
    with pytest.raises(KnowledgeError, match="longer than 1 s to read: save it as text"):
        read_document(endless(tmp_path / "a.pdf"))


def test_a_file_that_takes_too_much_memory_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_text, "MEMORY_BYTES", 150_000_000)
    with pytest.raises(KnowledgeError, match="cannot be read"):
        read_document(endless(tmp_path / "a.pdf"))


def test_the_limits_leave_room_for_an_ordinary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_pdf(tmp_path / "a.pdf", [["Go in."], ["Then listen."]])
    assert [page.text for page in read_document(path).pages] == ["Go in.", "Then listen."]
