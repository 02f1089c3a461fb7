"""Routes: the microphone test, the self-test, the audit log as a file, a restart."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import IO, Any, Literal

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from asr import RATE_HZ
from voice.audio import Samples
from voice.audit.export import FORMATS
from voice.audit.log import AuditLog
from voice.audit.record import utc_now
from voice.config import Config
from voice.errors import AuditError
from voice.lending.shared_answerer import SharedAnswerer
from voice.operator.guard import refusing
from voice.operator.microphone import Recorder, judge
from voice.operator.work import RUNNING, Report, Work
from voice.readiness import findings
from voice.readiness.finding import FAILURE
from voice.readiness.models import golden_question

Play = Callable[[Samples, int], bool]
"""Play audio of a rate on the loudspeaker; False while a person is answered."""
_BLOCK = 1 << 16
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class MicrophoneTest(BaseModel):
    """A test of the microphone."""

    model_config = ConfigDict(extra="forbid")

    play: bool = False
    """Play what was heard on the loudspeaker."""


def microphone_routes(recorder: Recorder, play: Play) -> APIRouter:
    """Return the route of the microphone test."""
    router = APIRouter()

    @router.post("/microphone")
    def test(wanted: MicrophoneTest) -> dict[str, Any]:
        """Listen for three seconds, while somebody speaks, and judge what was heard."""
        with refusing():
            samples = recorder.record()
            played = play(samples, RATE_HZ) if wanted.play else False
        return {**asdict(judge(samples)), "played": played}

    return router


def care_routes(
    config: Config, answerer: SharedAnswerer, work: Work, restart: Callable[[], None] | None
) -> APIRouter:
    """Return the other routes; without `restart` nobody would start the program again."""
    router = APIRouter()

    @router.get("/work")
    def going_on() -> dict[str, Any]:
        """Return what goes on, or how the last work ended."""
        return work.state.as_json()

    @router.post("/check", status_code=202)
    def check() -> dict[str, Any]:
        """Begin the self-test: `hean check`, and golden questions through the answer path."""
        with refusing():
            return work.start("check", lambda report: _checked(config, answerer, report)).as_json()

    @router.get("/audit.{kind}", response_class=StreamingResponse)
    def audit(kind: Literal["csv", "jsonl"]) -> StreamingResponse:
        """Return the whole audit log as a file, as `hean audit export` writes it."""
        with refusing():
            file = _exported(config, kind)
        name = f"hean-audit-{utc_now():%Y%m%d-%H%M%S}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(_blocks(file), media_type=_TYPES[kind], headers=headers)

    @router.post("/restart", status_code=202)
    def start_again() -> dict[str, bool]:
        """End, so that the service manager starts the assistant again."""
        if restart is None:
            told = "it was started in a terminal: end it there with Ctrl-C, and start it again"
            raise HTTPException(409, told)
        if work.state.state == RUNNING:
            raise HTTPException(409, "something else is going on; wait for its end")
        restart()
        return {"restarting": True}

    return router


def _checked(config: Config, answerer: SharedAnswerer, report: Report) -> dict[str, Any]:
    report("looking")
    found = list(findings(config))
    report("asking")
    found += golden_question(config, answerer.answer_aside)
    ready = all(finding.state != FAILURE for finding in found)
    return {"ready": ready, "findings": [finding.as_json() for finding in found]}


def _exported(config: Config, kind: str) -> IO[bytes]:
    """Write all of it before the first byte is sent: a damaged log is told, not cut off.

    Raises AuditError.
    """
    write, encoding = FORMATS[kind]
    folder = config.audit_file.parent
    try:
        with ExitStack() as stack:
            # Beside the log: /tmp is in memory on many devices.
            place = folder if folder.is_dir() else None
            file = stack.enter_context(tempfile.TemporaryFile(dir=place))
            text = io.TextIOWrapper(file, encoding, newline="")
            write(AuditLog(config.audit_file, config.audit).rows(), text)
            text.detach()
            file.seek(0)
            stack.pop_all()
            return file
    except OSError as error:
        raise AuditError(
            f"the export cannot be written: {error.strerror}", "free some space"
        ) from error


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
