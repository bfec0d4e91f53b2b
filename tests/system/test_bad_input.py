"""What bad input gets on the packaged stack, as bytes on the wire: a clear problem, nothing changed, never a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.system.conftest import AsRole, fresh_key

CREDIT = '{"amount":%s,"kind":"promotion","reason":"test"}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def owner(as_role: AsRole) -> httpx.Client:
    return as_role("owner")


@pytest.fixture
def credits_(customer: str) -> str:
    return f"v1/customers/{customer}/wallets/EUR/credits"


@pytest.fixture(autouse=True)
def _nothing_changes(owner: httpx.Client, customer: str) -> Any:
    yield
    assert owner.get(f"v1/customers/{customer}/wallets").json() == {"data": []}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    assert told["request_id"]
    return answer.status_code, told["code"]


def send(owner: httpx.Client, url: str, content: bytes | str, **headers: str) -> httpx.Response:
    return owner.post(url, content=content, headers={**JSON, **fresh_key(), **headers})


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "amount_out_of_range"),
        ("-5", "amount_out_of_range"),
        ("1" + "0" * 13, "amount_out_of_range"),
        ("1" + "0" * 40, "amount_out_of_range"),
        ("1.0", "validation_failed"),
        ('"1"', "validation_failed"),
        ("true", "validation_failed"),
        ("1e3", "validation_failed"),
        ("NaN", "validation_failed"),
        ("null", "validation_failed"),
    ],
)
def test_an_amount_that_is_none(owner: httpx.Client, credits_: str, amount: str, code: str) -> None:
    answer = send(owner, credits_, CREDIT % amount)
    assert problem(answer) == (422, code)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/amount"]


@pytest.mark.parametrize("currency", ["eur", "XXX", "EURO", "E", "TOOLONGCODE", "%E2%82%AC"])
def test_a_currency_that_is_none(owner: httpx.Client, customer: str, currency: str) -> None:
    assert problem(owner.get(f"v1/customers/{customer}/wallets/{currency}")) == (422, "currency_unknown")


@pytest.mark.parametrize("name", ["%00", "a%01b", "a%20b", "c" * 129, "%C3%A4", "a%7F", "%25", "%22", "a%5Cb"])
def test_a_customer_that_is_none(owner: httpx.Client, name: str) -> None:
    assert problem(owner.get(f"v1/customers/{name}/wallets")) == (422, "validation_failed")


@pytest.mark.parametrize("name", ["..%2F..%2Fetc", "a%2Fb"])
def test_a_path_that_leads_elsewhere(owner: httpx.Client, name: str) -> None:
    assert owner.get(f"v1/customers/{name}/wallets").status_code in (404, 422)


def test_a_body_of_65_kb(owner: httpx.Client, credits_: str) -> None:
    assert problem(send(owner, credits_, '{"note":"' + "x" * (65 * 1024) + '"}')) == (413, "validation_failed")


def test_ten_thousand_nested_lists(owner: httpx.Client, credits_: str) -> None:
    assert problem(send(owner, credits_, "[" * 10_000 + "]" * 10_000)) == (422, "validation_failed")


@pytest.mark.parametrize("content", [b'{"amount":1,"kind":"manual","reason":"x","note":"\xff"}', b"\xff\xfe", b"\xc3"])
def test_bytes_that_are_no_utf_8(owner: httpx.Client, credits_: str, content: bytes) -> None:
    assert problem(send(owner, credits_, content)) == (400, "invalid_json")


@pytest.mark.parametrize("content", ["{", "nope", '{"amount":1,}', '"\\ud800"'])
def test_what_is_no_json(owner: httpx.Client, credits_: str, content: str) -> None:
    assert problem(send(owner, credits_, content)) == (400, "invalid_json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_another_content_type(owner: httpx.Client, credits_: str, content_type: str) -> None:
    answer = send(owner, credits_, CREDIT % "1", **{"Content-Type": content_type})
    assert problem(answer) == (415, "validation_failed")


def test_no_content_type_at_all(owner: httpx.Client, credits_: str) -> None:
    answer = owner.post(credits_, content=CREDIT % "1", headers=fresh_key())
    assert problem(answer) == (415, "validation_failed")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, (400, "idempotency_key_required")),
        ("k" * 256, (422, "validation_failed")),
        ("naïve".encode(), (422, "validation_failed")),
    ],
    ids=["none", "256 characters", "not ASCII"],
)
def test_a_key_that_is_none(owner: httpx.Client, credits_: str, key: Any, told: tuple[int, str]) -> None:
    headers: Any = [("Content-Type", "application/json"), *([("Idempotency-Key", key)] if key else [])]
    assert problem(owner.post(credits_, content=CREDIT % "1", headers=headers)) == told


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=", "dryrun=true", "dry_run=true&dry_run=false"])
def test_a_query_that_is_none(owner: httpx.Client, credits_: str, query: str) -> None:
    assert problem(send(owner, f"{credits_}?{query}", CREDIT % "1")) == (422, "validation_failed")


@pytest.mark.parametrize("limit", ["0", "251", "-1", "1.5", "x", ""])
def test_a_limit_that_is_none(owner: httpx.Client, customer: str, limit: str) -> None:
    url = f"v1/customers/{customer}/wallets/EUR/entries"
    assert problem(owner.get(url, params={"limit": limit})) == (422, "validation_failed")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "a" * 500, "%00", "é"])
def test_a_cursor_that_is_none(owner: httpx.Client, customer: str, cursor: str) -> None:
    url = f"v1/customers/{customer}/wallets/EUR/entries"
    assert problem(owner.get(url, params={"cursor": cursor})) == (400, "invalid_cursor")


def test_a_path_or_method_that_is_none(owner: httpx.Client) -> None:
    assert problem(owner.get("v1/nothing/here")) == (404, "not_found")
    assert problem(owner.patch("v1/test-clock")) == (404, "not_found")
