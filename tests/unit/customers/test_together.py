"""What is bought together: counts that are never too high, and too low by no more than is said."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from chalicelib.customers.activity import MAX_RECENT_ID_BYTES
from chalicelib.customers.together import (
    FADE_AT,
    LEAST_TOGETHER,
    MAX_TOGETHER,
    MOST_PARTNERS,
    Partners,
    counted_together,
    most_together,
    partners_body,
    partners_of,
    summed,
)
from chalicelib.store.documents import document_of
from chalicelib.store.packing import compact, deflate


def told(partners: list[str], before: Partners | None = None) -> Partners:
    return (before or Partners()).plus(partners)


def test_as_long_as_there_is_room_counts_are_exact() -> None:
    partners = [f"p{place}" for place in range(MOST_PARTNERS) for _ in range(place + 1)]
    made = told(partners)
    assert (made.counts, made.told, made.lost) == (Counter(partners), len(partners), 0)


def test_where_there_is_no_room_every_count_goes_down_by_one() -> None:
    full = told([f"p{place}" for place in range(MOST_PARTNERS)] + ["p0"])
    after = told(["another"], full)
    assert (after.counts, after.lost) == ({"p0": 1}, 1)


@pytest.mark.parametrize("spread", [0.4, 0.6, 0.9, 1.3, 2.0])
def test_a_count_is_never_too_high_and_too_low_by_at_most_what_was_lost(spread: float) -> None:
    dice = random.Random(str(spread))
    partners = [f"p{int(dice.paretovariate(spread)) % 500}" for _ in range(FADE_AT - 1)]
    made, true = told(partners), Counter(partners)
    assert made.lost <= made.told // (MOST_PARTNERS + 1)
    for each, count in true.items():
        assert count - made.lost <= made.counts.get(each, 0) <= count
    frequent = {each for each, count in true.items() if count > made.told / (MOST_PARTNERS + 1)}
    assert frequent and frequent <= set(made.counts)


@pytest.mark.parametrize("spread", [0.4, 0.6, 0.9, 1.3])
def test_what_was_told_long_ago_fades_within_the_same_bounds(spread: float) -> None:
    dice, made, halved = random.Random(str(spread)), Partners(), 0
    exact: dict[str, float] = {}
    for _ in range(5 * FADE_AT):
        partner, before = f"p{int(dice.paretovariate(spread)) % 300}", made.told
        made = made.plus([partner])
        exact[partner] = exact.get(partner, 0) + 1
        if made.told < before:
            halved += 1
            exact = {each: count / 2 for each, count in exact.items()}
        assert made.told < FADE_AT
        assert len(made.counts) <= MOST_PARTNERS
        assert made.lost <= made.told / (MOST_PARTNERS + 1) + 2
    assert halved == 9
    for each, count in exact.items():
        assert count - made.lost <= made.counts.get(each, 0) <= count


def test_a_new_favourite_comes_before_an_old_one_in_time() -> None:
    made = told(["old"] * (3 * FADE_AT))
    made = told(["new"] * FADE_AT, made)
    assert most_together(made.counts, 2, known=lambda _: False) == ["new", "old"]


def test_tables_of_several_orders_are_summed() -> None:
    assert summed([told(["a", "b"]), told(["b", "c"]), Partners()]) == {"a": 1, "b": 2, "c": 1}


def test_the_first_few_products_of_an_order_count_each_once() -> None:
    assert counted_together(["b", "a", "b", "c"]) == ("b", "a", "c")
    assert counted_together(f"p{place}" for place in range(250)) == ("p0", "p1", "p2", "p3", "p4")
    assert len(counted_together(f"p{place}" for place in range(250))) == MAX_TOGETHER


@pytest.mark.parametrize("products", [[], ["a"], ["a", "a"], ["a", "x" * (MAX_RECENT_ID_BYTES + 1)], ["a", "ü" * 33]])
def test_what_is_alone_or_too_long_is_bought_together_with_nothing(products: list[str]) -> None:
    assert counted_together(products) == ()


def test_an_id_that_is_too_long_takes_no_place() -> None:
    assert counted_together(["x" * 65, "a", "y" * 64, "b"]) == ("a", "y" * 64, "b")


def test_the_most_together_are_those_that_the_customer_does_not_know() -> None:
    counts = {"tea": 9, "cup": 4, "pot": 7, "jar": 4, "chance": LEAST_TOGETHER - 1}
    assert most_together(counts, 3, known=lambda each: each == "tea") == ["pot", "cup", "jar"]
    assert most_together(counts, 9, known=lambda each: each == "tea") == ["pot", "cup", "jar"]
    assert most_together({}, 9, known=lambda _: False) == []


def test_the_largest_table_is_well_below_four_kilobytes() -> None:
    dice = random.Random(1)
    signs = [chr(sign) for sign in range(32, 127)]
    largest = 0
    for _ in range(20):
        ids = ["".join(dice.choices(signs, k=MAX_RECENT_ID_BYTES)) for _ in range(MOST_PARTNERS)]
        partners = Partners({each: dice.randrange(1_000, FADE_AT) for each in ids}, FADE_AT - 1, FADE_AT)
        largest = max(largest, len(deflate(compact(partners_body(partners)))) + MAX_RECENT_ID_BYTES + 50)
    assert largest < 3_000


def test_a_table_is_read_as_it_was_written() -> None:
    made = told([f"p{place}" for place in range(40)] + ["p39"] * 3)
    body = {"body": {"B": deflate(compact(partners_body(made)))}, "pk": {"S": "t#a"}, "sk": {"S": "0"}}
    assert partners_of(document_of(body).body) == made
