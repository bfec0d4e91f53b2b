"""What templates are made of: leaves, parameters, and what is recommended with them."""

from __future__ import annotations

from typing import Any

from chalicelib.segments.blueprint import Json, Parameter, ParameterType, Recommended

T = ParameterType

SUBSCRIBED: Json = {"field": "email.subscribed", "op": "=", "value": True}
NO_ORDER: Json = {"field": "orders.count", "op": "=", "value": 0}
ONE_ORDER: Json = {"field": "orders.count", "op": "=", "value": 1}


def leaf(field: str, op: str, value: Any, **more: Any) -> Json:
    return {"field": field, "op": op, "value": value, **more}


def within(field: str, op: str, value: Any, days: int) -> Json:
    return leaf(field, op, value, within_days=days)


def before(field: str, op: str, value: Any, recent: int, earlier: int) -> Json:
    """In the `earlier` days ahead of the `recent` ones."""
    return leaf(field, op, value, **{"from": recent + earlier, "to": recent + 1})


def every(*parts: Json) -> Json:
    return {"all": list(parts)}


def top(percent: int) -> Json:
    return leaf("spend.percentile", ">=", 100 - percent)


def days(default: int, what: str) -> Parameter:
    return Parameter("days", T.DAYS, default, f"{what} so many days")


def count(default: int, what: str) -> Parameter:
    return Parameter("count", T.COUNT, default, f"At least so many {what}")


def earlier(default: int) -> Parameter:
    return Parameter("earlier_days", T.DAYS, default, "How many days before those are looked at")


def threshold(default: int, what: str) -> Parameter:
    return Parameter("threshold", T.MONEY, default, f"{what}, in minor units")


def listing(name: str, what: str) -> Parameter:
    return Parameter(name, T.LIST, None, f"{what}, by id; one of them is enough")


PRODUCTS = listing("products", "Products (not variants)")
TAGS = listing("tags", "Tags of products")
COLLECTIONS = listing("collections", "Collections")
_UNTIL = "{% if expires_at %}, until {{ expires_at }}{% endif %}."
_FOR = "{% if conditions %} It can be used {{ conditions }}.{% endif %}"


def message(opening: str) -> str:
    """The source of a notice's text that begins so, and says until when and for what, as far as there is an end and
    are conditions: whatever a campaign makes of the recommendation, it is true of its credit."""
    return opening + _UNTIL + _FOR


def fixed(amount: int, days: int, opening: str, min_order: int | None = None) -> Recommended:
    conditions = None if min_order is None else {"min_order": min_order}
    return Recommended({"fixed": amount}, {"days": days}, message(opening), conditions)


def share(of: str, basis_points: int, least: int, most: int, days: int, opening: str) -> Recommended:
    amount = {"percent_of": of, "basis_points": basis_points, "min": least, "max": most}
    return Recommended(amount, {"days": days}, message(opening))
