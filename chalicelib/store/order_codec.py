"""How an order, and the rule that a grant was earned by, become items and back.

`told` of an order is compact JSON, deflated: refunds of one order are much alike, and every refund writes the item.
What is absent or nothing is left out. Fields are told by name: a later version may add one, and reads an older item.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from chalicelib.ledger.earning import Earning
from chalicelib.ledger.orders import Order, Refunded, Taking
from chalicelib.ledger.policy import Clawback
from chalicelib.store.packing import compact, deflate, parsed
from chalicelib.store.signals import NewerSchema
from chalicelib.store.tables import ORDER, SCHEMA, OrderRow, Tables

_OUTSIDE = frozenset({"id", "customer", "currency", "total", "version"})
"""Fields of an order that are attributes of their own."""


def order_key(order_id: str) -> tuple[str, str]:
    return f"#order/{order_id}", ORDER


def order_row(tables: Tables, order: Order, version: int) -> OrderRow:
    """The item of an order as it is written the `version`th time."""
    told = {name: value for name, value in _told(order).items() if name not in _OUTSIDE}
    told |= {"refunds": [_told(each) for each in order.refunds], "takings": [_told(each) for each in order.takings]}
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


def earning_text(earning: Earning) -> str:
    return compact(_told(earning))


def earning_of(text: str) -> Earning:
    told: dict[str, Any] = json.loads(text)
    return Earning(**{**told, "clawback": Clawback(told["clawback"])})


def _told(value: Any) -> dict[str, Any]:
    """The fields that say something; zero does: a refund whose credit share is nothing has one."""
    said = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: told for name, told in said.items() if told is not None and told is not False and told != ()}
