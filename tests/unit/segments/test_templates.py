"""Every template of the library selects whom it says, and nobody of whom that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.campaigns.model import Goal
from chalicelib.customers.profile import Profile
from chalicelib.ledger.refusals import NotFound
from chalicelib.segments.templates import WrongParameter, instantiate, templates
from chalicelib.segments.where import parse
from tests.unit.segments.people import (
    NOBODY,
    abandoning,
    born,
    consenting,
    mailed,
    ordered,
    someone,
    touched,
    verdict,
)

PRODUCTS = {"products": ["tea", "pot"]}
TAGS = {"tags": ["green"]}
COLLECTIONS = {"collections": ["spring"]}
REGULAR = ordered(NOBODY, 100, 200, 300)

CASES: dict[str, tuple[dict[str, Any], list[Profile], list[Profile]]] = {
    "engaged_never_bought": (
        {},
        [mailed(consenting(), 0, 10, 30), mailed(consenting(), 5, opens=1, clicks=2)],
        [
            mailed(consenting(), 0, 10),
            mailed(consenting(), 0, 10, 31),
            mailed(consenting(False), 0, 1, 2),
            mailed(consenting(None), 0, 1, 2),
            ordered(mailed(consenting(), 0, 1, 2), 300),
        ],
    ),
    "first_timers_subscribed": (
        {},
        [ordered(consenting(), 399)],
        [consenting(), ordered(consenting(), 1, 2), ordered(consenting(False), 1), ordered(consenting(None), 1)],
    ),
    "first_timers_of_products": (
        PRODUCTS,
        [touched(ordered(NOBODY, 3), "bought", "pot")],
        [
            touched(ordered(NOBODY, 3, 4), "bought", "pot"),
            touched(ordered(NOBODY, 3), "bought", "cup"),
            touched(ordered(NOBODY, 3), "viewed", "pot"),
        ],
    ),
    "lapsed_regulars": (
        {},
        [ordered(NOBODY, 91, 200, 365), ordered(NOBODY, 91, 91, 91)],
        [
            ordered(NOBODY, 91, 200),
            ordered(NOBODY, 90, 200, 300, 310),
            ordered(NOBODY, 91, 200, 366),
            ordered(NOBODY, 0, 200, 300, 310),
        ],
    ),
    "cooled_subscribers": (
        {},
        [mailed(consenting(), 91, 200, 365)],
        [
            mailed(consenting(), 91, 200),
            mailed(consenting(), 90, 91, 200, 300),
            mailed(consenting(), 91, 200, 366),
            mailed(consenting(None), 91, 200, 300),
        ],
    ),
    "frequent_openers": (
        {},
        [mailed(NOBODY, 0, 20, 40, 60, 90), mailed(NOBODY, 1, opens=5)],
        [mailed(NOBODY, 0, 20, 40, 60), mailed(NOBODY, 0, 20, 40, 60, 91), mailed(NOBODY, 1, opens=0, clicks=9)],
    ),
    "birthday_soon": (
        {},
        [born("1990-09-21"), born("1990-10-21"), born("2026-09-21")],
        [born("1990-09-20"), born("1990-10-22"), NOBODY],
    ),
    "birthday_today": ({}, [born("1990-09-21")], [born("1990-09-20"), born("1990-09-22"), NOBODY]),
    "once_loyal_big_spenders": (
        {},
        [ordered(NOBODY, 181, total=80_000), ordered(NOBODY, 399, total=100_000)],
        [ordered(NOBODY, 180, total=80_000), ordered(NOBODY, 181, total=79_999), NOBODY],
    ),
    "frequent_buyers": (
        {},
        [ordered(NOBODY, 0, 45, 90)],
        [ordered(NOBODY, 0, 45), ordered(NOBODY, 0, 45, 91)],
    ),
    "vip": (
        {"tiers": ["gold", "platinum"]},
        [
            someone(attributes={"tier": "gold"}),
            ordered(NOBODY, 1, 2, 3, total=30_000),
            ordered(someone(attributes={"tier": "basic"}), 1, 2, 3, total=30_000),
        ],
        [
            NOBODY,
            someone(attributes={"tier": "basic"}),
            ordered(NOBODY, 1, 2, total=50_000),
            ordered(NOBODY, 1, 2, 3, total=29_999),
        ],
    ),
    "big_spenders_of_tag": (
        {**TAGS, "threshold": 5_000},
        [touched(ordered(NOBODY, 1, total=5_000), "tags_bought", "green")],
        [
            touched(ordered(NOBODY, 1, total=4_999), "tags_bought", "green"),
            touched(ordered(NOBODY, 1, total=5_000), "tags_bought", "black"),
        ],
    ),
    "high_value_high_intent": (
        {"threshold": 5_000},
        [mailed(ordered(NOBODY, 300, total=5_000), 30, clicks=1)],
        [
            mailed(ordered(NOBODY, 300, total=5_000), 31, clicks=1),
            mailed(ordered(NOBODY, 300, total=5_000), 1, opens=9),
            mailed(ordered(NOBODY, 300, total=4_999), 30, clicks=1),
        ],
    ),
    "big_spenders_recent": (
        {"threshold": 5_000},
        [ordered(NOBODY, 30, total=5_000)],
        [ordered(NOBODY, 31, total=5_000), ordered(NOBODY, 30, total=4_999)],
    ),
    "likely_to_spend_more": (
        {},
        [someone(predicted_spend_tier="high")],
        [someone(predicted_spend_tier="medium"), NOBODY],
    ),
    "abandoned_checkout": (
        {},
        [abandoning(NOBODY, 30), abandoning(ordered(NOBODY, 2), 1), abandoning(ordered(NOBODY, 1), 1, minutes=1)],
        [
            abandoning(NOBODY, 31),
            abandoning(ordered(NOBODY, 1), 2),
            abandoning(ordered(NOBODY, 1), 1, minutes=-1),
            NOBODY,
        ],
    ),
    "viewed_products_never_bought": (
        PRODUCTS,
        [touched(NOBODY, "viewed", "tea"), touched(touched(NOBODY, "viewed", "tea"), "bought", "cup")],
        [
            touched(NOBODY, "viewed", "cup"),
            touched(touched(NOBODY, "viewed", "tea"), "bought", "tea"),
            touched(touched(NOBODY, "viewed", "tea"), "bought", "pot"),
        ],
    ),
    "viewed_collections_never_bought": (
        COLLECTIONS,
        [touched(NOBODY, "collections_viewed", "spring")],
        [touched(NOBODY, "collections_viewed", "autumn"), ordered(touched(NOBODY, "collections_viewed", "spring"), 1)],
    ),
    "recent_collection_viewers": (
        COLLECTIONS,
        [touched(NOBODY, "collections_viewed", "spring", ago=30)],
        [touched(NOBODY, "collections_viewed", "spring", ago=31), touched(NOBODY, "collections_viewed", "autumn")],
    ),
    "small_baskets": (
        {"threshold": 2_000},
        [ordered(NOBODY, 1, 2, total=1_999), ordered(ordered(NOBODY, 1, total=3_998), 2, total=1)],
        [NOBODY, ordered(NOBODY, 1, total=2_000)],
    ),
    "bought_tag": (
        TAGS,
        [touched(NOBODY, "tags_bought", "green", ago=399)],
        [touched(NOBODY, "tags_bought", "black"), touched(NOBODY, "bought", "green")],
    ),
    "bought_product_in_period": (
        {**PRODUCTS, "from": "2026-09-01", "to": "2026-09-10"},
        [touched(NOBODY, "bought", "tea", ago=20), touched(NOBODY, "bought", "pot", ago=11)],
        [touched(NOBODY, "bought", "tea", ago=21), touched(NOBODY, "bought", "pot", ago=10)],
    ),
    "bought_products": (
        PRODUCTS,
        [touched(NOBODY, "bought", "tea", ago=1_000)],
        [touched(NOBODY, "bought", "cup"), touched(NOBODY, "viewed", "tea")],
    ),
}
LISTED = """
engaged_never_bought first_timers_subscribed first_timers_of_products lapsed_regulars cooled_subscribers
frequent_openers birthday_soon birthday_today once_loyal_big_spenders frequent_buyers vip big_spenders_of_tag
high_value_high_intent big_spenders_recent likely_to_spend_more abandoned_checkout viewed_products_never_bought
viewed_collections_never_bought recent_collection_viewers small_baskets bought_tag bought_product_in_period
bought_products
""".split()


def test_the_library_has_every_template_in_its_order() -> None:
    assert [template.id for template in templates()] == LISTED == list(CASES)


@pytest.mark.parametrize("template", LISTED)
def test_a_template_selects_whom_it_says(template: str) -> None:
    parameters, members, others = CASES[template]
    tree = instantiate(template, parameters)
    assert [verdict(tree, profile) for profile in members] == [True] * len(members)
    assert [number for number, profile in enumerate(others) if verdict(tree, profile) is True] == []
    assert verdict(tree, NOBODY) is not True


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.id)
def test_what_a_template_tells_of_itself_can_be_used_as_it_is(template: Any) -> None:
    assert template.goal in {goal.value for goal in Goal}
    assert template.name and template.description and template.recommended.message
    defaults = {each.name: each.default for each in template.parameters}
    needed = {name: ["one"] for name, default in defaults.items() if default is None}
    parse(instantiate(template.id, needed))
    given = {**defaults, **needed}
    assert instantiate(template.id, given) == instantiate(template.id, needed)


def test_what_needs_a_list_says_so() -> None:
    for template in templates():
        for parameter in template.parameters:
            if parameter.name in ("products", "tags", "collections"):
                assert parameter.default is None
                with pytest.raises(WrongParameter) as wrong:
                    instantiate(template.id)
                assert wrong.value.field == f"/parameters/{parameter.name}"


@pytest.mark.parametrize(
    ("template", "parameters", "pointer"),
    [
        ("lapsed_regulars", {"day": 90}, "/parameters/day"),
        ("lapsed_regulars", {"a/b~c": 90}, "/parameters/a~1b~0c"),
        ("lapsed_regulars", {"day": None}, "/parameters/day"),
        ("lapsed_regulars", {"days": "90"}, "/parameters/days"),
        ("lapsed_regulars", {"days": 90.0}, "/parameters/days"),
        ("lapsed_regulars", {"days": True}, "/parameters/days"),
        ("lapsed_regulars", {"days": -1}, "/parameters/days"),
        ("lapsed_regulars", {"days": 10**9}, "/parameters/days"),
        ("lapsed_regulars", {"count": 0}, "/parameters/count"),
        ("once_loyal_big_spenders", {"top_percent": 100}, "/parameters/top_percent"),
        ("bought_tag", {"tags": []}, "/parameters/tags"),
        ("bought_tag", {"tags": ["a", 1]}, "/parameters/tags/1"),
        ("bought_tag", {"tags": ["a"] * 51}, "/parameters/tags"),
        ("bought_tag", {"tags": {"a": 1}}, "/parameters/tags"),
        ("bought_product_in_period", {**PRODUCTS, "from": "yesterday"}, "/parameters/from"),
        ("bought_product_in_period", {**PRODUCTS, "from": 3, "to": 4}, "/parameters/to"),
        ("bought_product_in_period", {**PRODUCTS, "from": "2026-02-02", "to": "2026-02-01"}, "/parameters/to"),
        ("small_baskets", {"threshold": 10**12 + 1}, "/parameters/threshold"),
    ],
)
def test_a_parameter_that_cannot_be_is_pointed_at(template: str, parameters: Any, pointer: str) -> None:
    with pytest.raises(WrongParameter) as wrong:
        instantiate(template, parameters)
    assert wrong.value.field == pointer


def test_one_string_stands_for_a_list_of_it() -> None:
    assert instantiate("bought_tag", {"tags": "green"}) == instantiate("bought_tag", {"tags": ["green"]})


def test_a_template_that_there_is_not_is_not_found() -> None:
    with pytest.raises(NotFound) as wrong:
        instantiate("everybody")
    assert wrong.value.field == "/template"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-03-01T00:00:00Z", "2026-03-01"),
        ("2026-03-02T00:00:00+14:00", "2026-03-01T12:00:00Z"),
        ("2026-03-01t09:00:00Z", "2026-03-01T10:00:00Z"),
    ],
)
def test_days_of_a_period_are_compared_as_days_however_they_are_said(first: str, last: str) -> None:
    given = {"products": ["tea"], "from": first, "to": last}
    assert instantiate("bought_product_in_period", given)
    with pytest.raises(WrongParameter) as wrong:
        instantiate("bought_product_in_period", {**given, "from": last, "to": "2026-02-20T00:00:00Z"})
    assert wrong.value.field == "/parameters/to"
