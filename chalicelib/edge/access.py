"""Who may call what. The authorizer has checked the token; here its claims are held against the route.

API Gateway keeps the authorizer's verdict for a minute, so the expiry is looked at again with each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.edge.problems import Problem

READ = frozenset({"wallets:read"})
WRITE = frozenset({"wallets:write"})
CHECKOUT = frozenset({"checkout"})
AUDIT = frozenset({"audit"})
SETTINGS = frozenset({"settings:write"})
CAMPAIGNS_READ = frozenset({"campaigns:read"})
CAMPAIGNS_WRITE = frozenset({"campaigns:write"})
CUSTOMERS_READ = frozenset({"customers:read"})
CUSTOMERS_WRITE = frozenset({"customers:write"})
SELF = "self"


class Identity(NamedTuple):
    """Who calls, and with which scopes. `shopper` is true when only scope `self` lets it in: then it may name
    `customer` and nobody else."""

    sub: str
    shopper: bool
    customer: str
    scopes: frozenset[str] = frozenset()


def admit(context: Mapping[str, Any] | None, scopes: frozenset[str], own: bool, now: int) -> Identity:
    """The caller, by what the authorizer passed on, if it may call a route with these scopes at `now` (milliseconds).

    :raises Problem: unauthorized (no verdict, or the token has expired since), forbidden (a scope is missing)
    """
    if not context or not context.get("sub"):
        raise Problem("unauthorized", "A valid bearer token is needed.")
    expires = str(context.get("exp", ""))
    if not expires.isdecimal() or int(expires) * 1000 <= now:
        raise Problem("unauthorized", "The token has expired.")
    held = frozenset(str(context.get("scope", "")).split())
    sub = str(context["sub"])
    if held & scopes:
        return Identity(sub, shopper=False, customer="", scopes=held)
    if own and SELF in held:
        return Identity(sub, shopper=True, customer=str(context.get("customer", "")))
    needed = sorted(scopes | {SELF}) if own else sorted(scopes)
    raise Problem("forbidden", "The token lacks the scope that this call needs.", facts={"needs_one_of": needed})


def only_own(identity: Identity, customer: str | None) -> None:
    """:raises Problem: forbidden: a shopper names another customer than itself"""
    if identity.shopper and (not identity.customer or identity.customer != customer):
        raise Problem("forbidden", "A shopper sees its own credit only.")
