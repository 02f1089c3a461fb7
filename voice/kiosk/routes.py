"""The interface for the screen and for other programs, described by /v1/openapi.json."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Response, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

import voice
from voice.audio.remote import RemoteDevice
from voice.kiosk import Controls
from voice.kiosk.access import WITH_MICROPHONE, Access
from voice.kiosk.asking import ask_routes
from voice.kiosk.beyond import Beyond
from voice.kiosk.board import Board
from voice.kiosk.hub import Hub, first_of, tell_all, until_gone
from voice.kiosk.limits import Limits
from voice.kiosk.login import login_routes
from voice.kiosk.messages import Message
from voice.kiosk.metrics import CONTENT_TYPE, Metrics
from voice.kiosk.microphone import microphone_routes
from voice.kiosk.openai import chat_routes
from voice.kiosk.refusals import REFUSALS, refuse_in_one_form
from voice.kiosk.rules import Rules, needs, open_to_all
from voice.kiosk.speech import speech_routes
from voice.lending.aside import Aside
from voice.lending.shared_answerer import SharedAnswerer
from voice.process.vitals import Vitals

PAGE = Path(__file__).with_name("static")


@dataclass(frozen=True)
class Kiosk:
    """What the interface is made of."""

    controls: Controls
    answerer: SharedAnswerer
    board: Board
    hub: Hub
    vitals: Vitals
    metrics: Metrics
    topics: dict[str, list[dict[str, Any]]]
    words: tuple[str, ...]
    """The wake words."""
    approval: str
    """Who has signed the knowledge base, in one sentence."""
    aside: Aside
    more: tuple[APIRouter, ...] = ()
    """Routes that are served, too: the operator area."""
    remote: RemoteDevice | None = None
    """Where the page brings its microphone to; None = this machine's own is used."""


class Command(BaseModel):
    """What is asked of the voice."""

    model_config = ConfigDict(extra="forbid")

    name: Literal["wake", "stop", "repeat", "slower", "faster", "louder", "softer", "more"]


class Volume(BaseModel):
    """Loudness of the answers."""

    model_config = ConfigDict(extra="forbid")

    volume: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def create_app(kiosk: Kiosk, limits: Limits, beyond: Beyond | None) -> FastAPI:
    """Return the application that answers all requests."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        kiosk.hub.open()
        yield
        kiosk.hub.close()

    # The pages of documentation that FastAPI brings load their scripts from the network.
    app = FastAPI(
        title="He'an",
        version=voice.__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSALS,
    )
    keyring, names = (beyond.keyring, beyond.names) if beyond else (None, ())
    routers = (
        _health(kiosk),
        _interface(kiosk),
        ask_routes(kiosk.controls, kiosk.answerer, kiosk.aside),
        chat_routes(kiosk.answerer),
        speech_routes(kiosk.aside),
        login_routes(keyring),
        *kiosk.more,
        *([microphone_routes(kiosk.remote)] if kiosk.remote else []),
    )
    for router in routers:
        app.include_router(router)
    headers = {"Permissions-Policy": WITH_MICROPHONE} if kiosk.remote else None
    app.get("/", include_in_schema=False)(
        lambda: FileResponse(PAGE / "index.html", headers=headers)
    )
    app.get("/login", include_in_schema=False)(lambda: FileResponse(PAGE / "login.html"))
    app.mount("/static", StaticFiles(directory=PAGE))
    app.add_middleware(Access, rules=Rules(routers), limits=limits, keyring=keyring, names=names)
    refuse_in_one_form(app)
    return app


def _health(kiosk: Kiosk) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", dependencies=[open_to_all()])
    def alive() -> dict[str, str]:
        """Tell that the program runs."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        dependencies=[open_to_all()],
        responses={503: {"model": dict[str, str], "description": "Nobody is heard just now"}},
    )
    def ready(response: Response) -> dict[str, str]:
        """Tell whether somebody who speaks now is heard."""
        problem = kiosk.vitals.problem
        response.status_code = 503 if problem else 200
        return {"status": problem or "ready"}

    @router.get("/metrics", dependencies=[needs("ask")], response_class=Response)
    def metrics() -> Response:
        """Return counts and times for Prometheus."""
        return Response(kiosk.metrics.text(), media_type=CONTENT_TYPE)

    return router


def _interface(kiosk: Kiosk) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["assistant"])

    @router.get("/about", dependencies=[needs("ask")])
    def about() -> Message:
        """Return version, wake words, topics with their questions, and who approved the texts."""
        return {
            "version": voice.__version__,
            "wake_words": kiosk.words,
            "topics": kiosk.topics,
            "approval": kiosk.approval,
            "volume": kiosk.controls.volume,
            "wants_microphone": kiosk.remote is not None,
        }

    @router.post("/command", dependencies=[needs("operate")])
    def command(wanted: Command) -> dict[str, bool]:
        """Wake the assistant, stop it, or let it say the last answer again."""
        kiosk.controls.command(wanted.name)
        return {"accepted": True}

    @router.put("/volume", dependencies=[needs("operate")])
    def volume(wanted: Volume) -> dict[str, float]:
        """Set the loudness of the answers."""
        kiosk.controls.volume = wanted.volume
        return {"volume": kiosk.controls.volume}

    @router.websocket("/events", dependencies=[needs("ask")])
    async def events(socket: WebSocket) -> None:
        """Tell what goes on now, then everything that happens."""
        await socket.accept()
        told = tell_all(kiosk.hub, socket, kiosk.board.picture)
        await first_of(told, until_gone(socket))

    return router
