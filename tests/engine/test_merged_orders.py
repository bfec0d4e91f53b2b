"""Orders of customers who were merged into others: whoever an event names, the money is where the person is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.customers import passing
from chalicelib.customers.commands import merge_into
from chalicelib.edge.events.parsing import received
from chalicelib.events import applying as applying_events
from chalicelib.events import receiving
from chalicelib.events.model import Status
from chalicelib.ledger.limits import MAX_OPEN_LOTS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import Days
from chalicelib.rules import applying
from chalicelib.rules.source import StoredRules
from chalicelib.runtime.clock import Deadline, SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import Trace, WalletId, operation_id
from chalicelib.store.order_reading import refunds_made
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind
from chalicelib.store.writes import Asked
from dev.audit import survey
from dev.engine import create_tables, delete_tables
from tests.engine.conftest import POLICY
from tests.engine.counter import Counter, Sale, new_name
from tests.engine.crowd import at_once
from tests.engine.post import cancelled, event, paid, refunded
from tests.engine.test_rules import Merchant, merchant
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.weather import DONE_UNHEARD, faults
from tests.engine.wire import COMMIT, Fault, Request, Wire

__all__ = ["merchant"]


def merge(counter: Counter, one: WalletId, other: WalletId) -> None:
    asked = Asked(operation_id("tester", new_key()), other.customer)
    merge_into(counter.till.engine, one.customer, other.customer, "tester", asked, Deadline.after(8), lambda _: "{}")


def merged_after(counter: Counter, sale: Sale) -> WalletId:
    """The wallet of who is left after the customer of a sale was merged into another."""
    other = new_wallet(sale.wallet.currency)
    merge(counter, sale.wallet, other)
    return other


def balances(counter: Counter, *wallets: WalletId) -> list[int]:
    return [counter.remaining(wallet) for wallet in wallets]


def debts(counter: Counter, *wallets: WalletId) -> list[int]:
    return [counter.till.check(wallet).debt for wallet in wallets]


def the(number: int) -> Callable[[Request], bool]:
    """The so manyth request from now."""
    requests = count(1)
    return lambda _: next(requests) == number


NAMING: dict[str, Callable[[WalletId, WalletId], WalletId]] = {
    "who is gone": lambda one, _: one,
    "who is left": lambda _, other: other,
}
named = pytest.mark.parametrize("naming", NAMING.values(), ids=NAMING)
Naming = Callable[[WalletId, WalletId], WalletId]


@named
def test_a_refund_lands_with_who_is_left(counter: Counter, naming: Naming) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    assert counter.send("refund.created", refunded(naming(sale.wallet, other), sale.order, 1_500)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 600]


@named
def test_a_refund_to_credit_lands_with_who_is_left_and_keeps_its_kinds(counter: Counter, naming: Naming) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    told = refunded(naming(sale.wallet, other), sale.order, 1_500, method="store_credit", bonus_basis_points=1_000)
    assert counter.send("refund.created", told) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 600 + 900 + 90]
    lots = counter.till.stored(other).lots
    assert {lot.kind: lot.remaining for lot in lots} == {Kind.COMPENSATION: 600, Kind.REFUND: 900, Kind.PROMOTION: 90}


@named
def test_a_cancellation_lands_with_who_is_left(counter: Counter, naming: Naming) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    assert counter.send("order.cancelled", cancelled(naming(sale.wallet, other), sale.order)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]


def test_an_order_told_again_under_who_is_left_is_the_same(counter: Counter) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    assert counter.send("order.paid", paid(other, sale.order, 3_000, credit_used=1_200)) == "duplicate"
    order = counter.till.engine.store.order(sale.order)
    assert order is not None
    assert order.customer == sale.wallet.customer


def test_an_order_cancelled_under_who_is_left_is_paid_under_who_is_gone(counter: Counter) -> None:
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    merge(counter, one, other)
    assert counter.send("order.cancelled", cancelled(other, order)) == "applied"
    assert counter.send("order.paid", paid(one, order, 3_000)) == "applied"


def test_a_refund_that_names_who_is_gone_of_an_order_of_who_is_left_is_applied(counter: Counter) -> None:
    sale, gone = counter.sold(), new_wallet()
    merge(counter, gone, sale.wallet)
    assert counter.send("refund.created", refunded(gone, sale.order, 3_000)) == "applied"
    assert balances(counter, gone, sale.wallet) == [0, 1_200]


@named
@pytest.mark.parametrize("credit_used", [1_200, None], ids=["said", "not said"])
def test_an_order_belongs_to_the_id_that_spent_credit_for_it(
    counter: Counter, naming: Naming, credit_used: int | None
) -> None:
    """Whichever id its `order.paid` names: by then the shop knows the customer by the other one."""
    sale = counter.sold(told=False)
    other = merged_after(counter, sale)
    told = paid(naming(sale.wallet, other), sale.order, 3_000)
    if credit_used is not None:
        told["credit_used"] = credit_used
    assert counter.send("order.paid", told) == "applied"
    assert counter.send("order.paid", told) == "duplicate"
    assert counter.send("refund.created", refunded(other, sale.order, 1_500)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 600]
    assert counter.send("order.cancelled", cancelled(other, sale.order)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]


def test_the_same_order_told_twice_in_one_event_is_one(counter: Counter) -> None:
    """An event that was applied under the other id is a duplicate when it comes again."""
    sale = counter.sold(told=False)
    other = merged_after(counter, sale)
    body = event("order.paid", paid(other, sale.order, 3_000, credit_used=1_200), new_name())
    counter.until_done(body)
    counter.until_done(body, receives=2)
    order = counter.till.engine.store.order(sale.order)
    assert order is not None
    assert (order.customer, order.total) == (sale.wallet.customer, 3_000)


def test_credit_spent_under_any_of_three_ids_is_found(counter: Counter) -> None:
    sale = counter.sold(told=False)
    middle = merged_after(counter, sale)
    last = merged_after(counter, replace(sale, wallet=middle))
    assert counter.send("order.paid", paid(middle, sale.order, 3_000, credit_used=1_200)) == "applied"
    assert counter.send("refund.created", refunded(last, sale.order, 3_000)) == "applied"
    assert balances(counter, sale.wallet, middle, last) == [0, 0, 1_200]


@named
def test_a_cancellation_before_its_order_gives_back_what_another_id_spent(counter: Counter, naming: Naming) -> None:
    sale = counter.sold(told=False)
    other = merged_after(counter, sale)
    assert counter.send("order.cancelled", cancelled(naming(sale.wallet, other), sale.order)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]
    assert counter.send("order.paid", paid(other, sale.order, 3_000, credit_used=1_200)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]


def test_a_hold_that_was_given_up_decides_nothing(counter: Counter) -> None:
    """The credit that it had set aside moved with the merge, and paid the order from there, told later."""
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    counter.till.fill(one, 1_200, kind=Kind.COMPENSATION)
    counter.till.release(one, counter.till.hold(one, 1_200, order).hold)
    merge(counter, one, other)
    assert counter.send("order.paid", paid(other, order, 3_000, credit_used=1_200)) == "applied"
    counter.till.redeem(other, 1_200, order)
    assert counter.send("refund.created", refunded(one, order, 3_000)) == "applied"
    assert balances(counter, one, other) == [0, 1_200]


@named
@pytest.mark.parametrize("early", [True, False], ids=["told before it is paid", "told after"])
def test_a_redemption_that_was_undone_decides_nothing(counter: Counter, naming: Naming, early: bool) -> None:
    sale = counter.sold(told=False)
    assert sale.redemption is not None
    counter.till.reverse(sale.wallet, sale.redemption)
    other = merged_after(counter, sale)
    told = paid(naming(sale.wallet, other), sale.order, 3_000, credit_used=1_200)
    if early:
        assert counter.send("order.paid", told) == "applied"
    counter.till.capture(other, counter.till.hold(other, 1_200, sale.order).hold)
    if not early:
        assert counter.send("order.paid", told) == "applied"
    assert counter.send("refund.created", refunded(other, sale.order, 1_000)) == "applied"
    assert counter.send("order.cancelled", cancelled(sale.wallet, sale.order)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]


def test_an_order_that_nobody_paid_with_credit_belongs_to_the_id_that_it_earned_something_for(counter: Counter) -> None:
    """It is taken back when the order is refunded, from who is left."""
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    counter.till.issue(one, 300, Kind.CASHBACK, source=Source("order", order))
    merge(counter, one, other)
    assert counter.send("order.paid", paid(other, order, 3_000)) == "applied"
    assert counter.send("refund.created", refunded(other, order, 3_000)) == "applied"
    assert balances(counter, one, other) == [0, 0]
    assert debts(counter, one, other) == [0, 0]


def test_credit_set_aside_by_who_is_left_keeps_the_order_there(counter: Counter) -> None:
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    merge(counter, one, other)
    counter.till.fill(other, 1_200, kind=Kind.COMPENSATION)
    hold = counter.till.hold(other, 1_200, order).hold
    assert counter.send("order.paid", paid(one, order, 3_000, credit_used=1_200)) == "applied"
    counter.till.capture(other, hold)
    assert counter.send("order.cancelled", cancelled(one, order)) == "applied"
    assert balances(counter, one, other) == [0, 1_200]


@pytest.mark.parametrize("first", ["the same event", "its order.paid"])
def test_another_worker_who_looked_before_the_merge_and_was_first(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """It found nobody merged, and remembers the order under the named id while this one looks."""
    sale = counter.sold(told=False)
    other = merged_after(counter, sale)
    mine = event("order.cancelled", cancelled(other, sale.order), "event-of-" + sale.order)
    theirs = mine if first == "the same event" else event("order.paid", paid(other, sale.order, 3_000), new_name())
    looks, asked = passing.home_of, count()

    def looked(store: Store, wallet: WalletId, order_id: str) -> passing.Home:
        if next(asked):
            return passing.Home(wallet.customer, paid=False)
        found = looks(store, wallet, order_id)
        counter.until_done(theirs)
        return found

    monkeypatch.setattr(applying_events, "home_of", looked)
    counter.until_done(mine)
    assert counter.post.fate("event-of-" + sale.order)["status"] == "applied"
    order = counter.till.engine.store.order(sale.order)
    assert order is not None
    assert (order.customer, order.cancelled) == (other.customer, True)


def test_a_cancellation_that_cannot_reach_what_paid_is_not_told_as_done(counter: Counter) -> None:
    """The order was remembered under the other id before the two were merged."""
    sale, other = counter.sold(told=False), new_wallet()
    assert counter.send("order.paid", paid(other, sale.order, 3_000, credit_used=1_200)) == "applied"
    merge(counter, sale.wallet, other)
    body = event("order.cancelled", cancelled(other, sale.order), new_name())
    assert counter.post.deliver(body) == [0]
    order = counter.till.engine.store.order(sale.order)
    assert order is not None
    assert not order.cancelled


@named
def test_an_order_whose_credit_nobody_spent_is_cancelled_after_a_merge(counter: Counter, naming: Naming) -> None:
    """The shop said that credit was used and it was not: that is no reason to wait for it."""
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    assert counter.send("order.paid", paid(one, order, 3_000, credit_used=1_200)) == "applied"
    merge(counter, one, other)
    assert counter.send("order.cancelled", cancelled(naming(one, other), order)) == "applied"
    known = counter.till.engine.store.order(order)
    assert known is not None
    assert known.cancelled


def test_credit_that_somebody_else_spent_for_an_order_is_not_given_to_who_names_it(counter: Counter) -> None:
    sale, one, other = counter.sold(told=False), new_wallet(), new_wallet()
    merge(counter, one, other)
    assert counter.send("order.cancelled", cancelled(other, sale.order)) == "applied"
    assert balances(counter, sale.wallet, one, other) == [0, 0, 0]


def test_a_refund_finds_who_is_left_behind_two_merges(counter: Counter) -> None:
    sale = counter.sold()
    middle = merged_after(counter, sale)
    last = merged_after(counter, replace(sale, wallet=middle))
    for name in (sale.wallet, middle, last):
        assert counter.send("refund.created", refunded(name, sale.order, 1_000)) == "applied"
    assert balances(counter, sale.wallet, middle, last) == [0, 0, 1_200]


def test_a_refund_that_names_somebody_else_is_still_refused(counter: Counter) -> None:
    sale, stranger = counter.sold(), new_wallet()
    other = merged_after(counter, sale)
    name = new_name()
    counter.post.send("refund.created", refunded(stranger, sale.order, 1_500), name)
    assert counter.post.fate(name)["code"] == "order_mismatch"
    counter.post.send("refund.created", refunded(replace(other, currency="USD"), sale.order, 1_500), name)
    assert counter.post.fate(name)["code"] == "currency_mismatch"
    assert balances(counter, sale.wallet, other, stranger) == [0, 0, 0]


def test_a_refund_that_is_told_again_moves_nothing_again(counter: Counter) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    body = event("refund.created", refunded(other, sale.order, 1_500, "again-" + sale.order))
    assert [counter.post.deliver(body), counter.post.deliver(body, receives=2)] == [[], []]
    assert (
        counter.send("refund.created", refunded(sale.wallet, sale.order, 1_500, "again-" + sale.order)) == "duplicate"
    )
    assert balances(counter, sale.wallet, other) == [0, 600]


def test_the_same_message_to_eight_workers_at_once_is_one_refund(counter: Counter) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    name = new_name()
    body = event("refund.created", refunded(other, sale.order, 1_500), name)
    at_once([lambda: counter.until_done(body)] * 8)
    assert counter.post.fate(name)["status"] == "applied"
    assert balances(counter, sale.wallet, other) == [0, 600]
    assert counter.post.dead_letters.copies == []


@faults(DONE_UNHEARD)
@pytest.mark.parametrize("commit", [1, 2, 3])
def test_an_answer_lost_after_any_commit_moves_the_refund_once(
    counter: Counter, wire: Wire, fault: Callable[[], Fault], commit: int
) -> None:
    """The commits are the refund's, the profile's, and the one that passes it on."""
    sale = counter.sold()
    other = merged_after(counter, sale)
    wire.on(COMMIT, fault(), where=the(commit))
    counter.until_done(event("refund.created", refunded(other, sale.order, 1_500)))
    assert balances(counter, sale.wallet, other) == [0, 600]


def test_a_worker_that_dies_before_it_is_passed_on_is_followed_by_one_who_does(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.events import following

    sale = counter.sold()
    other = merged_after(counter, sale)
    body = event("refund.created", refunded(other, sale.order, 1_500))
    with monkeypatch.context() as patch:
        patch.setattr(following, "pass_on", _dies)
        assert counter.post.deliver(body) == [0]
    assert balances(counter, sale.wallet, other) == [600, 0]
    assert counter.post.deliver(body, receives=2) == []
    assert balances(counter, sale.wallet, other) == [0, 600]


def _dies(*_: object, **__: object) -> None:
    raise RuntimeError("the worker is gone")


def test_a_merge_in_the_middle_of_a_refund_leaves_nothing_behind(counter: Counter, wire: Wire) -> None:
    sale, middle, other = counter.sold(), new_wallet(), new_wallet()
    merge(counter, sale.wallet, middle)

    def meanwhile(_: Request) -> None:
        merge(counter, middle, other)

    wire.on(COMMIT, meanwhile, where=the(3))
    counter.until_done(event("refund.created", refunded(middle, sale.order, 1_500)))
    assert balances(counter, sale.wallet, middle, other) == [0, 0, 600]


def test_a_merge_at_the_moment_at_which_a_rule_grants_leaves_nothing_behind(
    counter: Counter, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order was let count for who was not merged then, and nothing that the merge could have moved was there."""
    from chalicelib.events import following

    monkeypatch.setattr(applying, "rules_of", StoredRules)
    merchant.rule(expires=Days(30))
    one, other, order = new_wallet(), new_wallet(), new_name("order")

    def meanwhile(engine: Engine, order_id: str, deadline: Deadline, *, told_at: int | None) -> object:
        merge(counter, one, other)
        return applying.apply_rules(engine, order_id, deadline, told_at=told_at)

    monkeypatch.setattr(following, "apply_rules", meanwhile)
    told = paid(one, order, 20_000, site=merchant.site, paid_at="2099-01-01T00:00:00Z")
    assert counter.send("order.paid", told) == "applied"
    assert balances(counter, one, other) == [0, 2_000]


