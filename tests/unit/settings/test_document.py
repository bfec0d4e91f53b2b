"""The settings as a document: what is left out is built in, and a document and its policy say the same."""

from __future__ import annotations

from datetime import UTC
from typing import Any, get_args

import pytest

from chalicelib.edge.service.settings_bodies import MAX_KINDS, ExpiryOfClass, ExpiryOfKind, SettingsBody
from chalicelib.edge.wallets.support_bodies import GrantableKind
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.money import EXPONENT
from chalicelib.ledger.policy import (
    SPENDING_ORDER,
    At,
    Clawback,
    Days,
    Extend,
    Grace,
    Months,
    Never,
    NoExpiry,
    OriginalExpiry,
    Policy,
    RefundSplit,
)
from chalicelib.settings.document import SettingNotPermitted, accepted, completed, document_of, policy_of

BUILT_IN = completed({})
EVERYTHING: dict[str, Any] = {
    "refund_to_credit": False,
    "refund_split": "other_first",
    "refund_bonus_basis_points": 750,
    "refund_bonus_expires": {"months": 6},
    "clawback": "lot_only",
    "reinstatement": {"mode": "extend", "days": 10},
    "released_grace_hours": 48,
    "points": [{"code": "PTS", "exponent": 0}, {"code": "STARS", "exponent": 2}],
    "expiry_of_kind": {"loyalty": {"at": 1_800_000_000_000}, "manual": {"days": 30}},
    "expiry_of_class": {"goodwill": {"never": True}, "paid": {"never": True}, "promotional": {"days": 60}},
    "kinds_without_expiry": ["exchange", "refund"],
    "merged_kinds": ["cashback", "loyalty"],
    "spending_order": ["expires_at", "priority", *SPENDING_ORDER[2:]],
    "release_wallets_per_second": 50,
    "require_notice_kinds": ["loyalty", "refund"],
    "default_currency": "STARS",
}


def test_nothing_said_is_the_built_in_policy_of_version_1() -> None:
    assert policy_of({}, 0, UTC) == Policy("1", UTC)


def test_entries_tell_the_versions_apart() -> None:
    assert [policy_of({}, version, UTC).version for version in (0, 1, 2)] == ["1", "2", "3"]


def test_the_built_in_settings_are_these() -> None:
    assert completed({}) == {
        "refund_to_credit": True,
        "refund_split": "proportional",
        "refund_bonus_basis_points": 0,
        "refund_bonus_expires": None,
        "clawback": "debt",
        "reinstatement": {"mode": "grace", "lifted_to_days": 14, "reinstated_days": 30},
        "released_grace_hours": 24,
        "points": [{"code": "PTS", "exponent": 0}],
        "expiry_of_kind": {},
        "expiry_of_class": {"goodwill": {"days": 365}, "paid": {"never": True}, "promotional": {"days": 90}},
        "kinds_without_expiry": ["exchange", "purchased", "refund"],
        "merged_kinds": ["loyalty"],
        "spending_order": list(SPENDING_ORDER),
        "release_wallets_per_second": 500,
        "require_notice_kinds": ["exchange", "migration", "purchased", "refund"],
        "default_currency": "EUR",
    }


def test_everything_that_is_said_is_in_the_policy() -> None:
    assert policy_of(EVERYTHING, 4, UTC) == Policy(
        version="5",
        zone=UTC,
        currencies=EXPONENT | {"PTS": 0, "STARS": 2},
        spending_order=("expires_at", "priority", *SPENDING_ORDER[2:]),
        merged_kinds=frozenset({Kind.CASHBACK, Kind.LOYALTY}),
        kinds_without_expiry=frozenset({Kind.EXCHANGE, Kind.REFUND}),
        expiry_of_kind={Kind.LOYALTY: At(1_800_000_000_000), Kind.MANUAL: Days(30)},
        expiry_of_class={LotClass.PAID: Never(), LotClass.GOODWILL: Never(), LotClass.PROMOTIONAL: Days(60)},
        reinstatement=Extend(10),
        released_grace_hours=48,
        refund_to_credit=False,
        refund_split=RefundSplit.OTHER_FIRST,
        refund_bonus_basis_points=750,
        refund_bonus_expires=Months(6),
        clawback=Clawback.LOT_ONLY,
        release_wallets_per_second=50,
        require_notice_kinds=frozenset({Kind.LOYALTY, Kind.REFUND}),
        default_currency="STARS",
    )


def test_a_policy_tells_the_document_that_made_it() -> None:
    assert completed(EVERYTHING) == EVERYTHING
    assert completed(BUILT_IN) == BUILT_IN
    assert document_of(Policy("1", UTC)) == BUILT_IN


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_field_may_be_left_out_alone_and_is_built_in_then(name: str) -> None:
    rest = {each: value for each, value in EVERYTHING.items() if each != name}
    assert completed(rest) == EVERYTHING | {name: BUILT_IN[name]}
    assert completed(rest | {name: None}) == EVERYTHING | {name: BUILT_IN[name]}


