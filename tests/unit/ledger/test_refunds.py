"""A refund gives the credit share of an order back to the lots that paid it, and never more than was paid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import At, Days, Grace, Never, OriginalExpiry, RefundSplit
from chalicelib.ledger.refusals import (
    CurrencyMismatch,
    ExpiryNotPermitted,
    FeatureDisabled,
    LotLimitExceeded,
    OrderLimitExceeded,
    OrderMismatch,
    OrderNotSeen,
    OverRefund,
    RedemptionNotSeen,
    RefundMismatch,
)
from tests.passbook import POLICY, Passbook, instant


def spring_order(book: Passbook) -> tuple[str, str]:
    """Lots A 5.00 (to 1 May) and B 10.00 (to 1 August) pay 12.00 of a 30.00 order on 20 April."""
    a = book.grant(500, expires=At(instant("2026-05-01")))
    b = book.grant(1000, expires=At(instant("2026-08-01")))
    book.on("2026-04-20").redeem(1200)
    book.pays("order-1", 3000, credit_used=1200)
    return a, b


# The example of the design


def test_half_of_the_order_refunded_proportionally_gives_six_euros_back_to_the_lot_that_was_burned_last() -> None:
    book = Passbook()
    _, b = spring_order(book)
    done = book.on("2026-05-10").refund(1500)
    assert (done.credit, done.other, done.lots) == (600, 900, (b,))
    assert book.lots == {b: 900}
    assert book.lot(b).expires_at == instant("2026-08-01")


def test_all_of_it_refunded_gives_seven_euros_back_to_b_and_five_as_a_reinstated_lot_for_thirty_days() -> None:
    book = Passbook()
    _, b = spring_order(book)
    done = book.on("2026-05-10").refund(3000)
    assert (done.credit, done.other) == (1200, 1800)
    assert done.lots[0] == b
    reborn = book.lot(done.lots[1])
    assert (reborn.kind, reborn.remaining, reborn.parent) == (Kind.REINSTATED, 500, "lot_1")
    assert reborn.expires_at == instant("2026-06-09")
    assert book.lots == {b: 1000, reborn.id: 500}


def test_two_halves_end_where_one_whole_refund_does() -> None:
    book = Passbook()
    _, b = spring_order(book)
    book.on("2026-05-10").refund(1500)
    last = book.refund(1500)
    assert (last.credit, last.other) == (600, 900)
    assert sorted(book.lots.values()) == [500, 1000] and book.lots[b] == 1000


def test_a_lot_that_is_still_alive_is_lifted_to_two_weeks() -> None:
    book = Passbook()
    lot = book.grant(500, expires=At(instant("2026-05-01")))
    book.on("2026-04-20").redeem(500)
    book.pays(total=500)
    book.on("2026-04-30").refund(500)
    assert book.lot(lot).expires_at == instant("2026-05-14")


def test_a_paid_lot_that_expired_comes_back_for_ever() -> None:
    book = Passbook()
    book.grant(500, Kind.MIGRATION, At(instant("2026-05-01")))
    book.on("2026-04-20").redeem(500)
    book.pays(total=500)
    (lot,) = book.on("2026-06-01").refund(500).lots
    assert book.lot(lot).expires_at is None


def test_with_original_expiry_what_comes_back_too_late_expires_at_once() -> None:
    book = Passbook(policy=replace(POLICY, reinstatement=OriginalExpiry()))
    book.grant(500, expires=At(instant("2026-05-01")))
    book.on("2026-04-20").redeem(500)
    book.pays(total=500)
    assert book.on("2026-06-01").refund(500).credit == 500
    assert book.available == 0 and book.types[-2:] == ["restored", "expired"]


def test_the_grace_is_the_merchants() -> None:
    book = Passbook(policy=replace(POLICY, reinstatement=Grace(lifted_to_days=2, reinstated_days=3)))
    book.grant(500, expires=At(instant("2026-05-01")))
    book.on("2026-04-20").redeem(500)
    book.pays(total=500)
    (lot,) = book.on("2026-06-01").refund(500).lots
    assert book.lot(lot).expires_at == instant("2026-06-04")


# What an order may have been paid with


def test_several_redemptions_give_back_the_newest_first() -> None:
    book = Passbook()
    first, second = book.grant(400), book.grant(600)
    book.redeem(400)
    book.redeem(600)
    book.pays(total=1000)
    assert book.refund(700).lots == (second, first)
    assert book.lots == {second: 600, first: 100}


def test_a_capture_in_parts_is_given_back_as_one_redemption_would_be() -> None:
    book = Passbook()
    lot = book.grant(1200)
    hold = book.hold(1200)
    book.capture(hold, 500, final=False)
    book.capture(hold, 300, final=False)
    book.capture(hold, 400)
    book.pays(total=3000, credit_used=1200)
    done = [book.refund(1000).credit for _ in range(3)]
    assert done == [400, 400, 400]
    assert book.lots == {lot: 1200}


def test_what_is_still_held_for_the_order_comes_back_first() -> None:
    book = Passbook()
    book.grant(1200)
    hold = book.hold(1200)
    book.capture(hold, 500, final=False)
    book.pays(total=1200, credit_used=1200)
    book.refund(600)
    assert (book.available, book.balance.held) == (600, 100)
    book.refund(600)
    assert (book.available, book.balance.held) == (1200, 0)
    assert book.hold_statuses[hold.id] == "released"


def test_what_was_released_by_a_refund_can_no_longer_be_captured_and_the_rest_can() -> None:
    book = Passbook()
    book.grant(1200)
    hold = book.hold(1200)
    book.pays(total=1200, credit_used=1200)
    book.refund(700)
    assert book.capture(hold).amount == 500
    book.refund(500)
    assert book.available == 1200
    with pytest.raises(OverRefund):
        book.refund(1)


def test_a_hold_that_lapsed_unswept_is_the_same_to_a_refund_as_one_that_was_swept() -> None:
    """Being late changes no refusal: the shop's figure is explained by the lapse, booked or not."""
    answers = []
    for swept in (True, False):
        book = Passbook()
        book.grant(1200)
        book.hold(1200)
        book.pays(total=3000, credit_used=1200)
        book.later(minutes=31)
        if swept:
            book.sweep()
        done = book.refund(1500)
        answers.append((done.credit, done.other, book.available))
    assert answers == [(0, 1500, 1200)] * 2


