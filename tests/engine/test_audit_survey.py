"""`make audit` over whole tables: orders against redemptions, events against entries, and the sums over everything.

Tables of its own, since it reads all of them and other tests leave damage behind on purpose.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.edge.functions import intake
from chalicelib.events.model import event_operation
from chalicelib.ledger.granting import ORDER
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import At
from chalicelib.notices.guarding import REASON, Guarded, put_off
from chalicelib.runtime.clock import Deadline, SystemClock
from chalicelib.runtime.environment import Settings
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.order_codec import order_row
from chalicelib.store.reading import Store
from chalicelib.store.tables import OPERATION, bind, order_key
from dev.audit import Report, survey, tell
from dev.engine import create_tables, delete_tables
from tests.engine.conftest import POLICY
from tests.engine.post import SHOP, Post, cancelled, paid, refunded
from tests.engine.till import Till

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WALLET = WalletId("anna", "EUR")


class Books:
    """A shop's whole tables after some trade: refunds both ways, one undone, a cancellation, credit that was earned."""

    def __init__(self, store: Store, plain: DynamoDBClient) -> None:
        self.store, self._plain = store, plain
        self.till = Till(Engine(store, POLICY))
        self.post = Post(self.till.engine)
        self.events: list[str] = []
        self._trade()

    def _trade(self) -> None:
        self.till.fill(WALLET, 1_200, kind=Kind.REFUND)
        self.till.redeem(WALLET, 1_200, "order-1")
        self._tell("order.paid", paid(WALLET, "order-1", 3_000, credit_used=1_200))
        self._tell("refund.created", refunded(WALLET, "order-1", 1_000, "refund-1"))
        more = {"method": "store_credit", "bonus_basis_points": 1_000}
        self._tell("refund.created", refunded(WALLET, "order-1", 500, "refund-2", **more))
        self._tell("refund.reversed", {"refund_id": "refund-1"})
        self._tell("order.paid", paid(WALLET, "order-2", 4_000))
        self.till.issue(WALLET, 400, Kind.CASHBACK, source=Source(ORDER, "order-2"), priority=0)
        self.till.redeem(WALLET, 300, "order-3")
        self._tell("order.cancelled", cancelled(WALLET, "order-2"))

    def _tell(self, type_: str, data: dict[str, Any]) -> None:
        name = uuid.uuid4().hex
        assert self.post.send(type_, data, name)["status"] == "applied"
        self.events.append(name)

    def audit(self) -> Report:
        return survey(self.store)

    def found(self) -> set[tuple[str, str]]:
        report = self.audit()
        return {(each.code, each.where) for _, each in report.differences} | {
            (each.code, each.where) for each in report.unbalanced
        }

    def forget(self, pk: str, sk: str) -> None:
        self._plain.delete_item(TableName=self.store.tables.wallets_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def forget_entry(self, sequence: int) -> None:
        key: Any = {"wallet": {"S": str(WALLET)}, "sequence": {"N": str(sequence)}}
        self._plain.delete_item(TableName=self.store.tables.ledger_name, Key=key)

    def forge_order(self, **changed: Any) -> None:
        """Write the first order with these fields otherwise."""
        order = self.store.order("order-1")
        assert order is not None
        row = order_row(self.store.tables, replace(order, **changed), order.version)
        self._plain.put_item(TableName=self.store.tables.wallets_name, Item=row.serialize())


@pytest.fixture
def books(endpoint: str, plain: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(intake, "settings", lambda: told)
    name = uuid.uuid4().hex[:12]
    tables = bind(f"wallets-{name}", f"ledger-{name}")
    create_tables(endpoint, tables.wallets_name, tables.ledger_name)
    yield Books(Store(tables, connect(tables), SystemClock(), test_clock=False), plain)
    delete_tables(endpoint, tables.wallets_name, tables.ledger_name)


def test_books_that_were_kept_by_the_engine_tie(books: Books, capsys: pytest.CaptureFixture[str]) -> None:
    report = books.audit()
    assert tell(report) == 0
    assert (report.wallets, report.orders, report.events) == (1, 2, len(books.events))
    assert "everything ties" in capsys.readouterr().out


def test_a_refund_that_the_ledger_does_not_know_is_named(books: Books) -> None:
    order = books.store.order("order-1")
    assert order is not None
    books.forge_order(refunds=(*order.refunds, replace(order.refunds[0], id="refund-9", undone=False)))
    assert ("order_differs", "order order-1.refund-9.credit") in books.found()


def test_a_refund_that_its_order_forgot_is_named(books: Books) -> None:
    order = books.store.order("order-1")
    assert order is not None
    kept = tuple(each for each in order.refunds if each.id != "refund-2")
    books.forge_order(refunds=kept)
    assert books.found() == {("refund_missing", "order order-1.refund-2")}


def test_a_refund_of_another_share_than_the_ledger_gave_back_is_named(books: Books) -> None:
    order = books.store.order("order-1")
    assert order is not None
    books.forge_order(refunds=tuple(replace(each, credit=each.credit + 1) for each in order.refunds))
    assert ("order_differs", "order order-1.refund-2.credit") in books.found()


def test_an_order_that_is_gone_is_named(books: Books) -> None:
    books.forget(*order_key("order-1"))
    assert books.found() == {("order_missing", "order order-1")}


def test_an_event_whose_record_is_gone_is_named(books: Books) -> None:
    operation = event_operation(SHOP, books.events[1])
    books.forget(f"#{operation}", OPERATION)
    assert ("event_missing", f"event {operation}") in books.found()


def test_an_entry_that_an_event_made_and_that_is_gone_is_named_with_its_event(books: Books) -> None:
    operation = event_operation(SHOP, books.events[1])
    (made,) = (entry for entry in books.till.entries(WALLET) if entry.operation == operation)
    books.forget_entry(made.sequence)
    found = books.found()
    assert ("event_differs", f"event {operation}") in found
    assert ("sums_differ", "EUR") in found


def test_what_became_of_parked_and_rejected_events_is_no_difference(books: Books) -> None:
    assert books.post.send("refund.created", refunded(WALLET, "order-7", 100))["status"] == "parked"
    assert books.post.send("refund.created", refunded(WALLET, "order-1", 99_000))["status"] == "rejected"
    assert books.found() == set()


def test_a_key_of_a_retry_is_no_wallets(books: Books) -> None:
    books.post.inbox.remember(event_operation("support", "key"), "a retry", '{"status":"applied"}', 1_790_000_000_000)
    report = books.audit()
    assert (tell(report), report.wallets) == (0, 1)


def test_an_end_that_was_put_off_since_nobody_was_told_is_no_difference(books: Books) -> None:
    """Nobody asked for it, so its record has no answer."""
    engine = books.till.engine
    ends = engine.store.now() + 3 * DAY_MS
    lot = books.till.issue(WALLET, 700, Kind.MIGRATION, expires=At(ends)).lot
    (wallet,), _ = engine.store.wallets([WALLET])
    found = next(each for each in wallet.lots if each.id == lot)
    put_off(engine, WALLET, Guarded(found, ends), Deadline.after(8))
    assert [entry.reason for entry in engine.store.entries_through(WALLET, 10**6)][-1] == REASON
    assert books.found() == set()
