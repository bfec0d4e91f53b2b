"""From entries of the ledger to what is to be told: the stream's side of notices.

What is told now goes to the queue; what is told later is put among what is due. Doing it again (the stream tells again
what it is not sure of) nominates the same notices, which are told once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import tzinfo
from functools import partial

from chalicelib.campaigns import store as campaigns
from chalicelib.ledger.lots import Lot
from chalicelib.ledger.model import Entry
from chalicelib.notices import reminding
from chalicelib.notices import store as shelf
from chalicelib.notices.model import Happening, Notice, happening_of
from chalicelib.notices.reminding import NoticesQueue
from chalicelib.runtime.environment import settings
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy

CAMPAIGN = "campaign"
"""Type of the source of what a campaign granted."""


def nominate(
    store: Store, queue: NoticesQueue, wallet_id: WalletId, entries: Sequence[Entry], zone: tzinfo | None = None
) -> None:
    """Nominate what entries of one wallet tell, for a merchant in this zone (unless said, the environment's).

    :raises Busy: the queue or the table did not take all of it; to be done again, whole
    :raises Unread: DynamoDB could not be read; the same
    """
    days_of = partial(_days_of, shelf.documents(store), {})
    wanted = reminding.due_documents(wallet_id, entries, zone or settings().merchant_zone, days_of)
    if wanted:
        reminding.arrange(store, shelf.documents(store), wanted)
    messages = [notice_message(notice) for entry in entries if (notice := notice_of_entry(wallet_id, entry))]
    if messages and queue.send(messages):
        raise Busy


def _days_of(docs: Documents, known: dict[str, Sequence[int]], lot: Lot) -> Sequence[int]:
    """How many days before its end the owner of a lot is reminded."""
    if lot.source is None or lot.source.type != CAMPAIGN:
        return reminding.REMINDER_DAYS
    if lot.source.id not in known:
        campaign = campaigns.load(docs, lot.source.id)
        told = campaign.reminders if campaign is not None else None
        known[lot.source.id] = reminding.REMINDER_DAYS if told is None else told
    return known[lot.source.id]


def notice_of_entry(wallet_id: WalletId, entry: Entry) -> Notice | None:
    """What an entry tells at once; None where it tells nothing, or later."""
    happening = happening_of(entry)
    if happening is None or happening is Happening.AVAILABLE or entry.amount == 0:
        return None
    return Notice(wallet_id, happening, str(entry.sequence), entry.at)


def notice_message(notice: Notice) -> str:
    return json.dumps({"job": "notice", **notice.told()}, separators=(",", ":"))