def test_a_checkout_that_gave_up_and_came_again_does_not_count_as_paid_twice() -> None:
    """Credit spent, the card declined, credit given back, then another basket: the card paid the rest of the order."""
    book = Passbook()
    book.grant(1200)
    book.reverse(book.redeem(1200))
    book.redeem(1000)
    book.pays(total=3000, credit_used=1000)
    done = book.refund(3000)
    assert (done.credit, done.other) == (1000, 2000)
    assert book.available == 1200


def test_a_redemption_that_was_reversed_by_hand_is_not_refunded_again() -> None:
    book = Passbook()
    book.grant(1200)
    redemption = book.redeem(1200)
    book.pays(total=3000, credit_used=1200)
    book.reverse(redemption)
    with pytest.raises(OverRefund):
        book.refund(3000)
    done = book.refund(1800)
    assert (done.credit, done.other) == (0, 1800)
    assert book.available == 1200


def test_without_the_shops_figure_a_reversal_by_hand_still_counts_as_paid() -> None:
    book = Passbook()
    book.grant(1200)
    redemption = book.redeem(1200)
    book.pays(total=3000)
    book.reverse(redemption, 700)
    with pytest.raises(OverRefund):
        book.refund(2301)
    assert book.refund(2300).credit == 500


def test_an_order_paid_without_credit_is_refunded_without_a_movement() -> None:
    book = Passbook()
    book.pays(total=3000, credit_used=0)
    done = book.refund(1000)
    assert (done.credit, done.other, book.entries) == (0, 1000, ())
    with pytest.raises(OverRefund):
        book.refund(2001)


