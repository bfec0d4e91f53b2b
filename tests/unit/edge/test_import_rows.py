"""Verdicts on the rows of an imported table: each is checked as the call is that would do the same singly."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

import pytest

from chalicelib.customers.importing import MAX_ROWS, Kind, Row, telling_of
from chalicelib.customers.profile import Address
from chalicelib.edge.imports import csv_text
from chalicelib.edge.imports.rows import checked
from chalicelib.edge.problems import Problem
from chalicelib.ledger.lots import Kind as CreditKind
from chalicelib.ledger.policy import Policy
from tests.passbook import instant

NOW = instant("2026-10-10T12:00")
POLICY = Policy("1", UTC)
CREDITS = "customer,currency,amount,kind,reason,expires_at,expires_days,note\n"


def rows(kind: Kind, text: str, policy: Policy = POLICY) -> list[Row]:
    return checked(kind, text, policy, NOW)


def customers(text: str) -> list[Row]:
    return rows(Kind.CUSTOMERS, text)


def credit(line: str, policy: Policy = POLICY) -> Row:
    (row,) = rows(Kind.CREDITS, CREDITS + line, policy)
    return row


def pointers(row: Row) -> list[str]:
    return [fault.pointer for fault in row.faults]


def test_every_column_of_a_customer_is_read() -> None:
    header = (
        "customer,email,phone,locale,birth_date,consent_email,consent_sms,consent_push,tags,attributes,"
        "country,region,city,postal_code,predicted_spend_tier,has_account"
    )
    line = (
        "alice,a@example.com,+4915112345,de-DE,1990-02-28,true,FALSE,,vip | tea,"
        '"{""size"": ""M"", ""visits"": 3, ""club"": true}",DE,BE,Berlin,10115,high,true'
    )
    (row,) = customers(f"{header}\n{line}\n")
    assert row.valid, row.faults
    assert row.told is not None
    assert telling_of(row.told) == {
        "email": "a@example.com",
        "phone": "+4915112345",
        "locale": "de-DE",
        "birth_date": date(1990, 2, 28),
        "consents.email": True,
        "consents.sms": False,
        "tags": ("vip", "tea"),
        "attributes": {"size": "M", "visits": 3, "club": True},
        "address": Address("DE", "BE", "Berlin", "10115"),
        "predicted_spend_tier": "high",
        "has_account": True,
    }


def test_an_empty_cell_says_nothing() -> None:
    (row,) = customers("customer,email,consent_email,country\nalice,,,\n")
    assert (row.valid, row.told) == (True, {})


def test_every_column_of_a_credit_is_read() -> None:
    row = credit("alice,EUR,2500,promotion,spring,2026-12-31T23:00:00Z,,For spring")
    told: dict[str, Any] = {"currency": "EUR", "amount": 2_500, "kind": "promotion", "reason": "spring"}
    assert row.told == told | {"expires_at": instant("2026-12-31T23:00"), "note": "For spring"}
    assert credit("alice,EUR,2500,promotion,spring,,30,").told == told | {"expires_days": 30}
    assert credit("alice,EUR,2500,promotion,spring,,,").told == told


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (",a@example.com,,,,,,", ["/customer"]),
        ("al ice,,,,,,,", ["/customer"]),
        ("alice,at home,,,,,,", ["/email"]),
        ("alice,,yes,,,,,", ["/consent_email"]),
        ("alice,,,Germany,,,,", ["/country"]),
        ("alice,,,,1990-02-30,,,", ["/birth_date"]),
        ("alice,,,,2026-10-11,,,", ["/birth_date"]),
        ("alice,,,,,huge,,", ["/predicted_spend_tier"]),
        ("alice,,,,,,maybe,", ["/has_account"]),
        ("alice,,,,,,,not json", ["/attributes"]),
        ('alice,,,,,,,"{""a"": {}}"', ["/attributes"]),
        ("alice,at home,,Germany,,,,", ["/email", "/country"]),
        ("alice", [""]),
        ("alice,,,,,,,,,", [""]),
    ],
)
def test_what_is_wrong_with_a_customer_is_told_by_column(line: str, wrong: list[str]) -> None:
    (row,) = customers(
        f"customer,email,consent_email,country,birth_date,predicted_spend_tier,has_account,attributes\n{line}\n"
    )
    assert not row.valid
    assert sorted(set(pointers(row))) == sorted(wrong)
    assert row.told is None


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("alice,EUR,0,promotion,spring,,,", "/amount"),
        ("alice,EUR,12.50,promotion,spring,,,", "/amount"),
        ("alice,EUR,,promotion,spring,,,", "/amount"),
        ("alice,EUR,99999999999999999999,promotion,spring,,,", "/amount"),
        ("alice,XXY,1,promotion,spring,,,", "/currency"),
        ("alice,eur,1,promotion,spring,,,", "/currency"),
        ("alice,EUR,1,reinstated,spring,,,", "/kind"),
        ("alice,EUR,1,promotion,Spring!,,,", "/reason"),
        ("alice,EUR,1,promotion,spring,2020-01-01T00:00:00Z,,", "/expires_at"),
        ("alice,EUR,1,promotion,spring,tomorrow,,", "/expires_at"),
        ("alice,EUR,1,promotion,spring,,0,", "/expires_days"),
        ("alice,EUR,1,promotion,spring,2027-01-01T00:00:00Z,30,", "/expires_at"),
    ],
)
def test_what_is_wrong_with_a_credit_is_told_by_column(line: str, wrong: str) -> None:
    row = credit(line)
    assert not row.valid
    assert set(pointers(row)) == {wrong}


def test_an_expiry_that_policy_forbids_is_told() -> None:
    forbidding = Policy("1", UTC, kinds_without_expiry=frozenset({CreditKind.REFUND}))
    assert pointers(credit("alice,EUR,1,refund,late,,30,", forbidding)) == ["/expires_days"]
    assert credit("alice,EUR,1,promotion,late,,30,", forbidding).valid


def test_a_customer_stands_in_one_row() -> None:
    first, second, other = customers("customer,email\nalice,a@example.com\nalice,b@example.com\nbob,\n")
    assert (first.valid, second.valid, other.valid) == (True, False, True)
    assert second.faults[0].message == "stands in row 1 already"


def test_credits_of_one_customer_may_be_many() -> None:
    line = "alice,EUR,1,promotion,spring,,,\n"
    assert all(row.valid for row in rows(Kind.CREDITS, CREDITS + line * 3))


def test_semicolons_a_byte_order_mark_and_blank_lines_are_borne() -> None:
    (row,) = customers("\ufeffcustomer;email\r\n\r\nalice;a@example.com\r\n\r\n")
    assert (row.customer, row.told) == ("alice", {"email": "a@example.com"})


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        "customer,email\n",
        "email\na@example.com\n",
        "customer,nonsense\nalice,1\n",
        "customer,email,email\nalice,,\n",
        'customer,email\nalice,"never ends\n',
        "customer\n" + "alice\n" * (MAX_ROWS + 1),
    ],
    ids=["nothing", "no rows", "no customer", "unknown column", "column twice", "open quote", "too many rows"],
)
def test_what_is_no_table_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Problem) as refused:
        customers(text)
    assert [each.pointer for each in refused.value.errors] == ["/csv"]


CELLS = [
    "=1+1",
    "+49151",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'quoted",
    "''",
    "plain",
    "",
    'with "quotes", and commas',
    "a\nb",
]


def test_no_cell_is_computed_by_a_spreadsheet_and_each_comes_back_as_it_was() -> None:
    text = csv_text.written([["a", "b"], *([cell, "x"] for cell in CELLS)])
    _, found = csv_text.read(text)
    assert [row[0] for row in found] == CELLS
    for line in text.splitlines():
        assert line.lstrip('"')[:1] not in ("=", "+", "-", "@", "\t")
