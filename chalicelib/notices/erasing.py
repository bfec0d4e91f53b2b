"""Erasing a customer: what was said to it goes; that something was said stays, as the ledger does."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.customers.store import Profiles
from chalicelib.notices import store as shelf
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, Signal
from chalicelib.store.writes import commit

PAGE_NOTICES = 90
TRIES = 5
MAX_IDS = 100
"""Ids merged into a customer that one erasure goes through, whichever are read first."""


def erase_all(store: Store, docs: Documents, customer: str) -> None:
    """Take the texts out of a customer's notices, and out of those that were told under ids merged into it.

    :raises Unread, Busy: see `erase`
    """
    for each in (customer, *Profiles(store).merged_into(customer, MAX_IDS)):
        erase(store, docs, each)


def erase(store: Store, docs: Documents, customer: str) -> None:
    """Take the texts (and the channels' own names) out of a customer's notices. It is right to do it again.

    :raises Unread: DynamoDB could not be read
    :raises Busy: it is not known to be finished; do it again
    """
    after: str | None = None
    while True:
        for _ in range(TRIES):
            page, following = docs.page(shelf.notices_of(customer), PAGE_NOTICES, after=after)
            full = [record for record in map(shelf.record_of, page) if record.content or record.reference]
            writes = [shelf.record_saved(docs, replace(each, content=None, reference=None)) for each in full]
            if not writes or commit(store, writes) is Signal.COMMITTED:
                break
        else:
            raise Busy
        if following is None:
            return
        after = following
