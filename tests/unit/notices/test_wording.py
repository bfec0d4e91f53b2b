"""Amounts, days and conditions in the words of a locale."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.notices import wording
from tests.passbook import instant

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "locale", "said"),
    [
        (1_250, "EUR", 2, "en", "€12.50"),
        (1_250, "EUR", 2, "de", "12,50 €"),
        (1_250, "EUR", 2, "de-AT", "12,50 €"),
        (1_250, "EUR", 2, "fr", "12.50 EUR"),
        (123_456_789, "USD", 2, "en-US", "$1,234,567.89"),
        (123_456_789, "USD", 2, "de", "1.234.567,89 $"),
        (5, "EUR", 2, "en", "€0.05"),
        (1_250, "JPY", 0, "en", "¥1,250"),
        (1_250, "KWD", 3, "en", "1.250 KWD"),
        (1_250, "KWD", 3, "de", "1,250 KWD"),
        (12_500, "PTS", 0, "en", "12,500 PTS"),
        (-1_250, "EUR", 2, "en", "-€12.50"),
        (9_007_199_254_740_993, "EUR", 2, "en", "€90,071,992,547,409.93"),
    ],
)
def test_an_amount_in_the_way_of_a_locale(amount: int, currency: str, exponent: int, locale: str, said: str) -> None:
    assert wording.amount(amount, currency, exponent, locale) == said


@pytest.mark.parametrize(
    ("ends", "locale", "said"),
    [
        ("2027-04-01", "en", "31 March 2027"),
        ("2027-04-01", "en-US", "March 31, 2027"),
        ("2027-04-01", "de", "31. März 2027"),
        ("2027-04-01", "fr", "2027-03-31"),
        ("2027-04-01T12:00", "en", "1 April 2027"),
    ],
)
def test_credit_can_be_used_until_the_last_day_on_which_it_is_alive(ends: str, locale: str, said: str) -> None:
    assert wording.last_day(instant(ends, BERLIN), BERLIN, locale) == said


def test_what_never_ends_says_no_day() -> None:
    assert wording.last_day(None, UTC, "en") == ""


def test_conditions_in_words() -> None:
    told = Conditions(
        min_order=5_000,
        max_share_of_order=2_550,
        include=Selection(categories=("tea", "coffee")),
        weekdays=("mon", "sun"),
        hours=(540, 1_080),
        not_with_discounts=True,
    )
    assert wording.conditions(told, "EUR", 2, "en") == (
        "for orders of €50.00 or more; for up to 25.5 % of an order; only for tea, coffee; only on Monday, Sunday; "
        "only from 09:00 to 18:00; not together with discounts"
    )
    assert wording.conditions(told, "EUR", 2, "de").startswith("für Bestellungen ab 50,00 €; für höchstens 25,5 %")
    assert wording.conditions(None, "EUR", 2, "en") == ""


def test_a_long_list_is_not_told_whole() -> None:
    told = Conditions(exclude=Selection(products=tuple("abcdefg")))
    assert wording.conditions(told, "EUR", 2, "en") == "not for a, b, c, d, e, …"
