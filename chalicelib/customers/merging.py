"""Two customers who are one person become one: what becomes of their profiles. Their wallets: `ledger.merging`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from chalicelib.customers.activity import (
    Activity,
    emails_joined,
    few,
    lifetimes_joined,
    newest_email,
    newest_order,
    newest_orders,
    newest_products,
)
from chalicelib.customers.daily import DayOrders, order_cells, orders_added
from chalicelib.customers.figures import joined as figures_joined
from chalicelib.customers.profile import Profile, people_joined


def merged(source: Profile, into: Profile, at: int) -> tuple[Profile, Profile]:
    """Both profiles after a merge at an instant (milliseconds). The source only says into whom, and which entries of
    its own wallets are counted: the rest is in the other one. Of whom the personal data were erased, none are taken.
    """
    person = into.person if into.erased else people_joined(into.person, source.person)
    activity = activities_joined(into.activity, source.activity)
    if into.erased:
        activity = without_behaviour(activity)
    left = Activity(wallets=source.activity.wallets)
    joined_at = max(at, into.joined_at or at)
    return (
        Profile(
            source.customer, activity=left, version=source.version, erased=source.erased, merged_into=into.customer
        ),
        replace(into, person=person, activity=activity, depth=max(into.depth, source.depth + 1), joined_at=joined_at),
    )


def activities_joined(one: Activity, other: Activity) -> Activity:
    """What two customers did, as if one had: each part is a sum or a greatest value."""
    orders = order_cells(one.orders)
    for cell, told in order_cells(other.orders).items():
        orders[cell] = orders_added((orders.get(cell, DayOrders()), told))
    lifetime = dict(one.lifetime)
    for currency, ever in other.lifetime.items():
        lifetime[currency] = lifetimes_joined(lifetime.get(currency), ever)
    email = one.email.cells()
    for day, seen in other.email.cells().items():
        email[day] = emails_joined(email.get(day), seen)
    return Activity(
        orders=newest_orders(orders),
        lifetime=few(lifetime),
        recent_orders=newest_order((*one.recent_orders, *other.recent_orders)),
        bought=one.bought.plus(other.bought.cells.items()),
        viewed=one.viewed.plus(other.viewed.cells.items()),
        tags_bought=one.tags_bought.plus(other.tags_bought.cells.items()),
        collections_viewed=one.collections_viewed.plus(other.collections_viewed.cells.items()),
        recently_bought=newest_products((*one.recently_bought, *other.recently_bought)),
        recently_viewed=newest_products((*one.recently_viewed, *other.recently_viewed)),
        email=newest_email(email),
        checkout_started_at=_greatest((one.checkout_started_at, other.checkout_started_at)),
        abandoned=max(filter(None, (one.abandoned, other.abandoned)), default=None),
        wallets=figures_joined(one.wallets, other.wallets),
    )


def without_behaviour(activity: Activity) -> Activity:
    """What is left of an erased person's activity: what bookkeeping has as well, orders and wallets in numbers."""
    return Activity(
        orders=activity.orders,
        lifetime=activity.lifetime,
        recent_orders=activity.recent_orders,
        wallets=activity.wallets,
    )


def _greatest(told: Iterable[int | None]) -> int | None:
    return max((each for each in told if each is not None), default=None)
