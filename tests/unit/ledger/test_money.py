"""Currencies, and how an amount is shown."""

from __future__ import annotations

import pytest
from iso4217 import Currency

from chalicelib.ledger.money import EXPONENT, POINTS, display

UNITS_OF_ACCOUNT = {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"}
"""Funds codes, and index units and clearing units that nobody pays with."""


def test_the_table_is_iso_4217() -> None:
    published = {
        currency.code: currency.exponent
        for currency in Currency
        if currency.exponent is not None and currency.code not in UNITS_OF_ACCOUNT
    }
    assert published == EXPONENT


def test_metals_test_codes_and_no_currency_are_none() -> None:
    assert not {"XAU", "XAG", "XPT", "XPD", "XTS", "XXX", "XDR"} & set(EXPONENT)


def test_points_are_no_currency() -> None:
    assert not set(POINTS) & set(EXPONENT)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1250, "EUR", "12.50 EUR"),
        (5, "EUR", "0.05 EUR"),
        (50, "EUR", "0.50 EUR"),
        (0, "EUR", "0.00 EUR"),
        (100, "EUR", "1.00 EUR"),
        (-1250, "EUR", "-12.50 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1250, "JPY", "1250 JPY"),
        (0, "JPY", "0 JPY"),
        (1250, "KWD", "1.250 KWD"),
        (1, "KWD", "0.001 KWD"),
        (42, "PTS", "42 PTS"),
        (10**13, "EUR", "100000000000.00 EUR"),
    ],
)
def test_an_amount_is_shown_to_people(amount: int, currency: str, shown: str) -> None:
    assert display(amount, currency) == shown
