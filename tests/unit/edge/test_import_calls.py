"""Imports and exports over HTTP: checked without a change, applied when it is asked for, and read row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.customers.imports import ROWS_POINTED_AT, apply_chunk
from chalicelib.edge.imports import csv_text
from chalicelib.runtime.clock import Deadline
from tests.unit.edge.till import Answered, Till

IMPORTS = "/v1/imports"
CUSTOMERS = "customer,email,consent_email,country\nalice,a@example.com,true,DE\nbob,at home,true,DE\n"
GOOD = "customer,email,country\nalice,a@example.com,DE\nbob,b@example.com,AT\n"
CREDITS = "customer,currency,amount,kind,reason,expires_days\nalice,EUR,2500,promotion,spring,30\n"


class Belt:
    """The queue, as a list; `full` takes nothing."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.full = False

    def send(self, bodies: list[str]) -> list[int]:
        if self.full:
            return list(range(len(bodies)))
        self.messages += map(json.loads, bodies)
        return []

    def work(self, till: Till) -> None:
        """Deliver every message, each twice."""
        for message in [each for each in self.messages for _ in range(2)]:
            assert apply_chunk(till.engine, message, Deadline.after(8))  # type: ignore[arg-type]
        self.messages.clear()


@pytest.fixture
def belt(monkeypatch: pytest.MonkeyPatch) -> Belt:
    belt = Belt()
    monkeypatch.setattr("chalicelib.wiring.release_queue", lambda: belt)
    return belt


def sent(till: Till, csv: str, kind: str = "customers", **more: Any) -> Answered:
    return till.post(IMPORTS, {"kind": kind, "csv": csv}, **more)


def applied(till: Till, name: str, **body: Any) -> Answered:
    return till.post(f"{IMPORTS}/{name}/apply", body)


def test_checking_tells_of_every_row_and_changes_nothing(till: Till, belt: Belt) -> None:
    answered = sent(till, CUSTOMERS)
    told = answered.json
    assert answered.status == 201
    assert told["id"].startswith("imp_")
    assert (told["state"], told["rows"], told["valid"], told["invalid"]) == ("checked", 2, 1, 1)
    first, second = told["verdicts"]
    assert (first["row"], first["ok"], first["errors"], first["outcome"]) == (1, True, [], None)
    assert (second["row"], second["ok"], second["errors"][0]["pointer"]) == (2, False, "/email")
    assert told["next_cursor"] is None
    assert belt.messages == []
    assert till.get("/v1/customers/alice").status == 404
    assert till.get(f"{IMPORTS}/{told['id']}").json == {
        name: value for name, value in told.items() if name not in ("verdicts", "next_cursor")
    }


def test_rows_that_are_not_valid_keep_the_rest_from_being_applied_unless_they_are_left_out(
    till: Till, belt: Belt
) -> None:
    name = sent(till, CUSTOMERS).json["id"]
    answered = applied(till, name)
    assert (answered.status, answered.code, answered.json["invalid"]) == (409, "import_has_errors", 1)
    assert belt.messages == []
    assert applied(till, name, skip_invalid=True).json["state"] == "applying"
    belt.work(till)
    told = till.get(f"{IMPORTS}/{name}").json
    assert (told["state"], told["applied"], told["refused"], told["skipped"]) == ("applied", 1, 0, 1)
    assert [row["outcome"] for row in till.get(f"{IMPORTS}/{name}/rows").json["data"]] == ["applied", "skipped"]
    assert till.get("/v1/customers/alice").json["email"] == "a@example.com"
    assert till.get("/v1/customers/bob").status == 404


def test_a_refusal_points_at_every_row_that_is_not_valid_by_the_number_of_its_verdict(till: Till, belt: Belt) -> None:
    """Of 130 rows those that are wrong: in a cell, in two, as a whole; in several chunks of what is kept."""
    wrong = {7: "bob,EUR,none,promotion,spring", 60: "bob,EUR,0,luck,spring", 130: "bob,EUR"}
    lines = [wrong.get(number, f"alice-{number},EUR,100,promotion,spring") for number in range(1, 131)]
    name = sent(till, "customer,currency,amount,kind,reason\n" + "\n".join(lines) + "\n", "credits").json["id"]
    answered = applied(till, name)
    assert (answered.status, answered.code) == (409, "import_has_errors")
    assert (answered.json["invalid"], answered.json["rows"]) == (3, 130)
    assert answered.pointers == ["/rows/7/amount", "/rows/60/amount", "/rows/60/kind", "/rows/130"]
    verdicts = till.get(f"{IMPORTS}/{name}/rows", limit="250").json["data"]
    assert answered.json["errors"] == [
        {"pointer": f"/rows/{verdict['row']}{error['pointer']}", "message": error["message"]}
        for verdict in verdicts
        for error in verdict["errors"]
    ]
    assert (till.get(f"{IMPORTS}/{name}").json["state"], belt.messages) == ("checked", [])