def test_a_frozen_wallet_gets_its_credit_back() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=1200)
    book.freeze()
    book.refund(1200)
    assert book.available == 1200 and book.wallet.frozen


# Never more than was paid


@pytest.mark.parametrize("before", [0, 1, 2999, 3000])
def test_refunds_of_an_order_together_never_exceed_what_was_paid(before: int) -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    if before:
        book.refund(before)
    seen = book.wallet
    with pytest.raises(OverRefund) as refused:
        book.refund(3001 - before)
    assert refused.value.facts["refundable"] == 3000 - before
    assert book.wallet == seen


def test_one_cent_of_an_order_that_cost_nothing_is_too_much() -> None:
    book = Passbook()
    book.pays(total=0)
    with pytest.raises(OverRefund):
        book.refund(1)


def test_the_same_refund_under_another_key_does_nothing() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    first = book.refund(1500, name="r")
    entries = book.entries
    assert book.refund(1500, name="r") == first
    assert book.entries == entries


@pytest.mark.parametrize("other", [{"amount": 1499}, {"to_credit": True}])
def test_a_refund_with_a_known_id_and_another_content_is_refused(other: dict[str, object]) -> None:
    book = Passbook()
    book.pays(total=3000)
    book.refund(1500, name="r")
    with pytest.raises(RefundMismatch):
        book.refund(name="r", **{"amount": 1500, **other})  # type: ignore[arg-type]


def test_the_same_amount_under_another_id_is_another_refund() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    book.refund(1500, name="r1")
    book.refund(1500, name="r2")
    assert book.available == 1200


def test_a_refund_of_a_refund_is_a_refund_of_no_order() -> None:
    book = Passbook()
    book.pays(total=3000)
    done = book.refund(1500, to_credit=True)
    with pytest.raises(OrderNotSeen):
        book.refund(1500, order=done.id)


def test_credit_that_a_refund_made_is_refunded_with_the_order_that_it_paid() -> None:
    book = Passbook()
    book.pays(total=3000)
    lot = book.refund(1500, to_credit=True).refund_lot
    book.redeem(1500, "order-2")
    book.pays("order-2", 1500, credit_used=1500)
    assert book.refund(1500, "order-2").lots == (lot,)
    assert book.available == 1500
    with pytest.raises(OverRefund):
        book.refund(1501)


def test_an_order_has_only_so_many_refunds() -> None:
    book = Passbook()
    book.pays(total=3000)
    for _ in range(100):
        book.refund(1)
    with pytest.raises(OrderLimitExceeded):
        book.refund(1)


# Of which order


def test_an_order_that_is_not_known_yet_may_still_come() -> None:
    with pytest.raises(OrderNotSeen):
        Passbook().refund(1)


def test_an_order_of_which_only_the_cancellation_is_known_may_still_come() -> None:
    book = Passbook()
    book.cancel()
    with pytest.raises(OrderNotSeen):
        book.refund(1)


def test_an_order_of_another_customer_is_refused() -> None:
    book = Passbook()
    book.pays(customer="berta")
    with pytest.raises(OrderMismatch):
        book.refund(1)


def test_an_order_in_another_currency_is_refused() -> None:
    book = Passbook()
    book.pays(currency="USD")
    with pytest.raises(CurrencyMismatch):
        book.refund(1)


def test_credit_that_the_shop_knows_of_and_the_ledger_does_not_may_still_come() -> None:
    book = Passbook()
    book.grant(1200)
    book.pays(total=3000, credit_used=1200)
    with pytest.raises(RedemptionNotSeen):
        book.refund(1500)
    book.redeem(1200)
    assert book.refund(1500).credit == 600


def test_the_same_order_told_twice_changes_nothing() -> None:
    book = Passbook()
    first = book.pays(total=3000)
    book.refund(1000)
    assert book.pays(total=3000).refunded == 1000 and first.refunded == 0


