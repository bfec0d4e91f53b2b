"""`make audit`: replays every ledger against its stored wallet and names each difference.

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
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynamodb.exceptions import PynamoDBException

from chalicelib.ledger.folding import Difference, audit, audit_redemptions
from chalicelib.ledger.money import display
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store, Subject
from chalicelib.store.signals import NewerSchema, Unread
from chalicelib.store.tables import OPERATION, bind
from dev.ministack import CREDENTIALS

REREADS = 5
"""Times that a wallet which moves while it is read is read again; then it is told as it was read last."""
WHOLE_HISTORY = 2**53


@dataclass(slots=True)
class Report:
    """What an audit found: what it looked at, what is outstanding by currency, and (wallet, difference) pairs."""

    wallets: int = 0
    entries: int = 0
    redemptions: int = 0
    outstanding: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    differences: list[tuple[WalletId, Difference]] = field(default_factory=list)


def survey(store: Store) -> Report:
    """Audit every wallet that either table knows, with every redemption that an entry or a record names."""
    wallets: set[str] = set()
    recorded: dict[str, set[str]] = defaultdict(set)
    for item in _scan(store, store.tables.wallets_name):
        if item["sk"]["S"] == OPERATION:
            if "redemption" in item:
                recorded[item["wallet"]["S"]].add(f"rdm_{item['pk']['S'][1:]}")
        elif not item["pk"]["S"].startswith("#"):
            wallets.add(f"{item['pk']['S']}/{item['sk']['S']}")
    wallets.update(item["wallet"]["S"] for item in _scan(store, store.tables.ledger_name))
    wallets.update(recorded)
    report = Report()
    for name in sorted(wallets):
        customer, _, currency = name.partition("/")
        _audit_wallet(store, WalletId(customer, currency), recorded[name], report)
    return report


def _audit_wallet(store: Store, wallet_id: WalletId, recorded: set[str], report: Report) -> None:
    for _ in range(REREADS):
        stored = store.read(wallet_id).wallet
        entries = list(store.entries_through(wallet_id, WHOLE_HISTORY))
        named = recorded | {entry.redemption for entry in entries if entry.redemption}
        found = [store.read(wallet_id, Subject(redemption=each)).redemption for each in sorted(named)]
        if store.read(wallet_id).wallet.version == stored.version:
            break
    records = {redemption.id: redemption for redemption in found if redemption}
    differences, checked = audit(stored, entries)
    report.wallets += 1
    report.entries += checked
    report.redemptions += len(records)
    report.outstanding[wallet_id.currency] += stored.remaining
    report.differences += [(wallet_id, each) for each in (*differences, *audit_redemptions(entries, records))]


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
    print(f"{report.wallets} wallets, {report.entries} entries, {report.redemptions} redemptions read")
    for currency, amount in sorted(report.outstanding.items()):
        print(f"outstanding {display(amount, currency)}")
    print(f"{len(report.differences)} differences" if report.differences else "everything ties")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
