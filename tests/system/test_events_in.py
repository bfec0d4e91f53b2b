"""Events over the deployed queues: applied once, parked while something is missing, rejected with a reason, and nothing
lost or held up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dev import redrive
from dev.deploy import STACK, client
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key
from tests.system.shop import ORDERS, REFUNDS, Shop, event

CREDIT = {"amount": 100, "kind": "promotion", "reason": "test"}


@pytest.fixture
def shop(stack: Stack, as_role: AsRole, customer: str) -> Shop:
    return Shop(stack, as_role, customer)


def last_try(shop: Shop, body: str) -> None:
    """Hand a message to the deployed function as its queue does for the last time, after which it is given up."""
    found = client("cloudformation", shop.stack.aws).describe_stack_resource(
        StackName=STACK, LogicalResourceId="Refunds"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    record = {
        "messageId": "last-try",
        "receiptHandle": "none",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "10"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    payload = json.dumps({"Records": [record]}).encode()
    answer = client("lambda", shop.stack.aws).invoke(FunctionName=name, Payload=payload)
    told = json.loads(answer["Payload"].read())
    assert told == {"batchItemFailures": []}


def part_paid_with_credit(shop: Shop) -> None:
    """30.00, of which 12.00 are credit."""
    shop.grant(1_200)
    shop.redeem(1_200)
    assert shop.tell(shop.paid(3_000, credit_used=1_200))["status"] == "applied"


def test_a_refund_over_the_queue_credits_the_wallet(shop: Shop) -> None:
    part_paid_with_credit(shop)
    told = shop.tell(shop.refunded(1_500))
    assert (told["status"], told["customer"], told["order_id"]) == ("applied", shop.customer, shop.order)
    assert shop.available() == 600
    entry = shop.entries()[-1]
    assert told["entries"] == [entry["sequence"]]
    assert (entry["type"], entry["actor"], entry["amount"]) == ("restored", "event:shop", 600)
    assert shop.consistent()


def test_the_same_message_again_and_again_has_one_effect(shop: Shop) -> None:
    part_paid_with_credit(shop)
    refund = shop.refunded(1_500)
    body = json.dumps(refund)
    shop.send(REFUNDS, body, body)
    assert shop.fate(refund)["status"] == "applied"
    shop.send(REFUNDS, body)
    shop.drained(REFUNDS)
    assert shop.available() == 600
    assert len(shop.entries()) == 3
    assert shop.look(refund)["status"] == "applied"


def test_the_same_refund_told_under_another_id_is_a_duplicate(shop: Shop) -> None:
    part_paid_with_credit(shop)
    refund = shop.refunded(1_500)
    shop.tell(refund)
    told = shop.tell(event("refund.created", refund["data"], source="the-shop's-other-system"))
    assert (told["status"], told["entries"]) == ("duplicate", [])
    assert shop.available() == 600


def test_a_refund_before_its_order_waits_and_is_applied_by_itself(shop: Shop) -> None:
    shop.grant(1_200)
    shop.redeem(1_200)
    refund = shop.refunded(3_000)
    shop.send(REFUNDS, json.dumps(refund))
    parked = shop.fate(refund, "parked")
    assert (parked["code"], parked["detail"]) == ("order_not_seen", "The order is not known yet.")
    assert shop.available() == 0
    shop.tell(shop.paid(3_000))
    assert shop.fate(refund)["status"] == "applied"
    assert shop.available() == 1_200


def test_poison_holds_up_nobody_and_can_be_looked_up(shop: Shop) -> None:
    first, last = shop.paid(3_000), shop.paid(1_000, f"{shop.order}-b")
    huge = shop.paid(10**40, f"{shop.order}-c")
    unknown = event("order.eaten", {"order": shop.order})
    nan = shop.paid(3_000, f"{shop.order}-d") | {"data": {"total": float("nan")}}
    unreadable = f"poison about {shop.order}"
    poison = {
        "validation_failed": json.dumps(huge),
        "unknown_type": json.dumps(unknown),
        "invalid_json": unreadable,
        "none of them": json.dumps(nan),
    }
    shop.send(ORDERS, json.dumps(first), *poison.values(), json.dumps(last))
    assert [shop.fate(said)["status"] for said in (first, last)] == ["applied", "applied"]
    for said, code, words in (
        (huge, "validation_failed", "/data/total: Input should be less than or equal to 1000000000000"),
        (unknown, "unknown_type", "No event of this type is known here"),
        (nan, "validation_failed", "/data/id: Field required"),
    ):
        told = shop.fate(said)
        assert (told["status"], told["code"]) == ("rejected", code)
        assert words in told["detail"]
        row = shop.rejection(id=told["rejection"])
        assert (row["message"], row["status"], row["queue"]) == (json.dumps(said), "open", ORDERS)
        body, attributes = shop.dead_letter(ORDERS, row["id"])
        assert (body, attributes["reason"], attributes["event"]) == (json.dumps(said), code, said["id"])

    row = shop.rejection(message=unreadable)
    assert (row["code"], row["source"], row["event"]) == ("invalid_json", None, None)
    body, attributes = shop.dead_letter(ORDERS, row["id"])
    assert (body, attributes["reason"], attributes["detail"]) == (unreadable, "invalid_json", row["detail"])


def test_a_message_as_long_as_a_queue_takes_is_kept_whole_and_its_copy_cut(shop: Shop) -> None:
    long = event("order.eaten", {"padding": ""})
    long["data"]["padding"] = "x" * (256 * 1024 - len(json.dumps(long)))
    shop.send(ORDERS, json.dumps(long))
    rejection = shop.fate(long)["rejection"]
    body, attributes = shop.dead_letter(ORDERS, rejection)
    assert json.dumps(long).startswith(body)
    assert (attributes["reason"], attributes["cut"]) == ("unknown_type", "true")
    assert shop.retry(rejection)["code"] == "unknown_type"


def test_a_refund_whose_order_comes_too_late_is_applied_when_it_is_tried_again(shop: Shop) -> None:
    shop.grant(1_200)
    shop.redeem(1_200)
    refund = shop.refunded(3_000)
    last_try(shop, json.dumps(refund))
    told = shop.fate(refund)
    assert (told["status"], told["code"]) == ("rejected", "order_not_seen")
    assert shop.dead_letter(REFUNDS, told["rejection"])[1]["reason"] == "order_not_seen"
    assert shop.retry(told["rejection"])["code"] == "order_not_seen"

    shop.tell(shop.paid(3_000))
    again = shop.retry(told["rejection"])
    assert (again["status"], again["event"]) == ("applied", refund["id"])
    assert shop.available() == 1_200
    assert shop.look(refund)["status"] == "applied"
    assert shop.rejection(id=told["rejection"])["status"] == "settled"
    assert shop.retry(told["rejection"])["status"] == "applied"
    assert shop.available() == 1_200


def test_a_retry_with_the_same_key_is_answered_the_same_byte_for_byte(shop: Shop) -> None:
    shop.grant(1_200)
    shop.redeem(1_200)
    refund = shop.refunded(3_000)
    last_try(shop, json.dumps(refund))
    path, key = f"v1/events/rejected/{shop.fate(refund)['rejection']}/retry", fresh_key()
    refused = shop.support.post(path, headers=key)
    assert (refused.json()["status"], refused.headers.get("Idempotent-Replayed")) == ("rejected", None)
    shop.tell(shop.paid(3_000))
    first, again = (shop.support.post(path, headers=key) for _ in range(2))
    assert (first.json()["status"], first.headers.get("Idempotent-Replayed")) == ("applied", None)
    assert (again.status_code, again.content, again.headers["Idempotent-Replayed"]) == (200, first.content, "true")
    other = shop.support.post(f"{shop.path}/credits", json=CREDIT, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert shop.finance.post(path, headers=key).headers.get("Idempotent-Replayed") is None
    assert shop.available() == 1_200


def test_what_was_refused_is_brought_back_from_the_dead_letters_after_a_repair(
    shop: Shop, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part_paid_with_credit(shop)
    refund = shop.refunded(3_000)
    shop.tell(refund)
    shop.post("freeze", reason="suspected_fraud")
    told = shop.tell(shop.reversal(refund))
    assert (told["status"], told["code"]) == ("rejected", "wallet_frozen")
    shop.dead_letter(REFUNDS, told["rejection"])
    assert shop.available() == 1_200

    shop.post("unfreeze", reason="cleared")
    assert redrive.main([REFUNDS, "--data", str(data)]) == 0
    assert "wallet_frozen" in capsys.readouterr().out
    assert shop.rejection(id=told["rejection"], status="settled")["tries"] == 2
    assert shop.available() == 0


def test_an_id_that_was_used_for_another_event_is_rejected(shop: Shop) -> None:
    paid = shop.paid(3_000)
    shop.tell(paid)
    other = paid | {"data": paid["data"] | {"id": f"{shop.order}-b"}}
    shop.send(ORDERS, json.dumps(other))
    row = shop.rejection(event=paid["id"])
    assert row["code"] == "event_id_reused"
    assert shop.look(paid)["status"] == "applied"


@pytest.mark.parametrize("source", ["/shop/eu", "https://shop.example/eu?x=1#2", "urn:shop:100%25", "a+b%2F"])
def test_a_source_is_found_percent_encoded(shop: Shop, source: str) -> None:
    paid = shop.paid(3_000) | {"source": source, "id": f"{shop.order}/paid"}
    told = shop.tell(paid)
    assert (told["source"], told["id"], told["status"]) == (source, f"{shop.order}/paid", "applied")


def test_an_event_that_never_came_is_not_found(shop: Shop) -> None:
    answer = shop.finance.get(f"v1/events/shop/{shop.order}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("role", ["checkout", "support", "marketer"])
def test_rejected_events_are_for_who_audits(as_role: AsRole, role: str) -> None:
    assert as_role(role).get("v1/events/rejected").status_code == 403


def test_rejected_events_come_in_pages(shop: Shop) -> None:
    bodies = [f"poison {number} about {shop.order}" for number in range(3)]
    shop.send(ORDERS, *bodies)
    for body in bodies:
        shop.rejection(message=body)
    seen: list[Any] = []
    cursor = ""
    while len(seen) < 50 and cursor is not None:
        page = shop.finance.get(f"v1/events/rejected?limit=2{cursor}").raise_for_status().json()
        seen += page["data"]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None  # type: ignore[assignment]
    ids = [row["id"] for row in seen]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == len(ids)
    assert set(bodies) <= {row["message"] for row in seen}
