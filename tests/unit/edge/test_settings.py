"""The settings over HTTP: a whole document, its version as an ETag, and what is refused with a pointer to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.edge import answers
from chalicelib.edge.access import Identity
from chalicelib.edge.call import Call
from chalicelib.edge.routes import ROUTES
from chalicelib.ledger.policy import SPENDING_ORDER
from chalicelib.runtime import clock
from chalicelib.settings.document import completed
from chalicelib.store.commit import API_DEADLINE_SECONDS
from chalicelib.store.settings import StoredSettings
from tests.unit.edge.till import NOW, Answered, Till

SETTINGS = "/v1/settings"
PTS = {"code": "PTS", "exponent": 0}


def put(till: Till, body: Any, version: int | str = 0, **query: str) -> Answered:
    tag = version if isinstance(version, str) else f'"{version}"'
    return till.send("PUT", SETTINGS, body, headers={"If-Match": tag}, query=dict(query))


def test_settings_that_nobody_put_are_version_0(till: Till) -> None:
    answered = till.get(SETTINGS)
    assert (answered.status, answered.headers["ETag"]) == (200, '"0"')
    assert answered.json == completed({}) | {"version": 0, "updated_at": None, "updated_by": None}


def test_a_put_answers_the_whole_document_and_so_does_a_get_after_it(till: Till) -> None:
    answered = put(till, {"released_grace_hours": 48})
    assert (answered.status, answered.headers["ETag"]) == (200, '"1"')
    assert answered.json == completed({"released_grace_hours": 48}) | {
        "version": 1,
        "updated_at": "2026-09-21T14:13:20Z",
        "updated_by": "owner",
    }
    again = till.get(SETTINGS)
    assert (again.headers["ETag"], again.json) == ('"1"', answered.json)


def test_what_a_put_leaves_out_is_set_back(till: Till) -> None:
    put(till, {"released_grace_hours": 48, "clawback": "none"})
    answered = put(till, {"clawback": None}, 1)
    assert (answered.json["released_grace_hours"], answered.json["clawback"]) == (24, "debt")
    assert put(till, None, 2).json["version"] == 3


def test_a_dry_run_answers_the_same_and_changes_nothing(till: Till) -> None:
    dry = put(till, {"clawback": "none"}, dry_run="true")
    assert till.get(SETTINGS).json["version"] == 0
    wet = put(till, {"clawback": "none"})
    assert (dry.text, dry.headers["ETag"]) == (wet.text, wet.headers["ETag"])
    assert put(till, {"clawback": "none"}, 0, dry_run="true").code == "version_conflict"


def test_who_has_seen_another_version_changes_nothing_and_is_told_the_present_one(till: Till) -> None:
    put(till, {"clawback": "none"})
    for version in (0, 2, 10**14):
        answered = put(till, {"clawback": "debt"}, version)
        assert (answered.status, answered.code, answered.json["current_version"]) == (409, "version_conflict", 1)
        assert answered.pointers == ["/header/If-Match"]
    assert till.get(SETTINGS).json["clawback"] == "none"


@pytest.mark.parametrize("tag", ["", "0", "*", 'W/"0"', '"0", "1"', '"00"', '"-1"', '"x"', '""', '"0" ', '"٠"'])
def test_if_match_is_exactly_one_etag(till: Till, tag: str) -> None:
    answered = put(till, {"clawback": "none"}, tag)
    assert (answered.status, answered.code, answered.pointers) == (422, "validation_failed", ["/header/If-Match"])
    assert till.engine.store.settings is None


def test_other_answers_have_no_etag(till: Till) -> None:
    put(till, {})
    for answered in (till.grant(1), put(till, {}), till.get("/v1/customers/alice/wallets")):
        assert "ETag" not in answered.headers


@pytest.mark.parametrize(
    ("pointer", "body"),
    [
        ("/refund", {"refund": True}),
        ("/refund_to_credit", {"refund_to_credit": "true"}),
        ("/refund_to_credit", {"refund_to_credit": 1}),
        ("/refund_split", {"refund_split": "half"}),
        ("/refund_bonus_basis_points", {"refund_bonus_basis_points": -1}),
        ("/refund_bonus_basis_points", {"refund_bonus_basis_points": 10_001}),
        ("/refund_bonus_basis_points", {"refund_bonus_basis_points": 1.0}),
        ("/refund_bonus_basis_points", {"refund_bonus_basis_points": True}),
        ("/refund_bonus_expires", {"refund_bonus_expires": {"days": 1, "months": 1}}),
        ("/refund_bonus_expires/days", {"refund_bonus_expires": {"days": 0}}),
        ("/clawback", {"clawback": "all"}),
        ("/reinstatement/mode", {"reinstatement": {}}),
        ("/reinstatement/mode", {"reinstatement": {"mode": "none"}}),
        ("/reinstatement/days", {"reinstatement": {"mode": "grace", "days": 3}}),
        ("/reinstatement/reinstated_days", {"reinstatement": {"mode": "no_expiry", "reinstated_days": 3}}),
        ("/reinstatement/lifted_to_days", {"reinstatement": {"mode": "grace", "lifted_to_days": -1}}),
        ("/reinstatement", {"reinstatement": {"mode": "extend"}}),
        ("/reinstatement", {"reinstatement": "grace"}),
        ("/released_grace_hours", {"released_grace_hours": 0}),
        ("/released_grace_hours", {"released_grace_hours": 721}),
        ("/points", {"points": "PTS"}),
        ("/points", {"points": []}),
        ("/points", {"points": [{"code": f"P{n:02}", "exponent": 0} for n in range(21)]}),
        ("/points/0/exponent", {"points": [{"code": "PTS", "exponent": 1}]}),
        ("/points/1/exponent", {"points": [PTS, {"code": "STARS", "exponent": 4}]}),
        ("/points/1/exponent", {"points": [PTS, {"code": "STARS"}]}),
        ("/points/1/code", {"points": [PTS, {"code": "stars", "exponent": 0}]}),
        ("/points/1/code", {"points": [PTS, {"code": "JPY", "exponent": 0}]}),
        ("/points/1/code", {"points": [PTS, PTS]}),
        ("/expiry_of_kind/gift", {"expiry_of_kind": {"gift": {"days": 1}}}),
        ("/expiry_of_kind/reinstated", {"expiry_of_kind": {"reinstated": {"days": 1}}}),
        ("/expiry_of_kind/refund", {"expiry_of_kind": {"refund": {"days": 1}}}),
        ("/expiry_of_kind/manual/at", {"expiry_of_kind": {"manual": {"at": 1_800_000_000_000}}}),
        ("/expiry_of_class/free", {"expiry_of_class": {"free": {"days": 1}}}),
        ("/expiry_of_class/paid", {"expiry_of_class": {"paid": {"days": 1}}}),
        ("/kinds_without_expiry/0", {"kinds_without_expiry": ["gift"]}),
        ("/merged_kinds/0", {"merged_kinds": ["reinstated"]}),
        ("/merged_kinds", {"merged_kinds": ["manual"] * 12}),
        ("/release_wallets_per_second", {"release_wallets_per_second": 0}),
        ("/release_wallets_per_second", {"release_wallets_per_second": 5_001}),
        ("/require_notice_kinds/0", {"require_notice_kinds": ["reinstated"]}),
        ("/default_currency", {"default_currency": "euro"}),
        ("/default_currency", {"default_currency": "XQX"}),
        ("/spending_order", {"spending_order": list(SPENDING_ORDER[:-1])}),
        ("/spending_order", {"spending_order": [*SPENDING_ORDER[:-1], "priority"]}),
        ("/spending_order/6", {"spending_order": [*SPENDING_ORDER[:-1], "luck"]}),
        ("", []),
    ],
)
def test_what_is_wrong_is_pointed_at_and_nothing_changes(till: Till, pointer: str, body: Any) -> None:
    for query in ({}, {"dry_run": "true"}):
        answered = put(till, body, **query)
        assert (answered.status, answered.code, answered.pointers[0]) == (422, "validation_failed", pointer)
    assert till.engine.store.settings is None


EVERYTHING: dict[str, Any] = {
    "refund_to_credit": False,
    "refund_split": "credit_first",
    "refund_bonus_basis_points": 10_000,
    "refund_bonus_expires": {"at": "2030-01-01T01:00:00+01:00"},
    "clawback": "promotional",
    "reinstatement": {"mode": "extend", "days": 5},
    "released_grace_hours": 720,
    "points": [PTS, {"code": "STARS", "exponent": 3}],
    "expiry_of_kind": {"manual": {"never": True}, "loyalty": {"at": "2031-01-01T00:00:00Z"}},
    "expiry_of_class": {"goodwill": {"months": 2}},
    "kinds_without_expiry": ["refund"],
    "merged_kinds": [],
    "spending_order": list(SPENDING_ORDER[::-1]),
    "release_wallets_per_second": 5_000,
    "require_notice_kinds": [],
    "default_currency": "STARS",
}


def test_everything_that_is_said_comes_back(till: Till) -> None:
    told = put(till, EVERYTHING).json
    assert told == EVERYTHING | {
        "refund_bonus_expires": {"at": "2030-01-01T00:00:00Z"},
        "expiry_of_class": {"goodwill": {"months": 2}, "paid": {"never": True}, "promotional": {"days": 90}},
        "version": 1,
        "updated_at": "2026-09-21T14:13:20Z",
        "updated_by": "owner",
    }


def test_an_answer_is_a_document_that_can_be_put_again(till: Till) -> None:
    told = put(till, EVERYTHING).json
    document = {name: value for name, value in told.items() if name in EVERYTHING}
    assert put(till, document, 1).json | {"version": 1} == told


@pytest.mark.parametrize("body", [{}, EVERYTHING], ids=["built in", "everything"])
def test_answers_are_described_completely(till: Till, body: Any) -> None:
    text = put(till, body).text
    model = answers.Settings.model_validate_json(text)
    assert model.model_dump(mode="json", exclude_unset=True) == json.loads(text)


def test_a_document_that_an_earlier_code_stored_is_shown_whole(till: Till) -> None:
    till.engine.store.settings = StoredSettings(7, {"clawback": "none"}, NOW, "owner")
    told = till.get(SETTINGS).json
    assert (told["version"], told["clawback"], told["released_grace_hours"]) == (7, "none", 24)


def test_a_change_is_what_the_next_grant_goes_by(till: Till) -> None:
    put(till, {"points": [PTS, {"code": "STARS", "exponent": 2}], "expiry_of_kind": {"manual": {"never": True}}})
    stars = "/v1/customers/alice/wallets/STARS"
    granted = till.post(f"{stars}/credits", {"amount": 1_250, "kind": "manual", "reason": "test"})
    assert (granted.status, granted.json["lot"]["expires_at"]) == (201, None)
    assert till.get(stars).json["display"]["available"] == "12.50 STARS"
    order = {"customer": "alice", "currency": "STARS", "order": {"total": 200}}
    assert till.post("/v1/checkout/quotes", order).json["display"]["applicable"] == "2.00 STARS"
    (entry,) = till.engine.store.entries["alice/STARS"]
    assert entry.policy == "2"


def test_what_reading_the_policy_takes_comes_off_the_calls_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function ends at a fixed time; a deadline that began after a slow read would end behind it."""
    reading = 100.0
    monkeypatch.setattr(clock, "stopwatch", lambda: reading)
    route = next(each for each in ROUTES if each.name == "put_settings")
    call = Call(route, lambda: pytest.fail("not asked"))
    call.identity = Identity("owner", shopper=False, customer="")
    reading += 3
    assert call.envelope(lambda _: "").deadline.remaining_seconds == API_DEADLINE_SECONDS - 3
