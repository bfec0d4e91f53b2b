"""House rules of the edge that a reader would have to check by eye: thin handlers, light imports, one outermost net."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import chalicelib
from chalicelib.edge.call import Route
from chalicelib.edge.orders import calls as order_calls
from chalicelib.edge.routes import ROUTES
from chalicelib.edge.service import calls as service_calls
from chalicelib.edge.service import settings_calls
from chalicelib.edge.wallets import calls as wallet_calls
from chalicelib.edge.wallets import questions as wallet_questions
from chalicelib.edge.wallets import support_calls
from chalicelib.edge.wallets.support_bodies import GrantableKind
from chalicelib.ledger.lots import Kind

ROOT = Path(chalicelib.__file__).parent.parent
EDGE = ROOT / "chalicelib" / "edge"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_handler_has_at_most_fifteen_lines(route: Route) -> None:
    assert len(inspect.getsource(route.handling).splitlines()) <= 15


@pytest.mark.parametrize(
    "module",
    [wallet_calls, wallet_questions, support_calls, order_calls, service_calls, settings_calls],
    ids=lambda each: each.__name__,
)
def test_handlers_decide_nothing_about_money(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert all(isinstance(op, ast.Is | ast.IsNot) for node in compared for op in node.ops)


def test_only_the_outermost_handlers_catch_everything() -> None:
    """Of a request, and of one message of a batch."""
    everything = ("Exception", "BaseException")
    catching = [
        str(path.relative_to(EDGE))
        for path in EDGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in everything))
    ]
    assert sorted(catching) == ["functions/intake.py", "functions/releasing.py", "serving.py"]


def imported(module: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"import {module}, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def test_serving_needs_neither_what_checks_tokens_nor_what_describes_the_api() -> None:
    modules = imported("app")
    assert modules & {"jwt", "cryptography", "boto3", "chalicelib.edge.tokens"} == set()
    assert modules & {"chalicelib.edge.openapi", "chalicelib.edge.answers", "chalicelib.edge.examples"} == set()
    assert modules & {"chalicelib.edge.service.settings_bodies", "chalicelib.settings.commands"} == set()
    assert (
        modules & {"chalicelib.edge.orders.bodies", "chalicelib.edge.events.bodies", "chalicelib.edge.functions.intake"}
        == set()
    )
    assert (
        modules & {"chalicelib.edge.wallets.support_bodies", "chalicelib.edge.terms", "chalicelib.ledger.correcting"}
        == set()
    )
    assert modules & {"chalicelib.ledger.folding", "chalicelib.ledger.granting", "chalicelib.wallets.support"} == set()
    assert {name for name in modules if name.startswith("chalicelib.events")} == set()
    assert {name for name in modules if name.startswith(("chalicelib.expiry", "chalicelib.messaging"))} == set()
    assert modules & {"chalicelib.store.inbox", "chalicelib.ledger.refunding", "chalicelib.messaging.queues"} == set()


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path.startswith("/v1/events")], ids=str)
def test_a_handler_of_events_decides_nothing_either(route: Route) -> None:
    tree = ast.parse(inspect.getsource(route.handling))
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert all(isinstance(op, ast.Is | ast.IsNot) for node in compared for op in node.ops)


def test_the_authorizer_needs_neither_the_store_nor_pydantic() -> None:
    modules = imported("chalicelib.edge.authorizer, chalicelib.edge.tokens")
    assert modules & {"pydantic", "pynamodb", "botocore", "chalicelib.store", "chalicelib.wallets"} == set()


def test_every_kind_can_be_granted_but_reinstated() -> None:
    assert set(get_args(GrantableKind)) == {kind.value for kind in Kind} - {"reinstated"}
