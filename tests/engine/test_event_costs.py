"""What an event costs: requests, read units and write units by DynamoDB's size rule, indexes left out.

It is the event itself that is weighed here; what follows from an order is written by itself, see `test_profiles`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.edge.functions import intake
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import Days
from chalicelib.store.reading import Store
from tests.engine.counter import EVENTS, Counter, new_name, refund
from tests.engine.post import cancelled, event, paid, refunded
from tests.engine.test_costs import LOT, Scales, filled, lengthen
from tests.engine.till import new_wallet
from tests.engine.wire import Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_FOR_A_REFUND = 10
"""Write units: wallet, entry, operation, order, and the redemption's record, a kilobyte or less each."""


@pytest.fixture(scope="module")
def scales(store: Store, plain: DynamoDBClient) -> Scales:
    return Scales(store, plain)


@pytest.fixture(autouse=True)
def nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "follow_up", lambda *_: None)


def queries(wire: Wire, since: int) -> list[dict[str, Any]]:
    return [request.body for request in wire.sent[since:] if request.operation == "Query"]


@pytest.mark.parametrize("lots", [1, 2, 11, 25])
@pytest.mark.parametrize("how", ["whole", "part"])
@pytest.mark.parametrize("spent", ["all of it", "most of it"])
def test_a_refund_of_a_redemption_costs_at_most_ten_write_units(
    counter: Counter, scales: Scales, wire: Wire, lots: int, how: str, spent: str
) -> None:
    wallet, order = filled(counter.till, lots), new_name("order")
    credit = lots * LOT if spent == "all of it" else lots * LOT - 10
    counter.till.redeem(wallet, credit, order)
    counter.send("order.paid", paid(wallet, order, 2 * credit, credit_used=credit))
    amount = 2 * credit if how == "whole" else credit
    body = event("refund.created", refunded(wallet, order, amount))
    since = len(wire.sent)
    with scales.weigh() as told:
        assert counter.post.deliver(body) == []
    assert told.bill.write_units <= MOST_FOR_A_REFUND
    assert told.bill.operations.count("TransactWriteItems") == 1
    assert [query["IndexName"] for query in queries(wire, since)] == ["refunds", "orders"]
    counter.till.check(wallet)


def test_a_refund_costs_the_same_after_a_long_history(
    counter: Counter, scales: Scales, wire: Wire, plain: DynamoDBClient
) -> None:
    """Only the entries about the order are read, however many others there are."""
    bills = []
    for long in (False, True):
        wallet, order = filled(counter.till, 11), new_name("order")
        if long:
            lengthen(counter.till, wallet, plain)
        counter.till.redeem(wallet, 11 * LOT, order)
        counter.send("order.paid", paid(wallet, order, 22 * LOT))
        body = event("refund.created", refunded(wallet, order, 22 * LOT))
        with scales.weigh() as told:
            assert counter.post.deliver(body) == []
        bills.append((told.bill.round_trips, told.bill.read_units, told.bill.write_units))
    assert bills[0] == bills[1]


@pytest.mark.parametrize("about", EVENTS, ids=lambda about: about.__name__)
def test_a_duplicate_message_costs_one_read_of_one_item(counter: Counter, scales: Scales, about: Any) -> None:
    said = about(counter)
    assert counter.post.deliver(said.body) == []
    with scales.weigh() as told:
        assert counter.post.deliver(said.body) == []
    assert told.bill.operations == ["GetItem"]
    assert (told.bill.read_units, told.bill.write_units) == (1, 0)


def test_a_batch_of_duplicates_costs_one_read(counter: Counter, scales: Scales) -> None:
    said = [refund(counter) for _ in range(10)]
    bodies = [each.body for each in said]
    assert counter.post.deliver(*bodies) == []
    with scales.weigh() as told:
        assert counter.post.deliver(*bodies) == []
    assert told.bill.operations == ["BatchGetItem"]
    assert told.bill.read_units == 10


@pytest.mark.parametrize(("credit", "reads"), [(None, 1), (0, 0)], ids=["credit not spoken of", "no credit"])
@pytest.mark.parametrize("lines", [0, 250])
def test_a_paid_order_costs_four_write_units_whatever_it_is_made_of(
    counter: Counter, scales: Scales, lines: int, credit: int | None, reads: int
) -> None:
    """Of one that may have been paid with credit it is read whether its customer was merged."""
    wallet, order = new_wallet(), new_name("order")
    line = {
        "product": "hat-" + "x" * 60,
        "category": "a/b/c",
        "tags": ["new", "summer"],
        "quantity": 1,
        "unit_price": 9,
    }
    told: dict[str, Any] = {"lines": [line] * lines} if lines else {}
    if credit is not None:
        told["credit_used"] = credit
    body = event("order.paid", paid(wallet, order, 9 * 250, site="outlet", paid_at="2026-05-01T10:00:00Z", **told))
    with scales.weigh() as weighed:
        assert counter.post.deliver(body) == []
    assert weighed.bill.write_units == 4
    assert weighed.bill.operations == ["GetItem", "BatchGetItem", *["GetItem"] * reads, "TransactWriteItems"]


def test_a_cancelled_order_costs_no_more_than_a_refund(counter: Counter, scales: Scales) -> None:
    wallet, order = filled(counter.till, 11), new_name("order")
    counter.till.redeem(wallet, 11 * LOT, order)
    counter.send("order.paid", paid(wallet, order, 11 * LOT))
    with scales.weigh() as told:
        assert counter.post.deliver(event("order.cancelled", cancelled(wallet, order))) == []
    assert told.bill.write_units <= MOST_FOR_A_REFUND


def test_taking_back_what_the_order_earned_is_one_entry_more(counter: Counter, scales: Scales) -> None:
    wallet, order = filled(counter.till, 5), new_name("order")
    counter.till.redeem(wallet, 5 * LOT, order)
    counter.send("order.paid", paid(wallet, order, 10 * LOT))
    counter.till.issue(wallet, 300, Kind.CASHBACK, source=Source("order", order), expires=Days(30))
    with scales.weigh() as told:
        assert counter.post.deliver(event("refund.created", refunded(wallet, order, 10 * LOT))) == []
    assert told.bill.write_units <= MOST_FOR_A_REFUND + 2


def test_the_hundredth_refund_of_an_order_still_costs_what_its_items_do(counter: Counter, scales: Scales) -> None:
    sale = counter.sold(1200, 3000)
    for _ in range(99):
        assert counter.post.deliver(event("refund.created", refunded(sale.wallet, sale.order, 10))) == []
    with scales.weigh() as told:
        assert counter.post.deliver(event("refund.created", refunded(sale.wallet, sale.order, 10))) == []
    assert told.bill.write_units <= 2 * MOST_FOR_A_REFUND