def test_of_many_rows_that_are_not_valid_a_refusal_points_at_the_first(till: Till) -> None:
    name = sent(till, "customer,email\n" + "".join(f"c{number},nowhere\n" for number in range(99))).json["id"]
    answered = applied(till, name)
    assert answered.json["invalid"] == 99
    assert answered.pointers == [f"/rows/{number}/email" for number in range(1, ROWS_POINTED_AT + 1)]


def test_credits_are_granted_once_each(till: Till, belt: Belt) -> None:
    name = sent(till, CREDITS + "alice,EUR,100,promotion,spring,30\n", "credits").json["id"]
    applied(till, name)
    belt.work(till)
    wallet = till.get("/v1/customers/alice/wallets/EUR").json
    assert wallet["available"] == 2_600
    assert {lot["source"]["id"] for lot in wallet["lots"]} == {name}
    entries = till.get("/v1/customers/alice/wallets/EUR/entries").json["data"]
    assert {(entry["actor"], entry["reason"]) for entry in entries} == {("owner", "spring")}


def test_a_row_that_is_refused_says_why_and_keeps_no_other(till: Till, belt: Belt, monkeypatch: Any) -> None:
    monkeypatch.setattr("chalicelib.ledger.granting.MAX_BALANCE", 150)
    lines = "".join(
        f"{customer},EUR,100,compensation,late,{days}\n" for customer, days in (("bob", 9), ("bob", 8), ("al", 9))
    )
    name = sent(till, CREDITS.splitlines()[0] + "\n" + lines, "credits").json["id"]
    applied(till, name)
    belt.work(till)
    found = till.get(f"{IMPORTS}/{name}/rows").json["data"]
    assert [(row["outcome"], row["code"]) for row in found] == [
        ("applied", None),
        ("refused", "balance_limit_exceeded"),
        ("applied", None),
    ]


def test_who_may_not_grant_credit_may_not_import_any(till: Till, belt: Belt) -> None:
    name = sent(till, CREDITS, "credits").json["id"]
    support = till.but(scope="customers:write")
    for answered in (sent(support, CREDITS, "credits"), applied(support, name)):
        assert (answered.status, answered.code) == (403, "forbidden")
        assert answered.json["needs_one_of"] == ["wallets:write"]
    assert sent(support, GOOD).status == 201
    assert belt.messages == []


def test_the_same_key_checks_once_and_answers_the_same(till: Till) -> None:
    first, again = (sent(till, CUSTOMERS, key="k") for _ in range(2))
    assert first.text == again.text
    assert again.headers["Idempotent-Replayed"] == "true"
    assert sent(till, GOOD, key="k").code == "idempotency_key_reused"


def test_a_dry_run_keeps_nothing_and_applies_nothing(till: Till, belt: Belt) -> None:
    answered = sent(till, CUSTOMERS, key=None, query={"dry_run": "true"})
    assert (answered.status, answered.json["invalid"]) == (201, 1)
    assert till.get(f"{IMPORTS}/{answered.json['id']}").status == 404
    name = sent(till, GOOD).json["id"]
    tried = till.post(f"{IMPORTS}/{name}/apply", {}, key=None, query={"dry_run": "true"})
    assert tried.json["state"] == "applying"
    assert till.get(f"{IMPORTS}/{name}").json["state"] == "checked"
    assert belt.messages == []


def test_messages_that_the_queue_did_not_take_are_sent_with_the_next_attempt(till: Till, belt: Belt) -> None:
    name = sent(till, GOOD).json["id"]
    belt.full = True
    assert till.post(f"{IMPORTS}/{name}/apply", {}, key="k").code == "outcome_unknown"
    belt.full = False
    assert till.post(f"{IMPORTS}/{name}/apply", {}, key="k").status == 200
    belt.work(till)
    assert till.get(f"{IMPORTS}/{name}").json["state"] == "applied"


