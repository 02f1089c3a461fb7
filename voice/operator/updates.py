"""Routes: what was flashed, what USB sticks bring, flash it, go back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from llm.flash import FlashError
from llm.flash.journal import Outcome
from voice.active_slot import slots_of
from voice.config import Config
from voice.flash.here import Wish, flash_here
from voice.flash.report import status_json
from voice.flash.told import tell, unseen
from voice.operator.announcer import Announcer
from voice.operator.guard import refusing
from voice.operator.pin import MAX_DIGITS, Pin
from voice.operator.sign_in import require_pin
from voice.operator.sticks import Offer, Sticks
from voice.operator.work import RUNNING, Report, Work

_ID = Field(pattern="^[0-9a-f]{64}$")


class Flash(BaseModel):
    """The bundle to flash, confirmed with the PIN."""

    model_config = ConfigDict(extra="forbid")

    slot: Annotated[str, _ID]
    """Identity of the bundle, as it was shown."""
    pin: Annotated[str, Field(pattern="^[0-9]+$", max_length=MAX_DIGITS)]


class Rollback(BaseModel):
    """Leave the slot in use, confirmed by naming it."""

    model_config = ConfigDict(extra="forbid")

    slot: Annotated[str, _ID]


def slot_routes(config: Config, announcer: Announcer, work: Work) -> APIRouter:
    """Return the routes of what was flashed."""
    router = APIRouter()

    @router.get("/slots")
    def slots() -> dict[str, Any]:
        """Return the slots, and the failure that nobody has seen yet."""
        failure = unseen(config)
        return {
            **status_json(slots_of(config).status()),
            "unseen": vars(failure) if failure else None,
        }

    @router.post("/slots/rollback")
    def roll_back(wanted: Rollback) -> dict[str, Any]:
        """Switch to the slot before; without one, to the models of the catalogue."""
        kept = slots_of(config)
        current = kept.current()
        if current is None or current.id != wanted.slot:
            raise HTTPException(409, "another slot is in use now; look again")
        if work.state.state == RUNNING:
            raise HTTPException(409, "something else is going on; wait for its end")
        with refusing():
            kept.roll_back()
        return status_json(kept.status())

    @router.post("/notices/flash/seen")
    def seen() -> dict[str, bool]:
        """Take the failure off the public screen: somebody has seen it."""
        announcer.seen()
        return {"seen": True}

    return router


def flash_routes(
    config: Config, pin: Pin, sticks: Sticks, announcer: Announcer, work: Work
) -> APIRouter:
    """Return the routes of what USB sticks bring."""
    router = APIRouter()

    @router.get("/sticks")
    def offers() -> dict[str, Any]:
        """Return what the USB sticks bring that are plugged in."""
        return {"sticks": [offer.as_json() for offer in sticks.look()]}

    @router.post("/flash", status_code=202)
    def flash(wanted: Flash) -> dict[str, Any]:
        """Begin to flash a bundle of a stick. The old model stays in use unless all goes well."""
        require_pin(pin, wanted.pin)
        offer = next((offer for offer in sticks.look() if offer.id == wanted.slot), None)
        if offer is None:
            raise HTTPException(404, "the stick with that bundle is gone")
        with refusing():
            return work.start("flash", lambda r: _flash(config, offer, announcer, r)).as_json()

    return router


def _flash(config: Config, offer: Offer, announcer: Announcer, report: Report) -> dict[str, Any]:
    """Flash, and tell a failure on the public screen too."""
    assert offer.path is not None and offer.bundle is not None  # it has an id
    wish = Wish(slot=offer.id)
    try:
        return flash_here(
            config, offer.path, wish, lambda step: report(step.doing, step.done, step.total)
        ).as_json()
    except FlashError as error:  # refused: what was tried and not kept is told already
        name, version = offer.bundle["name"], offer.bundle["version"]
        tell(config, Outcome(offer.id, name, version, False, str(error)))
        raise
    finally:
        announcer.look()
