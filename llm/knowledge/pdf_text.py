"""The text of a PDF file, read in a process of its own with a limit of memory and time.

A file can be built so that its reader runs for hours or takes all memory; then only that process
ends. It gets the bytes of the file and writes JSON: {"pages": [...]} or {"error": "..."}.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

from llm import KnowledgeError

MAX_PAGES = 2_000
MAX_CHARS = 20_000_000
"""Most text of one file."""
TIME_S = 60.0
MEMORY_BYTES = 1_000_000_000


def pdf_pages(data: bytes) -> list[str]:
    """Return the text of each page.

    Raises KnowledgeError with what is wrong with the file, also if reading it takes too long or
    too much memory.
    """
    package_root = Path(__file__).parents[2]
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(MEMORY_BYTES), str(int(TIME_S) + 1)],
            input=data,
            capture_output=True,
            timeout=TIME_S,
            check=False,
            cwd=package_root,
            env={**os.environ, "PYTHONPATH": str(package_root)},
        )
        result = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise KnowledgeError(
            f"takes longer than {TIME_S:.0f} s to read: save it as text"
        ) from error
    except json.JSONDecodeError as error:
        limit = f"{MEMORY_BYTES // 1_000_000} MB"
        raise KnowledgeError(
            f"cannot be read within {limit}: split it, or save it as text"
        ) from error
    if "error" in result:
        raise KnowledgeError(result["error"])
    return list(result["pages"])


def read_here(data: bytes) -> dict[str, object]:
    """Return {"pages": [...]} or {"error": "..."}, read in this process and without limits."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "is protected by a password: save it without one"}
        if len(reader.pages) > MAX_PAGES:
            return {"error": f"has more than {MAX_PAGES} pages: split it"}
        pages = [page.extract_text() for page in reader.pages]
    # A broken file leads the parser to all of these.
    except (
        *(PyPdfError, DependencyError, OSError, ValueError, LookupError, TypeError),
        *(AttributeError, ArithmeticError, NotImplementedError, RecursionError, zlib.error),
    ) as error:
        return {"error": f"is not a PDF file that can be read: {' '.join(str(error).split())}"}
    if sum(map(len, pages)) > MAX_CHARS:
        return {"error": f"has more than {MAX_CHARS:,} characters: split it"}
    return {"pages": pages}


def _main(memory_bytes: int, cpu_s: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    json.dump(read_here(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