def test_a_class_that_is_not_named_keeps_its_expiry() -> None:
    assert completed({"expiry_of_class": {"goodwill": {"days": 1}}})["expiry_of_class"] == {
        "goodwill": {"days": 1},
        "paid": {"never": True},
        "promotional": {"days": 90},
    }


@pytest.mark.parametrize(
    ("told", "mode"),
    [
        ({"mode": "grace"}, Grace()),
        ({"mode": "grace", "reinstated_days": 7}, Grace(reinstated_days=7)),
        ({"mode": "grace", "lifted_to_days": 0}, Grace(lifted_to_days=0)),
        ({"mode": "original_expiry"}, OriginalExpiry()),
        ({"mode": "extend", "days": 3}, Extend(3)),
        ({"mode": "no_expiry"}, NoExpiry()),
    ],
)
def test_modes_of_reinstatement(told: dict[str, Any], mode: object) -> None:
    assert policy_of({"reinstatement": told}, 1, UTC).reinstatement == mode


def refused(document: dict[str, Any], before: dict[str, Any] = BUILT_IN) -> str | None:
    with pytest.raises(SettingNotPermitted) as refusal:
        accepted(document, before)
    return refusal.value.field


def test_a_registered_points_code_stays() -> None:
    before = completed(EVERYTHING)
    assert refused({"points": [{"code": "PTS", "exponent": 0}]}, before) == "/points"
    assert refused({"points": []}) == "/points"


def test_what_is_left_out_does_not_remove_a_points_code_either() -> None:
    assert refused({}, completed(EVERYTHING)) == "/points"


def test_a_points_code_keeps_its_exponent() -> None:
    points = [{"code": "STARS", "exponent": 3}, {"code": "PTS", "exponent": 1}]
    assert refused({"points": points}) == "/points/1/exponent"


def test_points_are_not_a_currency_that_there_is() -> None:
    assert refused({"points": [{"code": "PTS", "exponent": 0}, {"code": "EUR", "exponent": 0}]}) == "/points/1/code"


def test_a_points_code_stands_once() -> None:
    assert refused({"points": [{"code": "PTS", "exponent": 0}, {"code": "PTS", "exponent": 0}]}) == "/points/1/code"


def test_a_new_points_code_is_registered() -> None:
    whole = accepted({"points": EVERYTHING["points"]}, BUILT_IN)
    assert policy_of(whole, 1, UTC).currencies == EXPONENT | {"PTS": 0, "STARS": 2}


def test_a_kind_that_must_not_expire_has_no_default_that_ends() -> None:
    """Every grant of it that names no expiry would be refused."""
    assert refused({"expiry_of_kind": {"refund": {"days": 365}}}) == "/expiry_of_kind/refund"
    assert refused({"expiry_of_class": {"paid": {"days": 365}}}) == "/expiry_of_class/paid"
    assert refused({"kinds_without_expiry": ["manual"]}) == "/expiry_of_class/goodwill"
    kinds = ["promotion"]
    never = {"promotion": {"never": True}}
    bonus = {"days": 30}
    assert (
        refused({"kinds_without_expiry": kinds, "expiry_of_kind": never, "refund_bonus_expires": bonus})
        == "/refund_bonus_expires"
    )
    assert accepted({"kinds_without_expiry": kinds, "expiry_of_kind": never}, BUILT_IN)


def test_the_default_currency_is_one_that_there_is() -> None:
    assert refused({"default_currency": "XQX"}) == "/default_currency"
    assert accepted({"default_currency": "JPY"}, BUILT_IN)
    assert accepted({"default_currency": "STARS", "points": EVERYTHING["points"]}, BUILT_IN)


def test_settings_that_an_earlier_version_stored_are_completed() -> None:
    new = {"release_wallets_per_second", "require_notice_kinds", "default_currency"}
    stored = {name: value for name, value in EVERYTHING.items() if name not in new}
    assert completed(stored) == EVERYTHING | {name: BUILT_IN[name] for name in new}


def test_a_jurisdiction_may_let_paid_credit_expire() -> None:
    whole = accepted({"kinds_without_expiry": [], "expiry_of_class": {"paid": {"months": 36}}}, BUILT_IN)
    assert policy_of(whole, 1, UTC).expiry_of_class[LotClass.PAID] == Months(36)


def test_bodies_know_every_kind_class_and_key() -> None:
    assert set(ExpiryOfKind.model_fields) == set(get_args(GrantableKind))
    assert set(ExpiryOfClass.model_fields) == {each.value for each in LotClass}
    assert len(get_args(GrantableKind)) == MAX_KINDS
    assert set(SettingsBody.model_fields) == set(BUILT_IN)
