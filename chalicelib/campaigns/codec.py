"""A campaign as a JSON document, and back. Instants are milliseconds; what is None, empty or 0 is left out."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from chalicelib.campaigns.model import (
    AmountRule,
    AvailableAt,
    Basis,
    Campaign,
    Every,
    Fixed,
    Goal,
    Group,
    Local,
    Notify,
    Repeat,
    Share,
    State,
    Step,
    Stepped,
    Summary,
)
from chalicelib.ledger import conditions
from chalicelib.ledger.policy import At, Days, EndOf, Expiry, Months, Never

Json = dict[str, Any]

_PLAIN = (
    "name",
    "currency",
    "description",
    "ends_at",
    "budget",
    "holdout_basis_points",
    "template",
    "created_at",
    "created_by",
    "updated_at",
    "run",
    "release_at",
    "scheduled_at",
    "started_at",
    "finished_at",
    "spent",
    "previous_release_at",
    "revoking",
    "failure",
)
"""Fields that JSON has as they are."""


def body_of(campaign: Campaign) -> Json:
    """The document's body. Its id, version and due instant stand beside it."""
    told: Json = {name: getattr(campaign, name) for name in _PLAIN}
    told |= {
        "goal": campaign.goal.value,
        "state": campaign.state.value,
        "groups": [_group(each) for each in campaign.groups],
        "available_at": None if campaign.available_at is None else available_at_told(campaign.available_at),
        "conditions": None if campaign.conditions is None else conditions.as_dict(campaign.conditions),
        "notify": None if campaign.notify is None else _without_nothing(_notify(campaign.notify)),
        "repeat": None if campaign.repeat is None else repeat_told(campaign.repeat),
        "anchor": None if campaign.anchor is None else available_at_told(campaign.anchor),
        "summary": None if campaign.summary is None else _summary(campaign.summary),
        "paused_from": None if campaign.paused_from is None else campaign.paused_from.value,
    }
    told = _without_nothing(told)
    if campaign.reminders is not None:
        told["reminders"] = list(campaign.reminders)
    return told


def campaign_of(campaign_id: str, version: int, body: Json, due_at: int | None = None) -> Campaign:
    """The campaign that a document is."""
    available_at, anchor = body.get("available_at"), body.get("anchor")
    limits, told, summary = body.get("conditions"), body.get("notify"), body.get("summary")
    reminders, repeat, paused_from = body.get("reminders"), body.get("repeat"), body.get("paused_from")
    return Campaign(
        id=campaign_id,
        version=version,
        due_at=due_at,
        goal=Goal(body["goal"]),
        state=State(body["state"]),
        groups=tuple(_to_group(each) for each in body["groups"]),
        available_at=None if available_at is None else _to_available_at(available_at),
        conditions=None if limits is None else conditions.from_dict(limits),
        notify=None if told is None else Notify(tuple(told["channels"]), told.get("template")),
        reminders=None if reminders is None else tuple(reminders),
        repeat=None if repeat is None else _to_repeat(repeat),
        anchor=None if anchor is None else _to_local(anchor),
        summary=None if summary is None else Summary(**summary),
        paused_from=None if paused_from is None else State(paused_from),
        **{name: body[name] for name in _PLAIN if name in body},
    )


def amount_told(rule: AmountRule) -> Json:
    """An amount in the API's and the document's shape."""
    match rule:
        case Fixed(amount):
            return {"fixed": amount}
        case Share(of, basis_points, lowest, highest):
            return _without_nothing(
                {"percent_of": of.value, "basis_points": basis_points, "min": lowest, "max": highest}
            )
        case Stepped(by, steps):
            return {"by": by, "steps": [_step(each) for each in steps]}


def amount_rule(told: Json) -> AmountRule:
    """The rule that such a shape is; the caller has validated it."""
    match told:
        case {"fixed": amount}:
            return Fixed(amount)
        case {"percent_of": of}:
            return Share(Basis(of), told["basis_points"], told.get("min"), told.get("max"))
    steps = (Step(each["amount"], each.get("at_least"), each.get("equals")) for each in told["steps"])
    return Stepped(told["by"], tuple(steps))


def available_at_told(at: AvailableAt) -> int | Json:
    """An instant, or the date and the time of a local one."""
    if isinstance(at, Local):
        return {"date": at.date.isoformat(), "time": at.time.isoformat("minutes")}
    return at


def repeat_told(repeat: Repeat) -> Json:
    """`every` in days or months."""
    return _without_nothing(
        {
            "every": _without_nothing({"days": repeat.every.days, "months": repeat.every.months}),
            "on_entry": repeat.on_entry,
            "cool_down_days": repeat.cool_down_days,
            "lifetime_cap": repeat.lifetime_cap,
        }
    )


def expiry_told(expiry: Expiry) -> Json:
    """An expiry in the shape that it is asked for in; `at` in milliseconds."""
    match expiry:
        case Never():
            return {"never": True}
        case At(instant):
            return {"at": instant}
        case Days(days):
            return {"days": days}
        case Months(months):
            return {"months": months}
        case EndOf():
            raise AssertionError("no campaign says the end of a month, quarter or year")


def expiry_of(told: Json) -> Expiry:
    """The expiry that such a shape is; the caller has validated it."""
    match told:
        case {"at": instant}:
            return At(instant)
        case {"days": days}:
            return Days(days)
        case {"months": months}:
            return Months(months)
    return Never()


def _group(group: Group) -> Json:
    return _without_nothing(
        {
            "amount": amount_told(group.amount),
            "segment": group.segment,
            "where": group.where,
            "customers": list(group.customers),
            "expires": None if group.expires is None else expiry_told(group.expires),
        }
    )


def _to_group(told: Json) -> Group:
    expires = told.get("expires")
    return Group(
        amount=amount_rule(told["amount"]),
        segment=told.get("segment"),
        where=told.get("where"),
        customers=tuple(told.get("customers", ())),
        expires=None if expires is None else expiry_of(expires),
    )


def _step(step: Step) -> Json:
    told: Json = {"amount": step.amount}
    return told | ({"equals": step.equals} if step.at_least is None else {"at_least": step.at_least})


def _to_available_at(told: int | Json) -> AvailableAt:
    return _to_local(told) if isinstance(told, dict) else told


def _to_local(told: Json) -> Local:
    return Local(date.fromisoformat(told["date"]), time.fromisoformat(told["time"]))


def _to_repeat(told: Json) -> Repeat:
    return Repeat(
        Every(**told["every"]), told.get("on_entry", False), told.get("cool_down_days"), told.get("lifetime_cap")
    )


def _notify(notify: Notify) -> Json:
    return {"channels": list(notify.channels), "template": notify.template}


def _summary(summary: Summary) -> Json:
    return {
        "audience": summary.audience,
        "holdout": summary.holdout,
        "planned": summary.planned,
        "liability": summary.liability,
        "skipped": dict(summary.skipped),
    }


def _without_nothing(told: Json) -> Json:
    return {name: value for name, value in told.items() if value not in (None, "", 0, [], {})}
