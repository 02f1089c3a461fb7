"""A real HTTP server on loopback with ranges and entity tags, which can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` by name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        """Bytes after which the next answers end, one number for each."""
        self.status: list[int] = []
        """Error codes that the next requests get."""
        self.ranges: list[str] = []
        """The Range of each request so far."""

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.ranges.append(wanted)
        content = self.server.files.get(self.path[1:])
        if self.server.status or content is None:
            self.send_error(self.server.status.pop(0) if self.server.status else 404)
            return
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0)
        if self.headers.get("If-Range", tag) != tag:
            start = 0
        if start > len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = self.server.cut_after.pop(0) if self.server.cut_after else len(content)
        self.wfile.write(content[start : start + cut])

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""


@contextmanager
def file_server() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