def test_a_merge_that_found_an_empty_wallet_moves_what_came_into_it_meanwhile(counter: Counter, wire: Wire) -> None:
    sale, other = counter.sold(), new_wallet()

    def meanwhile(_: Request) -> None:
        counter.till.fill(sale.wallet, 50)

    wire.on(COMMIT, meanwhile)
    merge(counter, sale.wallet, other)
    assert balances(counter, sale.wallet, other) == [0, 50]


def test_what_cannot_go_on_stays_and_goes_with_the_next(counter: Counter) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    counter.till.freeze(other)
    assert counter.send("refund.created", refunded(other, sale.order, 1_500)) == "applied"
    assert balances(counter, sale.wallet, other) == [600, 0]
    counter.till.unfreeze(other)
    assert counter.send("refund.created", refunded(other, sale.order, 500)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 800]


def test_a_wallet_without_room_leaves_it_where_it_was_booked(counter: Counter) -> None:
    sale = counter.sold()
    other = merged_after(counter, sale)
    counter.till.fill(other, *[1] * MAX_OPEN_LOTS)
    assert counter.send("refund.created", refunded(other, sale.order, 1_500)) == "applied"
    assert balances(counter, sale.wallet, other) == [600, MAX_OPEN_LOTS]


# Undone


def refund_of(counter: Counter, sale: Sale, amount: int, **more: object) -> str:
    name = new_name("refund")
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, amount, name, **more)) == "applied"
    return name


