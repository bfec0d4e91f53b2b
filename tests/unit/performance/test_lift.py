"""Lift against the holdout: what is measured, and when nothing is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.performance.intervals import measure
from chalicelib.performance.lift import (
    LEAST_BUYERS,
    LEAST_CUSTOMERS,
    Comparison,
    Group,
    Interval,
    Lift,
    TooLittle,
    comparison,
)


def measured(recipients: Group, holdout: Group) -> Lift:
    (told,) = measure([Comparison(recipients, holdout)])
    return told


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Any group that a lift is told of."""
    customers = draw(st.integers(LEAST_CUSTOMERS, 2_000_000))
    return Group(customers, draw(st.integers(LEAST_BUYERS, customers)))


@given(groups(), groups())
def test_of_any_two_groups_what_is_estimated_lies_between_its_bounds(one: Group, other: Group) -> None:
    told = measured(one, other)
    for interval in (told.recipients, told.holdout, told.relative):
        assert interval.low <= interval.value <= interval.high
    for group, interval in ((one, told.recipients), (other, told.holdout)):
        assert interval.low >= 0 and interval.high <= 10_000
        assert interval.value == pytest.approx(10_000 * group.bought / group.customers, abs=0.5)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        (Group(70, 56), Group(80, 48), 1.076626, 1.651249),
        (Group(1000, 120), Group(1000, 90), 1.029234, 1.727282),
        (Group(400, 30), Group(300, 12), 0.976388, 3.600644),
    ],
)
def test_the_lift_has_the_interval_of_a_risk_ratio(one: Group, other: Group, low: float, high: float) -> None:
    """Figures of statsmodels 0.14, confint_proportions_2indep(compare="ratio", method="log")."""
    found = measured(one, other).relative
    assert found.low == pytest.approx(10_000 * (low - 1), abs=0.51)
    assert found.high == pytest.approx(10_000 * (high - 1), abs=0.51)


@pytest.mark.parametrize(("group", "low", "high"), [(Group(263, 81), 2553, 3662), (Group(148, 15), 624, 1605)])
def test_a_share_has_wilsons_interval(group: Group, low: int, high: int) -> None:
    """R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998)
    857, table I, method 3."""
    found = measured(group, Group(500, 50)).recipients
    assert (found.low, found.high) == (low, high)


def test_the_same_in_both_groups_is_no_lift() -> None:
    told = measured(Group(500, 50), Group(500, 50))
    assert told.recipients == told.holdout
    assert told.relative.low < told.relative.value == 0 < told.relative.high


def test_several_comparisons_are_told_in_their_order() -> None:
    pairs = [Comparison(Group(500, 50 + 10 * number), Group(500, 50)) for number in range(3)]
    assert [each.relative.value for each in measure(pairs)] == [0, 2_000, 4_000]
    assert measure([]) == []


def test_amounts_are_whole_numbers() -> None:
    told = measured(Group(500, 51), Group(500, 50))
    assert all(type(number) is int for each in (told.recipients, told.relative) for number in fields(each))


def fields(interval: Interval) -> tuple[object, ...]:
    return (interval.value, interval.low, interval.high)


@pytest.mark.parametrize(
    ("recipients", "holdout", "reason"),
    [
        (Group(500, 50), Group(0, 0), TooLittle.NO_HOLDOUT),
        (Group(500, 50), Group(LEAST_CUSTOMERS - 1, 20), TooLittle.TOO_FEW_CUSTOMERS),
        (Group(LEAST_CUSTOMERS - 1, 20), Group(500, 50), TooLittle.TOO_FEW_CUSTOMERS),
        (Group(500, 50), Group(500, LEAST_BUYERS - 1), TooLittle.TOO_FEW_BUYERS),
        (Group(500, LEAST_BUYERS - 1), Group(500, 50), TooLittle.TOO_FEW_BUYERS),
        (Group(500, 500), Group(40, 40), TooLittle.EVERYBODY_BOUGHT),
    ],
)
def test_where_there_is_too_little_nothing_is_said(recipients: Group, holdout: Group, reason: TooLittle) -> None:
    assert comparison(recipients, holdout, begun=True) is reason


def test_nothing_is_said_before_the_credit_can_be_used() -> None:
    assert comparison(Group(500, 50), Group(500, 50), begun=False) is TooLittle.NOT_BEGUN


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Group(LEAST_CUSTOMERS, LEAST_BUYERS), Group(LEAST_CUSTOMERS, LEAST_BUYERS)),
        (Group(40, 40), Group(40, 39)),
        (Group(40, 39), Group(40, 40)),
    ],
)
def test_what_is_just_enough_is_told_and_has_a_spread(one: Group, other: Group) -> None:
    told = comparison(one, other, begun=True)
    assert told == Comparison(one, other)
    assert isinstance(told, Comparison)
    (lift,) = measure([told])
    assert lift.relative.low < lift.relative.high
