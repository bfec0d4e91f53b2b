"""What a wallet had to do with one order: its entries about it, and the records of the redemptions among them.

Read after the wallet. What is committed between the two reads shows here and not in the wallet, so the commit fails on
the wallet's version and everything is read again; the other way round a redemption could be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.ledger.booking import SPENDS
from chalicelib.ledger.model import Entry, Redemption
from chalicelib.ledger.refusals import OrderLimitExceeded
from chalicelib.store.codec import entry_of, redemption_of
from chalicelib.store.envelope import WalletId
from chalicelib.store.items import Items
from chalicelib.store.signals import Unread
from chalicelib.store.tables import OPERATION, ORDERS

MAX_REFUNDS_READ = 2
"""Operations found by one refund's id: enough to see that it is not unique."""
MAX_ENTRIES_OF_ORDER = 5_000
"""Entries about one order that are read to refund it. An order has a few; each hold for it makes two."""
MAX_RECORDS_READ = 50
"""Redemptions of one order whose records are read."""


def entries_about(store: Items, wallet_id: WalletId, order_id: str) -> tuple[Entry, ...]:
    """The wallet's entries about an order, oldest first, strongly consistent.

    :raises Unread: they could not be read, retries included
    :raises OrderLimitExceeded: past MAX_ENTRIES_OF_ORDER
    """
    items: list[dict[str, Any]] = []
    for item in store.items_of_index(ORDERS, str(wallet_id), store.tables.entry.order_id == order_id):
        items.append(item)
        if len(items) > MAX_ENTRIES_OF_ORDER:
            raise OrderLimitExceeded("The order has too many entries to be read.", entries=MAX_ENTRIES_OF_ORDER)
    entries = (entry_of(store.tables.entry.from_raw_data(item)) for item in items)
    return tuple(sorted(entries, key=lambda entry: entry.sequence))


def redemptions_among(store: Items, entries: tuple[Entry, ...]) -> tuple[tuple[Redemption, ...], dict[str, bytes]]:
    """The redemptions that these entries made, oldest first, and their records as stored.

    :raises Unread: they could not be read, retries included
    :raises OrderLimitExceeded: past MAX_RECORDS_READ
    """
    made = [entry.redemption for entry in entries if entry.type in SPENDS and entry.redemption is not None]
    if not made:
        return (), {}
    if len(made) > MAX_RECORDS_READ:
        raise OrderLimitExceeded("The order has too many redemptions to be read.", redemptions=MAX_RECORDS_READ)
    raw = store.items([(f"#{redemption[4:]}", OPERATION) for redemption in made])
    records: dict[str, bytes] = {}
    for item in raw.values():
        row = store.tables.operation.from_raw_data(item)
        if row.redemption is not None:
            records[f"rdm_{row.pk[1:]}"] = row.redemption
    if len(records) < len(made):
        raise Unread("a redemption has an entry and no record")
    return tuple(redemption_of(each, records[each]) for each in made), records


@dataclass(frozen=True)
class RefundMade:
    """Where a refund was made."""

    wallet: WalletId
    order_id: str


def refunds_made(store: Items, refund_id: str) -> list[RefundMade]:
    """The operations that made a refund of that id: none, one, or two where orders share it. The index lags a little.

    :raises Unread: they could not be read, retries included
    """
    keys = store.keys_by_refund(refund_id, MAX_REFUNDS_READ)
    rows = (store.tables.operation.from_raw_data(item) for item in (store.items(keys) if keys else {}).values())
    made = []
    for row in rows:
        customer, _, currency = row.wallet.partition("/")
        made.append(RefundMade(WalletId(customer, currency), row.order_id or ""))
    return made