def test_an_order_told_again_with_another_total_is_refused() -> None:
    book = Passbook()
    book.pays(total=3000)
    with pytest.raises(OrderMismatch):
        book.pays(total=2999)


@pytest.mark.parametrize(("customer", "currency"), [("berta", "EUR"), ("anna", "USD")])
def test_an_order_that_is_known_of_another_wallet_is_refused(customer: str, currency: str) -> None:
    book = Passbook()
    book.pays(total=3000, customer=customer, currency=currency)
    for told in (book.pays, book.cancel):
        with pytest.raises((OrderMismatch, CurrencyMismatch)):
            told()


# To store credit


def test_refunded_to_credit_the_other_share_becomes_a_refund_lot_and_the_bonus_a_promotion() -> None:
    book = Passbook()
    lot = book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    done = book.refund(1500, to_credit=True, bonus_basis_points=1000)
    assert (done.credit, done.other, done.bonus, done.lots) == (600, 900, 90, (lot,))
    assert done.refund_lot and done.bonus_lot
    refund, bonus = book.lot(done.refund_lot), book.lot(done.bonus_lot)
    assert (refund.kind, refund.remaining, refund.expires_at) == (Kind.REFUND, 900, None)
    assert (bonus.kind, bonus.remaining, bonus.expires_at) == (Kind.PROMOTION, 90, instant("2026-04-16"))


def test_what_was_paid_with_credit_earns_no_bonus() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=1200)
    done = book.refund(1200, to_credit=True, bonus_basis_points=10_000)
    assert (done.bonus, done.refund_lot, done.bonus_lot) == (0, None, None)
    assert book.available == 1200


@pytest.mark.parametrize(
    ("other", "basis_points", "bonus"), [(999, 1000, 99), (9, 1000, 0), (1, 9_999, 0), (3, 3334, 1)]
)
def test_the_bonus_is_rounded_down(other: int, basis_points: int, bonus: int) -> None:
    book = Passbook()
    book.pays(total=other)
    done = book.refund(other, to_credit=True, bonus_basis_points=basis_points)
    assert done.bonus == bonus and (done.bonus_lot is None) == (bonus == 0)


def test_the_bonus_is_the_merchants_unless_the_refund_names_one() -> None:
    policy = replace(POLICY, refund_bonus_basis_points=500, refund_bonus_expires=Days(9))
    book = Passbook(policy=policy)
    book.pays(total=3000)
    done = book.refund(1000, to_credit=True)
    assert done.bonus == 50 and done.bonus_lot
    assert book.lot(done.bonus_lot).expires_at == instant("2026-01-25")
    assert book.refund(1000, to_credit=True, bonus_basis_points=0).bonus == 0


def test_an_expiry_that_the_refund_asks_for_is_the_bonus_s_alone() -> None:
    book = Passbook()
    book.pays(total=1000)
    done = book.refund(1000, to_credit=True, bonus_basis_points=100, expires=Days(30))
    assert done.refund_lot and done.bonus_lot
    assert book.lot(done.refund_lot).expires_at is None
    assert book.lot(done.bonus_lot).expires_at == instant("2026-02-15")


def test_refunded_money_must_not_expire() -> None:
    book = Passbook()
    book.pays(total=1000)
    with pytest.raises(ExpiryNotPermitted):
        book.refund(1000, to_credit=True, expires=Days(30))
    done = book.refund(1000, to_credit=True, expires=Never())
    assert done.refund_lot and book.lot(done.refund_lot).expires_at is None


def test_where_the_merchant_may_it_expires_as_asked() -> None:
    book = Passbook(policy=replace(POLICY, kinds_without_expiry=frozenset()))
    book.pays(total=1000)
    done = book.refund(1000, to_credit=True, expires=Days(30))
    assert done.refund_lot and book.lot(done.refund_lot).expires_at == instant("2026-02-15")


