"""`make audit`: replays every ledger against what is stored beside it and names each difference.

Wallets, redemptions, orders with their refunds, applied events, and the sums over everything.

    python -m dev.audit [--data .local]                                          the local stack
    python -m dev.audit --wallets NAME --ledger NAME [--endpoint URL]            any other, with your own credentials

Reads both tables in full (scans: an operator may, no function does) and writes nothing. Exit code 0: all
ties; 1: it does not, each difference on a line; 2: it could not be run. A wallet that moves while it is read is read
again, so a running system can be audited.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynamodb.exceptions import PynamoDBException

from chalicelib.ledger.folding import Difference, audit, audit_redemptions
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.ledger.money import display
from chalicelib.ledger.orders import Order
from chalicelib.ledger.refunding import REFUND
from chalicelib.ledger.tying import audit_order, audit_sums, sums
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import inflate
from chalicelib.store.reading import Store, Subject
from chalicelib.store.signals import NewerSchema, Unread
from chalicelib.store.tables import OPERATION, ORDER, bind
from dev.ministack import CREDENTIALS

REREADS = 5
"""Times that a wallet which moves while it is read is read again; then it is told as it was read last."""
WHOLE_HISTORY = 2**53


@dataclass(slots=True)
class Named:
    """What the tables name of one wallet beside its entries: redemptions, orders, operations that applied events."""

    redemptions: set[str] = field(default_factory=set)
    orders: set[str] = field(default_factory=set)
    events: dict[str, list[int]] = field(default_factory=dict)
    """Operation of each applied event, with the entries that it says it made."""


@dataclass(slots=True)
class Report:
    """What an audit found: what it looked at, sums by currency, (wallet, difference) pairs, sums that do not tie."""

    wallets: int = 0
    entries: int = 0
    redemptions: int = 0
    orders: int = 0
    events: int = 0
    outstanding: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sums: dict[str, Counter[EntryType]] = field(default_factory=lambda: defaultdict(Counter))
    differences: list[tuple[WalletId, Difference]] = field(default_factory=list)
    unbalanced: list[Difference] = field(default_factory=list)


def survey(store: Store) -> Report:
    """Audit every wallet that either table knows, with its redemptions, orders and applied events; then the sums."""
    wallets: dict[str, Named] = defaultdict(Named)
    for item in _scan(store, store.tables.wallets_name):
        _note(item, wallets)
    for item in _scan(store, store.tables.ledger_name):
        wallets[item["wallet"]["S"]]
    report = Report()
    for name in sorted(wallets):
        customer, _, currency = name.partition("/")
        _audit_wallet(store, WalletId(customer, currency), wallets[name], report)
    for currency, by_type in sorted(report.sums.items()):
        report.unbalanced += audit_sums(currency, by_type, report.outstanding[currency])
    return report


def _note(item: dict[str, Any], wallets: dict[str, Named]) -> None:
    pk, sk = item["pk"]["S"], item["sk"]["S"]
    if sk == OPERATION:
        if "/" not in item["wallet"]["S"]:
            return  # it moved nothing by itself: a rejected event tried again, a document
        named = wallets[item["wallet"]["S"]]
        if "redemption" in item:
            named.redemptions.add(f"rdm_{pk[1:]}")
        answer = inflate(item["answer"]["B"])
        record = json.loads(answer) if answer else {}  # what nobody asked for has no answer: the guard of notices
        if "source" in record and "entries" in record and "status" in record:
            named.events[pk[1:]] = record["entries"]
    elif sk == ORDER and pk.startswith("#"):
        wallets[f"{item['customer']['S']}/{item['currency']['S']}"].orders.add(pk.removeprefix("#order/"))
    elif not pk.startswith("#"):
        wallets[f"{pk}/{sk}"]


def _audit_wallet(store: Store, wallet_id: WalletId, named: Named, report: Report) -> None:
    for _ in range(REREADS):
        stored = store.read(wallet_id).wallet
        entries = list(store.entries_through(wallet_id, WHOLE_HISTORY))
        recorded = named.redemptions | {entry.redemption for entry in entries if entry.redemption}
        found = [store.read(wallet_id, Subject(redemption=each)).redemption for each in sorted(recorded)]
        told = named.orders | {entry.order_id or "" for entry in entries if _source_type(entry) == REFUND}
        orders = {each: store.order(each) for each in sorted(told)}
        if store.read(wallet_id).wallet.version == stored.version:
            break
    records = {redemption.id: redemption for redemption in found if redemption}
    differences, checked = audit(stored, entries)
    report.wallets += 1
    report.entries += checked
    report.redemptions += len(records)
    report.orders += len(orders)
    report.events += len(named.events)
    report.outstanding[wallet_id.currency] += stored.remaining
    report.sums[wallet_id.currency] += sums(entries)
    report.differences += [
        (wallet_id, each)
        for each in (
            *differences,
            *audit_redemptions(entries, records),
            *_order_differences(orders, entries),
            *_event_differences(store, named.events, entries),
        )
    ]


def _order_differences(orders: dict[str, Order | None], entries: list[Entry]) -> Iterator[Difference]:
    for order_id, order in orders.items():
        if order is None:
            yield Difference("order_missing", f"order {order_id}", "nothing", "an order")
        else:
            yield from audit_order(order, entries)
            known = {refund.id for refund in order.refunds}
            made = {e.source.id for e in entries if e.order_id == order_id and e.source and e.source.type == REFUND}
            for refund in sorted(made - known):
                yield Difference("refund_missing", f"order {order_id}.{refund}", "nothing", "a refund")


def _event_differences(store: Store, events: dict[str, list[int]], entries: list[Entry]) -> Iterator[Difference]:
    """Events against entries, both ways: what an applied event says it made, and what was made by an event."""
    by_sequence = {entry.sequence: entry for entry in entries}
    for operation, made in events.items():
        for sequence in made:
            entry = by_sequence.get(sequence)
            if entry is None or entry.operation != operation:
                yield Difference("event_differs", f"event {operation}", f"entry {sequence}", "one of its own")
    by_events = {entry.operation for entry in entries if entry.actor.startswith("event:")}
    for operation in sorted(by_events - events.keys()):
        if store.operation(operation) is None:
            yield Difference("event_missing", f"event {operation}", "nothing", "a record of what it did")


def _source_type(entry: Entry) -> str | None:
    return entry.source.type if entry.source else None


def _scan(store: Store, table: str) -> Iterator[dict[str, Any]]:
    start: Any = None
    while True:
        page = store.connections.reads.scan(table, exclusive_start_key=start, consistent_read=True)
        yield from page["Items"]
        start = page.get("LastEvaluatedKey")
        if not start:
            return


def store_of(wallets: str, ledger: str) -> Store:
    """A store to read these tables with; region, credentials and endpoint are the environment's."""
    tables = bind(wallets, ledger)
    return Store(tables, connect(tables), SystemClock(), test_clock=False)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dev.audit", description="Replay the ledgers against the wallets.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DATA", ".local")), help="a local stack")
    parser.add_argument("--wallets", help="name of the wallets table")
    parser.add_argument("--ledger", help="name of the ledger table")
    parser.add_argument("--endpoint", help="DynamoDB endpoint, where it is not AWS")
    wanted = parser.parse_args(arguments)
    wallets, ledger, endpoint = wanted.wallets, wanted.ledger, wanted.endpoint
    if not (wallets and ledger):
        try:
            stack = json.loads((wanted.data / "stack.json").read_text())
        except OSError as error:
            print(
                f"No stack in {wanted.data}: {error}. Start one with `make run`, or name the tables.", file=sys.stderr
            )
            return 2
        wallets, ledger = stack["tables"]["wallets"], stack["tables"]["ledger"]
        endpoint = endpoint or os.environ.get("DYNAMODB_ENDPOINT") or stack["aws"]
        os.environ.update(CREDENTIALS, AWS_DEFAULT_REGION=stack["region"])
    if endpoint:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
    try:
        report = survey(store_of(wallets, ledger))
    except (Unread, NewerSchema, PynamoDBException) as error:
        print(f"The tables could not be read: {error}", file=sys.stderr)
        return 2
    return tell(report)


def tell(report: Report) -> int:
    """Print the report; 0 when everything ties, else 1."""
    for wallet_id, each in report.differences:
        print(f"{wallet_id}: {each.code}: {each.where} is {each.stored}, the ledger says {each.expected}")
    for each in report.unbalanced:
        print(f"{each.code}: {each.where}: {each.stored}, but {each.expected}")
    print(
        f"{report.wallets} wallets, {report.entries} entries, {report.redemptions} redemptions,"
        f" {report.orders} orders, {report.events} applied events read"
    )
    for currency, amount in sorted(report.outstanding.items()):
        told = ", ".join(
            f"{type_} {display(moved, currency)}" for type_, moved in sorted(report.sums[currency].items())
        )
        print(f"outstanding {display(amount, currency)} ({told})")
    found = len(report.differences) + len(report.unbalanced)
    print(f"{found} differences" if found else "everything ties")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
