"""What bad input gets: a clear problem with a stable code and a pointer, nothing changed, never a 500."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.edge.routes import ROUTES
from chalicelib.ledger.limits import MAX_CONDITIONS_BYTES
from tests.unit.edge.till import WALLET, Till, path_of

CREDITS = f"{WALLET}/credits"
CREDIT = '{"amount":%s,"kind":"promotion","reason":"test"}'
LONG = 128


@pytest.fixture(autouse=True)
def _nothing_is_done(till: Till) -> Any:
    yield
    assert till.engine.commands == 0
    assert till.engine.store.wallets == {}


# Amounts


@pytest.mark.parametrize("amount", ["0", "-1", "-0", "1000000000001", "1" + "0" * 13, "1" + "0" * 40, "-1" + "0" * 40])
def test_an_amount_is_1_to_a_million_millions(till: Till, amount: str) -> None:
    answered = till.post(CREDITS, raw=CREDIT % amount)
    assert (answered.status, answered.code, answered.pointers) == (422, "amount_out_of_range", ["/amount"])


@pytest.mark.parametrize(
    "amount",
    ["1.0", "1.5", '"1"', '" 10"', '"1e3"', '"1.000,50"', "true", "false", "1e3", "1E400", "NaN", "null", "[1]", "{}"],
)
def test_an_amount_is_an_integer(till: Till, amount: str) -> None:
    answered = till.post(CREDITS, raw=CREDIT % amount)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/amount"])


@pytest.mark.parametrize("amount", ["01", "+1", "1_000", "0x10", ".5", "1.", "١"])
def test_what_is_no_json_number_is_no_json(till: Till, amount: str) -> None:
    assert till.post(CREDITS, raw=CREDIT % amount).code == "invalid_json"


def test_a_number_that_nobody_can_mean_is_beyond_what_is_read(till: Till) -> None:
    assert till.post(CREDITS, raw=CREDIT % ("9" * 5_000)).code == "validation_failed"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("/order/total", {"total": -1}),
        ("/order/total", {"total": 10**13}),
        ("/order/lines/0/unit_price", {"lines": [{"product": "p", "quantity": 1, "unit_price": -5}]}),
        ("/order/lines/0/discount", {"lines": [{"product": "p", "quantity": 1, "unit_price": 5, "discount": -1}]}),
    ],
)
def test_amounts_of_an_order_are_in_range_too(till: Till, field: str, line: dict[str, Any]) -> None:
    answered = till.redeem(1, order="o")  # refused, and so nothing is done
    till.engine.commands = 0
    answered = till.post(f"{WALLET}/redemptions", {"amount": 1, "order": {"id": "o"} | line})
    assert (answered.code, answered.pointers) == ("amount_out_of_range", [field])


def test_several_errors_are_told_at_once(till: Till) -> None:
    answered = till.post(CREDITS, raw='{"amount":0,"kind":"gift"}')
    assert (answered.status, answered.code) == (422, "validation_failed")
    assert set(answered.pointers) == {"/amount", "/kind", "/reason"}


# Fields


@pytest.mark.parametrize(
    ("pointer", "change"),
    [
        ("/kind", {"kind": "reinstated"}),
        ("/kind", {"kind": "PROMOTION"}),
        ("/reason", {"reason": ""}),
        ("/reason", {"reason": "Not A Code"}),
        ("/reason", {"reason": "r" * 65}),
        ("/reason", {"reason": "line\n"}),
        ("/note", {"note": "n" * 5_001}),
        ("/note", {"note": "nul\0"}),
        ("/note", {"note": "bell\x07"}),
        ("/note", {"note": "\x9b"}),
        ("/customer_text", {"customer_text": 5}),
        ("/source/id", {"source": {"type": "order"}}),
        ("/source/id", {"source": {"type": "order", "id": "x" * 129}}),
        ("/source/type", {"source": {"type": "bestellung ä", "id": "1"}}),
        ("/priority", {"priority": 101}),
        ("/priority", {"priority": -1}),
        ("/notify", {"notify": 1}),
        ("/notify", {"notify": "true"}),
        ("/effective_at", {"effective_at": "2027-01-01T00:00:00"}),
        ("/effective_at", {"effective_at": "2027-01-01"}),
        ("/effective_at", {"effective_at": 1_800_000_000}),
        ("/effective_at", {"effective_at": "2027-02-30T00:00:00Z"}),
        ("/effective_at", {"effective_at": "9999-01-01T00:00:00Z"}),
        ("/expires", {"expires": {}}),
        ("/expires", {"expires": {"never": False}}),
        ("/expires/never", {"expires": {"never": 1}}),
        ("/expires", {"expires": {"days": 1, "months": 1}}),
        ("/expires/days", {"expires": {"days": 0}}),
        ("/expires/days", {"expires": {"days": 36_501}}),
        ("/expires/days", {"expires": {"days": None}}),
        ("/expires/months", {"expires": {"months": 1.5}}),
        ("/expires/end_of_month", {"expires": {"end_of_month": 1}}),
        ("/amounts", {"amounts": 5}),
        ("/a~1b~0c", {"a/b~c": 5}),
        ("/conditions/min_orders", {"conditions": {"min_orders": 5}}),
        ("/conditions/min_order_multiple", {"conditions": {"min_order_multiple": 0}}),
        ("/conditions/max_share_of_order", {"conditions": {"max_share_of_order": 10_001}}),
        ("/conditions/weekdays/1", {"conditions": {"weekdays": ["mon", "day"]}}),
        ("/conditions/hours/from", {"conditions": {"hours": {"from": "24:00", "to": "12:00"}}}),
        ("/conditions/hours/to", {"conditions": {"hours": {"from": "09:00"}}}),
        ("/conditions/hours", {"conditions": {"hours": {"from": "09:00", "to": "09:00"}}}),
        ("/conditions/hours/from", {"conditions": {"hours": {"from": "٠٩:٠٠", "to": "10:00"}}}),
        ("/conditions/include/products/0", {"conditions": {"include": {"products": [""]}}}),
        ("/conditions/include/products/0", {"conditions": {"include": {"products": ["p" * 129]}}}),
        ("/conditions/include/tags", {"conditions": {"include": {"tags": ["t"] * 51}}}),
        ("/conditions", {"conditions": {"include": {"tags": ["t" * 100] * 10}}}),
    ],
)
def test_a_field_that_is_wrong_is_pointed_to(till: Till, pointer: str, change: dict[str, Any]) -> None:
    answered = till.post(CREDITS, {"amount": 1, "kind": "promotion", "reason": "test"} | change)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])


def test_a_condition_that_is_an_amount_is_in_range(till: Till) -> None:
    body = {"amount": 1, "kind": "promotion", "reason": "test", "conditions": {"min_order": 0}}
    answered = till.post(CREDITS, body)
    assert (answered.code, answered.pointers) == ("amount_out_of_range", ["/conditions/min_order"])


@pytest.mark.parametrize(
    ("pointer", "order"),
    [
        ("/order", None),
        ("/order/id", {}),
        ("/order/id", {"id": ""}),
        ("/order/id", {"id": "o" * 129}),
        ("/order/id", {"id": "../order"}),
        ("/order/id", {"id": "order\n"}),
        ("/order/lines/0/quantity", {"id": "o", "lines": [{"product": "p", "quantity": 0, "unit_price": 1}]}),
        ("/order/lines/0/quantity", {"id": "o", "lines": [{"product": "p", "quantity": 1.0, "unit_price": 1}]}),
        ("/order/lines/1/product", {"id": "o", "lines": [{"product": "p", "quantity": 1, "unit_price": 1}, {"quantity": 1, "unit_price": 1}]}),  # noqa: E501
        ("/order/lines", {"id": "o", "lines": [{"product": "p", "quantity": 1, "unit_price": 1}] * 251}),
        ("/order/discounted", {"id": "o", "discounted": "no"}),
        ("/order/currency", {"id": "o", "currency": "EUR"}),
    ],
)  # fmt: skip
def test_an_order_that_is_wrong_is_pointed_to(till: Till, pointer: str, order: Any) -> None:
    answered = till.post(f"{WALLET}/holds", {"amount": 1, "order": order})
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])


@pytest.mark.parametrize("ttl_seconds", [0, -1, 7 * 24 * 3600 + 1, 1.0, "60"])
def test_a_hold_lives_a_second_to_a_week(till: Till, ttl_seconds: Any) -> None:
    answered = till.hold(1, ttl_seconds=ttl_seconds)
    assert (answered.code, answered.pointers) == ("validation_failed", ["/ttl_seconds"])


def test_a_quote_of_a_currency_that_is_not_one(till: Till) -> None:
    for currency, code in (("eur", "validation_failed"), ("XXXX", "currency_unknown"), ("", "validation_failed")):
        answered = till.post("/v1/checkout/quotes", {"customer": "alice", "currency": currency, "order": {}})
        assert (answered.status, answered.code, answered.pointers) == (422, code, ["/currency"])


# Bodies


@pytest.mark.parametrize("raw", ["{", "nope", '{"amount":1,}', "{'amount':1}", '{"amount":1}{"amount":2}', '"\\ud800"'])
def test_what_is_not_json_is_told_so(till: Till, raw: str) -> None:
    answered = till.post(CREDITS, raw=raw)
    assert (answered.status, answered.code) == (400, "invalid_json")


@pytest.mark.parametrize("raw", ["[]", "null", "5", '"text"', "true"])
def test_json_that_is_no_object_is_refused(till: Till, raw: str) -> None:
    answered = till.post(CREDITS, raw=raw)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [""])


def test_an_absent_body_lacks_all_its_fields(till: Till) -> None:
    answered = till.post(CREDITS)
    assert (answered.code, answered.pointers) == ("validation_failed", ["/amount", "/kind", "/reason"])


@pytest.mark.parametrize("raw", ["[" * 10_000 + "]" * 10_000, '{"x":' * 10_000 + "1" + "}" * 10_000])
def test_nesting_without_end_is_refused(till: Till, raw: str) -> None:
    answered = till.post(CREDITS, raw=raw)
    assert (answered.status, answered.code) == (422, "validation_failed")


@pytest.mark.parametrize("size", [65_537, 66_560, 1_000_000])
def test_a_body_of_more_than_64_kb_is_too_large(till: Till, size: int) -> None:
    raw = '{"note":"' + "x" * (size - 11) + '"}'
    answered = till.post(CREDITS, raw=raw)
    assert (answered.status, answered.code) == (413, "validation_failed")


def test_the_size_of_a_body_is_counted_in_bytes(till: Till) -> None:
    assert till.post(CREDITS, raw='{"note":"' + "ä" * 40_000 + '"}').status == 413
    assert till.post(CREDITS, raw='{"note":"' + "x" * (65_536 - 11) + '"}').status == 422


def test_what_the_gateway_could_not_decode_is_refused(till: Till) -> None:
    """Bytes that are no UTF-8 reach the function as U+FFFD."""
    raw = '{"amount":1,"kind":"promotion","reason":"test","note":"gr\ufffd\ufffdn"}'
    answered = till.post(CREDITS, raw=raw)
    assert (answered.status, answered.code) == (400, "invalid_json")


@pytest.mark.parametrize("body", [b'{"amount":\xff}', b"\xff\xfe", b'{"note":"\xc3"}'])
def test_bytes_that_are_no_utf_8_are_no_json(till: Till, body: bytes) -> None:
    answered = till.post(CREDITS, raw=b64encode(body).decode(), encoded=True)
    assert (answered.status, answered.code) == (400, "invalid_json")


def test_what_claims_to_be_base64_and_is_not(till: Till) -> None:
    assert till.post(CREDITS, raw="{}", encoded=True).code == "invalid_json"


def test_unknown_fields_are_told_up_to_a_point(till: Till) -> None:
    raw = json.dumps({f"field{n}": n for n in range(3_000)})
    answered = till.post(CREDITS, raw=raw)
    assert answered.status == 422
    assert len(answered.pointers) == 20
    raw = json.dumps({"amount": 1, "kind": "promotion", "reason": "x", "f" * 60_000: 1})
    (pointer,) = till.post(CREDITS, raw=raw).pointers
    assert len(pointer) <= 300


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/jsonp",
        "application/json,text/plain",
        "application/json; charset=latin-1",
        "; charset=utf-8",
        "multipart/form-data; boundary=x",
    ],
)
def test_a_body_is_application_json(till: Till, content_type: str) -> None:
    answered = till.post(CREDITS, raw=CREDIT % "1", headers={"Content-Type": content_type})
    assert (answered.status, answered.code) == (415, "validation_failed")


# Paths


@pytest.mark.parametrize(
    "customer",
    ["%00", "a%0Ab", "a%20b", "%2e%2e%2fetc", "a%2Fb", "c" * 129, "%E4", "ä", "a%7F", "%25", "a,b", "%ED%A0%80", "%"],
)
def test_a_customers_id_is_1_to_128_of_its_characters(till: Till, customer: str) -> None:
    for answered in (
        till.get(f"/v1/customers/{customer}/wallets"),
        till.post(f"/v1/customers/{customer}/wallets/EUR/credits", raw=CREDIT % "1"),
    ):
        assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/path/customer"])


@pytest.mark.parametrize("customer", ["a", "c" * LONG, "A.z_0:@+-", "%61lice", "a%2Bb", "a+b", "a%40b.c"])
def test_these_are_customers(till: Till, customer: str) -> None:
    assert till.get(f"/v1/customers/{customer}/wallets").status == 200


@pytest.mark.parametrize("currency", ["eur", "EU", "XXX", "ABCDEFGHIJK", "EUR%00", "E%20R", "EUR\n", "€€€", "XBT"])
def test_a_currency_is_one_that_is_known(till: Till, currency: str) -> None:
    answered = till.get(f"/v1/customers/alice/wallets/{currency}")
    assert (answered.status, answered.code, answered.pointers) == (422, "currency_unknown", ["/path/currency"])


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "PTS"])
def test_these_are_currencies(till: Till, currency: str) -> None:
    assert till.get(f"/v1/customers/alice/wallets/{currency}").json["currency"] == currency


@pytest.mark.parametrize("lot", ["lot%2F1", "l" * 129, "%00"])
def test_a_lots_id_is_one(till: Till, lot: str) -> None:
    answered = till.post(f"{WALLET}/lots/{lot}/revoke", {"reason": "x"})
    assert (answered.code, answered.pointers) == ("validation_failed", ["/path/lot"])


# Queries


@pytest.mark.parametrize("dry_run", ["1", "yes", "True", "", "TRUE", "true "])
def test_dry_run_is_true_or_false(till: Till, dry_run: str) -> None:
    answered = till.post(CREDITS, raw=CREDIT % "1", query={"dry_run": dry_run})
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/query/dry_run"])


def test_dry_run_is_said_once(till: Till) -> None:
    answered = till.post(CREDITS, raw=CREDIT % "1", query={"dry_run": ["true", "false"]})
    assert answered.pointers == ["/query/dry_run"]


@pytest.mark.parametrize("name", ["dryrun", "dry-run", "Dry_Run", "limit", "a/b"])
def test_a_misspelt_dry_run_moves_no_money(till: Till, name: str) -> None:
    answered = till.post(CREDITS, raw=CREDIT % "1", query={name: "true"})
    assert answered.code == "validation_failed"
    assert answered.pointers == [f"/query/{name}".replace("a/b", "a~1b")]


@pytest.mark.parametrize("limit", ["0", "251", "-1", "1.5", "1e2", "ten", "", " 5", "+5", "٥", "9" * 50])
def test_a_page_has_1_to_250_items(till: Till, limit: str) -> None:
    answered = till.get(f"{WALLET}/entries", limit=limit)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/query/limit"])


# Anything at all


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body], ids=lambda route: route.name)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["amount", "order", "reason", "expires", "x"]), inner, max_size=4)
        ),
        max_leaves=6,
    ),
    dry=st.booleans(),
)
def test_no_body_makes_a_500(till: Till, route: Any, body: Any, dry: bool) -> None:
    path = path_of(route, "nobody")
    answered = till.send(
        route.method,
        path,
        raw=json.dumps(body),
        headers={"Idempotency-Key": "k"},
        query={"dry_run": "true"} if route.mutates else {},
    )
    assert answered.status < 500
    till.engine.commands = 0


def test_the_bound_of_conditions_is_the_ledgers() -> None:
    assert MAX_CONDITIONS_BYTES == 1_000
