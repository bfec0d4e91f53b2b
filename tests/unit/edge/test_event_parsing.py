"""Messages as events: every field is read, what is misspelt is refused with a pointer, no poison is an exception."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.customers.contribution import LineFacts
from chalicelib.edge.answers import REASONS
from chalicelib.edge.customers.examples import REQUESTS as CUSTOMERS
from chalicelib.edge.events.bodies import DATA, NEEDS_TIME, OrderCancelledData
from chalicelib.edge.events.parsing import MAX_DETAIL_CHARACTERS, MAX_EVENT_BYTES, received
from chalicelib.events.model import Event, OrderCancelled, OrderPaid, RefundCreated, RefundReversed, event_operation
from chalicelib.ledger.orders import Order
from chalicelib.ledger.policy import Days, RefundSplit
from chalicelib.ledger.refunding import Refund
from chalicelib.store.envelope import WalletId
from chalicelib.store.inbox import Reason

AT, AT_MS = "2026-05-01T10:00:00Z", 1_777_629_600_000
LINES: list[dict[str, Any]] = [
    {"product": "tea", "category": "drinks/tea", "quantity": 2, "unit_price": 1_000},
    {"product": "cup", "quantity": 1, "unit_price": 1_500, "discount": 500},
]
PAID: dict[str, Any] = {"id": "order-1", "customer": "alice", "currency": "EUR", "total": 3_500}
CANCELLED = {"order_id": "order-1", "customer": "alice", "currency": "EUR"}
CREATED: dict[str, Any] = {**CANCELLED, "refund_id": "refund-1", "amount": 1_500, "method": "original"}
REVERSED = {"refund_id": "refund-1"}
ALICE = {"customer": "alice"}
SAID: dict[str, dict[str, Any]] = {
    "order.paid": PAID,
    "order.cancelled": CANCELLED,
    "refund.created": CREATED,
    "refund.reversed": REVERSED,
    "customer.updated": ALICE,
    "customer.merged": ALICE | {"into": "alice-2"},
    "email.opened": ALICE,
    "email.clicked": ALICE,
    "email.subscribed": ALICE,
    "email.unsubscribed": ALICE,
    "product.viewed": ALICE | {"product": "tea"},
    "collection.viewed": ALICE | {"collection": "drinks"},
    "checkout.started": ALICE,
    "checkout.abandoned": ALICE | {"total": 3_500},
}
FULL: dict[str, dict[str, Any]] = {
    **SAID,
    "customer.updated": ALICE | CUSTOMERS["put_customer"],
    "product.viewed": SAID["product.viewed"] | {"collections": ["drinks"], "tags": ["new"]},
    "checkout.started": ALICE | {"total": 3_500, "currency": "EUR", "lines": LINES},
    "checkout.abandoned": SAID["checkout.abandoned"] | {"currency": "EUR", "lines": LINES},
    "order.paid": PAID
    | {"lines": LINES, "site": "de", "credit_used": 1_200, "placed_at": AT, "paid_at": "2026-05-01T12:00:01+02:00"},
    "order.cancelled": CANCELLED,
    "refund.created": CREATED
    | {
        "method": "store_credit",
        "split": {"credit": 500},
        "bonus_basis_points": 1_000,
        "expires": {"days": 90},
        "consent": {"given_at": AT, "text_version": "v3"},
        "reason": "too_small",
    },
    "refund.reversed": REVERSED,
}


def message(type_: str = "order.paid", data: Any = None, **envelope: Any) -> dict[str, Any]:
    said = {"specversion": "1.0", "id": "evt-1", "source": "/shop/eu", "type": type_, "time": AT}
    return {**said, "data": SAID.get(type_, {}) if data is None else data, **envelope}


def read(body: Any) -> Event | Reason:
    return received("order-events", body if isinstance(body, str) else json.dumps(body), "stands-for").read


def event(body: Any) -> Event:
    told = read(body)
    assert isinstance(told, Event), told
    return told


def reason(body: Any) -> Reason:
    told = read(body)
    assert isinstance(told, Reason), told
    assert told.code in REASONS
    assert told.detail.endswith(".") or len(told.detail) == MAX_DETAIL_CHARACTERS
    assert len(told.detail) <= MAX_DETAIL_CHARACTERS
    return told


# What is read


def test_an_order_that_was_paid_is_read_whole() -> None:
    assert event(message("order.paid", FULL["order.paid"])).wanted == OrderPaid(
        Order(
            id="order-1",
            customer="alice",
            currency="EUR",
            total=3_500,
            credit_used=1_200,
            merchandise=3_000,
            site="de",
            placed_at=AT_MS,
            paid_at=AT_MS + 1_000,
        ),
        (LineFacts("tea"), LineFacts("cup")),
    )


def test_an_order_that_says_little_is_read_too() -> None:
    assert event(message("order.paid")).wanted == OrderPaid(Order("order-1", "alice", "EUR", 3_500))


def test_an_order_may_have_cost_nothing_and_have_no_lines() -> None:
    wanted = event(message("order.paid", PAID | {"total": 0, "lines": [], "credit_used": 0})).wanted
    assert wanted == OrderPaid(Order("order-1", "alice", "EUR", 0, credit_used=0))


def test_a_cancelled_order_is_read() -> None:
    assert event(message("order.cancelled")).wanted == OrderCancelled(WalletId("alice", "EUR"), "order-1")


def test_a_refund_is_read_whole() -> None:
    assert event(message("refund.created", FULL["refund.created"])).wanted == RefundCreated(
        WalletId("alice", "EUR"),
        Refund(
            id="refund-1",
            order_id="order-1",
            amount=1_500,
            method="store_credit",
            split=500,
            bonus_basis_points=1_000,
            expires=Days(90),
            consent=f"{AT_MS} v3",
            reason="too_small",
        ),
    )


def test_a_refund_that_says_little_leaves_the_rest_to_the_policy() -> None:
    wanted = event(message("refund.created")).wanted
    assert wanted == RefundCreated(WalletId("alice", "EUR"), Refund("refund-1", "order-1", 1_500, "original"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("proportional", RefundSplit.PROPORTIONAL),
        ("credit_first", RefundSplit.CREDIT_FIRST),
        ("other_first", RefundSplit.OTHER_FIRST),
        ({"credit": 0}, 0),
        (None, None),
    ],
)
def test_a_split_is_a_rule_or_credits_part(said: Any, meant: Any) -> None:
    wanted = event(message("refund.created", CREATED | {"split": said})).wanted
    assert isinstance(wanted, RefundCreated)
    assert wanted.refund.split == meant
    assert type(wanted.refund.split) is type(meant)


def test_no_bonus_is_not_the_same_as_nothing_said_about_it() -> None:
    wanted = event(message("refund.created", CREATED | {"bonus_basis_points": 0})).wanted
    assert isinstance(wanted, RefundCreated)
    assert wanted.refund.bonus_basis_points == 0


def test_a_reversed_refund_is_read() -> None:
    assert event(message("refund.reversed")).wanted == RefundReversed("refund-1")


@pytest.mark.parametrize("type_", DATA)
def test_null_is_the_same_as_left_out(type_: str) -> None:
    optional = {name: None for name, field in DATA[type_].model_fields.items() if not field.is_required()}
    said, nulls = event(message(type_)), event(message(type_, SAID[type_] | optional))
    assert (nulls.wanted, nulls.fingerprint) == (said.wanted, said.fingerprint)
    assert event(message(type_, datacontenttype=None)) == said


@pytest.mark.parametrize("type_", DATA)
def test_what_customers_did_has_a_time_and_the_rest_may_have_one(type_: str) -> None:
    said = message(type_, time=None)
    if type_ in NEEDS_TIME:
        assert (reason(said).code, "/time: Field required" in reason(said).detail) == ("validation_failed", True)
    else:
        assert event(said) == replace(event(message(type_)), time=None)
    assert event(message(type_)).time == AT_MS


def test_every_type_of_the_contract_is_known() -> None:
    assert set(DATA) == set(SAID)


# The envelope


@pytest.mark.parametrize(
    "time", ["2026-05-01T10:00:00+02:00", "2026-05-01T10:00:00.123456-11:30", "2026-05-01t10:00:00z"]
)
def test_any_offset_is_accepted(time: str) -> None:
    assert event(message(time=time)).id == "evt-1"


def test_the_envelope_may_have_extensions() -> None:
    more: dict[str, Any] = {
        "subject": "order-1",
        "dataschema": "https://shop/order",
        "traceparent": "00-1",
        "partition": 7,
        "x": None,
    }
    assert event(message(**more)) == event(message())


@pytest.mark.parametrize("source", ["shop", "/shop/eu", "https://shop.example/eu?x=1#2", "urn:shop:%41", "x" * 255])
def test_a_source_is_kept_as_it_was_sent(source: str) -> None:
    told = received("order-events", json.dumps(message(source=source)), "stands-for")
    assert (told.message.source, told.operation) == (source, event_operation(source, "evt-1"))


@pytest.mark.parametrize(
    ("pointer", "change"),
    [
        ("/specversion", {"specversion": "0.3"}),
        ("/specversion", {"specversion": 1.0}),
        ("/id", {"id": ""}),
        ("/id", {"id": 7}),
        ("/id", {"id": "a b"}),
        ("/id", {"id": "x" * 256}),
        ("/source", {"source": "größe"}),
        ("/source", {"source": None}),
        ("/type", {"type": ["order.paid"]}),
        ("/time", {"time": "yesterday"}),
        ("/time", {"time": "2026-05-01T10:00:00"}),
        ("/time", {"time": 1_777_629_600}),
        ("/datacontenttype", {"datacontenttype": "application/xml"}),
        ("/data", {"data": "{}"}),
        ("/data", {"data": [1]}),
        ("/data", {"data": None}),
    ],
)
def test_an_envelope_that_is_wrong_is_pointed_to(pointer: str, change: dict[str, Any]) -> None:
    told = reason(message() | change)
    assert told.code == "validation_failed"
    assert told.detail.startswith(f"The message is not a CloudEvent 1.0: {pointer}: ")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "data"])
def test_an_envelope_is_complete(name: str) -> None:
    told = reason({key: value for key, value in message().items() if key != name})
    assert f"/{name}: Field required" in told.detail


# Data


@pytest.mark.parametrize("type_", DATA)
def test_an_unknown_field_of_the_data_is_refused_with_a_pointer(type_: str) -> None:
    told = reason(message(type_, SAID[type_] | {"ammount": 5}))
    assert told.code == "validation_failed"
    assert told.detail.startswith(f"The data are not those of {type_}: /data/ammount: ")


@pytest.mark.parametrize("type_", DATA)
def test_the_data_is_complete(type_: str) -> None:
    for name in SAID[type_]:
        required = DATA[type_].model_fields[name].is_required()
        assert required
        short = {key: value for key, value in SAID[type_].items() if key != name}
        assert f"/data/{name}: Field required" in reason(message(type_, short)).detail


@pytest.mark.parametrize(
    ("type_", "pointer", "change"),
    [
        ("order.paid", "/data/id", {"id": "../order"}),
        ("order.paid", "/data/customer", {"customer": "al ice"}),
        ("order.paid", "/data/customer", {"customer": "c" * 129}),
        ("order.paid", "/data/currency", {"currency": "euro"}),
        ("order.paid", "/data/total", {"total": -1}),
        ("order.paid", "/data/total", {"total": 10**40}),
        ("order.paid", "/data/total", {"total": 10.0}),
        ("order.paid", "/data/total", {"total": "10"}),
        ("order.paid", "/data/total", {"total": True}),
        ("order.paid", "/data/total", {"total": float("nan")}),
        ("order.paid", "/data/total", {"total": float("inf")}),
        ("order.paid", "/data/credit_used", {"credit_used": -1}),
        ("order.paid", "/data/lines/1/quantity", {"lines": [LINES[0], LINES[1] | {"quantity": 0}]}),
        ("order.paid", "/data/lines", {"lines": [LINES[0]] * 251}),
        ("order.paid", "/data/paid_at", {"paid_at": "2026-02-30T00:00:00Z"}),
        ("order.cancelled", "/data/currency", {"currency": 978}),
        ("refund.created", "/data/amount", {"amount": 0}),
        ("refund.created", "/data/amount", {"amount": 10**12 + 1}),
        ("refund.created", "/data/method", {"method": "cash"}),
        ("refund.created", "/data/split", {"split": "half"}),
        ("refund.created", "/data/split", {"split": {"credit": -1}}),
        ("refund.created", "/data/split", {"split": {"credit": 1, "other": 1}}),
        ("refund.created", "/data/bonus_basis_points", {"bonus_basis_points": 10_001}),
        ("refund.created", "/data/expires", {"expires": {"days": 1, "months": 1}}),
        ("refund.created", "/data/consent/text_version", {"consent": {"given_at": AT}}),
        ("refund.created", "/data/consent/given_at", {"consent": {"given_at": "now", "text_version": "v"}}),
        ("refund.created", "/data/reason", {"reason": "Too Small"}),
        ("refund.reversed", "/data/refund_id", {"refund_id": ""}),
    ],
)
def test_data_that_is_wrong_is_pointed_to(type_: str, pointer: str, change: dict[str, Any]) -> None:
    told = reason(message(type_, SAID[type_] | change))
    assert told.code == "validation_failed"
    assert f"{pointer}" in told.detail


def test_several_errors_are_told_at_once() -> None:
    detail = reason(message("refund.created", CREATED | {"amount": 0, "method": "cash"})).detail
    assert "/data/amount: " in detail
    assert "/data/method: " in detail


def test_a_type_that_nobody_knows_is_told_with_those_that_are() -> None:
    told = reason(message("order.eaten"))
    assert told.code == "unknown_type"
    assert ", ".join(sorted(SAID)) in told.detail


# Poison


@pytest.mark.parametrize(
    "body", ["", "not json", "{", '{"a":1,}', "\0", '"\\ud800"', '{"id":"\\udfff"}', "\ufeff{}", "01"]
)
def test_what_is_not_json_is_told_so(body: str) -> None:
    told = reason(body)
    assert told.code == "invalid_json"
    assert told.detail.startswith("The message is not JSON: ")


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "true", "[[[]]]", "NaN", "-Infinity", "1e999"])
def test_json_that_is_no_object_is_no_event(body: str) -> None:
    assert reason(body).code == "validation_failed"


@pytest.mark.parametrize(
    "body",
    [
        "[" * 10_000,
        '{"data":' * 300 + "1" + "}" * 300,
        json.dumps(message())[:-1] + ',"x":' + "9" * 5_000 + "}",
        json.dumps(message("order.paid", PAID | {"total": 0})).replace('"total": 0', '"total": ' + "9" * 4_300),
        json.dumps(message("order.paid", PAID | {"total": 0})).replace('"total": 0', '"total": ' + "9" * 4_301),
        json.dumps(message("order.paid", PAID | {"total": 0})).replace('"total": 0', '"total": 1e400'),
        "\ud800",
        '{"id":"\ud800"}',
    ],
    ids=["unclosed", "deep", "huge extension", "huge", "huger", "infinite", "surrogate", "surrogate inside"],
)
def test_what_nobody_can_mean_is_refused_and_no_exception(body: str) -> None:
    assert reason(body).code in ("invalid_json", "validation_failed")


def test_a_message_of_more_than_256_kb_is_too_large() -> None:
    def body(size: int) -> str:
        frame = json.dumps(message(padding=""))
        return frame.replace('"padding": ""', '"padding": "' + "x" * (size - len(frame)) + '"')

    assert event(body(MAX_EVENT_BYTES)).id == "evt-1"
    told = reason(body(MAX_EVENT_BYTES + 1))
    assert told == Reason("too_large", "The message has 262145 bytes, more than 262144.")
    assert reason("ä" * 200_000).code == "too_large"


def test_a_producers_own_words_are_cut_short() -> None:
    assert len(reason(message(data=PAID | {"x" * 5_000: 1})).detail) < MAX_DETAIL_CHARACTERS
    many = PAID | {f"field_{number:03}": number for number in range(500)}
    assert len(reason(message(data=many)).detail) <= MAX_DETAIL_CHARACTERS


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([AT, "EUR", "alice"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*CREATED, *PAID, "split", "consent", "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_no_bytes_are_an_exception(body: bytes) -> None:
    for text in (body.decode("utf-8", "surrogateescape"), body.decode("latin-1"), body.decode("utf-8", "replace")):
        assert isinstance(read(text), Event | Reason)


@given(st.text() | JSON.map(json.dumps))
def test_no_text_is_an_exception(body: str) -> None:
    assert reason(body).detail


@given(
    type_=st.sampled_from(list(DATA)),
    change=st.dictionaries(st.sampled_from([*FULL["order.paid"], *FULL["refund.created"]]), JSON, max_size=3),
    around=st.dictionaries(st.sampled_from(["time", "source", "datacontenttype", "extension"]), JSON, max_size=2),
)
def test_nearly_right_is_an_event_or_has_a_reason(type_: str, change: dict[str, Any], around: dict[str, Any]) -> None:
    told = read(message(type_, FULL[type_] | change, **around))
    assert isinstance(told, Event | Reason)
    assert isinstance(told, Event) or told.code == "validation_failed"


# What its records are kept under


def test_what_says_whose_event_it_is_is_kept_under_that() -> None:
    for body in (message(), message("order.eaten"), message(data={"wrong": 1})):
        told = received("order-events", json.dumps(body), "stands-for")
        assert told.operation == event_operation("/shop/eu", "evt-1")
        assert (told.message.source, told.message.event) == ("/shop/eu", "evt-1")


@pytest.mark.parametrize("body", ["not json", "{}", json.dumps(message(id=5)), "x" * (MAX_EVENT_BYTES + 1)])
def test_what_does_not_is_kept_under_its_message(body: str) -> None:
    told = received("order-events", body, "stands-for")
    assert (told.operation, told.message.source, told.message.event) == ("stands-for", None, None)
    assert told.message.body == body


# The fingerprint


@pytest.mark.parametrize("type_", DATA)
def test_the_fingerprint_is_of_what_is_meant_and_not_of_how_it_is_spelt(type_: str) -> None:
    said = message(type_, FULL[type_])
    backwards = dict(reversed(said.items())) | {"data": dict(reversed(FULL[type_].items()))}
    told = event(said).fingerprint
    assert event(json.dumps(said, indent=3)).fingerprint == told
    assert event(backwards).fingerprint == told
    assert event(said | {"time": "2027-01-01T00:00:00Z", "extension": 1}).fingerprint == told


def test_an_instant_with_another_offset_is_the_same_one() -> None:
    told = event(message("order.paid", PAID | {"paid_at": "2026-05-01T10:00:00Z"})).fingerprint
    assert event(message("order.paid", PAID | {"paid_at": "2026-05-01T12:00:00+02:00"})).fingerprint == told


CHANGES = {
    "email": "b@example.com", "phone": "+4930123456", "locale": "fr", "birth_date": "1991-01-01",
    "consents": {"email": False}, "tags": [], "attributes": {}, "address": {"country": "FR"},
    "predicted_spend_tier": "low", "has_account": False, "into": "alice-3", "product": "cup", "collections": ["cups"],
    "collection": "cups",
    "id": "order-2", "customer": "bob", "currency": "USD", "total": 3_501, "lines": LINES[:1], "site": "at",
    "credit_used": 1_201, "placed_at": "2026-05-01T10:00:01Z", "paid_at": "2026-05-02T10:00:00Z",
    "order_id": "order-2", "refund_id": "refund-2", "amount": 1_501, "method": "original", "split": "credit_first",
    "bonus_basis_points": 1_001, "expires": {"days": 91}, "consent": {"given_at": AT, "text_version": "v4"},
    "reason": "too_large",
}  # fmt: skip


@pytest.mark.parametrize(("type_", "name"), [(type_, name) for type_ in DATA for name in DATA[type_].model_fields])
def test_every_field_of_the_data_counts(type_: str, name: str) -> None:
    said = event(message(type_, FULL[type_]))
    assert event(message(type_, FULL[type_] | {name: CHANGES[name]})).fingerprint != said.fingerprint


def test_the_type_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATA, "order.voided", OrderCancelledData)
    said = message("order.cancelled")
    assert event(said | {"type": "order.voided"}).fingerprint != event(said).fingerprint


def test_a_field_that_is_added_later_does_not_make_another_event_of_what_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Later(OrderCancelledData):
        cancelled_by: str | None = None

    before = event(message("order.cancelled")).fingerprint
    monkeypatch.setitem(DATA, "order.cancelled", Later)
    assert event(message("order.cancelled")).fingerprint == before
    assert event(message("order.cancelled", CANCELLED | {"cancelled_by": "shop"})).fingerprint != before


def test_entries_tell_of_the_source() -> None:
    assert event(message("refund.reversed")).actor == "event:/shop/eu"
