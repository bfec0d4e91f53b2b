"""Counting what is bought together, once for each order, in small documents of the customers table.

    document   t#<product> / shard         the partners of a product, from the orders of a shard
    document   o#<order id> / together     that an order was counted

    put     mark of the order        condition: there is none yet
    put     table of each product    condition: its version is the one that was read

All of an order's tables and its mark are one transaction, so an order counts once, however often it is told and
whatever becomes of an answer. Every order of a product would write one table: there are SHARDS of them, and an order
writes those of the shard that its id says. Where others write them at the same moment it is tried a few times and then
left. Recommendations are no money: of very many orders a few are not counted, and no message comes again for it.

An order with two products or more that count costs one read of at most MAX_TOGETHER + 1 items and one write of as many:
six read units and twelve write units for five products, as long as a table is below a kilobyte. Any other order costs
nothing.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable

from chalicelib.customers.together import (
    MAX_TOGETHER,
    Partners,
    counted_together,
    partners_body,
    partners_of,
    summed,
)
from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_lost_race, after_trouble
from chalicelib.store.commit import ATTEMPT_SECONDS
from chalicelib.store.documents import Documents, Key
from chalicelib.store.items import MAX_KEYS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal, Unread
from chalicelib.store.writes import Write, commit

SHARDS = 4
"""Tables of one product, so that orders of it at the same moment seldom meet. Each is one more item to be read."""
MAX_ATTEMPTS = 4
MAX_ASKED = 3
"""Products of which the partners are asked for at once."""
MARK = "together"

assert MAX_ASKED * SHARDS <= MAX_KEYS
assert MAX_TOGETHER + 1 <= MAX_TRANSACTION_ITEMS


def count_together(
    store: Store,
    order_id: str,
    products: Iterable[str],
    deadline: Deadline,
    *,
    sleep: Callable[[float], None] = time.sleep,
    uniform: Callable[[], float] = random.random,
) -> bool:
    """Count what an order's products were bought together with, once for the order. Whether that is known to be done,
    by now or since before; where it is not (too many at the same tables, DynamoDB is not well, no time) it is left, and
    counted if the order is told again. An order with fewer than two products that count has nothing to be done."""
    bought = counted_together(products)
    if not bought:
        return True
    documents, mark = Documents(store, store.tables.customers_name), (f"o#{order_id}", MARK)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        if deadline.remaining_seconds < ATTEMPT_SECONDS:
            return False
        try:
            writes = _writes(documents, mark, order_id, bought)
        except Unread:
            return False
        if not writes or (signal := commit(store, writes)) is Signal.COMMITTED:
            return True
        if attempt < MAX_ATTEMPTS:
            wait = after_lost_race if signal in (Signal.MOVED, Signal.NOT_COMMITTED) else after_trouble
            sleep(max(0.0, min(wait(attempt, uniform), deadline.remaining_seconds)))
    return False


def bought_together_with(store: Store, products: Iterable[str]) -> Counter[str]:
    """How often, at least, each product was bought together with these, of which the first MAX_ASKED count. One read.

    :raises Unread: DynamoDB could not be read, retries included
    """
    asked = list(dict.fromkeys(products))[:MAX_ASKED]
    keys = [_key(product, shard) for product in asked for shard in range(SHARDS)]
    found = Documents(store, store.tables.customers_name).get_many(keys)
    return summed(partners_of(document.body) for document in found.values())


def _writes(documents: Documents, mark: Key, order_id: str, bought: tuple[str, ...]) -> list[Write]:
    """What is to be written for an order; nothing if it was counted.

    :raises Unread: DynamoDB could not be read, retries included
    """
    keys = {product: _key(product, shard_of(order_id)) for product in bought}
    found = documents.get_many([mark, *keys.values()])
    if mark in found:
        return []
    writes = [documents.save(mark, {}, 0)]
    for product, key in keys.items():
        stored = found.get(key)
        before = partners_of(stored.body) if stored else Partners()
        after = before.plus(other for other in bought if other != product)
        writes.append(documents.save(key, partners_body(after), stored.version if stored else 0))
    return writes


def shard_of(order_id: str) -> int:
    """Which of a product's tables an order writes: the same for all of its products, and in every process."""
    return hashlib.sha256(order_id.encode()).digest()[0] % SHARDS


def _key(product: str, shard: int) -> Key:
    return f"t#{product}", str(shard)
