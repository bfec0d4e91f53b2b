"""What a history left in the tables, read as the application's own values, or raw."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chalicelib.ledger.model import Entry, Redemption, Wallet
from chalicelib.store.codec import entry_of, redemption_of, wallet_of
from chalicelib.store.envelope import WalletId
from chalicelib.store.tables import OPERATION, OperationRow, Tables
from tests.simulation.world import World


@dataclass
class Stored:
    """The tables of money, as they are."""

    wallets: dict[str, Wallet] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    operations: dict[str, OperationRow] = field(default_factory=dict)
    redemptions: dict[str, dict[str, Redemption]] = field(default_factory=lambda: defaultdict(dict))
    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The wallets table as it is."""

    @classmethod
    def read(cls, world: World) -> Stored:
        tables, stored = world.tables, cls()
        for item in scan(world, tables.wallets_name):
            stored.items[item["pk"]["S"], item["sk"]["S"]] = item
            if item["sk"]["S"] == OPERATION:
                row = tables.operation.from_raw_data(item)
                operation = row.pk[1:]
                stored.operations[operation] = row
                if row.redemption:
                    redemption = redemption_of(f"rdm_{operation}", row.redemption)
                    stored.redemptions[row.wallet][redemption.id] = redemption
            elif not item["pk"]["S"].startswith("#"):
                wallet = wallet_of(tables.wallet.from_raw_data(item))
                stored.wallets[str(WalletId(wallet.customer, wallet.currency))] = wallet
        for item in scan(world, tables.ledger_name):
            stored.entries[item["wallet"]["S"]].append(entry_of(tables.entry.from_raw_data(item)))
        for told in stored.entries.values():
            told.sort(key=lambda entry: entry.sequence)
        return stored


def scan(world: World, table: str) -> Iterator[dict[str, Any]]:
    """Every item of a table, strongly consistent."""
    start: Any = None
    while True:
        page = world.connections.reads.scan(table, exclusive_start_key=start, consistent_read=True)
        yield from page["Items"]
        start = page.get("LastEvaluatedKey")
        if not start:
            return


def dump(world: World) -> dict[str, list[dict[str, Any]]]:
    """All tables, item by item in the order of their keys: for comparing two engines."""
    tables: Tables = world.tables
    by_keys = {"wallets": tables.wallets_name, "customers": tables.customers_name, "campaigns": tables.campaigns_name}
    return {
        **{
            name: sorted(scan(world, table), key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
            for name, table in by_keys.items()
        },
        "ledger": sorted(
            scan(world, tables.ledger_name), key=lambda item: (item["wallet"]["S"], int(item["sequence"]["N"]))
        ),
    }
