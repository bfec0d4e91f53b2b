"""A batch of an event queue: what comes again and when, what is set aside, and that no message holds up another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from chalicelib import wiring
from chalicelib.edge.functions import intake
from chalicelib.edge.functions.intake import (
    COPIED_BYTES,
    COPIED_DETAIL_CHARACTERS,
    EVENT_SECONDS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MARGIN_SECONDS,
    Desk,
)
from chalicelib.events.model import event_operation
from chalicelib.runtime.clock import Deadline
from chalicelib.runtime.environment import Settings
from chalicelib.store.envelope import Answer, WalletId
from chalicelib.store.inbox import Applied, Message, Reason, body_of
from chalicelib.store.items import Place
from chalicelib.store.signals import Busy, NewerSchema, OutcomeUnknown, Unread
from tests.unit.edge.till import NOW, DictionaryEngine, DictionaryInbox

MAX_RECEIVES = 10
SQS_BYTES = 256 * 1024
NO_QUEUE = ClientError({"Error": {"Code": "QueueDoesNotExist", "Message": "gone"}, "ResponseMetadata": {}}, "Any")  # type: ignore[typeddict-item]


def event(type_: str, data: dict[str, Any], name: str = "evt-1", **more: Any) -> str:
    said = {"specversion": "1.0", "id": name, "source": "shop", "type": type_, "data": data}
    return json.dumps(said | more, ensure_ascii=False)


def paid(order: str = "order-1", total: int = 3_000, **more: Any) -> str:
    data = {"id": order, "customer": "alice", "currency": "EUR", "total": total}
    return event("order.paid", data, more.pop("name", f"paid-{order}"), **more)


def refund(order: str = "order-1", amount: int = 1_000, name: str = "refund") -> str:
    about = {"order_id": order, "customer": "alice", "currency": "EUR"}
    return event("refund.created", about | {"refund_id": name, "amount": amount, "method": "original"}, name)


@dataclass
class Notes:
    """A queue that notes what it is told; or meets trouble."""

    trouble: bool = False
    hidden: list[tuple[str, int]] = field(default_factory=list)
    copies: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def hide(self, receipt_handle: str, seconds: int) -> None:
        self._meet()
        self.hidden.append((receipt_handle, seconds))

    def copy(self, body: str, attributes: dict[str, str]) -> None:
        self._meet()
        self.copies.append((body, attributes))

    def _meet(self) -> None:
        if self.trouble:
            raise NO_QUEUE


class CountingInbox(DictionaryInbox):
    """Counts how often it is asked before anything is done, and may be out of order."""

    asked = 0
    unread = False

    def applied(self, operations: Iterable[str], beside: Iterable[Place] = ()) -> Applied:
        self.asked += 1
        if self.unread:
            raise Unread("throttled")
        return super().applied(operations, beside)


class Counter:
    """The desk of one test, and who stands behind it."""

    def __init__(self, name: str = "refund-events") -> None:
        self.engine = DictionaryEngine()
        self.inbox = CountingInbox(self.engine.store)
        self.queue, self.dead_letters = Notes(), Notes()
        self.desk: Any = Desk(self.engine, self.inbox, name, self.queue, self.dead_letters, MAX_RECEIVES)  # type: ignore[arg-type]

    def deal(self, *bodies: str, seconds: float = 60.0, **how: Any) -> list[str]:
        records = [record(f"m{number}", body, **how) for number, body in enumerate(bodies)]
        return intake.deal(self.desk, records, Deadline.after(seconds))

    def status(self, name: str) -> str:
        fate = self.inbox.fate(event_operation("shop", name))
        return "applied" if fate.operation else fate.event.status if fate.event else "unknown"


def record(
    name: str, body: str, receives: int = 1, rejection: str | None = None, *, redriven: bool = False
) -> dict[str, Any]:
    """As Lambda hands a message over."""
    told = {"rejection": {"stringValue": rejection, "dataType": "String"}} if rejection else {}
    told |= {intake.REDRIVEN: {"stringValue": "true", "dataType": "String"}} if redriven else {}
    return {
        "messageId": name,
        "receiptHandle": f"receipt-{name}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
        "messageAttributes": told,
    }


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(intake, "settings", lambda: told)
    return Counter()


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# What comes again


def test_what_is_applied_does_not_come_again(counter: Counter) -> None:
    assert counter.deal(paid("o1"), paid("o2"), refund("o1")) == []
    assert [counter.status(name) for name in ("paid-o1", "paid-o2", "refund")] == ["applied"] * 3
    assert (counter.queue.hidden, counter.dead_letters.copies) == ([], [])


def test_only_what_must_come_again_does(counter: Counter) -> None:
    assert counter.deal(paid("o1"), refund("unseen", name="early"), "poison", paid("o2")) == ["m1"]
    assert [counter.status(name) for name in ("paid-o1", "early", "paid-o2")] == ["applied", "parked", "applied"]
    assert len(counter.dead_letters.copies) == 1


def test_a_refund_before_its_order_in_one_batch_is_parked_and_then_applied(counter: Counter) -> None:
    early = refund("o1")
    assert counter.deal(early, paid("o1")) == ["m0"]
    assert counter.deal(early, receives=2) == []
    assert counter.status("refund") == "applied"


def test_the_same_message_twice_has_one_effect(counter: Counter) -> None:
    counter.deal(paid())
    assert counter.deal(refund(), refund()) == []
    assert counter.deal(refund()) == []
    order = counter.engine.store.orders["order-1"]
    assert order.refunded == 1_000


def test_a_duplicate_costs_one_read_for_its_whole_batch(counter: Counter) -> None:
    counter.deal(paid("o1"), paid("o2"))
    counter.inbox.asked = counter.engine.commands = 0
    assert counter.deal(paid("o1"), paid("o2")) == []
    assert (counter.inbox.asked, counter.engine.commands) == (1, 0)


def test_an_id_that_was_used_for_another_event_is_rejected(counter: Counter) -> None:
    counter.deal(paid("o1", name="evt-1"))
    assert counter.deal(paid("o2", name="evt-1")) == []
    ((_, attributes),) = counter.dead_letters.copies
    assert attributes["reason"] == "event_id_reused"
    assert counter.status("evt-1") == "applied"
    assert "o2" not in counter.engine.store.orders


# Pauses


def test_a_parked_message_pauses_twice_as_long_each_time_up_to_a_limit(counter: Counter) -> None:
    counter.desk = counter.desk._replace(max_receives=10_000)
    for receives in (1, 2, 3, 4, 9, 10, 30, 9_999):
        assert counter.deal(refund("unseen"), receives=receives) == ["m0"]
    assert [seconds for _, seconds in counter.queue.hidden] == [2, 4, 8, 16, 512, 900, 900, 900]
    assert {receipt for receipt, _ in counter.queue.hidden} == {"receipt-m0"}
    assert (FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) == (2, 900)


def test_a_message_that_cannot_be_hidden_comes_again_all_the_same(counter: Counter) -> None:
    counter.queue.trouble = True
    assert counter.deal(refund("unseen"), paid()) == ["m0"]
    assert [counter.status(name) for name in ("refund", "paid-order-1")] == ["parked", "applied"]


@pytest.mark.parametrize("error", [Busy(), OutcomeUnknown(), Unread("throttled"), NewerSchema("schema 9")], ids=repr)
def test_what_may_pass_is_tried_again_after_a_pause_and_nothing_is_said(
    counter: Counter, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    counter.engine.fails = error
    assert counter.deal(paid("o1"), paid("o2")) == ["m0", "m1"]
    assert [seconds for _, seconds in counter.queue.hidden] == [2, 2]
    assert counter.status("paid-o1") == "unknown"
    assert counter.dead_letters.copies == []
    assert {(line["level"], line["Outcome"]) for line in lines(capsys)} == {("INFO", type(error).__name__)}


def test_even_at_its_last_try_what_may_pass_is_not_rejected(counter: Counter) -> None:
    """SQS gives it up then, whole and unread, and it lies with the dead letters."""
    counter.engine.fails = Busy()
    assert counter.deal(paid(), receives=MAX_RECEIVES) == ["m0"]
    assert counter.dead_letters.copies == []


def test_a_batch_of_which_nothing_can_be_read_comes_again_untouched(counter: Counter) -> None:
    counter.inbox.unread = True
    assert counter.deal(paid("o1"), "poison") == ["m0", "m1"]
    assert (counter.engine.commands, counter.queue.hidden, counter.dead_letters.copies) == (0, [], [])


# Dead letters


def test_at_its_last_try_what_still_waits_is_rejected_with_its_reason(counter: Counter) -> None:
    early = refund("unseen")
    assert counter.deal(early, receives=MAX_RECEIVES - 1) == ["m0"]
    assert counter.status("refund") == "parked"
    assert counter.deal(early, receives=MAX_RECEIVES) == []
    assert counter.status("refund") == "rejected"
    ((body, attributes),) = counter.dead_letters.copies
    (rejection,) = counter.engine.store.rejections.values()
    assert body == early
    assert attributes == {
        "reason": "order_not_seen",
        "detail": "The order is not known yet.",
        "rejection": rejection.sk,
        "source": "shop",
        "event": "refund",
    }
    assert (rejection.queue, rejection.code, rejection.tries) == ("refund-events", "order_not_seen", 2)


def test_poison_is_copied_with_what_is_known_of_it(counter: Counter) -> None:
    assert counter.deal("poison") == []
    ((body, attributes),) = counter.dead_letters.copies
    assert body == "poison"
    assert set(attributes) == {"reason", "detail", "rejection"}
    assert attributes["reason"] == "invalid_json"


def test_a_long_message_is_cut_in_its_copy_and_kept_whole(counter: Counter) -> None:
    long = event("order.eaten", {"x": "ä" * (COPIED_BYTES // 2)}, "n" * 255, source="s" * 255)
    unknown_fields = event("order.paid", {"ä" * 300 + str(number): 1 for number in range(20)}, "long-detail")
    assert counter.deal(long, unknown_fields) == []
    for (body, attributes), whole in zip(counter.dead_letters.copies, (long, unknown_fields), strict=True):
        assert whole.startswith(body)
        assert len(body.encode()) <= COPIED_BYTES
        assert len(attributes["detail"]) <= COPIED_DETAIL_CHARACTERS
        size = len(body.encode()) + sum(len(f"{name}String{value}".encode()) for name, value in attributes.items())
        assert size <= SQS_BYTES
    assert len(counter.dead_letters.copies[0][0].encode()) in (COPIED_BYTES, COPIED_BYTES - 1)
    assert [body_of(each) for each in counter.engine.store.rejections.values()] == [long, unknown_fields]


def test_a_rejected_message_that_cannot_be_copied_comes_again_and_is_one_rejection(counter: Counter) -> None:
    counter.dead_letters.trouble = True
    assert counter.deal("poison", paid()) == ["m0"]
    counter.dead_letters.trouble = False
    assert counter.deal("poison", receives=2) == []
    (rejection,) = counter.engine.store.rejections.values()
    assert rejection.tries == 2
    ((_, attributes),) = counter.dead_letters.copies
    assert attributes["rejection"] == rejection.sk


# Defects of ours


class Faulty(DictionaryEngine):
    """Fails on one wallet in a way that nobody foresaw."""

    def execute(self, wallet_id: WalletId, *rest: Any, **more: Any) -> Answer:
        if wallet_id.currency == "JPY":
            raise ZeroDivisionError("secret")
        return super().execute(wallet_id, *rest, **more)


def test_a_defect_that_one_message_meets_holds_up_none_of_the_others(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    engine: Any = Faulty()
    inbox: Any = DictionaryInbox(engine.store)
    counter.desk = counter.desk._replace(engine=engine, inbox=inbox)
    assert counter.deal(paid("o1"), paid("o2").replace("EUR", "JPY"), paid("o3")) == ["m1"]
    assert set(engine.store.orders) == {"o1", "o3"}
    assert counter.dead_letters.copies == []
    fault, *_ = [line for line in lines(capsys) if line["level"] == "ERROR"]
    assert (fault["error"], fault["operation"], fault["request_id"]) == ("ZeroDivisionError", "order.paid", "m1")
    assert "execute" in "".join(fault["stack"])


# Time


def test_with_too_little_time_left_the_rest_comes_again_untouched(counter: Counter) -> None:
    assert counter.deal(paid("o1"), "poison", seconds=EVENT_SECONDS / 2 - 0.1) == ["m0", "m1"]
    assert (counter.engine.commands, counter.queue.hidden, counter.dead_letters.copies) == (0, [], [])
    assert counter.status("paid-o1") == "unknown"


def test_time_that_runs_out_leaves_what_was_not_begun(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("chalicelib.runtime.clock.stopwatch", lambda: clock[0])
    given: list[float] = []

    class Slow(DictionaryEngine):
        def execute(self, wallet_id: WalletId, envelope: Any, *rest: Any, **more: Any) -> Answer:
            given.append(envelope.deadline.remaining_seconds)
            clock[0] += 7.0
            return super().execute(wallet_id, envelope, *rest, **more)

    engine: Any = Slow()
    inbox: Any = DictionaryInbox(engine.store)
    counter.desk = counter.desk._replace(engine=engine, inbox=inbox)
    left = counter.deal(*(paid(f"o{number}") for number in range(5)), seconds=20.0)
    assert set(engine.store.orders) == {"o0", "o1", "o2"}
    assert left == ["m2", "m3", "m4"], "the third was applied, and what follows from it was not begun"
    assert given == [EVENT_SECONDS, EVENT_SECONDS, 6.0]


# What follows from an event


def test_what_did_not_follow_follows_when_the_message_is_brought_back_as_a_new_one(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[str] = []
    trouble = [True]

    def follow_up(_engine: Any, told: Any, outcome: Any, _deadline: Deadline) -> None:
        if trouble[0]:
            raise Busy
        followed.append(f"{told.id} {outcome.status}")

    monkeypatch.setattr(intake, "follow_up", follow_up)
    assert counter.deal(paid()) == ["m0"]
    assert counter.deal(paid(), receives=MAX_RECEIVES) == ["m0"], "now the queue gives it up"
    assert (counter.status("paid-order-1"), followed) == ("applied", [])
    trouble[0] = False
    assert counter.deal(paid()) == []
    assert followed == [], "what a producer sends twice is a duplicate, and costs a read"
    assert counter.deal(paid(), redriven=True) == []
    assert followed == ["paid-order-1 duplicate"]


# Brought back from the dead letters


def rejected(counter: Counter, body: str, *, event_id: str | None = None) -> str:
    operation = event_operation("shop", event_id) if event_id else "a" * 24
    return counter.inbox.reject(operation, Message("refund-events", body), Reason("order_not_seen", "No."), NOW)


def test_a_message_that_was_brought_back_settles_its_rejection_when_it_is_applied(counter: Counter) -> None:
    rejection = rejected(counter, refund("o1"), event_id="refund")
    assert counter.deal(refund("o1"), rejection=rejection) == ["m0"]
    assert counter.engine.store.rejections[rejection].status == "open"
    counter.deal(paid("o1"))
    assert counter.deal(refund("o1"), rejection=rejection) == []
    assert counter.engine.store.rejections[rejection].status == "settled"


def test_so_does_one_that_was_applied_meanwhile(counter: Counter) -> None:
    rejection = rejected(counter, refund("o1"), event_id="refund")
    counter.deal(paid("o1"), refund("o1"))
    assert counter.engine.store.rejections[rejection].status == "open"
    assert counter.deal(refund("o1"), rejection=rejection) == []
    assert counter.engine.store.rejections[rejection].status == "settled"


def test_poison_that_was_brought_back_stays_one_rejection(counter: Counter) -> None:
    rejection = rejected(counter, "poison")
    assert counter.deal("poison", rejection=rejection) == []
    (kept,) = counter.engine.store.rejections.values()
    assert (kept.sk, kept.tries, kept.status) == (rejection, 2, "open")


def test_a_copy_that_was_cut_does_not_take_the_place_of_the_whole_message(counter: Counter) -> None:
    long = event("order.eaten", {"x": "x" * COPIED_BYTES})
    counter.deal(long)
    ((body, attributes),) = counter.dead_letters.copies
    again = record("again", body, rejection=attributes["rejection"])
    again["messageAttributes"]["cut"] = {"stringValue": attributes["cut"], "dataType": "String"}
    assert intake.deal(counter.desk, [again], Deadline.after(60.0)) == []
    assert body_of(counter.engine.store.rejections[attributes["rejection"]]) == long


def test_half_of_a_surrogate_pair_can_be_kept(counter: Counter) -> None:
    assert counter.deal('{"id":"\ud800"}') == []
    ((body, attributes),) = counter.dead_letters.copies
    assert (attributes["reason"], body) == ("validation_failed", '{"id":"?"}')


@pytest.mark.parametrize("rejection", ["x", "#rejected", "1" * 2_000, "0000000000000-", f"{NOW}-{'a' * 24}\n"])
def test_a_rejection_that_cannot_be_one_means_nothing(counter: Counter, rejection: str) -> None:
    assert counter.deal(paid(), "poison", rejection=rejection) == []
    assert len(counter.engine.store.rejections) == 1
    assert counter.status("paid-order-1") == "applied"


def test_a_rejection_that_is_gone_is_no_trouble(counter: Counter) -> None:
    assert counter.deal(paid(), rejection=f"{NOW}-{'a' * 24}") == []


# What is told of it


def test_a_line_is_logged_for_each_message(counter: Counter, capsys: pytest.CaptureFixture[str]) -> None:
    counter.deal(paid("o1"), refund("unseen"), "poison", receives=3)
    applied, parked, poison = lines(capsys)
    assert (applied["Operation"], applied["Outcome"], applied["status"]) == ("order.paid", "applied", "applied")
    assert (applied["source"], applied["event"], applied["request_id"]) == ("shop", "paid-o1", "m0")
    assert (applied["Rejected"], applied["Parked"], applied["Attempts"], applied["receives"]) == (0, 0, 1, 3)
    assert (parked["Operation"], parked["Outcome"], parked["Parked"]) == ("refund.created", "order_not_seen", 1)
    assert (poison["Operation"], poison["Outcome"], poison["Rejected"]) == ("unread", "invalid_json", 1)
    assert poison["rejection"] in counter.engine.store.rejections


# The function


def test_the_function_tells_lambda_what_must_come_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def queues(name: str) -> tuple[Notes, Notes]:
        asked.append(name)
        return counter.queue, counter.dead_letters

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 30_000

    monkeypatch.setattr(wiring, "engine", lambda: counter.engine)
    monkeypatch.setattr(wiring, "event_queue", queues)
    monkeypatch.setattr(intake, "Inbox", DictionaryInbox)
    monkeypatch.setattr(intake, "max_receives", lambda: MAX_RECEIVES)
    records = [record("a", paid("o1")), record("b", refund("unseen"))]
    told = intake.take_batch({"Records": records}, "refund-events", Context())
    assert told == {"batchItemFailures": [{"itemIdentifier": "b"}]}
    assert asked == ["refund-events"]
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 1000 * (MARGIN_SECONDS + 3.9))
    told = intake.take_batch({"Records": [record("c", paid("o2"))]}, "refund-events", Context())
    assert told == {"batchItemFailures": [{"itemIdentifier": "c"}]}
    assert "o2" not in counter.engine.store.orders
