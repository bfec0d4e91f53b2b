"""Lift against the holdout: intervals as published, and when nothing is said."""

from __future__ import annotations

from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats.contingency import relative_risk

from chalicelib.performance.lift import (
    LEAST_BUYERS,
    LEAST_CUSTOMERS,
    Group,
    Lift,
    TooLittle,
    difference,
    lift,
    relative,
)

CONFIDENCE = 0.95


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Any group that a lift is told of."""
    customers = draw(st.integers(LEAST_CUSTOMERS, 2_000_000))
    return Group(customers, draw(st.integers(LEAST_BUYERS, customers)))


@given(groups(), groups())
def test_the_relative_lift_is_what_a_statistics_library_says_of_any_two_groups(one: Group, other: Group) -> None:
    library = relative_risk(one.bought, one.customers, other.bought, other.customers)
    bounds = library.confidence_interval(CONFIDENCE)
    found = relative(one, other)
    assert found.value + 1 == pytest.approx(library.relative_risk)
    assert (found.low + 1, found.high + 1) == pytest.approx((bounds.low, bounds.high))


@given(groups(), groups())
def test_the_difference_is_made_of_what_a_statistics_library_says_of_each_group(one: Group, other: Group) -> None:
    """Newcombe's method 10 joins the score intervals of both shares: each bound is as far off as both are together."""
    of_one = binomtest(one.bought, one.customers).proportion_ci(CONFIDENCE, method="wilson")
    of_other = binomtest(other.bought, other.customers).proportion_ci(CONFIDENCE, method="wilson")
    found = difference(one, other)
    assert found.value == pytest.approx(one.share - other.share)
    assert found.value - found.low == pytest.approx(hypot(one.share - of_one.low, of_other.high - other.share))
    assert found.high - found.value == pytest.approx(hypot(of_one.high - one.share, other.share - of_other.low))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        (Group(70, 56), Group(80, 48), 0.0524, 0.3339),
        (Group(10, 9), Group(10, 3), 0.1705, 0.8090),
        (Group(7, 6), Group(7, 2), 0.0582, 0.8062),
        (Group(56, 5), Group(29, 0), -0.0381, 0.1926),
        (Group(10, 0), Group(20, 0), -0.1611, 0.2775),
        (Group(10, 0), Group(10, 0), -0.2775, 0.2775),
        (Group(10, 10), Group(20, 0), 0.6791, 1.0000),
        (Group(10, 10), Group(10, 0), 0.6075, 1.0000),
    ],
)
def test_the_difference_has_the_interval_of_newcombes_worked_examples(
    one: Group, other: Group, low: float, high: float
) -> None:
    """Statistics in Medicine 17 (1998), table II, method 10."""
    found = difference(one, other)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        (Group(70, 56), Group(80, 48), 1.076626, 1.651249),
        (Group(1000, 120), Group(1000, 90), 1.029234, 1.727282),
        (Group(400, 30), Group(300, 12), 0.976388, 3.600644),
    ],
)
def test_the_relative_lift_has_the_interval_of_a_risk_ratio(one: Group, other: Group, low: float, high: float) -> None:
    """Figures of statsmodels 0.14, confint_proportions_2indep(compare="ratio", method="log")."""
    found = relative(one, other)
    assert found.low + 1 == pytest.approx(low, abs=1e-6)
    assert found.high + 1 == pytest.approx(high, abs=1e-6)


def test_the_same_in_both_groups_is_no_lift() -> None:
    told = lift(Group(500, 50), Group(500, 50))
    assert isinstance(told, Lift)
    assert (told.difference.value, told.relative.value) == (0, 0)
    assert told.difference.low < 0 < told.difference.high


@pytest.mark.parametrize(
    ("recipients", "holdout", "reason"),
    [
        (Group(500, 50), Group(0, 0), TooLittle.NO_HOLDOUT),
        (Group(500, 50), Group(LEAST_CUSTOMERS - 1, 20), TooLittle.TOO_FEW_CUSTOMERS),
        (Group(LEAST_CUSTOMERS - 1, 20), Group(500, 50), TooLittle.TOO_FEW_CUSTOMERS),
        (Group(500, 50), Group(500, LEAST_BUYERS - 1), TooLittle.TOO_FEW_BUYERS),
        (Group(500, LEAST_BUYERS - 1), Group(500, 50), TooLittle.TOO_FEW_BUYERS),
    ],
)
def test_where_there_is_too_little_nothing_is_said(recipients: Group, holdout: Group, reason: TooLittle) -> None:
    assert lift(recipients, holdout) is reason


def test_nothing_is_said_before_the_credit_can_be_used() -> None:
    assert lift(Group(500, 50), Group(500, 50), begun=False) is TooLittle.NOT_BEGUN


def test_what_is_just_enough_is_told() -> None:
    assert isinstance(lift(Group(LEAST_CUSTOMERS, LEAST_BUYERS), Group(LEAST_CUSTOMERS, LEAST_BUYERS)), Lift)