@pytest.mark.parametrize("when", ["before the merge", "after the merge"])
def test_a_refund_is_undone_from_the_wallet_that_has_its_credit(counter: Counter, when: str) -> None:
    sale = counter.sold()
    if when == "before the merge":
        refund = refund_of(counter, sale, 1_500, method="store_credit")
        other = merged_after(counter, sale)
    else:
        other = merged_after(counter, sale)
        refund = refund_of(counter, sale, 1_500, method="store_credit")
    assert balances(counter, sale.wallet, other) == [0, 1_500]
    counter.till.fill(other, 70)
    assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 70]
    assert refund_of(counter, sale, 3_000)
    assert balances(counter, sale.wallet, other) == [0, 1_270]


def test_undoing_takes_the_refunds_own_lot_first(counter: Counter) -> None:
    sale = counter.sold(credit=100, total=1_100)
    refund = refund_of(counter, sale, 1_000, method="store_credit", split={"credit": 0})
    other = merged_after(counter, sale)
    counter.till.issue(other, 500, Kind.PROMOTION, priority=0)
    assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    assert [(lot.kind, lot.remaining) for lot in counter.till.check(other).lots] == [(Kind.PROMOTION, 500)]


def test_undoing_takes_the_bonus_back_and_leaves_no_debt(counter: Counter) -> None:
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500, method="store_credit", bonus_basis_points=1_000)
    other = merged_after(counter, sale)
    assert balances(counter, sale.wallet, other) == [0, 1_590]
    assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 0]
    assert debts(counter, sale.wallet, other) == [0, 0]


