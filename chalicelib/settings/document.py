"""The settings as a document, plain JSON values, and as the policy that the ledger decides by.

    refund_to_credit            true or false
    refund_split                "proportional", "credit_first" or "other_first"
    refund_bonus_basis_points   0 to 10000
    refund_bonus_expires        an expiry, or null for the default of the bonus's kind
    clawback                    "none", "lot_only", "promotional" or "debt"
    reinstatement               {mode: "grace", lifted_to_days, reinstated_days}, {mode: "original_expiry"},
                                {mode: "extend", days} or {mode: "no_expiry"}
    released_grace_hours        1 to 720
    points                      [{code, exponent}]
    expiry_of_kind              {kind: expiry}
    expiry_of_class             {class: expiry}
    kinds_without_expiry        [kind]
    merged_kinds                [kind]
    spending_order              the seven keys of `policy.SPENDING_ORDER`, in some order
    release_wallets_per_second  1 to 5000
    require_notice_kinds        [kind]
    default_currency            an ISO code, or one of `points`

An expiry is {never: true}, {at} (milliseconds), {days} or {months}. What a document does not say is as built in, so one
that an earlier version of this code stored goes on to work. The merchant's time zone is the environment's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any

from chalicelib.ledger.lots import CLASS_OF_KIND, Kind, LotClass
from chalicelib.ledger.money import EXPONENT
from chalicelib.ledger.policy import (
    At,
    Clawback,
    Days,
    EndOf,
    Expiry,
    Extend,
    Grace,
    Months,
    Never,
    NoExpiry,
    OriginalExpiry,
    Policy,
    RefundSplit,
    Reinstatement,
)
from chalicelib.ledger.refusals import Refused

Json = dict[str, Any]


class SettingNotPermitted(Refused):
    """The document is well formed, and something in it cannot be."""

    code = "validation_failed"


def policy_of(document: Json, version: int, zone: tzinfo) -> Policy:
    """The policy that version `version` of the settings makes; 0 are the built-in ones."""
    told = {name: value for name, value in document.items() if value is not None}
    built_in = Policy(str(version + 1), zone)
    return Policy(
        version=built_in.version,
        zone=zone,
        currencies=EXPONENT | {each["code"]: each["exponent"] for each in told["points"]}
        if "points" in told
        else built_in.currencies,
        spending_order=tuple(told.get("spending_order", built_in.spending_order)),
        merged_kinds=_kinds(told.get("merged_kinds"), built_in.merged_kinds),
        kinds_without_expiry=_kinds(told.get("kinds_without_expiry"), built_in.kinds_without_expiry),
        expiry_of_kind={Kind(kind): _expiry(said) for kind, said in told.get("expiry_of_kind", {}).items()},
        expiry_of_class=built_in.expiry_of_class
        | {LotClass(name): _expiry(said) for name, said in told.get("expiry_of_class", {}).items()},
        reinstatement=_reinstatement(told["reinstatement"]) if "reinstatement" in told else built_in.reinstatement,
        released_grace_hours=told.get("released_grace_hours", built_in.released_grace_hours),
        refund_to_credit=told.get("refund_to_credit", built_in.refund_to_credit),
        refund_split=RefundSplit(told.get("refund_split", built_in.refund_split)),
        refund_bonus_basis_points=told.get("refund_bonus_basis_points", built_in.refund_bonus_basis_points),
        refund_bonus_expires=_expiry(told["refund_bonus_expires"]) if "refund_bonus_expires" in told else None,
        clawback=Clawback(told.get("clawback", built_in.clawback)),
        release_wallets_per_second=told.get("release_wallets_per_second", built_in.release_wallets_per_second),
        require_notice_kinds=_kinds(told.get("require_notice_kinds"), built_in.require_notice_kinds),
        default_currency=told.get("default_currency", built_in.default_currency),
    )


def document_of(policy: Policy) -> Json:
    """The whole document that makes this policy; the same policy, the same document."""
    bonus = policy.refund_bonus_expires
    return {
        "refund_to_credit": policy.refund_to_credit,
        "refund_split": policy.refund_split.value,
        "refund_bonus_basis_points": policy.refund_bonus_basis_points,
        "refund_bonus_expires": None if bonus is None else _expiry_told(bonus),
        "clawback": policy.clawback.value,
        "reinstatement": _reinstatement_told(policy.reinstatement),
        "released_grace_hours": policy.released_grace_hours,
        "points": [
            {"code": code, "exponent": exponent}
            for code, exponent in sorted(policy.currencies.items())
            if code not in EXPONENT
        ],
        "expiry_of_kind": {kind.value: _expiry_told(said) for kind, said in sorted(policy.expiry_of_kind.items())},
        "expiry_of_class": {name.value: _expiry_told(said) for name, said in sorted(policy.expiry_of_class.items())},
        "kinds_without_expiry": sorted(policy.kinds_without_expiry),
        "merged_kinds": sorted(policy.merged_kinds),
        "spending_order": list(policy.spending_order),
        "release_wallets_per_second": policy.release_wallets_per_second,
        "require_notice_kinds": sorted(policy.require_notice_kinds),
        "default_currency": policy.default_currency,
    }


def completed(document: Json) -> Json:
    """The document with everything that it leaves out."""
    return document_of(policy_of(document, 0, UTC))


def accepted(document: Json, before: Json) -> Json:
    """The document with everything that it leaves out, if it may take the place of the whole one before.

    :raises SettingNotPermitted: a points code is an ISO code, stands twice, or is gone or has another exponent (wallets
        may hold it); the default currency is none that there is; or a kind that must not expire would, so that each
        grant of it was refused
    """
    whole = completed(document)
    points = document.get("points")
    _check_points(whole["points"] if points is None else points, before["points"])
    if whole["default_currency"] not in EXPONENT | {each["code"]: each["exponent"] for each in whole["points"]}:
        raise SettingNotPermitted(f"There is no currency {whole['default_currency']}.", field="/default_currency")
    without = {Kind(kind) for kind in whole["kinds_without_expiry"]}
    never = _expiry_told(Never())
    for kind in sorted(without):
        lot_class = CLASS_OF_KIND[kind].value
        by_kind = whole["expiry_of_kind"].get(kind)
        if (by_kind or whole["expiry_of_class"][lot_class]) != never:
            field = f"/expiry_of_kind/{kind}" if by_kind else f"/expiry_of_class/{lot_class}"
            raise SettingNotPermitted(f"Credit of kind {kind} is one of kinds_without_expiry.", field=field)
    if Kind.PROMOTION in without and whole["refund_bonus_expires"] not in (None, never):
        raise SettingNotPermitted("A bonus is a promotion, which must not expire.", field="/refund_bonus_expires")
    return whole


def _check_points(points: Sequence[Json], before: Sequence[Json]) -> None:
    exponents: dict[str, int] = {}
    for number, each in enumerate(points):
        code, field = each["code"], f"/points/{number}/code"
        if code in EXPONENT:
            raise SettingNotPermitted(f"{code} is a currency of ISO 4217.", field=field)
        if code in exponents:
            raise SettingNotPermitted(f"{code} stands there twice.", field=field)
        exponents[code] = each["exponent"]
    for each in before:
        code, exponent = each["code"], each["exponent"]
        if code not in exponents:
            raise SettingNotPermitted(f"{code} is registered, and wallets may hold it: it must stay.", field="/points")
        if exponents[code] != exponent:
            number = next(n for n, said in enumerate(points) if said["code"] == code)
            raise SettingNotPermitted(
                f"The exponent of {code} is {exponent}, and wallets may hold it: it must stay.",
                field=f"/points/{number}/exponent",
            )


def _kinds(told: list[str] | None, built_in: frozenset[Kind]) -> frozenset[Kind]:
    return built_in if told is None else frozenset(Kind(kind) for kind in told)


def _expiry(told: Json) -> Expiry:
    match told:
        case {"at": instant}:
            return At(instant)
        case {"days": days}:
            return Days(days)
        case {"months": months}:
            return Months(months)
    return Never()


def _expiry_told(expiry: Expiry) -> Json:
    match expiry:
        case At(instant):
            return {"at": instant}
        case Days(days):
            return {"days": days}
        case Months(months):
            return {"months": months}
        case EndOf():
            raise AssertionError("no document says the end of a month, quarter or year")
    return {"never": True}


def _reinstatement(told: Json) -> Reinstatement:
    match told["mode"]:
        case "original_expiry":
            return OriginalExpiry()
        case "extend":
            return Extend(told["days"])
        case "no_expiry":
            return NoExpiry()
    return Grace(
        lifted_to_days=told.get("lifted_to_days", Grace.lifted_to_days),
        reinstated_days=told.get("reinstated_days", Grace.reinstated_days),
    )


def _reinstatement_told(mode: Reinstatement) -> Json:
    match mode:
        case OriginalExpiry():
            return {"mode": "original_expiry"}
        case Extend(days):
            return {"mode": "extend", "days": days}
        case NoExpiry():
            return {"mode": "no_expiry"}
        case Grace(lifted_to_days, reinstated_days):
            return {"mode": "grace", "lifted_to_days": lifted_to_days, "reinstated_days": reinstated_days}
