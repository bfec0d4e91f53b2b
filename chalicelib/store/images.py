"""Entries as the ledger's stream shows them: the image of the item that was put."""

from __future__ import annotations

import zlib
from base64 import b64decode
from typing import Any

from chalicelib.ledger.model import Entry
from chalicelib.store.codec import entry_of
from chalicelib.store.envelope import WalletId
from chalicelib.store.tables import EntryRow


class UnreadableImage(Exception):
    """The image is not an entry that this code can read."""


def entry_of_image(image: object) -> tuple[WalletId, Entry]:
    """The entry, and whose wallet it is in, of an item in DynamoDB's own JSON: {"amount": {"N": "1000"}, …}.

    :raises UnreadableImage: something is missing from it, or a later version of this code wrote it
    """
    try:
        row: Any = EntryRow.from_raw_data(_unfolded(image))
        customer, _, currency = row.wallet.rpartition("/")
        entry = entry_of(row)
    except (AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise UnreadableImage(f"{type(error).__name__}: {error}") from error
    if not (customer and currency):
        raise UnreadableImage(f"{row.wallet!r} names no wallet")
    return WalletId(customer, currency), entry


def _unfolded(image: Any) -> dict[str, Any]:
    """The item as DynamoDB's client shows it: Lambda hands records over as JSON, in which bytes are base64."""
    return {
        name: {"B": b64decode(value["B"], validate=True)} if isinstance(value.get("B"), str) else value
        for name, value in image.items()
    }
