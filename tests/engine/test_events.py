"""Events of the shop, on the engine: applied once, parked while something is missing, rejected with a reason."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo

import pytest

from chalicelib.edge.functions import intake
from chalicelib.events.model import event_operation
from chalicelib.ledger.lots import Kind
from chalicelib.runtime.environment import Settings
from chalicelib.store.inbox import SETTLED_RETENTION_SECONDS, Message, Reason
from tests.engine.post import SHOP, Post, cancelled, event, paid, refunded
from tests.engine.till import Till, new_key, new_wallet


@pytest.fixture
def post(till: Till, monkeypatch: pytest.MonkeyPatch) -> Post:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(intake, "settings", lambda: told)
    return Post(till.engine)


def test_a_refund_gives_the_credit_share_back_to_its_lots(till: Till, post: Post) -> None:
    wallet = new_wallet()
    till.fill(wallet, 1200, kind=Kind.COMPENSATION)
    order = f"order-{new_key()}"
    till.redeem(wallet, 1200, order)
    assert post.send("order.paid", paid(wallet, order, 3000, credit_used=1200))["status"] == "applied"
    assert post.send("refund.created", refunded(wallet, order, 1500))["status"] == "applied"
    assert till.check(wallet).remaining == 600


def test_the_same_event_twice_has_one_effect(till: Till, post: Post) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    till.fill(wallet, 1200)
    till.redeem(wallet, 1200, order)
    post.send("order.paid", paid(wallet, order, 3000))
    message = event("refund.created", refunded(wallet, order, 1500), name)
    assert post.deliver(message, message) == []
    assert post.deliver(message) == []
    assert till.check(wallet).remaining == 600
    assert post.fate(name)["status"] == "applied"


def test_the_same_refund_under_another_event_is_a_duplicate(till: Till, post: Post) -> None:
    wallet, order = new_wallet(), f"order-{new_key()}"
    till.fill(wallet, 1200)
    till.redeem(wallet, 1200, order)
    post.send("order.paid", paid(wallet, order, 3000))
    refund = refunded(wallet, order, 1500)
    assert post.send("refund.created", refund)["status"] == "applied"
    assert post.send("refund.created", refund)["status"] == "duplicate"
    assert till.check(wallet).remaining == 600


def test_a_refund_before_its_order_waits_for_it(till: Till, post: Post) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    till.fill(wallet, 1200)
    till.redeem(wallet, 1200, order)
    refund = event("refund.created", refunded(wallet, order, 3000), name)
    assert post.deliver(refund) == [0]
    assert (post.fate(name)["status"], post.fate(name)["code"]) == ("parked", "order_not_seen")
    assert post.queue.hidden == [2]
    post.send("order.paid", paid(wallet, order, 3000))
    assert post.deliver(refund, receives=2) == []
    assert post.fate(name)["status"] == "applied"
    assert till.check(wallet).remaining == 1200


def test_a_refund_whose_order_never_comes_is_rejected_with_its_reason(till: Till, post: Post) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    refund = event("refund.created", refunded(wallet, order, 3000), name)
    assert post.deliver(refund, receives=5) == []
    told = post.fate(name)
    assert (told["status"], told["code"]) == ("rejected", "order_not_seen")
    ((body, attributes),) = post.dead_letters.copies
    assert body == refund
    assert attributes["reason"] == "order_not_seen" and attributes["rejection"] == told["rejection"]


def test_a_refund_reversed_spends_the_credit_again(till: Till, post: Post) -> None:
    wallet, order = new_wallet(), f"order-{new_key()}"
    till.fill(wallet, 1200)
    till.redeem(wallet, 1200, order)
    post.send("order.paid", paid(wallet, order, 3000))
    refund = refunded(wallet, order, 1500)
    post.send("refund.created", refund)
    assert post.send("refund.reversed", {"refund_id": refund["refund_id"]})["status"] == "applied"
    assert till.check(wallet).remaining == 0
    assert post.send("refund.reversed", {"refund_id": refund["refund_id"]})["status"] == "duplicate"
    assert post.send("order.cancelled", cancelled(wallet, order))["status"] == "applied"
    assert till.check(wallet).remaining == 1200


def test_poison_is_rejected_and_its_batch_mates_are_applied(till: Till, post: Post) -> None:
    wallet, order, name = new_wallet(), f"order-{new_key()}", new_key()
    good = event("order.paid", paid(wallet, order, 3000), name)
    huge = event("order.paid", {"padding": "x" * 300_000})
    wrong = event("refund.created", refunded(wallet, order, 10**40))
    unknown = event("order.eaten", {})
    assert post.deliver("not json", huge, good, wrong, unknown, "[1]", '{"specversion": "1.0"}') == []
    assert post.fate(name)["status"] == "applied"
    reasons = [attributes["reason"] for _, attributes in post.dead_letters.copies]
    assert reasons == [
        "invalid_json",
        "too_large",
        "validation_failed",
        "unknown_type",
        "validation_failed",
        "validation_failed",
    ]


def test_a_rejected_message_about_a_person_does_not_stay_for_ever(post: Post) -> None:
    now = post.engine.store.clock.now()
    reason = Reason("validation_failed", "no such thing")
    kept = {}
    for queue in ("customer-events", "order-events"):
        name = uuid.uuid4().hex
        message = Message(queue, '{"email": "anna@example.com"}', SHOP, name, "customer.updated")
        row = post.inbox.rejection(post.inbox.reject(event_operation(SHOP, name), message, reason, now))
        assert row is not None
        kept[queue] = row.delete_after
    assert kept == {"customer-events": now // 1000 + SETTLED_RETENTION_SECONDS, "order-events": None}
