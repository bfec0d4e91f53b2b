"""Handlers of the calls that export customers and credits, as CSV page by page.

The header stands in the first page only: pages, put one behind the other, are one file. The columns of customers are
those of an import, so what was exported can be imported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from chalicelib.customers import exports
from chalicelib.customers.exports import Place
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS
from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.cursors import InvalidCursor
from chalicelib.edge.imports import csv_text
from chalicelib.edge.imports.rows import ADDRESS, CONSENTS, CUSTOMER_COLUMNS, TAGS_BETWEEN
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.quoting import view

CREDIT_COLUMNS = ("customer", "currency", "lot", "kind", "amount", "remaining", "held", "effective_at", "expires_at")

Rows = Iterable[Sequence[str]]


def customers(call: Call) -> Reply:
    return _page(call, "exports/customers", CUSTOMER_COLUMNS, lambda found: map(_customer, found))


def credits_(call: Call) -> Reply:
    """Every open lot of the customers of a page."""

    def lots(found: list[Profile]) -> Rows:
        read, now = exports.wallets(call.engine().store, found)
        policy = call.engine().policy
        return (row for wallet in read for row in _lots(view(wallet, now, policy)[0]))

    return _page(call, "exports/credits", CREDIT_COLUMNS, lots)


def _page(call: Call, of: str, header: Sequence[str], rows_of: Callable[[list[Profile]], Rows]) -> Reply:
    cursor = call.query.cursor
    place = Place() if cursor is None else _place(cursors.key(of, cursor))
    found, following = exports.customers(call.engine().store, place, call.query.limit)
    rows = list(rows_of(found))
    text = csv_text.written([header, *rows] if cursor is None else rows)
    next_cursor = None if following is None else cursors.make_key(of, _position(following))
    return Reply(presenter.document({"data": text, "rows": len(rows), "next_cursor": next_cursor}))


def _customer(profile: Profile) -> list[str]:
    person = profile.person
    told = {
        "customer": profile.customer,
        "email": person.email,
        "phone": person.phone,
        "locale": person.locale,
        "birth_date": person.birth_date and person.birth_date.isoformat(),
        **{column: getattr(person.consents, channel) for column, channel in CONSENTS.items()},
        "tags": TAGS_BETWEEN.join(person.tags),
        "attributes": json.dumps(dict(person.attributes), ensure_ascii=False) if person.attributes else None,
        **{name: getattr(person.address, name) for name in ADDRESS},
        "predicted_spend_tier": person.predicted_spend_tier,
        "has_account": person.has_account,
    }
    return [_cell(told[name]) for name in CUSTOMER_COLUMNS]


def _lots(wallet: Wallet) -> Iterable[list[str]]:
    for lot in wallet.lots:
        expires_at = None if lot.expires_at is None else show(lot.expires_at)
        amounts = (lot.granted, lot.remaining, lot.held)
        told = (wallet.customer, wallet.currency, lot.id, lot.kind.value, *amounts, show(lot.effective_at), expires_at)
        yield [_cell(value) for value in told]


def _cell(value: str | int | bool | None) -> str:
    """What is not known is an empty cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _position(place: Place) -> str:
    """A shard, and the customer behind whom it goes on, in letters that a cursor has."""
    return place.shard if place.after is None else f"{place.shard}-{place.after.encode().hex()}"


def _place(key: str) -> Place:
    """:raises InvalidCursor: no cursor of ours says that"""
    shard, _, after = key.partition("-")
    try:
        found = Place(shard, bytes.fromhex(after).decode() or None)
    except ValueError:
        raise InvalidCursor from None
    if shard not in SHARDS:
        raise InvalidCursor
    return found
