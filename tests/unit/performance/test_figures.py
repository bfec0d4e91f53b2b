"""Figures from counters: rates, the median, and nothing where there is nothing."""

from __future__ import annotations

import pytest

from chalicelib.performance.figures import figures
from chalicelib.performance.lift import TooLittle


def test_of_a_campaign_that_issued_nothing_no_rate_is_told() -> None:
    told = figures({}, {}, begun=True)
    assert (told.outstanding, told.redemption_rate, told.median_days, told.repeat_rate) == (0, None, None, None)
    assert (told.compared, told.lift) == (TooLittle.NO_HOLDOUT, None)


def test_the_rate_is_what_is_spent_of_what_was_issued_rounded_down() -> None:
    assert figures({"issued": 3, "redeemed": 3, "given_back": 1}, {}, begun=True).redemption_rate == 6_666


@pytest.mark.parametrize(
    ("days", "median"),
    [
        ({"day_4": 1}, 4),
        ({"day_1": 1, "day_9": 1}, 1),
        ({"day_10": 2, "day_2": 1}, 10),
        ({"day_0": 5, "day_366": 4}, 0),
    ],
)
def test_the_median_is_the_lower_of_the_middle(days: dict[str, int], median: int) -> None:
    assert figures(days, {}, begun=True).median_days == median


def test_the_repeat_rate_is_of_those_who_ordered_at_all() -> None:
    people = {"recipients": 100, "recipients_bought": 8, "recipients_bought_again": 3}
    assert figures({}, people, begun=True).repeat_rate == 3_750
