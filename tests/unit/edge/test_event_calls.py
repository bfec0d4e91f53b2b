"""Events over HTTP: what became of one, what was rejected and why, and trying it again after a repair."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.edge import answers
from chalicelib.edge.events.calls import MAX_SHOWN_CHARACTERS
from chalicelib.edge.events.parsing import received
from chalicelib.events import receiving
from chalicelib.events.model import message_operation
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import Trace
from chalicelib.store.signals import Busy, Unread
from tests.unit.edge.till import WALLET, Answered, DictionaryInbox, Till

REJECTED = "/v1/events/rejected"


def event(type_: str, data: dict[str, Any], name: str = "evt-1", source: str = "shop") -> str:
    return json.dumps({"specversion": "1.0", "id": name, "source": source, "type": type_, "data": data})


def paid(order: str = "o1", total: int = 3_000) -> dict[str, Any]:
    return {"id": order, "customer": "alice", "currency": "EUR", "total": total}


def refund(order: str = "o1", amount: int = 1_000, **more: Any) -> dict[str, Any]:
    about = {"order_id": order, "customer": "alice", "currency": "EUR"}
    return about | {"refund_id": "r1", "amount": amount, "method": "original"} | more


def arrive(till: Till, body: str, *, last_try: bool = True, number: int = 0) -> str:
    """As if it had come over a queue; what became of it."""
    engine: Any = till.engine
    inbox: Any = DictionaryInbox(till.engine.store)
    told = received("refund-events", body, message_operation("refund-events", f"message-{number}"))
    outcome = receiving.receive(engine, inbox, told, Deadline.after(5.0), Trace(), last_try=last_try)
    till.engine.commands = 0
    return outcome.status.value


def described(answered: Answered, name: str) -> Any:
    assert answered.status == 200
    model = getattr(answers, name)
    told = model.model_validate_json(answered.text).model_dump(mode="json", exclude_unset=True)
    assert told == answered.json
    return answered.json


def only_rejection(till: Till) -> Any:
    (row,) = described(till.get(REJECTED), "RejectionPage")["data"]
    return row


def retry(till: Till, rejection: str, **how: Any) -> Any:
    return described(till.post(f"{REJECTED}/{rejection}/retry", {}, **how), "Retried")


# What became of one


def test_an_applied_event_says_what_it_did(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("order.paid", paid()))
    arrive(till, event("refund.created", refund(), "evt-2"))
    assert described(till.get("/v1/events/shop/evt-2"), "EventFate") == {
        "source": "shop",
        "id": "evt-2",
        "status": "applied",
        "at": "2026-09-21T14:13:20Z",
        "type": "refund.created",
        "customer": "alice",
        "currency": "EUR",
        "order_id": "o1",
        "refund_id": "r1",
        "entries": [3],
    }


def test_a_second_telling_of_a_refund_is_a_duplicate(till: Till) -> None:
    arrive(till, event("order.paid", paid()))
    arrive(till, event("refund.created", refund(), "evt-2"))
    assert arrive(till, event("refund.created", refund(), "evt-3")) == "duplicate"
    told = described(till.get("/v1/events/shop/evt-3"), "EventFate")
    assert (told["status"], told["entries"]) == ("duplicate", [])


def test_a_parked_event_says_what_it_waits_for(till: Till) -> None:
    arrive(till, event("refund.created", refund()), last_try=False)
    arrive(till, event("refund.created", refund()), last_try=False)
    told = described(till.get("/v1/events/shop/evt-1"), "EventFate")
    assert (told["status"], told["code"], told["tries"]) == ("parked", "order_not_seen", 2)
    assert told["detail"] == "The order is not known yet."
    assert "rejection" not in told


def test_a_rejected_event_says_where_it_is_kept(till: Till) -> None:
    arrive(till, event("order.paid", paid() | {"total": -1}))
    told = described(till.get("/v1/events/shop/evt-1"), "EventFate")
    assert (told["status"], told["code"], told["rejection"]) == (
        "rejected",
        "validation_failed",
        only_rejection(till)["id"],
    )


def test_an_event_that_never_came_is_not_found(till: Till) -> None:
    answered = till.get("/v1/events/shop/evt-1")
    assert (answered.status, answered.code) == (404, "not_found")
    assert (answered.json["source"], answered.json["event"]) == ("shop", "evt-1")


@pytest.mark.parametrize("source", ["/shop/eu", "https://shop.example/eu?x=1#2", "100%", "a+b"])
def test_a_source_is_found_percent_encoded(till: Till, source: str) -> None:
    arrive(till, event("order.paid", paid(), "evt/1", source))
    told = described(till.get(f"/v1/events/{quote(source, safe='')}/evt%2F1"), "EventFate")
    assert (told["source"], told["id"], told["status"]) == (source, "evt/1", "applied")


@pytest.mark.parametrize(("path", "name"), [("a%20b/x", "source"), ("%C3%A4/x", "source"), ("x/" + "y" * 256, "event")])
def test_what_no_event_is_called_is_pointed_to(till: Till, path: str, name: str) -> None:
    answered = till.get(f"/v1/events/{path}")
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [f"/path/{name}"])


# What was rejected


def test_rejected_messages_are_listed_with_their_reasons(till: Till) -> None:
    arrive(till, "poison")
    row = only_rejection(till)
    assert {name: row[name] for name in ("queue", "status", "code", "tries", "message", "truncated")} == {
        "queue": "refund-events",
        "status": "open",
        "code": "invalid_json",
        "tries": 1,
        "message": "poison",
        "truncated": False,
    }
    assert (row["source"], row["event"], row["type"]) == (None, None, None)
    assert row["detail"].startswith("The message is not JSON: ")


def test_a_long_message_is_cut_where_it_is_listed(till: Till) -> None:
    arrive(till, event("order.eaten", {"x": "y" * 10_000}))
    row = only_rejection(till)
    assert (len(row["message"]), row["truncated"], row["type"]) == (MAX_SHOWN_CHARACTERS, True, "order.eaten")


def test_the_list_has_pages_newest_first(till: Till) -> None:
    for number in range(5):
        till.engine.store.present += 1_000
        arrive(till, f"poison {number}", number=number)
    first = described(till.get(REJECTED, limit="2"), "RejectionPage")
    second = described(till.get(REJECTED, limit="2", cursor=first["next_cursor"]), "RejectionPage")
    third = described(till.get(REJECTED, limit="2", cursor=second["next_cursor"]), "RejectionPage")
    messages = [row["message"] for page in (first, second, third) for row in page["data"]]
    assert messages == [f"poison {number}" for number in (4, 3, 2, 1, 0)]
    assert third["next_cursor"] is None


def test_a_cursor_of_another_list_is_not_one_of_this(till: Till) -> None:
    for _ in range(2):
        till.grant(1)
    other = till.get(f"{WALLET}/entries", limit="1").json["next_cursor"]
    for cursor in (other, "x", ""):
        answered = till.get(REJECTED, cursor=cursor)
        assert (answered.status, answered.code) == (400, "invalid_cursor")


# Trying again


def test_a_retry_after_a_repair_applies_the_event(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("refund.created", refund()))
    rejection = only_rejection(till)["id"]
    again = retry(till, rejection)
    assert (again["status"], again["code"], again["event"]) == ("rejected", "order_not_seen", "evt-1")
    assert only_rejection(till)["tries"] == 2

    arrive(till, event("order.paid", paid(), "evt-2"))
    assert retry(till, rejection) == {
        "id": rejection,
        "status": "applied",
        "source": "shop",
        "event": "evt-1",
        "code": None,
        "detail": None,
    }
    assert till.get(WALLET).json["available"] == 400
    assert till.get("/v1/events/shop/evt-1").json["status"] == "applied"
    assert only_rejection(till)["status"] == "settled"


def test_a_retry_of_what_is_applied_by_now_moves_nothing(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("refund.created", refund()))
    rejection = only_rejection(till)["id"]
    arrive(till, event("order.paid", paid(), "evt-2"))
    first = till.post(f"{REJECTED}/{rejection}/retry", {}, key="k")
    again = till.post(f"{REJECTED}/{rejection}/retry", {}, key="another")
    assert (again.status, again.text) == (200, first.text)
    assert "Idempotent-Replayed" not in again.headers
    assert till.get(WALLET).json["available"] == 400


def applicable(till: Till) -> str:
    """A refund that was rejected and can be applied by now; the path to have it tried again."""
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("refund.created", refund()))
    arrive(till, event("order.paid", paid(), "evt-2"))
    return f"{REJECTED}/{only_rejection(till)['id']}/retry"


def test_a_retry_with_the_same_key_is_answered_the_same_and_does_nothing(till: Till) -> None:
    path = applicable(till)
    first = till.post(path, {}, key="k")
    assert (first.json["status"], first.headers.get("Idempotent-Replayed")) == ("applied", None)
    till.engine.commands = 0
    again = till.post(path, {}, key="k")
    assert (again.status, again.text, again.headers["Idempotent-Replayed"]) == (200, first.text, "true")
    assert till.engine.commands == 0


def test_a_retrys_key_stands_for_that_retry_alone(till: Till) -> None:
    path = applicable(till)
    other = f"{REJECTED}/1790000000000-{'a' * 24}/retry"
    till.post(path, {}, key="k")
    credit = {"amount": 1, "kind": "promotion", "reason": "test"}
    for answered in (till.post(other, {}, key="k"), till.post(f"{WALLET}/credits", credit, key="k")):
        assert (answered.status, answered.code) == (422, "idempotency_key_reused")
    till.post(f"{WALLET}/credits", credit, key="grant")
    assert till.post(path, {}, key="grant").code == "idempotency_key_reused"
    assert till.but(sub="somebody else").post(path, {}, key="grant").status == 200


def test_a_retry_that_is_rejected_again_is_not_remembered(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("refund.created", refund()))
    path = f"{REJECTED}/{only_rejection(till)['id']}/retry"
    assert till.post(path, {}, key="k").json["status"] == "rejected"
    arrive(till, event("order.paid", paid(), "evt-2"))
    answered = till.post(path, {}, key="k")
    assert (answered.json["status"], answered.headers.get("Idempotent-Replayed")) == ("applied", None)


def test_a_retry_tried_dry_leaves_its_key_free(till: Till) -> None:
    path = applicable(till)
    till.post(path, {}, key="k", query={"dry_run": "true"})
    assert till.post(path, {}, key="k").headers.get("Idempotent-Replayed") is None
    assert only_rejection(till)["status"] == "settled"


def test_what_was_applied_and_could_not_be_noted_is_noted_by_the_next_retry(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = applicable(till)

    def fails(*_: Any) -> None:
        raise Unread("what became of an event could not be noted")

    with monkeypatch.context() as trouble:
        trouble.setattr(DictionaryInbox, "settle", fails)
        answered = till.post(path, {}, key="k")
        assert (answered.status, answered.code) == (503, "outcome_unknown")
        assert till.get(WALLET).json["available"] == 400
    answered = till.post(path, {}, key="k")
    assert (answered.json["status"], answered.headers.get("Idempotent-Replayed")) == ("applied", None)
    assert till.post(path, {}, key="k").headers["Idempotent-Replayed"] == "true"
    assert till.get(WALLET).json["available"] == 400


def test_a_dry_retry_tells_and_changes_nothing(till: Till) -> None:
    till.grant(1_200)
    till.redeem(1_200, "o1")
    arrive(till, event("refund.created", refund()))
    rejection = only_rejection(till)["id"]
    dry = {"key": None, "query": {"dry_run": "true"}}
    assert retry(till, rejection, **dry)["code"] == "order_not_seen"
    assert only_rejection(till)["tries"] == 1
    arrive(till, event("order.paid", paid(), "evt-2"))
    assert retry(till, rejection, **dry)["status"] == "applied"
    assert (till.get(WALLET).json["available"], only_rejection(till)["status"]) == (0, "open")
    assert till.get("/v1/events/shop/evt-1").json["status"] == "rejected"


def test_nothing_is_noted_that_the_function_may_not_live_to_finish(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    path = applicable(till)
    monkeypatch.setattr("chalicelib.edge.call.API_DEADLINE_SECONDS", 0.0)
    answered = till.post(path, {}, key="k")
    assert (answered.status, answered.code) == (503, "outcome_unknown")
    assert (till.get(WALLET).json["available"], only_rejection(till)["status"]) == (400, "open")


def test_poison_that_is_tried_again_stays_one_rejection(till: Till) -> None:
    arrive(till, "poison")
    rejection = only_rejection(till)["id"]
    assert retry(till, rejection)["code"] == "invalid_json"
    assert (only_rejection(till)["id"], only_rejection(till)["tries"]) == (rejection, 2)


def test_a_retry_of_nothing_is_not_found(till: Till) -> None:
    answered = till.post(f"{REJECTED}/1790000000000-{'a' * 24}/retry", {})
    assert (answered.status, answered.code) == (404, "not_found")


def test_a_retry_that_meets_trouble_may_be_tried_again(till: Till) -> None:
    arrive(till, event("refund.created", refund()))
    till.engine.fails = Busy()
    answered = till.post(f"{REJECTED}/{only_rejection(till)['id']}/retry", {})
    assert (answered.status, answered.code) == (503, "busy")
    assert only_rejection(till)["tries"] == 1


def test_a_retry_says_nothing_more(till: Till) -> None:
    arrive(till, "poison")
    answered = till.post(f"{REJECTED}/{only_rejection(till)['id']}/retry", {"force": True})
    assert (answered.code, answered.pointers) == ("validation_failed", ["/force"])
