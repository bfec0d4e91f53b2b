"""Events in any order: what comes too early waits, what comes twice does nothing, and the end is always the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations

import pytest

from chalicelib.events.model import event_operation
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import At, Days
from chalicelib.store.commit import Engine
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy
from tests.engine.conftest import POLICY
from tests.engine.counter import Counter, new_name
from tests.engine.post import SHOP, cancelled, event, paid, refunded
from tests.engine.till import Till, new_wallet
from tests.engine.wire import Wire
from tests.passbook import instant


def parked_with(counter: Counter, body: str, code: str) -> None:
    assert counter.post.deliver(body) == [0]
    told = counter.post.fate(json.loads(body)["id"])
    assert (told["status"], told["code"]) == ("parked", code)
    assert told["detail"].endswith(".")


def test_a_refund_before_its_order(counter: Counter) -> None:
    sale = counter.sold(told=False)
    body = event("refund.created", refunded(sale.wallet, sale.order, 1500))
    parked_with(counter, body, "order_not_seen")
    counter.send("order.paid", paid(sale.wallet, sale.order, 3000))
    assert counter.post.deliver(body, receives=2) == []
    assert counter.remaining(sale.wallet) == 600


def test_a_reversal_before_its_refund_and_before_its_order(counter: Counter) -> None:
    sale, name = counter.sold(told=False), new_name("refund")
    undone = event("refund.reversed", {"refund_id": name})
    made = event("refund.created", refunded(sale.wallet, sale.order, 1500, name))
    parked_with(counter, undone, "refund_not_seen")
    parked_with(counter, made, "order_not_seen")
    counter.send("order.paid", paid(sale.wallet, sale.order, 3000))
    assert counter.post.deliver(undone, made, receives=2) == [0]
    assert counter.remaining(sale.wallet) == 600
    assert counter.post.deliver(undone, receives=3) == []
    assert counter.remaining(sale.wallet) == 0


def test_a_refund_before_its_redemption_when_the_shop_said_that_credit_was_used(counter: Counter) -> None:
    wallet, order = new_wallet(), new_name("order")
    counter.till.fill(wallet, 1200)
    counter.send("order.paid", paid(wallet, order, 3000, credit_used=1200))
    body = event("refund.created", refunded(wallet, order, 1500))
    parked_with(counter, body, "redemption_not_seen")
    counter.till.redeem(wallet, 1200, order)
    assert counter.post.deliver(body, receives=2) == []
    assert counter.remaining(wallet) == 600


def test_a_cancellation_before_the_payment_is_told(counter: Counter) -> None:
    sale = counter.sold(told=False)
    assert counter.send("order.cancelled", cancelled(sale.wallet, sale.order)) == "applied"
    assert counter.remaining(sale.wallet) == 1200
    assert counter.send("order.paid", paid(sale.wallet, sale.order, 3000, credit_used=1200)) == "applied"
    assert counter.send("order.cancelled", cancelled(sale.wallet, sale.order)) == "duplicate"
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, 3000)) == "applied"
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, 1)) == "rejected"
    assert counter.remaining(sale.wallet) == 1200


def test_a_cancellation_of_an_order_that_nobody_knows_is_remembered(counter: Counter) -> None:
    wallet, order = new_wallet(), new_name("order")
    assert counter.send("order.cancelled", cancelled(wallet, order)) == "applied"
    assert counter.till.engine.store.order(order).cancelled  # type: ignore[union-attr]
    assert counter.till.stored(wallet).version == 0


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("twice", [False, True], ids=["once", "each twice"])
def test_every_order_of_paid_two_refunds_and_a_reversal_ends_the_same(
    counter: Counter, order: tuple[int, ...], twice: bool
) -> None:
    sale, first, second = counter.sold(told=False), new_name("refund"), new_name("refund")
    counter.till.issue(sale.wallet, 300, Kind.CASHBACK, source=Source("order", sale.order))
    bodies = [
        event("order.paid", paid(sale.wallet, sale.order, 3000, credit_used=1200)),
        event("refund.created", refunded(sale.wallet, sale.order, 1000, first)),
        event("refund.created", refunded(sale.wallet, sale.order, 1500, second)),
        event("refund.reversed", {"refund_id": first}),
    ]
    told = [bodies[index] for index in order]
    waiting = [body for body in told for _ in range(1 + twice) if counter.post.deliver(body)]
    counter.until_done(*waiting, receives=2)
    counter.until_done(*bodies)
    known = counter.till.engine.store.order(sale.order)
    assert known is not None and (known.refunded, known.other_refunded) == (1500, 900)
    assert counter.remaining(sale.wallet) == 600 + 150
    assert counter.till.stored(sale.wallet).debt == 0
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, 1501)) == "rejected"
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, 1500)) == "applied"
    assert counter.remaining(sale.wallet) == 1200


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_every_order_within_one_batch_ends_the_same(counter: Counter, order: tuple[int, ...]) -> None:
    sale, first = counter.sold(told=False), new_name("refund")
    bodies = [
        event("order.paid", paid(sale.wallet, sale.order, 3000, credit_used=1200)),
        event("refund.created", refunded(sale.wallet, sale.order, 1000, first)),
        event("refund.reversed", {"refund_id": first}),
        event("order.cancelled", cancelled(sale.wallet, sale.order)),
    ]
    counter.until_done(*(bodies[index] for index in order))
    assert counter.remaining(sale.wallet) == 1200


def test_the_same_event_with_another_content_is_rejected_and_not_taken_for_a_duplicate(counter: Counter) -> None:
    sale, name = counter.sold(), new_name()
    first = event("refund.created", refunded(sale.wallet, sale.order, 1000), name)
    other = event("refund.created", refunded(sale.wallet, sale.order, 1500), name)
    assert counter.post.deliver(first) == []
    assert counter.post.deliver(first, other) == []
    assert counter.remaining(sale.wallet) == 400
    assert [told["reason"] for _, told in counter.post.dead_letters.copies] == ["event_id_reused"]
    assert counter.post.fate(name)["status"] == "applied"


def test_the_same_id_of_another_source_is_another_event(counter: Counter) -> None:
    sale, name = counter.sold(), new_name()
    for source in ("shop", "till"):
        body = event("refund.created", refunded(sale.wallet, sale.order, 1000), name, source)
        assert counter.post.deliver(body) == []
    assert counter.remaining(sale.wallet) == 800


@pytest.fixture
def late(clocked_store: Store, clocked_wire: Wire, intake_stage: None) -> Iterator[Counter]:
    counter = Counter(Till(Engine(clocked_store, POLICY)))
    yield counter
    counter.till.engine.set_clock(None)


def on(counter: Counter, day: str) -> None:
    try:
        counter.till.engine.set_clock(instant(day))
    except Busy:
        counter.till.engine.set_clock(instant(day))


def test_days_late_a_refund_reinstates_what_has_expired_and_is_applied_once(late: Counter) -> None:
    on(late, "2027-01-01T12:00")
    wallet, order = new_wallet(), new_name("order")
    late.till.issue(wallet, 500, expires=At(instant("2027-01-05")))
    late.till.redeem(wallet, 500, order)
    late.send("order.paid", paid(wallet, order, 500))
    on(late, "2027-02-01T12:00")
    body = event("refund.created", refunded(wallet, order, 500))
    assert late.post.deliver(body, body) == []
    (lot,) = late.till.check(wallet).lots
    assert (lot.kind, lot.remaining, lot.expires_at) == (Kind.REINSTATED, 500, instant("2027-03-03T12:00"))
    on(late, "2027-06-01T12:00")
    assert late.post.deliver(body) == []
    assert [entry.type for entry in late.till.entries(wallet)][-1] == "restored"


def test_years_late_an_event_is_still_known(late: Counter) -> None:
    """(source, id) is applied once, for ever: nothing of an applied event is given to be deleted."""
    on(late, "2027-01-01T12:00")
    wallet, order = new_wallet(), new_name("order")
    late.till.issue(wallet, 500, expires=Days(9999))
    late.till.redeem(wallet, 500, order)
    names = [new_name(), new_name(), new_name()]
    refund = new_name("refund")
    late.post.deliver(
        event("order.paid", paid(wallet, order, 500), names[0]),
        event("refund.created", refunded(wallet, order, 500, refund), names[1]),
        event("refund.reversed", {"refund_id": refund}, names[2]),
    )
    for name in names:
        told = late.post.fate(name)
        assert told["status"] == "applied"
        row = late.post.inbox.fate(event_operation(SHOP, name)).operation
        assert row is not None and row.delete_after is None
