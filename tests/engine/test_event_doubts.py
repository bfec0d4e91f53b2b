"""What must not be decided on half a view: a wallet that moves between two reads, an attempt that may still land."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.edge.functions import intake
from chalicelib.ledger.granting import ORDER
from chalicelib.ledger.lots import Kind, Source
from chalicelib.runtime.clock import SystemClock
from chalicelib.runtime.environment import Settings
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.tables import ORDERS, Tables
from tests.engine.conftest import POLICY
from tests.engine.post import MAX_RECEIVES, Post, event, paid, refunded
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import Kept
from tests.engine.wire import COMMIT, Request, Wire


@pytest.fixture
def post(hasty: Till, monkeypatch: pytest.MonkeyPatch) -> Post:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(intake, "settings", lambda: told)
    return Post(hasty.engine)


@pytest.fixture
def rival(tables: Tables) -> Till:
    """Somebody else on the same tables, whose requests no test touches."""
    return Till(Engine(Store(tables, connect(tables), SystemClock(), test_clock=False), POLICY), caller="rival")


def test_a_capture_between_the_reads_of_wallet_and_order_counts_once(
    hasty: Till, post: Post, wire: Wire, rival: Till
) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    hasty.fill(wallet, 500, kind=Kind.COMPENSATION)
    hold = hasty.hold(wallet, 500, order).hold
    post.send("order.paid", paid(wallet, order, 1000))

    def capture(_: Request) -> None:
        rival.capture(wallet, hold)

    wire.on(("Query",), capture, where=lambda request: request.body.get("IndexName") == ORDERS)
    refund = refunded(wallet, order, 500, split={"credit": 0})
    assert post.send("refund.created", refund, name)["status"] == "applied"


def test_no_refund_is_told_rejected_while_an_attempt_of_it_may_land(
    hasty: Till, post: Post, wire: Wire, rival: Till
) -> None:
    """The first attempt moves no wallet, the second one would: doubt about the first outlives the second's."""
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    hasty.fill(wallet, 5000, kind=Kind.COMPENSATION)
    post.send("order.paid", paid(wallet, order, 3000))
    kept = [Kept(), Kept()]
    late = iter(kept)
    redemptions: list[str] = []

    def cut(request: Request) -> AWSResponse | None:
        if redemptions:
            rival.reverse(wallet, redemptions[0])
        else:
            redemptions.append(rival.redeem(wallet, 1200, order).redemption)
        return next(late)(request)

    wire.on(COMMIT, cut, times=2)
    post.deliver(event("refund.created", refunded(wallet, order, 3000), name))
    assert post.dead_letters.copies == []
    kept[0].deliver()
    assert post.fate(name)["status"] == "applied"


def test_a_message_settles_no_rejection_but_its_own(post: Post) -> None:
    wallet = new_wallet()
    waits = refunded(wallet, f"order-{new_key()}", 100)
    rejection = post.send("refund.created", waits, receives=MAX_RECEIVES)["rejection"]
    other = event("order.paid", paid(wallet, f"order-{new_key()}", 100))
    post.deliver(other, attributes={"rejection": rejection})
    row = post.inbox.rejection(rejection)
    assert row is not None and row.status == "open"


def test_undoing_a_refund_that_takes_more_than_one_transaction_is_rejected_with_its_reason(
    hasty: Till, post: Post
) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    for _ in range(20):
        hasty.issue(wallet, 1000, kind=Kind.CASHBACK, source=Source(ORDER, order))
    post.send("order.paid", paid(wallet, order, 10_000))
    first = refunded(wallet, order, 5000)
    for refund in (first, *(refunded(wallet, order, 100) for _ in range(4))):
        assert post.send("refund.created", refund)["status"] == "applied"
    before = hasty.stored(wallet)
    told = post.send("refund.reversed", {"refund_id": first["refund_id"]}, name)
    assert (told["status"], told["code"]) == ("rejected", "order_limit_exceeded")
    assert hasty.check(wallet) == before