def test_an_import_that_is_applied_is_applied_no_more(till: Till, belt: Belt) -> None:
    name = sent(till, CREDITS, "credits").json["id"]
    applied(till, name)
    belt.work(till)
    assert applied(till, name).json["state"] == "applied"
    assert belt.messages == []


def test_rows_are_read_page_by_page(till: Till) -> None:
    csv = "customer\n" + "".join(f"customer-{number}\n" for number in range(120))
    told = sent(till, csv).json
    assert (len(told["verdicts"]), told["rows"]) == (50, 120)
    seen, cursor = list(told["verdicts"]), told["next_cursor"]
    while cursor is not None:
        page = till.get(f"{IMPORTS}/{told['id']}/rows", limit="33", cursor=cursor).json
        seen, cursor = seen + page["data"], page["next_cursor"]
    assert [row["row"] for row in seen] == list(range(1, 121))
    assert [row["customer"] for row in seen] == [f"customer-{number}" for number in range(120)]


def test_what_a_row_said_of_a_customer_is_forgotten_once_it_is_applied(till: Till, belt: Belt) -> None:
    name = sent(till, GOOD).json["id"]
    applied(till, name)
    belt.work(till)
    from chalicelib.customers import importing, imports

    (chunk,) = importing.load_chunks(imports.documents(till.engine.store), name, [0])  # type: ignore[arg-type]
    assert [row.told for row in chunk.rows] == [None, None]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "orders", "csv": "a\n1\n"}, "/kind"),
        ({"kind": "customers", "csv": ""}, "/csv"),
        ({"kind": "customers", "csv": "nonsense\n1\n"}, "/csv"),
        ({"kind": "customers", "csv": 7}, "/csv"),
        ({"kind": "customers"}, "/csv"),
    ],
)
def test_what_cannot_be_imported_at_all_is_refused(till: Till, body: Any, pointer: str) -> None:
    answered = till.post(IMPORTS, body)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", [pointer])


@pytest.mark.parametrize("path", ["", "/rows"])
def test_an_import_that_there_is_not_is_not_found(till: Till, path: str) -> None:
    assert till.get(f"{IMPORTS}/imp_nothing{path}").code == "not_found"
    assert applied(till, "imp_nothing").code == "not_found"


def exported(till: Till, what: str, limit: int) -> list[list[str]]:
    text, query = "", {"limit": str(limit)}
    while True:
        page = till.get(f"/v1/exports/{what}", **query).json
        text += page["data"]
        if page["next_cursor"] is None:
            header, rows = csv_text.read(text)
            return [header, *rows]
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 2, 250])
def test_what_was_exported_can_be_imported_and_says_the_same(till: Till, belt: Belt, limit: int) -> None:
    person = {
        "email": "a@example.com",
        "phone": "+4915112345",
        "birth_date": "1990-02-28",
        "consents": {"email": True, "sms": False},
        "tags": ["vip", "=tea"],
        "attributes": {"size": "M", "visits": 3},
        "address": {"country": "DE", "city": "-Berlin"},
        "has_account": False,
    }
    names = ["alice", "bob", "carol"]
    for name in names:
        assert till.send("PUT", f"/v1/customers/{name}", person).status == 200
    header, *rows = exported(till, "customers", limit)
    assert sorted(row[0] for row in rows) == names
    name = sent(till, csv_text.written([header, *rows])).json["id"]
    before = till.get("/v1/customers/alice").json
    applied(till, name)
    belt.work(till)
    assert till.get(f"{IMPORTS}/{name}").json["applied"] == 3
    after = till.get("/v1/customers/alice").json
    moving = ("version", "updated_at")
    assert {key: told for key, told in after.items() if key not in moving} == {
        key: told for key, told in before.items() if key not in moving
    }


def test_no_customer_who_was_erased_is_exported(till: Till) -> None:
    till.send("PUT", "/v1/customers/alice", {"email": "a@example.com"})
    till.send("DELETE", "/v1/customers/alice")
    assert len(exported(till, "customers", 50)) == 1


def test_a_cursor_of_another_list_is_none(till: Till) -> None:
    assert till.get("/v1/exports/customers", cursor="bm9uc2Vuc2U").code == "invalid_cursor"
