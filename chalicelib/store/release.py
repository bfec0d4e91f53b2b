"""Many wallets credited at once, each exactly once for its operation; and an operation's outcome settled for good.

    put     wallet        condition: its version is the one that was read (or it is not there, for version 0)
    put     entry, …      condition: no such sequence yet
    put     operation     condition: no such operation yet; it is kept for ever
    put     mark          condition: it is as it was read      (where something may be done several times: how often)

Thirty-three wallets of one entry each fill a transaction, twenty-five with a mark. Who was refused gets an operation
too, alone, that says so: from then on this operation cannot credit the wallet any more, whatever request of an earlier
attempt is still on its way. So what a campaign did for a customer is decided once, and two workers with the same piece
tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.plans import Plan
from chalicelib.store.codec import wallet_of
from chalicelib.store.documents import Key as DocumentKey
from chalicelib.store.envelope import WalletId
from chalicelib.store.items import MAX_KEYS, Place
from chalicelib.store.packing import deflate, inflate, item_of
from chalicelib.store.reading import Store
from chalicelib.store.settlement import Put, Written, movement, packed
from chalicelib.store.signals import NewerSchema
from chalicelib.store.tables import CLOCK_KEY, OPERATION

GROUP_WALLETS = 33
"""Wallets that are credited together: a wallet, an entry and an operation each."""

MARKED_WALLETS = 25
"""The same, with a mark each."""
MARK = "mark"

assert GROUP_WALLETS * 3 <= MAX_TRANSACTION_ITEMS
assert MARKED_WALLETS * 4 <= MAX_TRANSACTION_ITEMS
assert GROUP_WALLETS * 2 + 2 <= MAX_KEYS, "wallets, operations, the test clock and a document are read together"
assert MARKED_WALLETS * 3 + 2 <= MAX_KEYS


@dataclass(frozen=True, slots=True)
class Operation:
    """What is to be done to one wallet at most once. `mark` is the id of what counts such operations, if anything."""

    id: str
    wallet: WalletId
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """How often something was done, and on which day (a number) the last time."""

    times: int
    day: int


@dataclass(frozen=True, slots=True)
class Group:
    """What a group was when it was read, in the order that was asked for."""

    wallets: list[Wallet | None]
    """None: a later version of this code wrote it, and it is not touched."""
    outcomes: list[str | None]
    """What each operation answered, None where it has not been done."""
    marks: list[Mark | None]
    """None where there is none yet."""
    now: int
    """The present (milliseconds)."""
    version: int
    """Of the document that was watched, 0 if there is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation came to: a plan and its answer; without a plan nothing is done, for good, and that is the
    answer."""

    operation: Operation
    answer: str
    version: int = 0
    """Of the wallet, as it was read."""
    plan: Plan | None = None
    mark: Mark | None = None
    """As it is to be from now; its `times` are one more than were read."""


def read_marks(store: Store, marks: Sequence[str]) -> list[Mark | None]:
    """Marks by their ids, all different, strongly consistent, a hundred in a round trip.

    :raises Unread: DynamoDB could not be read, retries included
    """
    wallets = store.tables.wallets_name
    told: list[Mark | None] = []
    for start in range(0, len(marks), MAX_KEYS):
        keys = [(f"#{mark}", MARK) for mark in marks[start : start + MAX_KEYS]]
        found = dict(store.items_at([Place(wallets, *key) for key in keys]))
        told += [_mark(found.get(Place(wallets, *key))) for key in keys]
    return told


def read_group(store: Store, operations: Sequence[Operation], table: str, watched: DocumentKey) -> Group:
    """The wallets of these operations (all different, at most GROUP_WALLETS), what the operations did before, the
    version of a document of another table, and the present, strongly consistent, in one round trip.

    :raises Unread: DynamoDB could not be read, retries included
    """
    wallets = store.tables.wallets_name
    places = [Place(wallets, each.wallet.customer, each.wallet.currency) for each in operations]
    records = [Place(wallets, f"#{each.id}", OPERATION) for each in operations]
    marks = [None if each.mark is None else Place(wallets, f"#{each.mark}", MARK) for each in operations]
    seen, clock = Place(table, *watched), Place(wallets, *CLOCK_KEY)
    also = [seen, clock] if store.has_test_clock else [seen]
    found = dict(store.items_at([*places, *records, *filter(None, marks), *also]))
    told = found.get(clock, {}).get("now")
    version = found.get(seen, {}).get("version", {"N": "0"})
    return Group(
        wallets=[_wallet(store, each.wallet, found.get(place)) for each, place in zip(operations, places, strict=True)],
        outcomes=[_outcome(each, found.get(place)) for each, place in zip(operations, records, strict=True)],
        marks=[None if place is None else _mark(found.get(place)) for place in marks],
        now=store.clock.now() if told is None else int(told["N"]),
        version=int(version["N"]),
    )


def written(store: Store, outcomes: Iterable[Outcome]) -> Iterator[list[Written]]:
    """What the outcomes write, in as few transactions as it fits into (see `settlement.commit_group`)."""
    return packed(Written(each.operation.wallet, _puts(store, each)) for each in outcomes)


def _puts(store: Store, outcome: Outcome) -> list[Put]:
    plan = outcome.plan
    record = {
        "TableName": store.tables.wallets_name,
        "Item": item_of(
            {
                "pk": f"#{outcome.operation.id}",
                "sk": OPERATION,
                "wallet": str(outcome.operation.wallet),
                "request": "",
                "answer": deflate(outcome.answer),
            }
        ),
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    if plan is None:
        return [record]
    return [*movement(store, outcome.version, plan.wallet, plan.entries), record, *_marked(store, outcome)]


def _marked(store: Store, outcome: Outcome) -> list[Put]:
    mark = outcome.mark
    if mark is None:
        return []
    item = {"pk": f"#{outcome.operation.mark}", "sk": MARK, "times": mark.times, "day": mark.day}
    unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if mark.times > 1:
        unchanged = {
            "ConditionExpression": "#times = :times",
            "ExpressionAttributeNames": {"#times": "times"},
            "ExpressionAttributeValues": {":times": {"N": str(mark.times - 1)}},
        }
    return [{"TableName": store.tables.wallets_name, "Item": item_of(item), **unchanged}]


def _mark(item: dict[str, Any] | None) -> Mark | None:
    return None if item is None else Mark(int(item["times"]["N"]), int(item["day"]["N"]))


def _wallet(store: Store, wallet_id: WalletId, item: dict[str, Any] | None) -> Wallet | None:
    if item is None:
        return Wallet(wallet_id.customer, wallet_id.currency)
    try:
        return wallet_of(store.tables.wallet.from_raw_data(item))
    except NewerSchema:
        return None


def _outcome(operation: Operation, item: dict[str, Any] | None) -> str | None:
    if item is None:
        return None
    assert item["wallet"]["S"] == str(operation.wallet), "an operation's id names its wallet"
    return inflate(item["answer"]["B"])