def test_refund_to_credit_can_be_switched_off_and_refund_to_the_tenders_cannot() -> None:
    book = Passbook(policy=replace(POLICY, refund_to_credit=False))
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    with pytest.raises(FeatureDisabled):
        book.refund(1500, to_credit=True)
    assert book.refund(1500).credit == 600


def test_a_refund_made_before_the_switch_is_still_known_after_it() -> None:
    book = Passbook()
    book.pays(total=3000)
    first = book.refund(1500, to_credit=True, name="r")
    book.policy = replace(POLICY, refund_to_credit=False)
    assert book.refund(1500, to_credit=True, name="r") == first


def test_a_refund_to_credit_counts_against_the_order_like_any_other() -> None:
    book = Passbook()
    book.pays(total=3000)
    book.refund(2000, to_credit=True, bonus_basis_points=1000)
    with pytest.raises(OverRefund):
        book.refund(1001)
    book.refund(1000)
    assert book.available == 2200


def test_the_consent_is_kept_with_the_refund() -> None:
    book = Passbook()
    book.pays(total=3000)
    assert book.refund(1000, to_credit=True, consent="1770000000000 v2").consent == "1770000000000 v2"


def test_a_refund_still_finds_room_in_a_wallet_that_takes_no_more_grants() -> None:
    book = Passbook()
    for _ in range(100):
        book.grant(1)
    with pytest.raises(LotLimitExceeded):
        book.grant(1)
    book.pays(total=100)
    for _ in range(50):
        book.refund(1, to_credit=True)
    with pytest.raises(LotLimitExceeded):
        book.refund(1, to_credit=True)


def test_the_entries_of_a_refund_name_it_and_its_order() -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    before = len(book.entries)
    done = book.refund(1500, to_credit=True, bonus_basis_points=1000, reason="damaged", split=RefundSplit.PROPORTIONAL)
    made = book.entries[before:]
    assert [str(entry.type) for entry in made] == ["restored", "issued", "issued"]
    for entry in made:
        assert entry.source and (entry.source.type, entry.source.id) == ("refund", done.id)
        assert entry.order_id == "order-1"
    assert [entry.reason for entry in made] == ["damaged", "damaged", "refund_bonus"]


@pytest.mark.parametrize("reason", ["refund_bonus", "refund_reversed", "order_cancelled", "debt_settled"])
@pytest.mark.parametrize("to_credit", [False, True])
def test_a_shop_may_give_any_reason_though_the_ledger_uses_it_itself(reason: str, to_credit: bool) -> None:
    book = Passbook()
    book.grant(1200)
    book.redeem(1200)
    book.pays(total=3000)
    book.grant(300, Kind.CASHBACK, source=Source("order", "order-1"))
    done = book.refund(1500, reason=reason, to_credit=to_credit, bonus_basis_points=1000)
    book.reverse_refund(done)
    book.cancel()
    assert (book.available, book.wallet.debt) == (1200, 0)


def test_a_checkout_that_gave_up_before_the_order_was_paid_paid_nothing() -> None:
    """The shop does not tell how much credit was used, and need not: what came back before the payment did not pay."""
    book = Passbook()
    book.grant(1200)
    book.reverse(book.redeem(1200))
    book.pays(total=3000)
    done = book.refund(3000)
    assert (done.credit, done.other, book.available) == (0, 3000, 1200)


def test_credit_redeemed_after_the_order_was_refunded_is_not_refunded_on_top() -> None:
    book = Passbook()
    book.grant(1200)
    book.pays(total=3000)
    book.refund(3000, to_credit=True)
    book.redeem(1200)
    with pytest.raises(OverRefund):
        book.refund(1200)


def test_a_bonus_that_rounds_to_nothing_is_no_reason_to_refuse() -> None:
    book = Passbook()
    book.pays(total=3000)
    done = book.refund(10, to_credit=True, bonus_basis_points=500, expires=Days(30))
    assert (done.bonus, book.lot(done.refund_lot or "").expires_at) == (0, None)
