"""Every error has a stable code, one status, and the same shape; facts never stand in the place of its members."""

from __future__ import annotations

import json

import pytest

from chalicelib.edge.answers import REASONS
from chalicelib.edge.cursors import InvalidCursor
from chalicelib.edge.problems import FORESEEN, STATUS, Problem, problem_of
from chalicelib.ledger import refusals
from chalicelib.ledger.refusals import ExpiresInPast, HoldClosed, LedgerFault, Refused
from chalicelib.store.signals import Busy, KeyReused, NewerSchema, OutcomeUnknown, Unread
from chalicelib.wallets.queries import HistoryTooLong
from tests.unit.edge.till import WALLET, Till

CONTRACT = """
validation_failed invalid_json idempotency_key_required idempotency_key_reused insufficient_credit currency_unknown
currency_mismatch amount_out_of_range lot_not_found lot_closed hold_closed hold_lapsed over_capture over_reversal
over_refund expires_in_past expires_earlier expiry_not_permitted balance_limit_exceeded lot_limit_exceeded wallet_frozen
condition_not_met feature_disabled not_found unauthorized forbidden rate_limited busy outcome_unknown invalid_cursor
version_conflict
""".split()
BESIDE_THE_CONTRACT = {
    "internal_error",
    "history_too_long",
    "order_limit_exceeded",
    "redemption_not_seen",
    "available_at_in_past",
    "campaign_state",
    "customer_merged",
    "hold_open",
    "import_has_errors",
    "merge_too_large",
    "notice_limit_exceeded",
    "rule_limit_exceeded",
}
REFUSALS = [each for each in vars(refusals).values() if isinstance(each, type) and issubclass(each, Refused)]


def test_every_code_of_the_contract_has_a_status_unless_only_an_event_meets_it() -> None:
    assert set(STATUS) - BESIDE_THE_CONTRACT == set(CONTRACT) - {"currency_mismatch"}
    assert {"currency_mismatch", *BESIDE_THE_CONTRACT} & set(REASONS) == {
        "currency_mismatch",
        "customer_merged",
        "hold_open",
        "merge_too_large",
        "order_limit_exceeded",
        "redemption_not_seen",
    }


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (400, {"invalid_json", "idempotency_key_required", "invalid_cursor"}),
        (401, {"unauthorized"}),
        (403, {"forbidden"}),
        (404, {"not_found", "lot_not_found", "feature_disabled"}),
        (429, {"rate_limited"}),
        (500, {"internal_error"}),
        (503, {"busy", "outcome_unknown"}),
    ],
)
def test_a_status_has_these_codes(status: int, codes: set[str]) -> None:
    assert {code for code, of in STATUS.items() if of == status} == codes


