"""A tree is read strictly: whatever is wrong with it is pointed at."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.customers.days import date_of
from chalicelib.segments.facts import Facts
from chalicelib.segments.fields import FIELDS, OPS, Besides, Shape
from chalicelib.segments.where import MAX_LEAVES, Leaf, Window, WrongWhere, leaves, parse
from tests.unit.segments.people import leaf

COUNT = leaf("orders.count", ">=", 3)
GOOD: dict[Shape, Any] = {
    Shape.COUNT: 3,
    Shape.MONEY: 10**12,
    Shape.DAY: "2026-02-28",
    Shape.FLAG: False,
    Shape.WORD: "low",
    Shape.WORDS: "tea",
    Shape.PERCENTILE: 80,
    Shape.ATTRIBUTE: True,
}


def nested(levels: int) -> Any:
    tree: Any = COUNT
    for _ in range(levels - 1):
        tree = {"not": tree}
    return tree


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_every_field_takes_every_op_of_its_shape_and_no_other(field: Any) -> None:
    of = {"of": "size"} if Besides.ATTRIBUTE in field.besides else {}
    for op in ("=", "!=", ">", ">=", "<", "<=", "in", "contains", "exists", "like", ""):
        value = {"in": [GOOD[field.shape]], "exists": True}.get(op, GOOD[field.shape])
        if field.shape is Shape.ATTRIBUTE and op in (">", ">=", "<", "<="):
            value = 3
        tree = leaf(field.name, op, value, **of)
        if op in OPS[field.shape]:
            assert parse(tree) == Leaf(field.name, op, _kept(value, field.shape), of=of.get("of"))
        else:
            with pytest.raises(WrongWhere) as wrong:
                parse(tree)
            assert wrong.value.pointer == "/op"


def _kept(value: Any, shape: Shape) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return date.fromisoformat(value) if shape is Shape.DAY and isinstance(value, str) else value


@pytest.mark.parametrize(
    ("tree", "pointer"),
    [
        (None, ""),
        ([], ""),
        ("orders.count", ""),
        ({}, "/field"),
        ({"field": "orders.counts", "op": "=", "value": 1}, "/field"),
        ({"field": ["orders.count"], "op": "=", "value": 1}, "/field"),
        ({"field": "orders.count", "value": 1}, "/op"),
        ({"field": "orders.count", "op": ["="], "value": 1}, "/op"),
        ({"field": "orders.count", "op": "="}, "/value"),
        ({"field": "orders.count", "op": "=", "value": None}, "/value"),
        (leaf("orders.count", "=", 1, colour="red"), "/colour"),
        (leaf("orders.count", "=", 1, **{"a/b~": None}), "/a~1b~0"),
        (leaf("orders.count", "=", "1"), "/value"),
        (leaf("orders.count", "=", 1.0), "/value"),
        (leaf("orders.count", "=", True), "/value"),
        (leaf("orders.count", "=", -1), "/value"),
        (leaf("orders.count", "=", [1]), "/value"),
        (leaf("orders.count", "=", 10**30), "/value"),
        (leaf("orders.count", "=", float("nan")), "/value"),
        (leaf("orders.total", "=", 10**12 + 1), "/value"),
        (leaf("orders.count", "in", 1), "/value"),
        (leaf("orders.count", "in", []), "/value"),
        (leaf("orders.count", "in", [1, "2"]), "/value/1"),
        (leaf("orders.count", "in", [1] * 51), "/value"),
        (leaf("orders.count", "exists", 1), "/value"),
        (leaf("orders.last_at", "<", "2026-02-30"), "/value"),
        (leaf("orders.last_at", "<", "2026-2-3"), "/value"),
        (leaf("orders.last_at", "<", "2026-02-03T00:00:00Z"), None),
        (leaf("orders.last_at", "<", -1), "/value"),
        (leaf("email.subscribed", "=", "true"), "/value"),
        (leaf("email.subscribed", "=", 1), "/value"),
        (leaf("profile.country", "=", ""), "/value"),
        (leaf("profile.country", "=", "x" * 129), "/value"),
        (leaf("profile.country", "=", "a\nb"), "/value"),
        (leaf("profile.country", "=", ["DE"]), "/value"),
        (leaf("predicted_spend_tier", "=", "highest"), "/value"),
        (leaf("predicted_spend_tier", "in", ["high", "highest"]), "/value/1"),
        (leaf("products.bought", "=", ["a", "b"]), "/value"),
        (leaf("products.bought", "in", "a"), None),
        (leaf("products.bought", "contains", ["a", 2]), "/value/1"),
        (leaf("spend.percentile", ">=", 101), "/value"),
        (leaf("profile.attributes", "=", 1), "/of"),
        (leaf("profile.attributes", "=", 1.5, of="size"), "/value"),
        (leaf("profile.attributes", ">", "1", of="size"), "/value"),
        (leaf("profile.attributes", "in", [1, None], of="size"), "/value/1"),
        (leaf("orders.total", ">", 1, of="euro"), "/of"),
        (leaf("orders.total", ">", 1, of=["EUR"]), "/of"),
        (leaf("profile.country", "=", "DE", of="EUR"), "/of"),
        (leaf("profile.country", "=", "DE", within_days=3), "/within_days"),
        (leaf("orders.count", "=", 1, within_days=-1), "/within_days"),
        (leaf("orders.count", "=", 1, within_days="3"), "/within_days"),
        (leaf("orders.count", "=", 1, within_days=True), "/within_days"),
        (leaf("orders.count", "=", 1, within_days=3, to=1), "/to"),
        (leaf("orders.count", "=", 1, **{"from": "yesterday"}), "/from"),
        (leaf("orders.count", "=", 1, **{"from": 1, "to": 2}), "/to"),
        (leaf("orders.count", "=", 1, **{"from": "2026-01-02", "to": "2026-01-01"}), "/to"),
        (leaf("birthday", "=", 1, **{"from": 1}), "/from"),
        ({"all": []}, "/all"),
        ({"any": []}, "/any"),
        ({"all": COUNT}, "/all"),
        ({"all": "ab"}, "/all"),
        ({"not": [COUNT]}, "/not"),
        ({"all": [COUNT], "any": [COUNT]}, "/any"),
        ({"not": COUNT, "field": "orders.count"}, "/field"),
        ({"all": [COUNT, {"any": [COUNT, {"not": leaf("x", "=", 1)}]}]}, "/all/1/any/1/not/field"),
        (nested(8), None),
        (nested(9), "/not" * 8),
        ({"all": [COUNT] * MAX_LEAVES}, None),
        ({"all": [COUNT] * (MAX_LEAVES + 1)}, "/all"),
        ({"all": [{"any": [COUNT] * 26}, {"any": [COUNT] * 25}]}, ""),
    ],
)
def test_what_is_wrong_is_pointed_at(tree: Any, pointer: str | None) -> None:
    if pointer is None:
        parse(tree)
        return
    with pytest.raises(WrongWhere) as wrong:
        parse(tree)
    assert wrong.value.pointer == wrong.value.field == pointer
    assert wrong.value.below("/where").field == f"/where{pointer}"


def test_null_is_the_same_as_left_out() -> None:
    tree = leaf("orders.count", "=", 1, of=None, within_days=None, **{"from": None, "to": None})
    assert parse(tree) == parse(leaf("orders.count", "=", 1))
    assert parse({"all": [COUNT], "any": None}) == parse({"all": [COUNT]})


def test_a_window_is_within_days_or_from_and_to() -> None:
    assert _leaf(within_days=30).window == Window(30, 0)
    assert _leaf(**{"from": 365, "to": 91}).window == Window(365, 91)
    assert _leaf(**{"from": 7}).window == Window(7, None)
    assert _leaf(to=0).window == Window(None, 0)
    assert _leaf().window is None


def test_an_attributes_name_may_stand_behind_the_fields() -> None:
    assert parse(leaf("profile.attributes.size", "=", "L")) == parse(leaf("profile.attributes", "=", "L", of="size"))


def test_leaves_come_from_left_to_right() -> None:
    tree = {"any": [leaf("orders.count", "=", 1), {"not": {"all": [leaf("orders.count", "=", 2)]}}, COUNT]}
    assert [each.value for each in leaves(parse(tree))] == [1, 2, 3]


def _leaf(**more: Any) -> Leaf:
    found = parse(leaf("orders.count", "=", 1, **more))
    assert isinstance(found, Leaf)
    return found


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(sorted(FIELDS)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "field", "op", "value", "within_days", "from", "to", "of", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(ANYTHING)
def test_whatever_is_sent_is_a_tree_or_is_refused(tree: Any) -> None:
    with suppress(WrongWhere):
        parse(tree)


def test_a_day_may_be_said_as_an_instant_of_it() -> None:
    tree = parse(leaf("orders.last_at", ">=", "2026-01-01T01:30:00+02:00", **{"from": "2025-12-01T00:00:00Z", "to": 0}))
    first = datetime(2025, 12, 1, tzinfo=UTC)
    assert tree == Leaf("orders.last_at", ">=", datetime(2025, 12, 31, 23, 30, tzinfo=UTC), Window(first, 0))
    assert date_of(Facts(0, ZoneInfo("Europe/Berlin")).day(first - timedelta(minutes=1))) == date(2025, 12, 1)


@pytest.mark.parametrize(
    "told", ["2026-02-30T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z", "1626-01-01T00:00:00Z"]
)
def test_what_is_no_instant_is_no_day(told: str) -> None:
    with pytest.raises(WrongWhere) as wrong:
        parse(leaf("orders.last_at", ">=", told))
    assert wrong.value.pointer == "/value"


def test_an_instant_before_the_other_is_no_window() -> None:
    with pytest.raises(WrongWhere) as wrong:
        parse(leaf("orders.count", ">=", 1, **{"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}))
    assert wrong.value.pointer == "/to"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-05T00:00:00Z", "2026-01-01"),
        ("2026-01-05", "2026-01-01T00:00:00Z"),
        ("2026-01-05", "2026-01-04"),
        (3, 4),
    ],
)
def test_a_window_does_not_end_before_it_begins(first: Any, last: Any) -> None:
    with pytest.raises(WrongWhere) as wrong:
        parse(leaf("orders.count", ">=", 1, **{"from": first, "to": last}))
    assert wrong.value.pointer == "/to"


def test_what_only_the_merchants_zone_could_say_is_taken() -> None:
    window = {"from": "2026-01-02", "to": "2026-01-01T12:00:00Z"}  # the 2nd, east of there
    assert isinstance(parse(leaf("orders.count", ">=", 1, **window)), Leaf)


@pytest.mark.parametrize("told", ["2026-01-01T00:00:00+12:60", "2026-01-01T00:00:00+24:00"])
def test_an_offset_is_one_of_a_clock(told: str) -> None:
    with pytest.raises(WrongWhere):
        parse(leaf("orders.last_at", ">=", told))