def test_a_refund_that_was_spent_is_not_undone_and_nothing_moves(counter: Counter) -> None:
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    other = merged_after(counter, sale)
    counter.till.redeem(other, 100, "another")
    name = new_name()
    assert counter.post.send("refund.reversed", {"refund_id": refund}, name)["status"] == "rejected"
    assert counter.post.fate(name)["code"] == "insufficient_credit"
    assert balances(counter, sale.wallet, other) == [0, 500]


def test_what_was_lent_for_a_reversal_that_is_refused_goes_back(counter: Counter, wire: Wire) -> None:
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    other = merged_after(counter, sale)

    def meanwhile(_: Request) -> None:
        counter.till.freeze(sale.wallet)

    # The lending is the first commit, the reversal would be the second: its wallet is frozen by then.
    wire.on(COMMIT, meanwhile, where=the(2))
    name = new_name()
    body = event("refund.reversed", {"refund_id": refund}, name)
    counter.post.deliver(body)
    counter.till.unfreeze(sale.wallet)
    counter.until_done(event("refund.created", refunded(other, sale.order, 10, split={"credit": 0})))
    assert sum(balances(counter, sale.wallet, other)) == 600
    assert counter.remaining(other) == 600


def test_a_merge_in_the_middle_of_undoing_a_refund_refuses_nothing(counter: Counter, wire: Wire) -> None:
    """Who is left is read, then merged into somebody else, and then their wallet is empty."""
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    middle, last = merged_after(counter, sale), new_wallet()

    def meanwhile(_: Request) -> None:
        merge(counter, middle, last)

    wire.on(("BatchGetItem",), meanwhile, where=lambda request: middle.customer in str(request.body))
    assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    assert balances(counter, sale.wallet, middle, last) == [0, 0, 0]


