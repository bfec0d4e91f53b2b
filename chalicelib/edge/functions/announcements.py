"""An entry, as the rest of the house hears of it: the event that goes to the bus.

    Source      store-credit
    DetailType  credit.<type of the entry>
    Detail      {id, customer, currency, sequence, entry, wallet: {available, pending, held}}
    Time        the entry's

An event is made of its entry and of nothing else, so one that is told again, at whatever time, is the same to the last
character. `id` is customer/currency/sequence; sequences of a wallet are 1, 2, 3 … with no gap.
"""

from __future__ import annotations

from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.model import Entry
from chalicelib.messaging.bus import Event
from chalicelib.store.envelope import WalletId

SOURCE = "store-credit"


def announcement(wallet_id: WalletId, entry: Entry) -> Event:
    """The event of an entry. `wallet` is as of just after it; minor units, as everywhere."""
    detail = {
        "id": f"{wallet_id}/{entry.sequence}",
        "customer": wallet_id.customer,
        "currency": wallet_id.currency,
        "sequence": entry.sequence,
        "entry": presenter.entry_for_staff(entry),
        "wallet": {
            "available": entry.balance_after - entry.held_after - entry.pending_after,
            "pending": entry.pending_after,
            "held": entry.held_after,
        },
    }
    return {
        "Source": SOURCE,
        "DetailType": f"credit.{entry.type.value}",
        "Detail": presenter.document(detail),
        "Time": show(entry.at),
    }
