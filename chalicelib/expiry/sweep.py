"""The sweep: once a minute it nominates what is due.

It reads one bounded page of each shard of the due index, all shards in parallel, and hands the wallets to the settle
queue in groups. Where a shard has more it hands on a cursor, and whoever takes that reads the next page: so no backlog
is too large for one call, and the rest of a shard needs no further sweep.

Nothing is marked and nothing is remembered. A wallet stands in the index until it is settled, so what is lost on the
way (messages that the queue did not take, a sweep that died half way) is nominated again by the next sweep; what is
nominated twice is found settled the second time, at the cost of a read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from chalicelib.expiry.messages import Cursor, Group, groups_of, written
from chalicelib.store.due import DUE_PAGE_WALLETS, SHARDS, DuePage, due_page
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread

PARALLEL_READS = 4
"""Shards that are read at once."""
MAX_WAITING_MESSAGES = 100
"""With more than this in the settle queue its workers (ten, of ten messages each) are busy with earlier nominations."""


class SettleQueue(Protocol):
    """What is needed of the queue; see `chalicelib.messaging.queues`."""

    def send(self, bodies: Sequence[str]) -> list[int]: ...

    def waiting(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Nominations:
    """What one sweep, or one cursor, found and handed on."""

    lag_ms: int
    """How long the longest due wallet that was seen has been due; 0 where none is."""
    wallets: int
    cursors: int
    not_taken: int
    """Messages that the queue did not take."""
    held_back: bool = False
    """Nothing was handed on: the queue's workers are still at what was."""
    unread: int = 0
    """Shards that could not be read; what is due in them is still in the index."""


def sweep(store: Store, queue: SettleQueue) -> Nominations:
    """Nominate what is due now.

    :raises Unread: the present could not be read
    """
    now = store.now()
    held_back = queue.waiting() > MAX_WAITING_MESSAGES
    limit = 1 if held_back else DUE_PAGE_WALLETS
    with ThreadPoolExecutor(PARALLEL_READS) as readers:
        read = list(readers.map(lambda shard: _page(store, shard, now, limit), SHARDS))
    pages = [(shard, page) for shard, page in zip(SHARDS, read, strict=True) if page is not None]
    lag_ms = max((now - page.oldest for _, page in pages if page.oldest is not None), default=0)
    unread = len(SHARDS) - len(pages)
    if held_back:
        return Nominations(lag_ms, 0, 0, 0, held_back=True, unread=unread)
    wallets = [wallet for _, page in pages for wallet in page.wallets]
    return replace(_hand_on(queue, lag_ms, list(groups_of(wallets)), _cursors(pages, now)), unread=unread)


def _page(store: Store, shard: str, until: int, limit: int) -> DuePage | None:
    """The first page of a shard; None where it could not be read, which is no reason to leave the other shards."""
    try:
        return due_page(store, shard, until, limit=limit)
    except Unread:
        return None


def follow(store: Store, queue: SettleQueue, cursor: Cursor) -> Nominations:
    """Nominate the next page of a shard. Where `not_taken` is not 0 the cursor is to be followed again.

    :raises Unread: DynamoDB could not be read; what was due is still in the index
    """
    page = due_page(store, cursor.shard, cursor.until, cursor.after, limit=DUE_PAGE_WALLETS)
    lag_ms = 0 if page.oldest is None else cursor.until - page.oldest
    return _hand_on(queue, lag_ms, list(groups_of(page.wallets)), _cursors([(cursor.shard, page)], cursor.until))


def _cursors(pages: Iterable[tuple[str, DuePage]], until: int) -> list[Cursor]:
    return [Cursor(shard, until, page.after) for shard, page in pages if page.after is not None]


def _hand_on(queue: SettleQueue, lag_ms: int, groups: list[Group], cursors: list[Cursor]) -> Nominations:
    """Cursors only after all groups were taken: a cursor that is followed again then has no second successor."""
    not_taken = len(queue.send([written(group) for group in groups]))
    not_taken += len(cursors) if not_taken else len(queue.send([written(cursor) for cursor in cursors]))
    return Nominations(lag_ms, sum(len(group.wallets) for group in groups), len(cursors), not_taken)