@faults(DONE_UNHEARD)
@pytest.mark.parametrize("commit", [1, 2, 3, 4])
def test_an_answer_lost_after_any_commit_undoes_the_refund_once(
    counter: Counter, wire: Wire, fault: Callable[[], Fault], commit: int
) -> None:
    """The commits are the loan's, the reversal's, the profile's, and perhaps one that passes on."""
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    other = merged_after(counter, sale)
    counter.till.fill(other, 70)
    wire.on(COMMIT, fault(), where=the(commit))
    counter.until_done(event("refund.reversed", {"refund_id": refund}))
    wire.mend()
    assert balances(counter, sale.wallet, other) == [0, 70]


def test_a_reversal_to_eight_workers_at_once_is_one(counter: Counter) -> None:
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    other = merged_after(counter, sale)
    counter.till.fill(other, 5_000)
    name = new_name()
    body = event("refund.reversed", {"refund_id": refund}, name)
    at_once([lambda: counter.until_done(body, receives=2)] * 8)
    assert counter.post.fate(name)["status"] == "applied"
    assert balances(counter, sale.wallet, other) == [0, 5_000]


def test_a_dry_run_of_a_reversal_says_that_it_would_be_applied_and_lends_nothing(counter: Counter) -> None:
    sale = counter.sold()
    refund = refund_of(counter, sale, 1_500)
    other = merged_after(counter, sale)
    before = balances(counter, sale.wallet, other)
    message = received("refund-events", event("refund.reversed", {"refund_id": refund}), "x")
    outcome = receiving.receive(
        counter.till.engine, counter.post.inbox, message, Deadline.after(8), Trace(), last_try=True, dry_run=True
    )
    assert outcome.status is Status.APPLIED
    assert balances(counter, sale.wallet, other) == before


