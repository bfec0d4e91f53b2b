"""Races around an order: many workers, and the shop's own calls, at the same moment. Money goes back once."""

from __future__ import annotations

import time
from collections import Counter as Count
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.expiry.settle import settle_alone
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.refusals import HoldClosed, OverReversal
from chalicelib.runtime.clock import Deadline
from tests.engine.counter import Counter, new_name
from tests.engine.crowd import at_once
from tests.engine.post import Post, cancelled, event, paid, refunded
from tests.engine.till import Receipt, new_wallet, until_known

THREADS = 16
ROUNDS = 8
"""Times that a race between two is run."""


def together(counter: Counter, bodies: list[str]) -> None:
    """Hand each message to a worker of its own, all at once, until none comes again."""
    workers = [Post(counter.till.engine) for _ in bodies]

    def until_done(worker: Post, body: str) -> None:
        for receives in range(1, 40):
            if not worker.deliver(body, receives=min(receives, 4)):
                return
        raise AssertionError("it comes again for ever")

    at_once(partial(until_done, *pair) for pair in zip(workers, bodies, strict=True))
    for worker in workers:
        counter.post.dead_letters.copies += worker.dead_letters.copies


def fates(counter: Counter, names: list[str]) -> Count[str]:
    told = [counter.post.fate(name) for name in names]
    return Count(each.get("code") or each["status"] for each in told)


def test_the_same_refund_as_sixteen_different_events_has_one_effect(busy_counter: Counter) -> None:
    sale, names = busy_counter.sold(), [new_name() for _ in range(THREADS)]
    data = refunded(sale.wallet, sale.order, 1500)
    together(busy_counter, [event("refund.created", data, name) for name in names])
    assert fates(busy_counter, names) == {"applied": 1, "duplicate": THREADS - 1}
    assert busy_counter.remaining(sale.wallet) == 600


def test_the_same_event_sixteen_times_has_one_effect(busy_counter: Counter) -> None:
    sale, name = busy_counter.sold(), new_name()
    together(busy_counter, [event("refund.created", refunded(sale.wallet, sale.order, 1500, "r"), name)] * THREADS)
    assert busy_counter.post.fate(name)["status"] == "applied"
    assert busy_counter.remaining(sale.wallet) == 600


@pytest.mark.parametrize("split", ["proportional", "credit_first", "other_first"])
def test_sixteen_refunds_of_the_same_money_give_it_back_once(busy_counter: Counter, split: str) -> None:
    sale, names = busy_counter.sold(), [new_name() for _ in range(THREADS)]
    together(
        busy_counter,
        [event("refund.created", refunded(sale.wallet, sale.order, 3000, split=split), name) for name in names],
    )
    assert fates(busy_counter, names) == {"applied": 1, "over_refund": THREADS - 1}
    assert len(busy_counter.post.dead_letters.copies) == THREADS - 1
    assert busy_counter.remaining(sale.wallet) == 1200


def test_sixteen_refunds_of_cash_alone_give_back_what_was_paid_in_cash(busy_counter: Counter) -> None:
    """No wallet moves here; only the order's own condition stands between them."""
    sale, names = busy_counter.sold(), [new_name() for _ in range(THREADS)]
    together(
        busy_counter,
        [event("refund.created", refunded(sale.wallet, sale.order, 600, split={"credit": 0}), name) for name in names],
    )
    assert fates(busy_counter, names) == {"applied": 3, "over_refund": THREADS - 3}
    assert busy_counter.till.engine.store.order(sale.order).other_refunded == 1800  # type: ignore[union-attr]


def test_sixteen_parts_of_an_order_all_land(busy_counter: Counter) -> None:
    sale, names = busy_counter.sold(1600, 3200), [new_name() for _ in range(THREADS)]
    together(busy_counter, [event("refund.created", refunded(sale.wallet, sale.order, 200), name) for name in names])
    assert fates(busy_counter, names) == {"applied": THREADS}
    assert busy_counter.remaining(sale.wallet) == 1600


def test_sixteen_payments_of_one_order_are_one(busy_counter: Counter) -> None:
    wallet, order, names = new_wallet(), new_name("order"), [new_name() for _ in range(THREADS)]
    together(busy_counter, [event("order.paid", paid(wallet, order, 3000), name) for name in names])
    assert fates(busy_counter, names) == {"applied": 1, "duplicate": THREADS - 1}


