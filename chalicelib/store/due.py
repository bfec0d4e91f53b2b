"""The due index: which wallets change by themselves, and when.

It is eventually consistent and holds keys only: it nominates. Whoever settles a nominated wallet reads it again,
strongly, and the ledger decides. So a wallet that the index names wrongly costs a read, and one that it does not name
yet is named a moment later; no balance depends on either, since availability is computed from the times.
"""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.exceptions import QueryError

from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import unread
from chalicelib.store.tables import DUE, DUE_SHARDS

DUE_PAGE_WALLETS = 4_000
"""Wallets that one page names at the most: some 400 KB of keys, below the megabyte that DynamoDB gives a page."""
SHARDS = tuple(f"{number:02}" for number in range(DUE_SHARDS))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one shard of the index: a wallet, and the instant (milliseconds) at which it stands there."""

    due_at: int
    wallet: WalletId


@dataclass(frozen=True, slots=True)
class DuePage:
    """Wallets of one shard that were due, the longest due first, and where the next page begins, if there is one."""

    wallets: tuple[WalletId, ...]
    oldest: int | None
    """Since when the first of them is due (milliseconds)."""
    after: Place | None


def due_page(
    store: Store, shard: str, until: int, after: Place | None = None, limit: int = DUE_PAGE_WALLETS
) -> DuePage:
    """The wallets of a shard that are due at `until` (milliseconds) or before, those behind `after`.

    :raises Unread: DynamoDB could not be read, retries included
    """
    try:
        page = store.connections.reads.query(
            store.tables.wallets_name,
            shard,
            index_name=DUE,
            range_key_condition=store.tables.wallet.due_at <= until,
            exclusive_start_key=None if after is None else _start_key(shard, after),
            limit=limit,
        )
    except QueryError as error:
        raise unread(error) from error
    items = page["Items"]
    last = page.get("LastEvaluatedKey")
    return DuePage(
        tuple(_wallet_id(item) for item in items),
        int(items[0]["due_at"]["N"]) if items else None,
        Place(int(last["due_at"]["N"]), _wallet_id(last)) if last else None,
    )


def _start_key(shard: str, place: Place) -> dict[str, dict[str, str]]:
    return {
        "pk": {"S": place.wallet.customer},
        "sk": {"S": place.wallet.currency},
        "shard": {"S": shard},
        "due_at": {"N": str(place.due_at)},
    }


def _wallet_id(item: dict[str, dict[str, str]]) -> WalletId:
    return WalletId(item["pk"]["S"], item["sk"]["S"])
