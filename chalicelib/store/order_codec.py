"""How an order becomes an item and back.

`told` of an order is compact JSON, deflated: refunds of one order are much alike, and every refund writes the item.
What is absent or nothing is left out. Fields are told by name: a later version may add one, and reads an older item.
"""

from __future__ import annotations

from typing import Any

from chalicelib.ledger.orders import Order, Refunded, Taking
from chalicelib.store.earning_codec import what_is_said
from chalicelib.store.packing import compact, deflate, parsed
from chalicelib.store.signals import NewerSchema
from chalicelib.store.tables import SCHEMA, OrderRow, Tables, order_key

_OUTSIDE = frozenset({"id", "customer", "currency", "total", "version"})
"""Fields of an order that are attributes of their own."""


def order_row(tables: Tables, order: Order, version: int) -> OrderRow:
    """The item of an order as it is written the `version`th time."""
    told = {name: value for name, value in what_is_said(order).items() if name not in _OUTSIDE}
    told |= {
        "refunds": [what_is_said(each) for each in order.refunds],
        "takings": [what_is_said(each) for each in order.takings],
    }
    return tables.order(
        *order_key(order.id),
        version=version,
        schema=SCHEMA,
        customer=order.customer,
        currency=order.currency,
        total=order.total,
        told=deflate(compact(told)),
    )


def order_of(row: OrderRow) -> Order:
    """:raises NewerSchema: a later version of this code wrote it"""
    if int(row.schema) > SCHEMA:
        raise NewerSchema(f"order {row.pk} has schema {row.schema}, this code knows {SCHEMA}")
    told: dict[str, Any] = parsed(row.told)
    refunds = tuple(Refunded(**{**each, "lots": tuple(each.get("lots", ()))}) for each in told.pop("refunds"))
    takings = tuple(Taking(**each) for each in told.pop("takings"))
    return Order(
        id=row.pk.removeprefix("#order/"),
        customer=row.customer,
        currency=row.currency,
        total=_int_or_none(row.total),
        version=int(row.version),
        refunds=refunds,
        takings=takings,
        **told,
    )


def _int_or_none(value: Any) -> int | None:
    return None if value is None else int(value)
