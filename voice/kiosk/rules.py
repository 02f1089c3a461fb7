"""What a request must bring to a route: declared with the route, kept by `access` before a byte of
the body is read, and told in the OpenAPI document.

    @router.post("/ask", dependencies=[needs("ask", {**SHORT_JSON, **SOUND})])
    @router.get("/healthz", dependencies=[open_to_all()])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.params import Depends as Declared
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.security.base import SecurityBase
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import Scope

from voice.kiosk.bodies import SHORT_JSON, Bodies
from voice.kiosk.tokens import SCOPES

GRANT = "grant"
"""Where the state of a request tells the scope of its token."""
Route = APIRoute | APIWebSocketRoute
_TOKEN = (
    "A token of `hean kiosk token create`, or the cookie that /v1/session gives for one. "
    "Programs of the machine itself, at 127.0.0.1, need none."
)


class Rule:
    """What a route takes: bodies of some kinds, from those whose tokens have a scope."""

    def __init__(self, scope: str, bodies: Bodies) -> None:
        self.scope, self.bodies = scope, bodies

    async def __call__(self, connection: HTTPConnection) -> None:
        """Look again, at the route itself: `access` has looked already."""
        if self.scope and not allows(connection, self.scope):
            raise HTTPException(403, f"a token for {self.scope} is needed")


class GuardedRule(Rule, SecurityBase):
    """A rule that the OpenAPI document tells as a security scheme."""

    model = HTTPBearer(description=_TOKEN)
    scheme_name = "token"


def needs(scope: str, bodies: Bodies = SHORT_JSON) -> Any:
    """Return what a route declares in `dependencies`: the scope that it needs, one of
    `tokens.SCOPES`, and the bodies it takes."""
    return Security(GuardedRule(scope, bodies), scopes=[scope])


def open_to_all() -> Any:
    """Return what a route declares that needs no token and takes no long body."""
    return Depends(Rule("", SHORT_JSON))


def allows(connection: HTTPConnection, scope: str) -> bool:
    """Return whether a request may do what needs a scope, where that depends on its body."""
    grant = getattr(connection.state, GRANT, None)
    return grant in SCOPES[SCOPES.index(scope) :]


class Rules:
    """Finds the rule of a request."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        """Take the rules of all routes; what a router includes has the one of the router.

        Raises ValueError: a route has none.
        """
        self._routes: list[tuple[Route, Rule]] = []
        self._prefixes: list[tuple[str, Rule]] = []
        for router in routers:
            whole = _rule_in(router.dependencies)
            if whole:
                self._prefixes.append((router.prefix, whole))
            for route in router.routes:
                own = _rule_in(route.dependencies) if isinstance(route, Route) else None
                if isinstance(route, Route) and own:
                    self._routes.append((route, own))
                elif not whole:
                    raise ValueError(f"{route} declares neither needs() nor open_to_all()")

    def find(self, scope: Scope) -> Rule | None:
        """Return the rule for a request; None for files of the page, and where nothing is."""
        path, method = scope["path"], scope.get("method", "")
        of_path = [(route, rule) for route, rule in self._routes if route.path_regex.match(path)]
        for route, rule in of_path:
            if isinstance(route, APIWebSocketRoute) or method in (route.methods or ()):
                return rule
        if of_path:
            return of_path[0][1]
        return next((rule for start, rule in self._prefixes if path.startswith(start)), None)


def _rule_in(dependencies: Sequence[Declared]) -> Rule | None:
    declared = [one.dependency for one in dependencies if isinstance(one.dependency, Rule)]
    return declared[0] if declared else None