@pytest.mark.parametrize("refusal", [each for each in REFUSALS if each is not Refused], ids=lambda each: each.__name__)
def test_every_refusal_of_the_ledger_is_told_with_its_code(refusal: type[Refused]) -> None:
    problem = problem_of(refusal("No.", limit=5))
    assert (problem.code, problem.status) == (refusal.code, STATUS.get(refusal.code, 409))
    assert json.loads(problem.body("r"))["limit"] == 5


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyReused(), "idempotency_key_reused"),
        (Busy(), "busy"),
        (Unread(), "busy"),
        (NewerSchema(), "busy"),
        (OutcomeUnknown(), "outcome_unknown"),
        (HistoryTooLong(), "history_too_long"),
        (InvalidCursor(), "invalid_cursor"),
        (Problem("forbidden", "No."), "forbidden"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_other_foreseen_error_is_told_with_a_code(error: Exception, code: str) -> None:
    assert isinstance(error, FORESEEN)
    assert problem_of(error).code == code


def test_a_defect_is_not_foreseen() -> None:
    assert not isinstance(LedgerFault(), FORESEEN)
    assert not isinstance(ValueError(), FORESEEN)


def test_facts_stand_beside_the_standard_members_and_never_in_their_place() -> None:
    error = HoldClosed("It was captured.", hold="hld_1", status="captured", title="x", type="y", code="z", errors=1)
    told = json.loads(problem_of(error).body("r-1"))
    assert told == {
        "type": "urn:store-credit:problem:hold_closed",
        "title": "Hold closed",
        "status": 409,
        "detail": "It was captured.",
        "code": "hold_closed",
        "request_id": "r-1",
        "hold": "hld_1",
        "errors": 1,
    }


def test_a_refusal_about_a_field_points_to_it() -> None:
    told = json.loads(problem_of(ExpiresInPast("Past.", field="/expires")).body("r"))
    assert told["errors"] == [{"pointer": "/expires", "message": "Past."}]


def test_a_refusal_tells_what_a_caller_needs_to_act(till: Till) -> None:
    till.grant(500)
    answered = till.redeem(700)
    assert (answered.status, answered.code) == (409, "insufficient_credit")
    assert (answered.json["available"], answered.json["requested"]) == (500, 700)


@pytest.mark.parametrize("error", [Busy(), OutcomeUnknown(), NewerSchema("schema 9"), Unread("throttled")], ids=repr)
def test_unavailable_says_when_to_come_again(till: Till, error: Exception) -> None:
    till.engine.fails = error
    answered = till.grant(1)
    assert answered.status == 503
    assert answered.code in ("busy", "outcome_unknown")
    assert int(answered.headers["Retry-After"]) >= 1


def test_a_defect_is_a_500_that_tells_nothing_and_is_logged(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    till.engine.fails = InsufficientCreditTypo("secret")
    answered = till.grant(1)
    assert (answered.status, answered.code) == (500, "internal_error")
    assert "secret" not in answered.text
    fault = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (fault["level"], fault["error"], fault["request_id"]) == ("ERROR", "InsufficientCreditTypo", "request-1")
    assert "execute" in "".join(fault["stack"])


class InsufficientCreditTypo(Exception):
    """Something nobody foresaw."""


def test_statuses_over_http(till: Till) -> None:
    till.grant(1_000, expires={"days": 2})
    redemption = till.redeem(100).json["redemption"]["id"]
    hold = till.hold(100).json["hold"]["id"]
    till.post(f"{WALLET}/holds/{hold}/release")
    told = {
        "not_found": till.get(f"{WALLET}/redemptions/rdm_none"),
        "lot_not_found": till.post(f"{WALLET}/lots/lot_9/revoke", {"reason": "x"}),
        "over_reversal": till.post(f"{WALLET}/redemptions/{redemption}/reversals", {"amount": 101}),
        "hold_closed": till.post(f"{WALLET}/holds/{hold}/captures"),
        "expires_earlier": till.post(f"{WALLET}/lots/lot_1/extend", {"reason": "x", "expires": {"days": 1}}),
        "expires_in_past": till.grant(1, expires={"at": "2020-01-01T00:00:00Z"}),
        "expiry_not_permitted": till.grant(1, kind="refund", expires={"days": 1}),
        "condition_not_met": till.redeem(900, order="o2")
        if till.grant(900, conditions={"min_order": 1}).status == 201 and till.redeem(900, order="o3").status == 201
        else till.grant(1),
        "amount_out_of_range": till.post(f"{WALLET}/redemptions", {"amount": 5, "order": {"id": "o", "total": 4}}),
    }
    assert {code: answered.code for code, answered in told.items()} == {code: code for code in told}
    assert {code: answered.status for code, answered in told.items()} == {code: STATUS[code] for code in told}


def test_the_test_clock_is_disabled_where_the_stage_has_none(till: Till) -> None:
    till.engine.has_test_clock = False
    assert till.send("PUT", "/v1/test-clock", {"now": "2030-01-01T00:00:00Z"}).code == "feature_disabled"
    answered = till.send("DELETE", "/v1/test-clock")
    assert (answered.status, answered.code) == (404, "feature_disabled")