def test_sixteen_cancellations_and_refunds_give_the_credit_back_once(busy_counter: Counter) -> None:
    sale = busy_counter.sold()
    bodies = [event("order.cancelled", cancelled(sale.wallet, sale.order)) for _ in range(THREADS // 2)]
    bodies += [event("refund.created", refunded(sale.wallet, sale.order, 1200)) for _ in range(THREADS // 2)]
    together(busy_counter, bodies)
    assert busy_counter.remaining(sale.wallet) == 1200


def test_a_refund_and_its_reversal_at_once_end_with_the_credit_spent(busy_counter: Counter) -> None:
    sale, refund = busy_counter.sold(), new_name("refund")
    bodies = [event("refund.created", refunded(sale.wallet, sale.order, 1500, refund)) for _ in range(THREADS // 2)]
    bodies += [event("refund.reversed", {"refund_id": refund}) for _ in range(THREADS // 2)]
    together(busy_counter, bodies)
    assert busy_counter.remaining(sale.wallet) == 0
    assert busy_counter.till.engine.store.order(sale.order).refunded == 0  # type: ignore[union-attr]


# A refund against the shop's own calls for the same order


def race(counter: Counter, body: str, call: Callable[[], Any]) -> Any:
    """A refund and a call at the same moment; what the call gave or raised."""
    worker = Post(counter.till.engine)

    def deliver() -> None:
        for receives in range(1, 40):
            if not worker.deliver(body, receives=min(receives, 4)):
                return

    _, told = at_once([deliver, call])
    counter.post.dead_letters.copies += worker.dead_letters.copies
    return told


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_refund_against_a_reversal_of_the_same_redemption(busy_counter: Counter, _: int) -> None:
    """A dispute and a refund: once."""
    sale, name = busy_counter.sold(), new_name()
    assert sale.redemption
    body = event("refund.created", refunded(sale.wallet, sale.order, 3000), name)
    told = race(busy_counter, body, partial(until_known, busy_counter.till.reverse, sale.wallet, sale.redemption))
    refund = busy_counter.post.fate(name)
    if isinstance(told, OverReversal):
        assert refund["status"] == "applied"
    else:
        assert isinstance(told, Receipt) and refund["code"] == "over_refund"
    assert busy_counter.remaining(sale.wallet) == 1200


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_refund_against_another_redemption_of_the_same_order(busy_counter: Counter, _: int) -> None:
    sale, name = busy_counter.sold(granted=2400), new_name()
    body = event("refund.created", refunded(sale.wallet, sale.order, 3000), name)
    told = race(busy_counter, body, partial(until_known, busy_counter.till.redeem, sale.wallet, 500, sale.order))
    assert isinstance(told, Receipt) and busy_counter.post.fate(name)["status"] == "applied"
    assert busy_counter.remaining(sale.wallet) in (2400, 1900)


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_refund_against_the_capture_of_the_hold_that_paid_the_order(busy_counter: Counter, _: int) -> None:
    wallet, order, name = new_wallet(), new_name("order"), new_name()
    busy_counter.till.fill(wallet, 1200, kind=Kind.COMPENSATION)
    hold = busy_counter.till.hold(wallet, 1200, order).hold
    busy_counter.send("order.paid", paid(wallet, order, 3000, credit_used=1200))
    body = event("refund.created", refunded(wallet, order, 3000), name)
    told = race(busy_counter, body, partial(until_known, busy_counter.till.capture, wallet, hold))
    assert isinstance(told, Receipt | HoldClosed) and busy_counter.post.fate(name)["status"] == "applied"
    stored = busy_counter.till.check(wallet)
    assert (stored.remaining, stored.held) == (1200, 0)


@pytest.mark.parametrize("_", range(2))
def test_a_refund_against_the_sweep_that_books_the_lapse_of_its_hold(busy_counter: Counter, _: int) -> None:
    wallet, order, name = new_wallet(), new_name("order"), new_name()
    busy_counter.till.fill(wallet, 1200, kind=Kind.COMPENSATION)
    busy_counter.till.hold(wallet, 1200, order, ttl_seconds=1)
    busy_counter.send("order.paid", paid(wallet, order, 3000, credit_used=1200))
    time.sleep(1.05)
    body = event("refund.created", refunded(wallet, order, 1500), name)
    race(busy_counter, body, partial(settle_alone, busy_counter.till.engine, wallet, Deadline.after(8)))
    assert busy_counter.post.fate(name)["status"] == "applied"
    stored = busy_counter.till.check(wallet)
    assert (stored.remaining, stored.held) == (1200, 0)
    assert [str(entry.type) for entry in busy_counter.till.entries(wallet)].count("lapsed") == 1


@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_reversed_refund_against_somebody_who_spends_what_came_back(busy_counter: Counter, _: int) -> None:
    sale, refund, name = busy_counter.sold(), new_name("refund"), new_name()
    busy_counter.send("refund.created", refunded(sale.wallet, sale.order, 3000, refund))
    body = event("refund.reversed", {"refund_id": refund}, name)
    told = race(
        busy_counter, body, partial(until_known, busy_counter.till.redeem, sale.wallet, 1200, new_name("order"))
    )
    won = busy_counter.post.fate(name)
    assert (won["status"] == "applied") is not isinstance(told, Receipt)
    assert won["status"] == "applied" or won["code"] == "insufficient_credit"
    assert busy_counter.remaining(sale.wallet) == 0
