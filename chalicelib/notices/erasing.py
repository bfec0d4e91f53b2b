"""Erasing a customer: what was said to it goes; that something was said stays, as the ledger does."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.notices import store as shelf
from chalicelib.store.documents import Documents, commit
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, Signal

PAGE_NOTICES = 90
TRIES = 5


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
