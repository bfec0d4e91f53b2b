"""What an order counts for in its customer's profile, kept beside it, so that it counts once and can be corrected.

    document   o#<order id> / contribution     what the order counts for in a profile by now

Syncing an order compares what it should count for, by the order as it is remembered, with what it does, and writes the
difference into the profile together with the new contribution, on the condition that the order is still the same. So it
does not matter how often an order is synced, nor in which order its payment, its refunds and its cancellation came: who
finds nothing to write for a newer order is right, since nobody else writes for an older one any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from chalicelib.customers import distribution
from chalicelib.customers.activity import (
    MAX_GROUP_TRACES,
    MAX_RECENT_ID_BYTES,
    MAX_RECENT_PRODUCTS,
    MAX_TRACES,
    Activity,
    Recent,
    RecentOrder,
    newest_order,
    newest_products,
    with_orders,
)
from chalicelib.customers.days import day_of
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles, ReadAhead
from chalicelib.customers.traces import Traces, trace_of
from chalicelib.ledger.orders import Order
from chalicelib.runtime.clock import Deadline
from chalicelib.store.converging import converge
from chalicelib.store.documents import Documents, document_of
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write, order_stands

SORT = "contribution"


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line of an order, as far as a profile needs it."""

    product: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an order counts for. `order_version` is how often the order was written when it was looked at.

    When it was paid is fixed by the first sync. `products` and `tags` are traces, each once; of a very long order only
    as many as a profile could keep.
    """

    at: int
    day: int
    currency: str
    order_version: int = 0
    counts: bool = False
    total: int = 0
    products: tuple[int, ...] = ()
    tags: tuple[int, ...] = ()
    recent: tuple[str, ...] = ()
    """Products by their full ids, as many as a profile keeps."""


@dataclass(frozen=True, slots=True)
class Synced:
    """An order as it was read, and the profile that it counts for, as it was written; None where there was nothing to
    look at it for."""

    order: Order | None
    profile: Profile | None = None


def sync_order(
    store: Store,
    order_id: str,
    lines: Sequence[LineFacts] | None,
    deadline: Deadline,
    zone: tzinfo,
    told_at: int | None = None,
    customer: str | None = None,
) -> Synced:
    """Let an order count in its customer's profile for what it is worth by now. `lines` are what its payment told, None
    where something else did: an order begins to count when its payment is synced. `told_at` (milliseconds) is when that
    was told, for an order that does not say itself; `customer` is whose order it is said to be, by whom all is read at
    once.

    :raises Busy, Unread: to be tried again; doing it again does nothing twice
    """
    profiles, documents = Profiles(store), Documents(store, store.tables.customers_name)
    key = (f"o#{order_id}", SORT)
    places = [documents.place(key), store.order_place(order_id)]
    places += [profiles.place(customer)] if customer is not None else []
    synced = Synced(None)

    def decide() -> list[Write]:
        nonlocal synced
        found = dict(store.items_at(places))
        stored = document_of(found[place]) if (place := documents.place(key)) in found else None
        order = store.order_in(found, store.order_place(order_id))
        synced = Synced(order)
        if order is None or order.total is None:
            return []
        if stored is None and lines is None:
            return []
        before = _of(stored.body) if stored else None
        if before is not None and order.version < before.order_version:
            # A batch may be read at two moments; what is read by now is no older than what counted then.
            order = store.order(order_id) or order
            synced = Synced(order)
        after = contribution_of(order, lines, before, zone, store.now() if told_at is None else told_at)
        if before is not None and after == replace(before, order_version=after.order_version):
            return []
        known = customer is not None and customer == order.customer
        ahead = ReadAhead(found.get(profiles.place(order.customer))) if known else None
        profile = profiles.standing(order.customer, ahead)
        changed = contributed(profile, order_id, before, after)
        synced = Synced(order, replace(changed, version=profile.version + 1))
        return [
            profiles.write(changed),
            documents.save(key, _body(after), stored.version if stored else 0),
            order_stands(store, order),
            *distribution.moved(documents, [(profile, changed)]),
        ]

    converge(store, deadline, decide)
    return synced


def contributed(profile: Profile, order_id: str, before: Contribution | None, after: Contribution) -> Profile:
    """The profile, in which an order counts for this instead of that."""
    was, count = (before.total, int(before.counts)) if before else (0, 0)
    activity = with_orders(profile.activity, after.day, after.currency, int(after.counts) - count, after.total - was)
    order = RecentOrder(after.at, trace_of(order_id), after.currency, after.total, after.counts)
    activity = replace(activity, recent_orders=newest_order((*activity.recent_orders, order)))
    if not profile.erased:
        activity = _with_products(activity, before, after)
    return replace(profile, activity=activity)


def _with_products(activity: Activity, before: Contribution | None, after: Contribution) -> Activity:
    recent = (Recent(after.at, product) for product in after.recent)
    products, tags = (before.products, before.tags) if before is not None and before.counts else ((), ())
    return replace(
        activity,
        bought=_changed(activity.bought, after, products, after.products),
        tags_bought=_changed(activity.tags_bought, after, tags, after.tags),
        recently_bought=newest_products((*activity.recently_bought, *recent)),
    )


def _changed(traces: Traces, now: Contribution, there: Iterable[int], here: Iterable[int]) -> Traces:
    """What counted no longer does, and what counts does; a trace of a cancelled order stays as one of nothing."""
    added = {(now.day, trace): int(now.counts) for trace in here}
    for trace in there:
        added[now.day, trace] = added.get((now.day, trace), 0) - 1
    return traces.plus(added.items())


def contribution_of(
    order: Order, lines: Sequence[LineFacts] | None, before: Contribution | None, zone: tzinfo, told_at: int
) -> Contribution:
    """What an order counts for by now. What its payment told once (`before`) stays, where it is not told again."""
    if before is None:
        at = order.paid_at or order.placed_at or told_at
        before = Contribution(at, day_of(at, zone), order.currency)
    if lines:
        before = replace(
            before,
            products=_traces((line.product for line in lines), MAX_TRACES),
            tags=_traces((tag for line in lines for tag in line.tags), MAX_GROUP_TRACES),
            recent=_recent(lines),
        )
    worth = 0 if order.cancelled else max(0, (order.total or 0) - order.refunded)
    return replace(before, order_version=order.version, counts=not order.cancelled, total=worth)


def _traces(ids: Iterable[str], most: int) -> tuple[int, ...]:
    """The greatest of them, which a profile would keep too: they are all of one day."""
    return tuple(sorted({trace_of(each) for each in ids}, reverse=True)[:most])


def _recent(lines: Sequence[LineFacts]) -> tuple[str, ...]:
    """The last of them by name, which a profile would keep too: they are all of one instant."""
    ids = {line.product for line in lines if len(line.product.encode()) <= MAX_RECENT_ID_BYTES}
    return tuple(sorted(ids, reverse=True)[:MAX_RECENT_PRODUCTS])


def _body(contribution: Contribution) -> dict[str, Any]:
    return {
        "at": contribution.at,
        "day": contribution.day,
        "currency": contribution.currency,
        "order": contribution.order_version,
        "counts": contribution.counts,
        "total": contribution.total,
        "products": list(contribution.products),
        "tags": list(contribution.tags),
        "recent": list(contribution.recent),
    }


def _of(body: dict[str, Any]) -> Contribution:
    return Contribution(
        at=body["at"],
        day=body["day"],
        currency=body["currency"],
        order_version=body["order"],
        counts=body["counts"],
        total=body["total"],
        products=tuple(body["products"]),
        tags=tuple(body["tags"]),
        recent=tuple(body["recent"]),
    )
