"""Customers for trees to be held against: what each did is said in days ago, as a tree says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.customers.activity import (
    Abandoned,
    Activity,
    RecentOrder,
    WalletFigures,
    newest_order,
    with_email,
    with_orders,
)
from chalicelib.customers.days import day_of
from chalicelib.customers.profile import Address, Consents, Person, Profile
from chalicelib.customers.traces import trace_of
from chalicelib.ledger.limits import DAY_MS
from chalicelib.segments.facts import Facts
from chalicelib.segments.matching import compile as compiled
from chalicelib.segments.where import parse
from tests.passbook import instant

BERLIN = ZoneInfo("Europe/Berlin")
NOW = instant("2026-09-21T12:00")
TODAY = day_of(NOW, BERLIN)


def threshold(currency: str, percentile: int) -> int | None:
    """A shop whose customers spent 0 to 100,000 EUR cents, evenly; in other currencies nobody spent anything."""
    return percentile * 1_000 if currency == "EUR" else None


FACTS = Facts(NOW, BERLIN, threshold=threshold)


def someone(**person: Any) -> Profile:
    """A customer of whom this is known, who did nothing."""
    return Profile("someone", Person(**person))


def consenting(email: bool | None = True, **person: Any) -> Profile:
    return someone(consents=Consents(email=email), **person)


def living_in(country: str | None, region: str | None = None) -> Profile:
    return someone(address=Address(country=country, region=region))


def born(day: str, **person: Any) -> Profile:
    return someone(birth_date=date.fromisoformat(day), **person)


def ordered(profile: Profile, *days_ago: int, total: int = 1_000, currency: str = "EUR") -> Profile:
    """The customer after an order of that worth on each of these days."""
    activity = profile.activity
    for ago in days_ago:
        activity = with_orders(activity, TODAY - ago, currency, 1, total)
        order = RecentOrder(NOW - ago * DAY_MS, ago, currency, total, True)
        activity = replace(activity, recent_orders=newest_order([*activity.recent_orders, order]))
    return replace(profile, activity=activity)


def mailed(profile: Profile, *days_ago: int, opens: int = 1, clicks: int = 0) -> Profile:
    """The customer after so many opens and clicks on each of these days."""
    activity = profile.activity
    for ago in days_ago:
        activity = with_email(activity, TODAY - ago, opens=opens, clicks=clicks)
    return replace(profile, activity=activity)


def touched(profile: Profile, what: str, *names: str, ago: int = 1) -> Profile:
    """The customer after `what` (bought, viewed, tags_bought, collections_viewed) of these."""
    traces = getattr(profile.activity, what).plus((((TODAY - ago), trace_of(name)), 1) for name in names)
    changed: dict[str, Any] = {what: traces}
    return replace(profile, activity=replace(profile.activity, **changed))


def abandoning(profile: Profile, ago: int, minutes: int = 0) -> Profile:
    told = Abandoned(NOW - ago * DAY_MS + minutes * 60_000, 1_000, "EUR")
    return replace(profile, activity=replace(profile.activity, abandoned=told))


def figured(profile: Profile, currency: str = "EUR", **figures: Any) -> Profile:
    """The customer of whose wallet the ledger has told this."""
    wallets = {**profile.activity.wallets, currency: WalletFigures(**figures)}
    return replace(profile, activity=replace(profile.activity, wallets=wallets))


def verdict(tree: Any, profile: Profile, facts: Facts = FACTS, **wallets: Any) -> bool | None:
    """What a tree says of a customer with these wallets, by currency."""
    return compiled(parse(tree), facts).verdict(profile, wallets.get if wallets else None)


def leaf(field: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


NOBODY = Profile("nobody", Person(), Activity())
