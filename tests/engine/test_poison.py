"""Poison: whatever a producer sends, it is rejected with a reason that a person understands, kept as it came, copied to
the dead letters, and holds nothing up; after a repair it can be tried again and is applied once."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.edge.events.parsing import received
from chalicelib.events import receiving
from chalicelib.events.model import Outcome, Status
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import Trace, WalletId
from chalicelib.store.inbox import body_of
from tests.engine.counter import Counter, Sale, new_name
from tests.engine.post import MAX_RECEIVES, cancelled, event, paid, refunded
from tests.engine.till import Till, new_wallet

SALE = Sale(WalletId("anna", "EUR"), "order-1")
GOOD = refunded(SALE.wallet, SALE.order, 100, "refund-1")
EVENT = json.loads(event("refund.created", GOOD, "event-1"))


def raw(number: str) -> str:
    """A refund whose amount is this, letter by letter."""
    return event("refund.created", {**GOOD, "amount": "AMOUNT"}, "event-1").replace('"AMOUNT"', number)


def without(field: str) -> str:
    return json.dumps({name: value for name, value in EVENT.items() if name != field})


def with_(**fields: Any) -> str:
    return json.dumps({**EVENT, **fields})


def data(**fields: Any) -> str:
    return event("refund.created", {**GOOD, **fields}, "event-1")


def noise(characters: int) -> str:
    """A text that does not deflate."""
    dice = random.Random(7)
    return "".join(chr(dice.randrange(0x10000, 0x20000)) for _ in range(characters))


POISON: dict[str, tuple[str, str, str]] = {
    # name: (message, code, a word of the reason)
    "nothing": ("", "invalid_json", "JSON"),
    "no JSON": ("amount=100", "invalid_json", "JSON"),
    "half a JSON": (event("refund.created", GOOD)[:-9], "invalid_json", "JSON"),
    "two JSONs": ("{}{}", "invalid_json", "JSON"),
    "a list": ("[]", "validation_failed", "CloudEvent"),
    "a number": ("1", "validation_failed", "CloudEvent"),
    "null": ("null", "validation_failed", "CloudEvent"),
    "bare data": (json.dumps(GOOD), "validation_failed", "/specversion"),
    "no id": (without("id"), "validation_failed", "/id"),
    "no source": (without("source"), "validation_failed", "/source"),
    "no type": (without("type"), "validation_failed", "/type"),
    "no data": (without("data"), "validation_failed", "/data"),
    "another version": (with_(specversion="2.0"), "validation_failed", "/specversion"),
    "a number for an id": (with_(id=1), "validation_failed", "/id"),
    "an empty id": (with_(id=""), "validation_failed", "/id"),
    "a long id": (with_(id="x" * 256), "validation_failed", "/id"),
    "another content type": (with_(datacontenttype="text/xml"), "validation_failed", "/datacontenttype"),
    "a bad time": (with_(time="yesterday"), "validation_failed", "/time"),
    "data in a string": (with_(data=json.dumps(GOOD)), "validation_failed", "/data"),
    "an unknown type": (with_(type="order.eaten"), "unknown_type", "refund.created"),
    "an unknown schema": (with_(type="refund.created.v2"), "unknown_type", "refund.created"),
    "an unknown field": (data(amuont=100), "validation_failed", "/data/amuont"),
    "no amount": (event("refund.created", {**GOOD, "amount": None}, "event-1"), "validation_failed", "/data/amount"),
    "nothing to refund": (data(amount=0), "validation_failed", "/data/amount"),
    "less than nothing": (data(amount=-1), "validation_failed", "/data/amount"),
    "a float": (data(amount=100.0), "validation_failed", "/data/amount"),
    "a boolean for a number": (data(amount=True), "validation_failed", "/data/amount"),
    "a string for a number": (data(amount="100"), "validation_failed", "/data/amount"),
    "an exponent": (raw("1e2"), "validation_failed", "/data/amount"),
    "10^12 and one": (data(amount=10**12 + 1), "validation_failed", "/data/amount"),
    "10^40": (data(amount=10**40), "validation_failed", "/data/amount"),
    "10^4000": (raw("1" + "0" * 4000), "validation_failed", "/data/amount"),
    "10^5000": (raw("1" + "0" * 5000), "invalid_json", "number"),
    "1e400": (raw("1e400"), "validation_failed", "/data/amount"),
    "NaN": (raw("NaN"), "validation_failed", "/data/amount"),
    "Infinity": (raw("Infinity"), "validation_failed", "/data/amount"),
    "an unknown method": (data(method="cash"), "validation_failed", "/data/method"),
    "an unknown split": (data(split="half"), "validation_failed", "/data/split"),
    "a negative share": (data(split={"credit": -1}), "validation_failed", "/data/split"),
    "too much bonus": (data(bonus_basis_points=10_001), "validation_failed", "/data/bonus_basis_points"),
    "two expiries": (data(expires={"days": 1, "never": True}), "validation_failed", "/data/expires"),
    "an order id with a space": (data(order_id="order 1"), "validation_failed", "/data/order_id"),
    "an order id with a key of ours": (data(order_id="#settings"), "validation_failed", "/data/order_id"),
    "a customer with a slash": (data(customer="anna/EUR"), "validation_failed", "/data/customer"),
    "a small currency": (data(currency="eur"), "validation_failed", "/data/currency"),
    "half a character": (event("refund.created", GOOD).replace("refund-1", "\\ud83d"), "invalid_json", "JSON"),
    "half a character on the line": (event("refund.created", GOOD).replace("refund-1", "\ud83d"), "", ""),
    "a control character": (data(reason="a\u0000b"), "validation_failed", "/data/reason"),
    "deep nesting": ("[" * 100_000, "invalid_json", "JSON"),
    "deep data": (with_(data=json.loads('{"a":' * 150 + "1" + "}" * 150)), "validation_failed", "/data"),
    "256 KB and one": (event("refund.created", {**GOOD, "reason": "x" * 256 * 1024}), "too_large", "bytes"),
    "400 KB": (event("refund.created", {**GOOD, "reason": "x" * 400_000}), "too_large", "bytes"),
    "a megabyte of noise": (noise(250_000), "too_large", "bytes"),
    "257 KB of noise": (noise(66_000), "too_large", "bytes"),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_is_rejected_with_a_reason_kept_and_copied_and_its_batch_mates_are_applied(
    counter: Counter, name: str
) -> None:
    body, code, word = POISON[name]
    body = body.replace("event-1", new_name())
    sale = counter.sold()
    mates = [event("refund.created", refunded(sale.wallet, sale.order, 1500)) for _ in range(2)]
    assert counter.post.deliver(mates[0], body, mates[1]) == []
    assert counter.remaining(sale.wallet) == 1200
    ((copied, attributes),) = counter.post.dead_letters.copies
    row = counter.post.inbox.rejection(attributes["rejection"])
    assert row is not None and row.status == "open"
    assert code in ("", row.code) and row.code == attributes["reason"]
    assert word in row.detail and row.detail.endswith(".") and len(row.detail) <= 1_000
    assert "Traceback" not in row.detail and "pydantic" not in row.detail
    text = body.encode("utf-8", "replace").decode()
    assert text.startswith(body_of(row)) and (len(text.encode()) > 380_000 or body_of(row) == text)
    assert text.startswith(copied) and len(copied.encode()) <= 200 * 1024


@pytest.mark.parametrize("name", ["no JSON", "10^40", "an unknown type"])
def test_poison_that_comes_again_is_one_rejection(counter: Counter, name: str) -> None:
    body = POISON[name][0].replace("event-1", new_name())
    for receives in (1, 2):
        assert counter.post.deliver(body, receives=receives) == []
    first, second = (attributes["rejection"] for _, attributes in counter.post.dead_letters.copies)
    assert first == second
    row = counter.post.inbox.rejection(first)
    assert row is not None and int(row.tries) >= 2


# Well-formed, and wrong


def over_refund(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "refund.created", refunded(sale.wallet, sale.order, 3001), "over_refund"


def currency_of_another_wallet(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    other = WalletId(sale.wallet.customer, "USD")
    return "refund.created", refunded(other, sale.order, 100), "currency_mismatch"


def customer_of_another_order(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "refund.created", refunded(new_wallet(), sale.order, 100), "order_mismatch"


def a_currency_that_nobody_has(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "refund.created", refunded(WalletId(sale.wallet.customer, "XXQ"), sale.order, 100), "currency_unknown"


def another_total(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "order.paid", paid(sale.wallet, sale.order, 2999), "order_mismatch"


def somebody_elses_order_paid(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "order.paid", paid(new_wallet(), sale.order, 3000), "order_mismatch"


def somebody_elses_order_cancelled(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    return "order.cancelled", cancelled(new_wallet(), sale.order), "order_mismatch"


def refunded_money_that_expires(counter: Counter, sale: Sale) -> tuple[str, dict[str, Any], str]:
    wanted = refunded(sale.wallet, sale.order, 3000, method="store_credit", expires={"days": 30})
    return "refund.created", wanted, "expiry_not_permitted"


WRONG: list[Callable[[Counter, Sale], tuple[str, dict[str, Any], str]]] = [
    over_refund,
    currency_of_another_wallet,
    customer_of_another_order,
    a_currency_that_nobody_has,
    another_total,
    somebody_elses_order_paid,
    somebody_elses_order_cancelled,
    refunded_money_that_expires,
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_what_cannot_be_done_is_rejected_and_changes_nothing(
    counter: Counter, wrong: Callable[[Counter, Sale], tuple[str, dict[str, Any], str]]
) -> None:
    sale, name = counter.sold(), new_name()
    type_, content, code = wrong(counter, sale)
    version = counter.till.stored(sale.wallet).version
    known = counter.till.engine.store.order(sale.order)
    assert counter.post.deliver(event(type_, content, name)) == []
    told = counter.post.fate(name)
    assert (told["status"], told["code"]) == ("rejected", code)
    assert told["detail"].endswith(".")
    assert counter.till.stored(sale.wallet).version == version
    assert counter.till.engine.store.order(sale.order) == known
    assert [attributes["reason"] for _, attributes in counter.post.dead_letters.copies] == [code]


@pytest.mark.parametrize("type_", ["refund.created", "refund.reversed"])
def test_what_never_becomes_known_goes_to_the_dead_letters_at_its_last_try(counter: Counter, type_: str) -> None:
    name = new_name()
    content = refunded(new_wallet(), new_name("order"), 1) if type_ == "refund.created" else {"refund_id": new_name()}
    body = event(type_, content, name)
    for receives in range(1, MAX_RECEIVES):
        assert counter.post.deliver(body, receives=receives) == [0]
        assert counter.post.fate(name)["status"] == "parked"
    assert counter.post.dead_letters.copies == []
    assert counter.post.deliver(body, receives=MAX_RECEIVES) == []
    assert counter.post.fate(name)["status"] == "rejected"
    assert counter.post.queue.hidden == [2, 4, 8, 16]
    assert len(counter.post.dead_letters.copies) == 1


def test_an_event_in_the_wrong_queue_is_an_event_all_the_same(counter: Counter) -> None:
    """The type says what it is; nothing is lost because a producer chose the other queue."""
    sale = counter.sold()
    body = event("order.cancelled", cancelled(sale.wallet, sale.order))
    assert counter.post.deliver(body) == []  # this counter reads the queue for refunds
    assert counter.remaining(sale.wallet) == 1200


# Tried again after a repair


def retried(counter: Counter, rejection: str, *, dry_run: bool = False) -> Outcome:
    """As the retry of a rejected event does it."""
    post = counter.post
    row = post.inbox.rejection(rejection)
    assert row is not None
    again = received(row.queue, body_of(row), rejection.partition("-")[2])
    outcome = receiving.receive(
        post.engine, post.inbox, again, Deadline.after(8), Trace(), last_try=True, dry_run=dry_run
    )
    if outcome.status in (Status.APPLIED, Status.DUPLICATE) and not dry_run:
        receiving.settle(post.engine, post.inbox, rejection)
    return outcome


def rejected(counter: Counter, sale: Sale, name: str) -> str:
    """A refund that was given up, since its order had not come."""
    body = event("refund.created", refunded(sale.wallet, sale.order, 1500), name)
    assert counter.post.deliver(body, receives=MAX_RECEIVES) == []
    return str(counter.post.fate(name)["rejection"])


def test_after_a_repair_a_retry_applies_it_once(counter: Counter) -> None:
    sale, name = counter.sold(told=False), new_name()
    rejection = rejected(counter, sale, name)
    assert retried(counter, rejection).status is Status.REJECTED
    counter.send("order.paid", paid(sale.wallet, sale.order, 3000))
    assert retried(counter, rejection, dry_run=True).status is Status.APPLIED
    assert counter.remaining(sale.wallet) == 0
    assert retried(counter, rejection).status is Status.APPLIED
    assert retried(counter, rejection).status is Status.DUPLICATE
    assert counter.remaining(sale.wallet) == 600
    assert counter.post.fate(name)["status"] == "applied"
    row = counter.post.inbox.rejection(rejection)
    assert row is not None and row.status == "settled"


def test_a_retry_that_fails_again_stays_the_same_rejection_with_its_newest_reason(counter: Counter) -> None:
    sale, name = counter.sold(told=False), new_name()
    rejection = rejected(counter, sale, name)
    counter.send("order.paid", paid(sale.wallet, sale.order, 1400))
    outcome = retried(counter, rejection)
    assert (outcome.code, outcome.rejection) == ("over_refund", rejection)
    row = counter.post.inbox.rejection(rejection)
    assert row is not None and (row.code, row.status, int(row.tries)) == ("over_refund", "open", 2)
    assert body_of(row) == event("refund.created", json.loads(body_of(row))["data"], name)


def test_a_dry_retry_writes_nothing(counter: Counter) -> None:
    rejection = rejected(counter, counter.sold(told=False), new_name())
    before = counter.post.inbox.rejection(rejection)
    assert retried(counter, rejection, dry_run=True).status is Status.REJECTED
    after = counter.post.inbox.rejection(rejection)
    assert before is not None and after is not None and before.serialize() == after.serialize()


def test_a_dead_letter_that_is_moved_back_is_applied_and_settles_its_rejection(counter: Counter) -> None:
    sale, name = counter.sold(told=False), new_name()
    rejection = rejected(counter, sale, name)
    ((body, attributes),) = counter.post.dead_letters.copies
    counter.send("order.paid", paid(sale.wallet, sale.order, 3000))
    for _ in range(2):
        assert counter.post.deliver(body, attributes=attributes) == []
    assert counter.remaining(sale.wallet) == 600
    row = counter.post.inbox.rejection(rejection)
    assert row is not None and row.status == "settled"


def test_poison_tried_again_is_rejected_again(counter: Counter, till: Till) -> None:
    counter.post.deliver("no JSON")
    ((_, attributes),) = counter.post.dead_letters.copies
    outcome = retried(counter, attributes["rejection"])
    assert (outcome.status, outcome.rejection) == (Status.REJECTED, attributes["rejection"])


def test_rejections_are_listed_newest_first_page_by_page(counter: Counter) -> None:
    names = [new_name() for _ in range(5)]
    for name in names:
        counter.post.deliver(event("order.eaten", {}, name))
    found: list[str | None] = []
    before = None
    while len(found) < 5:
        page, before = counter.post.inbox.rejections(before, 2)
        found += [row.event for row in page]
    assert found[:5] == names[::-1]
