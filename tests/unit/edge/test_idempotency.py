"""Keys: needed by every POST that can change something, remembered with the answer, bound to the request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.edge.call import Route
from chalicelib.edge.examples import REQUESTS
from chalicelib.edge.routes import ROUTES
from tests.unit.edge.till import WALLET, Till, path_of

CREDIT = {"amount": 100, "kind": "promotion", "reason": "test"}
COMMANDS = [route for route in ROUTES if route.needs_key]


def test_every_post_that_changes_something_needs_a_key_and_no_other_call() -> None:
    assert {route.name for route in ROUTES if route.method == "POST"} - {r.name for r in COMMANDS} == {
        "quote",
        "quote_refund",
        "preview_segment",
        "preview_notice_template",
        "forecast_campaign",
    }


@pytest.mark.parametrize("route", COMMANDS, ids=lambda route: route.name)
def test_without_a_key_nothing_is_done(till: Till, route: Route) -> None:
    answered = till.post(path_of(route), REQUESTS[route.name], key=None)
    assert (answered.status, answered.code) == (400, "idempotency_key_required")
    assert till.engine.commands == 0


@pytest.mark.parametrize("route", COMMANDS, ids=lambda route: route.name)
def test_a_dry_run_needs_no_key(till: Till, route: Route) -> None:
    answered = till.post(path_of(route), REQUESTS[route.name], key=None, query={"dry_run": "true"})
    assert (
        answered.status in (200, 201, 404, 409) or answered.code == "amount_out_of_range"
    )  # there is no debt to waive
    assert till.engine.store.wallets == {}


@pytest.mark.parametrize("key", ["k" * 256, "naïve", "tab\there", "nul\0", "line\nbreak", "\x7f"])
def test_a_key_is_1_to_255_printable_ascii(till: Till, key: str) -> None:
    answered = till.post(f"{WALLET}/credits", CREDIT, key=key)
    assert (answered.status, answered.code) == (422, "validation_failed")
    assert answered.pointers == ["/header/Idempotency-Key"]


def test_a_key_of_255_characters_is_fine(till: Till) -> None:
    assert till.post(f"{WALLET}/credits", CREDIT, key="~" * 255).status == 201


def test_the_header_is_found_however_it_is_written(till: Till) -> None:
    answered = till.post(f"{WALLET}/credits", CREDIT, key=None, headers={"idempotency-KEY": "k"})
    assert answered.status == 201


def test_a_retry_is_answered_what_was_answered_first_byte_for_byte(till: Till) -> None:
    first = till.post(f"{WALLET}/credits", CREDIT, key="k")
    till.redeem(100)
    again = till.post(f"{WALLET}/credits", CREDIT, key="k")
    assert (again.status, again.text) == (201, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert till.get(WALLET).json["available"] == 0


def test_a_key_stands_for_one_request(till: Till) -> None:
    till.post(f"{WALLET}/credits", CREDIT, key="k")
    for path, body in (
        (f"{WALLET}/credits", CREDIT | {"amount": 101}),
        ("/v1/customers/alice/wallets/USD/credits", CREDIT),
        ("/v1/customers/bob/wallets/EUR/credits", CREDIT),
        (f"{WALLET}/debits", {"amount": 100, "reason": "test"}),
    ):
        answered = till.post(path, body, key="k")
        assert (answered.status, answered.code) == (422, "idempotency_key_reused")
    assert till.get(WALLET).json["version"] == 1


def test_a_key_belongs_to_its_caller(till: Till) -> None:
    till.post(f"{WALLET}/credits", CREDIT, key="k")
    answered = till.but(sub="somebody else").post(f"{WALLET}/credits", CREDIT | {"amount": 7}, key="k")
    assert answered.status == 201


@pytest.mark.parametrize(
    "raw",
    [
        '{ "reason":"test",\n"kind":"promotion",  "amount":100 }',
        '{"amount":100,"kind":"promotion","reason":"t\\u0065st"}',
        '{"amount":100,"kind":"promotion","reason":"test","note":null,"priority":50}',
    ],
)
def test_spelling_order_and_white_space_do_not_make_another_request(till: Till, raw: str) -> None:
    till.post(f"{WALLET}/credits", CREDIT, key="k")
    answered = till.post(f"{WALLET}/credits", raw=raw, key="k")
    assert (answered.status, answered.headers.get("Idempotent-Replayed")) == (201, "true")


def test_instants_with_another_offset_are_the_same_request(till: Till) -> None:
    def body(at: str) -> dict[str, Any]:
        return CREDIT | {"effective_at": at}

    till.post(f"{WALLET}/credits", body("2027-01-01T00:00:00Z"), key="k")
    again = till.post(f"{WALLET}/credits", body("2027-01-01T02:00:00.000+02:00"), key="k")
    assert again.headers.get("Idempotent-Replayed") == "true"


def test_a_path_written_with_escapes_is_the_same_request(till: Till) -> None:
    till.post(f"{WALLET}/credits", CREDIT, key="k")
    again = till.post("/v1/customers/%61lice/wallets/EUR/credits", CREDIT, key="k")
    assert again.headers.get("Idempotent-Replayed") == "true"


def test_a_refusal_is_not_remembered(till: Till) -> None:
    body = {"amount": 100, "order": {"id": "o"}}
    assert till.post(f"{WALLET}/redemptions", body, key="k").code == "insufficient_credit"
    till.grant(100)
    assert till.post(f"{WALLET}/redemptions", body, key="k").status == 201


def test_a_dry_run_answers_the_same_and_changes_nothing(till: Till) -> None:
    dry = till.post(f"{WALLET}/credits", CREDIT, key="k", query={"dry_run": "true"})
    assert till.get(WALLET).json["version"] == 0
    real = till.post(f"{WALLET}/credits", CREDIT, key="k", query={"dry_run": "false"})
    assert (dry.status, dry.text) == (real.status, real.text)
    assert "Idempotent-Replayed" not in real.headers


def test_bodies_that_may_be_empty_may_be_absent(till: Till) -> None:
    till.grant(1_000)
    hold = till.hold(100).json["hold"]["id"]
    assert till.post(f"{WALLET}/holds/{hold}/captures").status == 201
    redemption = till.redeem(100, order="o2").json["redemption"]["id"]
    assert till.post(f"{WALLET}/redemptions/{redemption}/reversals").json["redemption"]["reversed"] == 100
    hold = till.hold(100).json["hold"]["id"]
    assert till.post(f"{WALLET}/holds/{hold}/release", headers={"Content-Type": "text/plain"}).status == 201


def test_what_a_request_means_decides_and_not_its_defaults(till: Till) -> None:
    till.grant(1_000)
    hold = till.hold(100).json["hold"]["id"]
    first = till.post(f"{WALLET}/holds/{hold}/captures", {"final": True}, key="k")
    again = till.post(f"{WALLET}/holds/{hold}/captures", raw=json.dumps({}), key="k")
    assert again.text == first.text
