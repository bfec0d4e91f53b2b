"""Standings, purchases and counters as documents of the campaigns table.

    standing    m#<customer> / standing
    purchase    m#<customer> / order/<currency>/<order id>
    counters    f#<campaign> / <currency>/<nn>, and people/<nn>      nn: the lane of the thread that adds, of 16

A change goes in one transaction: the standing and the purchases on the versions that were read, and beside them what
is added to counters. Who loses a race reads again and decides again; after a lost answer what is there tells.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.performance.model import (
    CounterKey,
    Counts,
    Followed,
    Membership,
    Purchase,
    SeenOrder,
    Standing,
    TrackedLot,
    owing,
)
from chalicelib.runtime.clock import Deadline
from chalicelib.store.converging import converge
from chalicelib.store.documents import Document, Documents, Json, Key
from chalicelib.store.reading import Store
from chalicelib.store.writes import Write

LANES = 16
"""Documents that a campaign's counters are spread over: no item that everybody writes. It makes no difference which one
is added to; threads of a process take turns, since transactions that meet in one item fail each other."""
MAX_COUNTERS = 50
"""Counters that one transaction adds to; what is owed beyond waits in the standing for the next."""
MAX_TOGETHER = 40
"""Standings, or a standing and its purchases, that one transaction writes."""
CHANGE_SECONDS = 5.0
"""What one transaction may take, its attempts included; then the message or batch comes again."""

assert MAX_COUNTERS + MAX_TOGETHER <= MAX_TRANSACTION_ITEMS

Changed = tuple[Sequence[Standing], Sequence[Purchase]]
Decide = Callable[[Mapping[str, Standing], Mapping[str, Purchase]], Changed]
"""From standings by customer and purchases by order, those that there are of the latter: both as they shall be."""


class Standings:
    """The standings of one stack."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._docs = Documents(store, store.tables.campaigns_name)

    def read(self, customer: str) -> Standing:
        """:raises Unread: it could not be read, retries included"""
        return _standing(customer, self._docs.get(standing_key(customer)))

    def change(
        self, customers: Sequence[str], decide: Decide, *, orders: Iterable[str] = (), currency: str = ""
    ) -> Sequence[Purchase]:
        """Change standings, and purchases of these orders of the first of them, to what `decide` says; the purchases
        afterwards. `decide` may be asked several times, each time about what is stored then: its own change too.

        :raises Unread, Busy: to be told again
        """
        wanted = {order: purchase_key(customers[0], currency, order) for order in orders}
        assert len(customers) + len(wanted) <= MAX_TOGETHER
        bought: Sequence[Purchase] = ()
        owing_still = True

        def missing() -> list[Write]:
            nonlocal bought, owing_still
            found = self._docs.get_many([*map(standing_key, customers), *wanted.values()])
            standings = {each: _standing(each, found.get(standing_key(each))) for each in customers}
            purchases = {order: _purchase(order, currency, found[key]) for order, key in wanted.items() if key in found}
            after, bought = decide(standings, purchases)
            kept, counters = _without_debts(after)
            owing_still = any(each.owed for each in kept)
            return [
                *(self._save_standing(each) for each in kept if each != standings[each.customer]),
                *(self._save_purchase(customers[0], each) for each in bought if each != purchases.get(each.order)),
                *(self._docs.count(counter_key(*key, _lane.number), counts) for key, counts in counters.items()),
            ]

        while owing_still:
            converge(self._store, Deadline.after(CHANGE_SECONDS), missing)
        return bought

    def counts(self, keys: Iterable[CounterKey]) -> dict[CounterKey, Counts]:
        """Counters of campaigns, summed over their lanes: sixteen keys each, a hundred in a round trip.

        :raises Unread: they could not be read, retries included
        """
        lanes = {counter_key(*key, lane): key for key in keys for lane in range(LANES)}
        sums: Mapping[CounterKey, Counts] = {}
        for place, document in self._docs.get_many(lanes).items():
            sums = owing(sums, lanes[place], document.counts)
        return dict(sums)

    def _save_standing(self, standing: Standing) -> Write:
        return self._docs.save(standing_key(standing.customer), _told(standing), standing.version)

    def _save_purchase(self, customer: str, purchase: Purchase) -> Write:
        key = purchase_key(customer, purchase.currency, purchase.order)
        told = {"used": purchase.used, "total": purchase.total, "counted": purchase.counted}
        return self._docs.save(key, told, purchase.version)


def standing_key(customer: str) -> Key:
    return f"m#{customer}", "standing"


def purchase_key(customer: str, currency: str, order: str) -> Key:
    return f"m#{customer}", f"order/{currency}/{order}"


class _Lane(threading.local):
    """The lane of this thread."""

    turns = itertools.count(random.randrange(LANES))

    def __init__(self) -> None:
        self.number = next(self.turns) % LANES


_lane = _Lane()


def counter_key(campaign: str, part: str, lane: int) -> Key:
    return f"f#{campaign}", f"{part}/{lane:02}"


def _without_debts(standings: Iterable[Standing]) -> tuple[list[Standing], Mapping[CounterKey, Counts]]:
    """The standings without what one transaction can add to counters, and that."""
    counters: Mapping[CounterKey, Counts] = {}
    kept = []
    for standing in standings:
        left: dict[CounterKey, Counts] = {}
        for key, counts in standing.owed.items():
            if key in counters or len(counters) < MAX_COUNTERS:
                counters = owing(counters, key, counts)
            else:
                left[key] = counts
        kept.append(replace(standing, owed=left))
    return kept, counters


def _told(standing: Standing) -> Json:
    return {
        "wallets": {
            currency: [
                followed.sequence,
                [[lot, each.campaign, each.remaining, each.since, each.again] for lot, each in followed.lots.items()],
            ]
            for currency, followed in standing.wallets.items()
        },
        "memberships": {
            campaign: [each.holdout, each.since, each.orders] for campaign, each in standing.memberships.items()
        },
        "past": standing.past,
        "orders": {order: [seen.at, seen.stands] for order, seen in standing.orders.items()},
        "owed": [[*key, counts] for key, counts in standing.owed.items()],
    }


def _standing(customer: str, document: Document | None) -> Standing:
    if document is None:
        return Standing(customer)
    told = document.body
    return Standing(
        customer,
        document.version,
        wallets={
            currency: Followed(sequence, {lot: TrackedLot(*each) for lot, *each in lots})
            for currency, (sequence, lots) in told["wallets"].items()
        },
        memberships={
            campaign: Membership(holdout, since, tuple(orders))
            for campaign, (holdout, since, orders) in told["memberships"].items()
        },
        past=tuple(told["past"]),
        orders={order: SeenOrder(*seen) for order, seen in told["orders"].items()},
        owed={(campaign, part): counts for campaign, part, counts in told["owed"]},
    )


def _purchase(order: str, currency: str, document: Document) -> Purchase:
    told = document.body
    return Purchase(order, currency, document.version, told["used"], told["total"], told["counted"])