# What the order earned


def test_what_the_order_no_longer_earns_is_taken_from_who_is_left(counter: Counter) -> None:
    sale = counter.sold()
    counter.till.issue(sale.wallet, 300, Kind.CASHBACK, source=Source("order", sale.order))
    other = merged_after(counter, sale)
    counter.till.fill(other, 50, kind=Kind.COMPENSATION)
    refund = refund_of(counter, sale, 3_000)
    assert balances(counter, sale.wallet, other) == [0, 1_250]
    assert debts(counter, sale.wallet, other) == [0, 0]
    assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 350]


def test_what_it_earned_and_who_is_left_spent_is_their_debt(counter: Counter) -> None:
    sale = counter.sold()
    counter.till.issue(sale.wallet, 300, Kind.CASHBACK, source=Source("order", sale.order))
    other = merged_after(counter, sale)
    counter.till.redeem(other, 200, "another")
    assert counter.send("refund.created", refunded(other, sale.order, 3_000)) == "applied"
    assert balances(counter, sale.wallet, other) == [0, 1_200]
    assert debts(counter, sale.wallet, other) == [0, 200]


def test_what_a_rule_grants_goes_to_who_is_left_and_its_refund_takes_it_there(
    counter: Counter, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "rules_of", StoredRules)
    merchant.rule(expires=Days(30))
    one, other, order = new_wallet(), new_wallet(), new_name("order")
    merge(counter, one, other)
    told = paid(one, order, 20_000, site=merchant.site, paid_at="2099-01-01T00:00:00Z")
    assert counter.send("order.paid", told) == "applied"
    assert balances(counter, one, other) == [0, 2_000]
    assert counter.send("refund.created", refunded(other, order, 20_000)) == "applied"
    assert balances(counter, one, other) == [0, 0]
    assert debts(counter, one, other) == [0, 0]


