"""Following wallets and orders: what the ledger's stream and the events tell becomes counters, each exactly once.

A wallet's standing says up to which sequence its entries were applied. An entry that was applied is passed over; where
some are missing before the first that is told (a batch that went to the dead letters, a wallet older than this), they
are read from the ledger. So it makes no difference how often entries are told, by whom, or in which pieces.

A purchase waits for its order's total, which is read after the purchase was written; and who tells of an order reads
the purchase after the order was written. Whichever comes later finds the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from chalicelib.ledger.booking import SPENDS
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.ledger.orders import Order
from chalicelib.performance import standing as standings_rules
from chalicelib.performance.model import Purchase, Standing
from chalicelib.performance.standing import Gap
from chalicelib.performance.store import MAX_TOGETHER, Changed, Standings
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy

ENTRIES_TOGETHER = 30
"""Entries of one wallet that one transaction applies; each may touch a purchase."""
_TOUCH_PURCHASES = SPENDS | {EntryType.RESTORED}

MAX_VERSIONS = 10
"""Of an order that are counted one after the other; then its message comes again."""

assert ENTRIES_TOGETHER < MAX_TOGETHER


def observe(store: Store, wallet_id: WalletId, entries: Sequence[Entry]) -> None:
    """Count what entries of a wallet mean for campaigns. Told again, by whomever, it changes nothing.

    :raises Unread, Busy: to be told again; what was counted before stays counted once
    """
    told = sorted({entry.sequence: entry for entry in entries}.values(), key=lambda entry: entry.sequence)
    if not told:
        return
    try:
        _follow(store, wallet_id, told)
    except Gap as gap:
        _follow(store, wallet_id, store.entries_between(wallet_id, gap.applied + 1, told[-1].sequence))


def order_paid(store: Store, order_id: str, order: Order | None = None) -> None:
    """Count an order that is remembered: for the campaigns whose people its customer is one of, and its total for those
    whose credit was spent on it. Told again it changes nothing; told after a cancellation it counts the order out.
    `order` is as it was read before, if it was.

    The order is no condition of what is counted, so it is looked at once more behind it: who counted it as it was
    before somebody else did counts it again. An order without an instant of payment was paid when it was placed, else
    when it is first told.

    :raises Unread, Busy: to be told again
    """
    order = order or store.order(order_id)
    for _ in range(MAX_VERSIONS):
        if order is None or order.total is None:
            return
        _count_order(store, order, order.total)
        counted, order = order.version, store.order(order_id)
        if order is not None and order.version == counted:
            return
    raise Busy


def _count_order(store: Store, order: Order, total: int) -> None:
    at = order.paid_at or order.placed_at or store.now()

    def decide(standings: Mapping[str, Standing], purchases: Mapping[str, Purchase]) -> Changed:
        after = standings_rules.with_order(standings[order.customer], order.id, at, stands=not order.cancelled)
        if order.id not in purchases:
            return (after,), ()
        after, purchase = standings_rules.paid(after, purchases[order.id], total)
        return (after,), (purchase,)

    Standings(store).change([order.customer], decide, orders=[order.id], currency=order.currency)


def _follow(store: Store, wallet_id: WalletId, entries: Iterable[Entry]) -> None:
    customer, currency = wallet_id.customer, wallet_id.currency
    for part in _parts(entries):

        def decide(
            standings: Mapping[str, Standing], purchases: Mapping[str, Purchase], part: Sequence[Entry] = part
        ) -> Changed:
            after, bought = standings_rules.observed(standings[customer], currency, part, purchases)
            return (after,), tuple(bought.values())

        orders = {entry.order_id for entry in part if entry.order_id and entry.type in _TOUCH_PURCHASES}
        bought = Standings(store).change([customer], decide, orders=sorted(orders), currency=currency)
        for purchase in bought:
            if purchase.total is None:
                order_paid(store, purchase.order)


def _parts(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while part := list(islice(rest, ENTRIES_TOGETHER)):
        yield part
