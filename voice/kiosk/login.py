"""Signing in: a browser of another machine shows a token once, and gets a cookie for it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from voice.kiosk.keyring import COOKIE, COOKIE_DAYS, Keyring
from voice.kiosk.messages import Message
from voice.kiosk.rules import needs, open_to_all

_DAY_S = 86_400
_AT_HOME = "only browsers of other machines sign in; this one is let in without"


class Login(BaseModel):
    """What a browser shows."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=200)]


class Grant(BaseModel):
    """What a browser may do from now on."""

    name: str
    scope: Literal["ask", "operate", "admin"]


def login_routes(keyring: Keyring | None) -> APIRouter:
    """Return the routes of signing in and out."""
    router = APIRouter(prefix="/v1", tags=["access"])

    @router.post(
        "/session",
        dependencies=[open_to_all()],
        responses={409: {"description": "Nobody has to sign in here"}},
    )
    def sign_in(login: Login, request: Request, response: Response) -> Grant:
        """Take a token, and give a cookie that lets this browser in."""
        if keyring is None or request.url.scheme != "https":
            raise HTTPException(409, _AT_HOME)
        begun = keyring.begin(login.token)
        if begun is None:
            raise HTTPException(401, "this token is not known, or it is expired or revoked")
        token, value = begun
        lasts_s = COOKIE_DAYS * _DAY_S
        response.set_cookie(
            COOKIE, value, lasts_s, secure=True, httponly=True, samesite="strict", path="/"
        )
        return Grant.model_validate({"name": token.name, "scope": token.scope})

    @router.delete("/session", dependencies=[needs("ask")])
    def sign_out(request: Request, response: Response) -> Message:
        """Forget this browser."""
        if keyring and (value := request.cookies.get(COOKIE)):
            keyring.end(value)
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict", path="/")
        return {"accepted": True}

    return router
