"""The routes, as Chalice knows them."""

from __future__ import annotations

from collections.abc import Callable

from chalice.app import Blueprint, Response

from chalicelib import wiring
from chalicelib.edge.authorizer import authorize
from chalicelib.edge.call import Route
from chalicelib.edge.routes import ROUTES
from chalicelib.edge.serving import serve
from chalicelib.runtime import telemetry
from chalicelib.runtime.environment import is_api_function, settings

api = Blueprint(__name__)


def _view(route: Route) -> Callable[..., Response]:
    def view(**_: str) -> Response:
        return serve(route, api.current_request, wiring.engine)

    return view


for _route in ROUTES:
    # No content types: Chalice would answer a wrong one in a shape of its own, `parsing` answers in ours.
    api.route(
        _route.path,
        methods=[_route.method],
        name=_route.name,
        content_types=[],
        authorizer=None if _route.open else authorize,
    )(_view(_route))

if is_api_function():
    # While the function starts it has a whole processor; the first request would pay more for the same.
    telemetry.set_log_level(settings().log_level)
    wiring.engine()
