"""What an order earns by a rule: by how much it is worth, what of it counts, and where and when it was paid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.ledger.history import OrderHistory
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Allocation, Kind, Lot, LotClass, Source
from chalicelib.ledger.model import Redemption, RedemptionPart, Wallet
from chalicelib.ledger.orders import Order, Refunded
from chalicelib.ledger.plans import Act, Plan, Tally
from chalicelib.ledger.policy import At, Clawback, Days, Policy
from chalicelib.ledger.refusals import ExpiresInPast
from chalicelib.rules.deciding import NotEarned, delayed, grant, in_question
from chalicelib.rules.model import MAX_RULES_OF_ORDER, Base, Rule, State, Terms
from tests.passbook import instant

ZONE = ZoneInfo("Europe/Berlin")
POLICY = Policy("1", ZONE)
NOON = instant("2026-10-10T12:00")
ORDER = Order("order-1", "alice", "EUR", 20_000, merchandise=18_000, paid_at=NOON, version=1)


def rule(**terms: Any) -> Rule:
    said = {"name": "autumn", "currency": "EUR", "basis_points": 1_000, **terms}
    return Rule("rul_1", Terms(**said), State.ACTIVE, NOON - DAY_MS, NOON - DAY_MS, "marketer", version=7)


def applied(by: Rule, order: Order = ORDER, at: int = NOON, tally: Tally | None = None, **seen: Any) -> Plan:
    wallet = seen.pop("wallet", Wallet("alice", "EUR"))
    act = Act("operation", "rule:rul_1", at)
    return grant(by, wallet, OrderHistory(order, **seen), tally or Tally(), act, POLICY)


def earned(by: Rule, order: Order = ORDER, **more: Any) -> int:
    """Minor units; 0 where it earns nothing."""
    try:
        return applied(by, order, **more).lots[0].granted
    except NotEarned:
        return 0


def spent(amount: int) -> Redemption:
    lot = Lot("lot_1", Kind.REFUND, LotClass.PAID, amount, 0, 0, 50, 0, None)
    return Redemption("rdm_1", "order-1", (RedemptionPart(lot, amount),))


# How much it is worth


@pytest.mark.parametrize(("total", "amount"), [(9_999, 0), (10_000, 0), (10_001, 500)])
def test_a_total_of_exactly_the_threshold_does_not_earn(total: int, amount: int) -> None:
    assert earned(rule(basis_points=None, fixed=500, total_over=10_000), replace(ORDER, total=total)) == amount


def test_what_was_refunded_before_does_not_count() -> None:
    refunded = ORDER.with_refund(Refunded("r", "original", 5_000, 0, 5_000))
    assert earned(rule(total_over=15_000)) == 1_800
    assert earned(rule(total_over=15_000), refunded) == 0
    assert earned(rule(), refunded) == 1_350


def test_a_refund_that_was_undone_counts_for_nothing() -> None:
    undone = ORDER.with_refund(Refunded("r", "original", 5_000, 0, 5_000, undone=True))
    assert earned(rule(total_over=15_000), undone) == 1_800


@pytest.mark.parametrize("order", [replace(ORDER, cancelled=True), replace(ORDER, total=None), replace(ORDER, total=0)])
def test_an_order_that_is_worth_nothing_earns_nothing(order: Order) -> None:
    assert earned(rule(basis_points=None, fixed=500), order) == 0


# What of it counts


def test_merchandise_less_what_was_paid_with_credit_is_what_counts_by_default() -> None:
    assert earned(rule(), replace(ORDER, credit_used=3_000)) == 1_500


@pytest.mark.parametrize(
    ("base", "amount"),
    [("merchandise_less_credit", 1_500), ("merchandise", 1_800), ("total_less_credit", 1_700), ("total", 2_000)],
)
def test_the_merchant_may_choose_what_counts(base: str, amount: int) -> None:
    assert earned(rule(base=Base(base)), replace(ORDER, credit_used=3_000)) == amount


def test_credit_that_the_shop_did_not_tell_of_counts_as_the_ledger_knows_it() -> None:
    assert earned(rule(), redemptions=(spent(3_000),)) == 1_500
    assert earned(rule(), replace(ORDER, credit_used=4_000), redemptions=(spent(3_000),)) == 1_400


def test_an_order_paid_wholly_with_credit_earns_nothing() -> None:
    assert earned(rule(), replace(ORDER, credit_used=20_000)) == 0


def test_merchandise_is_never_more_than_what_was_to_be_paid() -> None:
    assert earned(rule(), replace(ORDER, merchandise=30_000)) == 2_000


def test_where_the_shop_tells_no_lines_all_of_the_order_is_merchandise() -> None:
    unknown = replace(ORDER, merchandise=None)
    assert earned(rule(), unknown) == 2_000
    assert earned(rule(base=Base.TOTAL), unknown) == 2_000
    assert earned(rule(basis_points=None, fixed=500), unknown) == 500


def test_a_share_is_rounded_down_and_bounded() -> None:
    odd = replace(ORDER, merchandise=19_999)
    assert earned(rule(), odd) == 1_999
    assert earned(rule(max_amount=1_000), odd) == 1_000


# Where and when


@pytest.mark.parametrize(
    ("paid_at", "amount"),
    [
        ("2026-10-04T21:59:59", 0),
        ("2026-10-04T22:00:00", 500),
        ("2026-10-11T21:59:59", 500),
        ("2026-10-11T22:00:00", 0),
    ],
)
def test_a_window_is_by_the_instant_of_payment_and_ends_before_its_end(paid_at: str, amount: int) -> None:
    week = rule(
        basis_points=None,
        fixed=500,
        starts_at=instant("2026-10-04T22:00"),  # midnight in Berlin
        ends_at=instant("2026-10-11T22:00"),
    )
    assert earned(week, replace(ORDER, paid_at=instant(paid_at)), at=NOON + 30 * DAY_MS) == amount


def test_an_order_of_before_the_rule_was_made_earns_nothing_unless_the_rule_says_so() -> None:
    old = replace(ORDER, paid_at=NOON - 2 * DAY_MS)
    assert earned(rule(), old) == 0
    assert earned(rule(starts_at=NOON - 3 * DAY_MS), old) == 1_800


def test_an_order_that_does_not_say_when_it_was_paid_was_when_it_was_placed_or_told() -> None:
    assert earned(rule(), replace(ORDER, paid_at=None, placed_at=NOON - 2 * DAY_MS)) == 0
    assert earned(rule(), replace(ORDER, paid_at=None)) == 1_800


def test_an_order_of_which_nobody_says_when_earns_by_a_rule_that_a_faster_clock_made() -> None:
    unsaid, behind = replace(ORDER, paid_at=None), NOON - 2 * DAY_MS
    assert in_question(rule(), unsaid, behind)
    assert not in_question(rule(), replace(ORDER, paid_at=behind), NOON), "who says when is believed"
    assert not in_question(rule(starts_at=NOON), unsaid, behind), "and a window is a window"


def test_the_time_of_its_event_is_when_an_order_was_paid_if_the_order_does_not_say() -> None:
    long_ago = NOON - 2 * DAY_MS
    assert not in_question(rule(), replace(ORDER, paid_at=None), NOON, long_ago)
    assert in_question(rule(), replace(ORDER, paid_at=None, placed_at=long_ago), NOON, NOON)
    assert in_question(rule(), ORDER, NOON, long_ago)


@pytest.mark.parametrize(("site", "amount"), [("de", 1_800), ("at", 1_800), ("fr", 0), (None, 0)])
def test_only_orders_of_the_sites_earn(site: str | None, amount: int) -> None:
    assert earned(rule(sites=("de", "at")), replace(ORDER, site=site)) == amount


def test_without_sites_every_order_earns() -> None:
    assert earned(rule(), replace(ORDER, site="anywhere")) == 1_800


def test_another_currency_earns_nothing() -> None:
    assert earned(rule(currency="USD")) == 0


def test_a_paused_rule_grants_nothing() -> None:
    assert earned(replace(rule(), state=State.PAUSED)) == 0


# How often


@pytest.mark.parametrize(("times", "amount"), [(0, 500), (1, 500), (2, 0), (9, 0)])
def test_a_customer_gets_no_more_grants_than_the_cap(times: int, amount: int) -> None:
    capped = rule(basis_points=None, fixed=500, cap_per_customer=2)
    assert earned(capped, tally=Tally(times, times * 500)) == amount


def test_a_cap_is_counted_and_its_absence_is_not() -> None:
    assert applied(rule(cap_per_customer=3), tally=Tally(1, 100, 5)).tally == Tally(2, 1_900, NOON)
    assert applied(rule()).tally is None


def test_an_order_earns_by_so_many_rules_that_one_refund_can_take_it_all_back() -> None:
    assert earned(rule(), replace(ORDER, earned=MAX_RULES_OF_ORDER - 1)) == 1_800
    assert earned(rule(), replace(ORDER, earned=MAX_RULES_OF_ORDER)) == 0


# What is granted


def test_a_grant_is_promotional_and_keeps_the_rule_its_version_and_the_base() -> None:
    plan = applied(rule(max_amount=9_000, total_over=10_000, notify=False), replace(ORDER, credit_used=3_000))
    (entry,) = plan.entries
    assert entry.earned is not None
    told = entry.earned
    assert (told.order_id, told.rule, told.rule_version, told.base) == ("order-1", "rul_1", 7, 15_000)
    assert (told.basis_points, told.max_amount, told.total_over, told.clawback) == (1_000, 9_000, 10_000, Clawback.DEBT)
    assert (entry.source, entry.order_id, entry.notify) == (Source("order", "order-1"), "order-1", False)
    assert entry.allocations == (Allocation("lot_1", 1_500),)
    assert plan.lots[0].kind is Kind.PROMOTION
    assert plan.lots[0].lot_class is LotClass.PROMOTIONAL


def test_a_grant_writes_the_order_so_that_a_refund_at_the_same_moment_is_seen() -> None:
    plan = applied(rule())
    assert plan.order is not None
    assert plan.order is not ORDER
    assert plan.order.earned == 1


def test_credit_can_be_spent_after_the_delay_and_expires_from_then() -> None:
    (lot,) = applied(rule(delay_days=14, expires=Days(30))).lots
    assert lot.effective_at == instant("2026-10-24T12:00")
    assert lot.expires_at == instant("2026-11-23T23:00")  # the end of 23 November in Berlin
    assert not lot.active(NOON)


def test_a_delay_keeps_the_time_of_day_over_a_change_of_the_clocks() -> None:
    assert delayed(NOON, 14, ZONE) == instant("2026-10-24T12:00")
    assert delayed(NOON, 15, ZONE) == instant("2026-10-25T13:00")  # Berlin is on winter time by then


def test_a_delay_lands_on_an_instant_that_there_is() -> None:
    assert delayed(instant("2027-03-27T01:30"), 1, ZONE) == instant("2027-03-28T01:30")  # 02:30 there, which is skipped


def test_a_delay_that_is_over_by_the_time_the_order_is_told_delays_nothing() -> None:
    (lot,) = applied(rule(delay_days=1), at=NOON + 3 * DAY_MS).lots
    assert lot.effective_at == NOON + 3 * DAY_MS


def test_credit_that_would_be_dead_before_it_can_be_spent_is_not_granted() -> None:
    with pytest.raises(ExpiresInPast):
        applied(rule(delay_days=14, expires=At(NOON + DAY_MS)))
