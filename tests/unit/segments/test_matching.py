"""What a leaf says of a customer, and what follows from what is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.customers.activity import Abandoned, Lifetime, RecentOrder, with_orders
from chalicelib.customers.days import day_of, day_of_date
from chalicelib.customers.profile import Profile
from chalicelib.ledger.limits import DAY_MS, HOUR_MS
from chalicelib.ledger.lots import Kind, Lot, LotClass
from chalicelib.ledger.model import Wallet
from chalicelib.segments.facts import Facts
from chalicelib.segments.fields import FIELDS, OPS, Besides, Shape
from tests.passbook import instant
from tests.unit.segments.people import (
    BERLIN,
    FACTS,
    NOBODY,
    NOW,
    TODAY,
    abandoning,
    born,
    consenting,
    figured,
    leaf,
    living_in,
    mailed,
    ordered,
    someone,
    touched,
    verdict,
)

TRUE = leaf("orders.count", "=", 0)
FALSE = leaf("orders.count", ">", 0)
UNKNOWN = leaf("profile.country", "=", "DE")
KLEENE = {True: TRUE, False: FALSE, None: UNKNOWN}


# What is not known


def test_the_three_answers_are_what_they_are_called() -> None:
    assert [verdict(tree, NOBODY) for tree in (TRUE, FALSE, UNKNOWN)] == [True, False, None]


@pytest.mark.parametrize(("one", "other"), list(product(KLEENE, KLEENE)))
def test_trees_are_three_valued_as_kleene_has_it(one: bool | None, other: bool | None) -> None:
    both = [KLEENE[one], KLEENE[other]]
    known = {one, other}
    every = False if False in known else None if None in known else True
    some = True if True in known else None if None in known else False
    opposite = None if one is None else not one
    assert verdict({"all": both}, NOBODY) is every
    assert verdict({"any": both}, NOBODY) is some
    assert verdict({"not": KLEENE[one]}, NOBODY) is opposite
    assert verdict({"not": {"all": both}}, NOBODY) is verdict({"any": [{"not": each} for each in both]}, NOBODY)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_nothing_is_an_error_and_neither_a_question_nor_its_opposite_has_who_is_not_known(field: Any) -> None:
    values = {
        Shape.COUNT: 3,
        Shape.MONEY: 3,
        Shape.DAY: 3,
        Shape.FLAG: True,
        Shape.WORD: "low",
        Shape.WORDS: "tea",
        Shape.PERCENTILE: 80,
        Shape.ATTRIBUTE: 3,
    }
    of = {"of": "size"} if Besides.ATTRIBUTE in field.besides else {}
    for op in OPS[field.shape]:
        value = {"in": [values[field.shape]], "exists": True}.get(op, values[field.shape])
        tree = leaf(field.name, op, value, **of)
        answer = verdict(tree, NOBODY)
        opposite = verdict({"not": tree}, NOBODY)
        assert opposite is (None if answer is None else not answer)
        if op == "exists" and not field.name.startswith("wallet."):
            assert answer is False
            assert verdict({**tree, "value": False}, NOBODY) is True


@pytest.mark.parametrize(
    "tree",
    [
        leaf("orders.average", "<", 5),
        leaf("orders.last_at", "<", 5),
        leaf("orders.first_at", "!=", 5),
        leaf("email.subscribed", "=", False),
        leaf("email.subscribed", "!=", True),
        leaf("birthday", ">", 0),
        leaf("profile.country", "!=", "DE"),
        leaf("profile.region", "!=", "BY"),
        leaf("profile.locale", "!=", "de"),
        leaf("profile.has_account", "!=", True),
        leaf("profile.age", "<", 200),
        leaf("profile.attributes", "!=", "L", of="size"),
        leaf("predicted_spend_tier", "!=", "high"),
        leaf("tier", "!=", "gold"),
        leaf("spend.percentile", "<", 50),
        leaf("wallet.last_redeemed_at", "<", 5),
        leaf("wallet.available", "=", 0),
        leaf("wallet.expiring_within_days", ">", 5),
    ],
)
def test_who_is_not_known_matches_neither_a_leaf_nor_its_opposite(tree: Any) -> None:
    assert verdict(tree, NOBODY) is None
    assert verdict({"not": tree}, NOBODY) is None


def test_who_was_erased_or_merged_is_no_member_of_anything() -> None:
    for gone in (replace(NOBODY, erased=True), replace(NOBODY, merged_into="other")):
        assert verdict(TRUE, gone) is False
        assert verdict({"not": FALSE}, gone) is False


# Orders


def test_orders_are_counted_and_summed_in_whole_days_with_both_ends() -> None:
    buyer = ordered(NOBODY, 0, 30, 31, 60, total=500)
    assert verdict(leaf("orders.count", "=", 4), buyer)
    assert verdict(leaf("orders.count", "=", 2, within_days=30), buyer)
    assert verdict(leaf("orders.count", "=", 1, within_days=0), buyer)
    assert verdict(leaf("orders.count", "=", 2, **{"from": 60, "to": 31}), buyer)
    assert verdict(leaf("orders.total", "=", 1_000, **{"from": 60, "to": 31}), buyer)
    assert verdict(leaf("orders.count", "=", 3, **{"from": "2026-08-21"}), buyer)
    assert verdict(leaf("orders.count", "=", 1, to="2026-08-20"), buyer)
    assert verdict(leaf("orders.count", "in", [1, 4]), buyer)


def test_a_cancelled_order_does_not_count() -> None:
    activity = with_orders(ordered(NOBODY, 5).activity, TODAY - 5, "EUR", -1, -1_000)
    gone = replace(NOBODY, activity=replace(activity, recent_orders=()))
    assert verdict(leaf("orders.count", "=", 0), gone)
    assert verdict(leaf("orders.last_at", "exists"), gone) is False
    assert verdict(leaf("spend.percentile", ">=", 0), gone) is None


def test_the_average_is_of_the_orders_of_the_window_and_money_has_one_currency() -> None:
    buyer = ordered(ordered(NOBODY, 1, 2, total=1_001), 3, total=5_000, currency="USD")
    assert verdict(leaf("orders.average", "=", 1_001), buyer), "the currency of most orders"
    assert verdict(leaf("orders.total", "=", 5_000, of="USD"), buyer)
    assert verdict(leaf("orders.total", "=", 0, of="GBP"), buyer)
    assert verdict(leaf("orders.total", "=", 5_000), buyer, replace(FACTS, currency="USD")), "the campaign's"
    assert verdict(leaf("orders.count", "=", 3), buyer, replace(FACTS, currency="USD")), "an order is an order"
    assert verdict(leaf("orders.count", "=", 1, of="USD"), buyer)
    assert verdict(leaf("orders.average", "exists", within_days=0), buyer) is False


def test_first_and_last_are_days_of_which_the_later_is_the_greater() -> None:
    buyer = ordered(NOBODY, 10, 20)
    for tree in (
        leaf("orders.last_at", "=", 10),
        leaf("orders.last_at", "=", "2026-09-11"),
        leaf("orders.last_at", ">", 11),
        leaf("orders.last_at", "<", 9),
        leaf("orders.last_at", "exists", within_days=10),
        leaf("orders.first_at", "=", 20),
        leaf("orders.first_at", "<=", "2026-09-01"),
        leaf("orders.first_at", ">=", "2026-09-01"),
    ):
        assert verdict(tree, buyer) is True, tree
    assert verdict(leaf("orders.last_at", "exists", within_days=9), buyer) is False
    assert verdict(leaf("orders.last_at", "exists", False, within_days=9), buyer) is True


def old_hand() -> Profile:
    """Five orders three years ago of which only the sum is known by now, and two of late."""
    buyer = ordered(NOBODY, 10, 20)
    told = Lifetime(7, 7_000, TODAY - 1_100, TODAY - 10)
    return replace(buyer, activity=replace(buyer.activity, lifetime={"EUR": told}))


def test_what_is_beyond_the_horizon_counts_as_far_as_it_is_known() -> None:
    buyer = old_hand()
    assert verdict(leaf("orders.count", "=", 7), buyer) is True
    assert verdict(leaf("orders.count", "=", 2, within_days=300), buyer) is True
    assert verdict(leaf("orders.count", "=", 7, **{"from": 2_000}), buyer) is True, "all of them"
    for known, tree in {
        True: leaf("orders.count", ">=", 2, within_days=600),
        False: leaf("orders.count", "<", 2, within_days=600),
    }.items():
        assert verdict(tree, buyer) is known
    for op, value in ((">=", 3), ("=", 2), ("=", 5), ("!=", 5), ("<", 3), ("<=", 9), ("in", [2, 3])):
        tree = leaf("orders.count", op, [2, 3] if op == "in" else value, within_days=600)
        assert verdict(tree, buyer) is None, tree
        assert verdict({"not": tree}, buyer) is None
    assert verdict(leaf("orders.count", "=", 1, within_days=600), buyer) is False
    assert verdict(leaf("orders.average", ">", 0, within_days=600), buyer) is None


# What was bought and viewed


def test_traces_are_asked_for_one_for_any_and_for_all() -> None:
    buyer = touched(touched(NOBODY, "bought", "tea", ago=5), "bought", "pot", ago=50)
    for value, (op, names) in (
        (True, ("=", "tea")),
        (True, ("contains", "tea")),
        (True, ("contains", ["tea", "pot"])),
        (False, ("contains", ["tea", "cup"])),
        (True, ("in", ["tea", "cup"])),
        (True, ("in", "tea")),
        (False, ("in", ["cup"])),
        (False, ("!=", "tea")),
        (True, ("!=", "cup")),
    ):
        assert verdict(leaf("products.bought", op, names), buyer) is value, (op, names)
    assert verdict(leaf("products.bought", "=", "pot", within_days=49), buyer) is False
    assert verdict(leaf("products.bought", "contains", ["tea", "pot"], within_days=49), buyer) is False
    assert verdict(leaf("products.bought", "exists", within_days=4), buyer) is False
    assert verdict(leaf("products.bought", "exists", within_days=5), buyer) is True


def test_traces_that_are_full_do_not_say_what_was_before_them() -> None:
    busy = touched(NOBODY, "bought", *(f"product-{number}" for number in range(100)), ago=30)
    assert verdict(leaf("products.bought", "=", "product-7"), busy) is True
    assert verdict(leaf("products.bought", "=", "tea"), busy) is None
    assert verdict(leaf("products.bought", "!=", "tea"), busy) is None
    assert verdict(leaf("products.bought", "=", "tea", within_days=29), busy) is False
    assert verdict(leaf("products.bought", "=", "tea", within_days=30), busy) is None, "of that day some may be gone"


# E-mail, checkout, person


def test_engagements_are_opens_and_clicks() -> None:
    reader = mailed(mailed(NOBODY, 3, opens=2, clicks=1), 40, opens=1, clicks=4)
    for field, all_of_them, of_late in (("opens", 3, 2), ("clicks", 5, 1), ("engagements", 8, 3)):
        assert verdict(leaf(f"email.{field}", "=", all_of_them), reader)
        assert verdict(leaf(f"email.{field}", "=", of_late, within_days=30), reader)


def test_a_checkout_is_abandoned_until_something_is_ordered() -> None:
    tree = leaf("checkout.abandoned", "=", True, within_days=7)
    assert verdict(tree, abandoning(NOBODY, 7)) is True
    assert verdict(tree, abandoning(NOBODY, 8)) is False
    assert verdict(tree, abandoning(ordered(NOBODY, 6), 7)) is False
    assert verdict(tree, abandoning(ordered(NOBODY, 8), 7)) is True
    assert verdict(leaf("checkout.abandoned", "=", False), NOBODY) is True


def test_a_cancelled_order_does_not_end_an_abandoned_checkout() -> None:
    left = abandoning(ordered(NOBODY, 3), 3, minutes=-5)
    cancelled = RecentOrder(NOW - 3 * DAY_MS, 9, "EUR", 0, False)
    kept = replace(left.activity, recent_orders=(cancelled,))
    assert verdict(leaf("checkout.abandoned", "=", True), left) is False
    assert verdict(leaf("checkout.abandoned", "=", True), replace(left, activity=kept)) is True


def test_people_are_asked_by_what_they_told() -> None:
    assert verdict(leaf("profile.country", "in", ["DE", "AT"]), living_in("AT"))
    assert verdict(leaf("profile.region", "=", "BY"), living_in("DE", "BY"))
    assert verdict(leaf("profile.locale", "=", "de-DE"), someone(locale="de-DE"))
    assert verdict(leaf("profile.has_account", "=", False), someone(has_account=False))
    assert verdict(leaf("email.subscribed", "!=", True), consenting(False))
    assert verdict(leaf("predicted_spend_tier", "in", ["low", "medium"]), someone(predicted_spend_tier="low"))
    tagged = someone(tags=("vip", "tea"))
    assert verdict(leaf("profile.tags", "contains", ["vip", "tea"]), tagged)
    assert verdict(leaf("profile.tags", "in", ["tea", "x"]), tagged)
    assert verdict(leaf("profile.tags", "!=", "x"), tagged)
    assert verdict(leaf("profile.tags", "!=", "vip"), tagged) is False


def test_an_attribute_of_another_type_is_not_known() -> None:
    dressed = someone(attributes={"size": 42, "colour": "red", "member": True})
    assert verdict(leaf("profile.attributes", ">", 41, of="size"), dressed) is True
    assert verdict(leaf("profile.attributes", "=", "42", of="size"), dressed) is None
    assert verdict(leaf("profile.attributes", "=", 1, of="member"), dressed) is None
    assert verdict(leaf("profile.attributes", "=", True, of="member"), dressed) is True
    assert verdict(leaf("profile.attributes", "in", ["red", 1], of="colour"), dressed) is True
    assert verdict(leaf("profile.attributes", "in", [1, 42], of="member"), dressed) is None
    assert verdict(leaf("profile.attributes", "<", 3, of="colour"), dressed) is None


# Birthdays and days


@pytest.mark.parametrize(
    ("birth", "today", "days"),
    [
        ("2000-02-29", "2027-02-27", 1),
        ("2000-02-29", "2027-02-28", 0),
        ("2000-02-29", "2027-03-01", 365),
        ("2000-02-29", "2028-02-28", 1),
        ("2000-02-29", "2028-02-29", 0),
        ("2000-01-01", "2026-12-31", 1),
        ("2000-12-31", "2026-12-31", 0),
        ("2000-12-30", "2026-12-31", 364),
    ],
)
def test_birthdays_come_in_so_many_days(birth: str, today: str, days: int) -> None:
    facts = Facts(instant(f"{today}T12:00"), BERLIN)
    assert verdict(leaf("birthday", "=", days), born(birth), facts) is True
    assert verdict(leaf("birthday", "exists", within_days=days), born(birth), facts) is True
    assert verdict(leaf("birthday", "<=", days), born(birth), facts) is True
    if days:
        assert verdict(leaf("birthday", "exists", within_days=days - 1), born(birth), facts) is False
        assert verdict(leaf("birthday", "<=", days - 1), born(birth), facts) is False


def test_that_a_birthday_lies_ahead_can_be_asked_by_yes_or_no() -> None:
    """Of whom no birthday is known it is neither, as of anything that is not known."""
    facts = Facts(instant("2026-09-21T12:00"), BERLIN)
    soon, late = born("1990-09-25"), born("1990-12-25")
    for op, value, of_soon in (("=", True, True), ("!=", True, False), ("=", False, False), ("!=", False, True)):
        tree = leaf("birthday", op, value, within_days=30)
        assert (verdict(tree, soon, facts), verdict(tree, late, facts)) == (of_soon, not of_soon)
        assert verdict(tree, NOBODY, facts) is None
        assert verdict({"not": tree}, NOBODY, facts) is None


@pytest.mark.parametrize(
    ("birth", "today", "age"),
    [("2000-02-29", "2027-02-27", 26), ("2000-02-29", "2027-02-28", 27), ("2000-06-01", "2026-06-01", 26)],
)
def test_people_grow_older_on_their_birthday(birth: str, today: str, age: int) -> None:
    facts = Facts(instant(f"{today}T12:00"), BERLIN)
    assert verdict(leaf("profile.age", "=", age), born(birth), facts) is True


def test_who_is_not_born_yet_has_no_age() -> None:
    assert verdict(leaf("profile.age", ">=", 0), born("2027-01-01")) is None


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        (BERLIN, "2026-03-28T23:00", "2026-03-29"),
        (BERLIN, "2026-03-29T21:59", "2026-03-29"),
        (BERLIN, "2026-03-29T22:00", "2026-03-30"),
        (BERLIN, "2026-10-24T22:00", "2026-10-25"),
        (BERLIN, "2026-10-25T22:59", "2026-10-25"),
        (BERLIN, "2026-10-25T23:00", "2026-10-26"),
        (ZoneInfo("Pacific/Kiritimati"), "2026-03-28T10:00", "2026-03-29"),
        (UTC, "2026-03-28T23:59", "2026-03-28"),
    ],
)
def test_a_day_is_a_whole_day_in_the_merchants_zone_also_when_clocks_change(zone: Any, now: str, day: str) -> None:
    facts = Facts(instant(now), zone)
    assert facts.date.isoformat() == day
    told = Abandoned(facts.now, 1, "EUR")
    leaving = replace(NOBODY, activity=replace(NOBODY.activity, abandoned=told))
    assert verdict(leaf("checkout.abandoned", "=", True, within_days=0), leaving, facts) is True
    tomorrow = Facts(facts.now + 25 * HOUR_MS, zone)
    assert verdict(leaf("checkout.abandoned", "=", True, within_days=0), leaving, tomorrow) is False
    same_day = leaf("checkout.abandoned", "=", True, **{"from": day, "to": day})
    assert verdict(same_day, leaving, tomorrow) is True


def test_thirty_days_are_thirty_days_across_a_change_of_clocks() -> None:
    """From 10 March to 9 April 2026 an hour is missing; the order of the evening of the 10th still is 30 days old."""
    evening, morning = instant("2026-03-10T22:30"), instant("2026-04-08T22:30")
    bought = day_of(evening, BERLIN)
    buyer = replace(NOBODY, activity=with_orders(NOBODY.activity, bought, "EUR", 1, 100))
    assert (bought, day_of(morning, BERLIN)) == (day_of_date(date("2026-03-10")), day_of_date(date("2026-04-09")))
    facts = Facts(morning, BERLIN)
    assert verdict(leaf("orders.count", "=", 1, within_days=30), buyer, facts) is True
    assert verdict(leaf("orders.count", "=", 1, within_days=29), buyer, facts) is False


def date(told: str) -> Any:
    from datetime import date as calendar

    return calendar.fromisoformat(told)


# Spend and wallets


def test_a_percentile_is_what_the_distribution_says_in_the_customers_currency() -> None:
    spender = ordered(NOBODY, 1, total=80_000)
    for op, percentile, answer in (
        (">=", 80, True),
        (">", 80, False),
        (">=", 81, False),
        ("<", 81, True),
        ("<=", 80, True),
    ):
        assert verdict(leaf("spend.percentile", op, percentile), spender) is answer, (op, percentile)
    assert verdict(leaf("spend.percentile", ">=", 0, of="USD"), spender) is None
    assert verdict(leaf("spend.percentile", ">=", 0), ordered(NOBODY, 1, currency="GBP")) is None, "nobody is counted"


def wallet(*lots: tuple[int, int | None, int]) -> Wallet:
    """A wallet of lots: what is left, the days until each expires, the days until it begins."""
    return Wallet(
        "someone",
        "EUR",
        version=len(lots),
        lots=tuple(
            Lot(
                f"lot_{number}",
                Kind.PROMOTION,
                LotClass.PROMOTIONAL,
                amount,
                amount,
                0,
                50,
                NOW + begins * DAY_MS,
                None if ends is None else NOW + ends * DAY_MS,
            )
            for number, (amount, ends, begins) in enumerate(lots, 1)
        ),
    )


def test_what_is_available_is_what_could_be_spent_now() -> None:
    full = wallet((300, 10, -1), (200, None, -1), (500, -1, -9), (700, 20, 5))
    assert verdict(leaf("wallet.available", "=", 500), ordered(NOBODY, 1), EUR=full) is True
    assert verdict(leaf("wallet.available", "=", 500, of="EUR"), NOBODY, EUR=full) is True
    assert verdict(leaf("wallet.available", "exists"), ordered(NOBODY, 1), EUR=wallet()) is False
    assert verdict(leaf("wallet.available", "=", 0, of="EUR"), NOBODY, EUR=wallet()) is True


def test_credit_expires_within_days_where_some_of_it_that_can_be_spent_does() -> None:
    full = wallet((300, 10, -1), (200, None, -1), (700, 3, 1), (1, 40, -1))
    for answer, tree in {
        True: leaf("wallet.expiring_within_days", "<=", 10, of="EUR"),
        False: leaf("wallet.expiring_within_days", "<=", 9, of="EUR"),
    }.items():
        assert verdict(tree, NOBODY, EUR=full) is answer
    assert verdict(leaf("wallet.expiring_within_days", "exists", of="EUR", within_days=10), NOBODY, EUR=full) is True
    assert verdict(leaf("wallet.expiring_within_days", "exists", of="EUR", within_days=9), NOBODY, EUR=full) is False
    forever = wallet((5, None, -1))
    assert verdict(leaf("wallet.expiring_within_days", "<=", 9, of="EUR"), NOBODY, EUR=forever) is None
    assert verdict(leaf("wallet.expiring_within_days", "exists", of="EUR"), NOBODY, EUR=forever) is False
    assert (
        verdict(leaf("wallet.expiring_within_days", "=", False, of="EUR", within_days=9), NOBODY, EUR=forever) is True
    )
    assert verdict(leaf("wallet.expiring_within_days", "=", True, of="EUR", within_days=10), NOBODY, EUR=full) is True


def test_a_wallet_that_was_not_read_is_not_known() -> None:
    tree = leaf("wallet.available", ">", 0, of="EUR")
    assert verdict(tree, NOBODY) is None
    assert verdict({"all": [tree, FALSE]}, NOBODY) is False
    assert verdict({"any": [tree, TRUE]}, NOBODY) is True


def test_the_ledgers_figures_are_those_of_the_currency() -> None:
    spender = figured(
        figured(NOBODY, issued=5_000, redemptions=2, last_redeemed_at=NOW - 3 * DAY_MS), "USD", redemptions=7
    )
    spender = ordered(spender, 1)
    assert verdict(leaf("wallet.redemptions", "=", 2), spender)
    assert verdict(leaf("wallet.redemptions", "=", 7, of="USD"), spender)
    assert verdict(leaf("wallet.redemptions", "=", 0, of="GBP"), spender)
    assert verdict(leaf("wallet.lifetime_issued", ">=", 5_000), spender)
    assert verdict(leaf("wallet.last_redeemed_at", "=", 3), spender)
    assert verdict(leaf("wallet.last_redeemed_at", "exists", within_days=2), spender) is False