def test_a_merge_makes_no_difference_to_what_orders_come_to(counter: Counter, dice: random.Random) -> None:
    """The same is told of two orders: of a customer who is left alone, and of one who is merged somewhere in between,
    twice, under whichever id. What both have, less what they owe, is the same at each step."""
    sales = [counter.sold(), counter.sold()]
    ids = [[sale.wallet] for sale in sales]
    for sale in sales:
        counter.till.issue(sale.wallet, 300, Kind.CASHBACK, source=Source("order", sale.order))
    merges = sorted(dice.sample(range(8), 2))
    made: list[tuple[str, str]] = []

    def worth(wallets: list[WalletId]) -> int:
        return sum(counter.remaining(each) - counter.till.stored(each).debt for each in wallets)

    for step in range(8):
        if step in merges:
            ids[1].append(new_wallet())
            merge(counter, *ids[1][-2:])
        what = dice.choice(
            ["refund", "refund", "to credit", "undo", "spend", "cancel"]
            if step > 4
            else ["refund", "undo", "to credit"]
        )
        amount, number = dice.randrange(1, 900), dice.randrange(len(made)) if made else 0
        names = (new_name("refund"), new_name("refund"))
        told = []
        for place, sale in enumerate(sales):
            named = dice.choice(ids[place]) if place else sale.wallet
            if what == "undo":
                told.append(counter.send("refund.reversed", {"refund_id": made[number][place]}) if made else "")
            elif what == "cancel":
                told.append(counter.send("order.cancelled", cancelled(named, sale.order)))
            elif what == "spend":
                held = counter.remaining(ids[place][-1])
                told.append(
                    str(
                        held > 50
                        and counter.till.redeem(ids[place][-1], 50, new_name("order")).told["redemption"]["amount"]
                    )
                )
            else:
                more = {"method": "store_credit", "bonus_basis_points": 1_000} if what == "to credit" else {}
                told.append(counter.send("refund.created", refunded(named, sale.order, amount, names[place], **more)))
        assert told[0] == told[1], what
        if told[0] == "applied" and what in ("refund", "to credit"):
            made.append(names)
        assert worth(ids[0]) == worth(ids[1]), what
        assert balances(counter, *ids[1][:-1]) == [0] * (len(ids[1]) - 1)


# What it costs


def test_of_a_customer_who_was_not_merged_nobody_asks(counter: Counter, wire: Wire) -> None:
    """Applying reads no profile; the one read is of what follows, to let the order count."""
    sale = counter.sold()
    with wire.listen() as heard:
        assert counter.send("refund.created", refunded(sale.wallet, sale.order, 1_500)) == "applied"
    customers = counter.till.engine.store.tables.customers_name
    profiles = [each for each in heard if each.operation in ("GetItem", "BatchGetItem") and customers in str(each.body)]
    assert len([each for each in profiles if sale.wallet.customer in str(each.body)]) == 1


def test_passing_on_is_one_commit_more(counter: Counter, wire: Wire) -> None:
    """The refund's, the profile's, and the one that passes on by that profile, as it was written."""
    sale = counter.sold()
    other = merged_after(counter, sale)
    with wire.listen() as heard:
        assert counter.send("refund.created", refunded(other, sale.order, 1_500)) == "applied"
    assert len([each for each in heard if each.operation in COMMIT]) == 3


def test_the_audit_of_everything_ties_after_orders_of_merged_customers(endpoint: str, intake_stage: None) -> None:
    names = [f"{what}-{new_key()[:12]}" for what in ("wallets", "ledger", "customers", "campaigns")]
    create_tables(endpoint, names[0], names[1], customers=names[2], campaigns=names[3])
    bound = bind(*names)
    store = Store(bound, connect(bound), SystemClock(), test_clock=False)
    counter = Counter(Till(Engine(store, POLICY)))
    sale = counter.sold()
    counter.till.issue(sale.wallet, 300, Kind.CASHBACK, source=Source("order", sale.order))
    early = refund_of(counter, sale, 500, method="store_credit", bonus_basis_points=1_000)
    other = merged_after(counter, sale)
    late = refund_of(counter, replace(sale, wallet=other), 700, method="store_credit", bonus_basis_points=500)
    for refund in (late, early):
        assert counter.send("refund.reversed", {"refund_id": refund}) == "applied"
    counter.send("refund.created", refunded(other, sale.order, 900))
    counter.send("order.cancelled", cancelled(other, sale.order))
    made = refunds_made(store, late)
    assert [each.wallet for each in made] == [sale.wallet]
    report = survey(store)
    assert (report.differences, report.unbalanced, report.wallets) == ([], [], 2)
    assert counter.remaining(sale.wallet) == 0
    assert counter.remaining(other) - counter.till.check(other).debt == 1_200
    delete_tables(endpoint, *names)
