"""Limits that follow from DynamoDB's: a wallet fits in an item, and a movement in a transaction, at their worst."""

from __future__ import annotations

from contextlib import suppress

from chalicelib.ledger import limits
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import Refused
from tests.passbook import Passbook


def test_the_amount_of_one_command_fits_in_a_wallet() -> None:
    assert limits.MAX_AMOUNT <= limits.MAX_BALANCE


def test_the_most_entries_that_one_movement_can_have_fit_in_a_transaction() -> None:
    anna = Passbook()
    anna.grant(100, expires=At(anna.now + 1_000))
    for number in range(limits.MAX_OPEN_HOLDS):
        anna.hold(1, f"order-{number}", minutes=10)
    before = len(anna.entries)
    with suppress(Refused):
        anna.later(days=2).redeem(1)
    anna.grant(1)
    written = len(anna.entries) - before
    assert written == limits.MAX_OPEN_HOLDS + 2
    assert 2 + written <= limits.MAX_TRANSACTION_ITEMS


def test_a_hold_lives_at_most_a_week() -> None:
    assert limits.HOLD_TTL_DEFAULT_SECONDS == 30 * 60
    assert limits.HOLD_TTL_MAX_SECONDS == 7 * 24 * 3600
