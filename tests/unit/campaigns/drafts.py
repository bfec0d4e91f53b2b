"""A campaign and its states, for the tests of campaigns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign, Every, Fixed, Group, Repeat, Summary
from chalicelib.campaigns.schedule import local_of
from chalicelib.ledger.policy import Days
from tests.passbook import instant

NOON = instant("2027-03-01T12:00")
"""When the tests ask for something."""
NINE = instant("2027-03-02T09:00")
"""When the credit is to be usable."""
LATER = NINE + 1
BEGUN = NINE - 900_000
"""When its release begins."""
PLANNED = Summary(audience=10, holdout=1, planned=9, liability=4_500)
DAILY = Repeat(Every(days=1))


def draft(**more: Any) -> Campaign:
    told: dict[str, Any] = {
        "id": "cmp_1",
        "name": "Spring",
        "currency": "EUR",
        "groups": (Group(Fixed(500), customers=("alice",), expires=Days(30)),),
        "available_at": NINE,
        "version": 1,
    }
    return Campaign(**told | more)


def scheduled(**more: Any) -> Campaign:
    made = draft(**more)
    return transitions.schedule(made, NINE, local_of(NINE, UTC), made.groups, NOON)


def releasing(**more: Any) -> Campaign:
    return transitions.planned(transitions.begin_release(scheduled(**more), BEGUN), PLANNED, BEGUN)


def released(**more: Any) -> Campaign:
    return transitions.finish(releasing(**more), BEGUN + 60_000, UTC)


def paused(was: Campaign) -> Campaign:
    return transitions.pause(was, BEGUN)


def cancelled(was: Campaign) -> Campaign:
    return transitions.cancel(was, BEGUN)


def failed() -> Campaign:
    return transitions.fail(releasing(), "currency_unknown", BEGUN)


def in_every_state() -> dict[str, Campaign]:
    """By what tells one state from another as far as transitions go."""
    return {
        "draft": draft(),
        "scheduled": scheduled(),
        "releasing": releasing(),
        "released, pending": released(),
        "released, usable": replace(released(), release_at=NOON),
        "paused before": paused(scheduled()),
        "paused within": paused(releasing()),
        "cancelled": cancelled(scheduled()),
        "cancelled, revoking": cancelled(releasing()),
        "failed": failed(),
    }
