"""Routes: sign in with the PIN, and out again."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from voice.errors import ConfigError
from voice.kiosk.rules import needs
from voice.operator.guard import COOKIE, same_site
from voice.operator.pin import MAX_DIGITS, Pin, TooSoon
from voice.operator.sessions import IDLE_S, Sessions

PATH = "/v1/operator"
HOW_TO_SET = "on the device, in a terminal: hean kiosk pin"


class Digits(BaseModel):
    """A PIN."""

    model_config = ConfigDict(extra="forbid")

    pin: Annotated[str, Field(pattern="^[0-9]+$", max_length=MAX_DIGITS)]


def require_pin(pin: Pin, digits: str) -> None:
    """Raise HTTPException unless these are the digits: 403, 409 (no PIN), 429 (wait)."""
    if not pin.is_set:
        raise HTTPException(409, f"no PIN is set; {HOW_TO_SET}")
    try:
        right = pin.matches(digits)
    except TooSoon as error:
        wait_s = math.ceil(error.wait_s)
        told = f"too many wrong PINs; wait {wait_s} seconds"
        raise HTTPException(429, told, {"Retry-After": str(wait_s)}) from error
    except ConfigError as error:
        raise HTTPException(409, f"{error.message}; {error.fix}") from error
    if not right:
        raise HTTPException(403, "that is not the PIN")


def sign_in_routes(pin: Pin, sessions: Sessions) -> APIRouter:
    """Return the routes that need no session."""
    router = APIRouter(
        prefix=PATH, tags=["operator"], dependencies=[needs("admin"), Depends(same_site)]
    )

    def state(cookie: str) -> dict[str, Any]:
        session = sessions.find(cookie)
        return {
            "pin_set": pin.is_set,
            "signed_in": session is not None,
            "csrf": session.csrf if session else "",
            "wait_s": math.ceil(pin.wait_s),
            "idle_s": IDLE_S,
        }

    @router.get("/session")
    def look(request: Request) -> dict[str, Any]:
        """Tell whether there is a PIN, and whether this browser is signed in."""
        return state(request.cookies.get(COOKIE, ""))

    @router.post("/session", responses={429: {"description": "Wait after wrong PINs"}})
    def sign_in(digits: Digits, request: Request, response: Response) -> dict[str, Any]:
        """Sign in with the PIN."""
        require_pin(pin, digits.pin)
        sessions.close(request.cookies.get(COOKIE, ""))
        cookie, _ = sessions.open()
        response.set_cookie(
            COOKIE,
            cookie,
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return state(cookie)

    @router.delete("/session")
    def sign_out(request: Request, response: Response) -> dict[str, Any]:
        """Sign out."""
        sessions.close(request.cookies.get(COOKIE, ""))
        response.delete_cookie(COOKIE, path=PATH)
        return state("")

    return router
