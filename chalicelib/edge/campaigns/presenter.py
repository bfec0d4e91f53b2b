"""Campaigns as the JSON of the API: what was asked for, in the shape in which it is asked for, and how far it came."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.campaigns.codec import amount_told, available_at_told, expiry_told, repeat_told
from chalicelib.campaigns.forecast import Forecast
from chalicelib.campaigns.model import AvailableAt, Campaign, Group
from chalicelib.campaigns.queries import Page
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger import conditions
from chalicelib.ledger.policy import Expiry

Json = dict[str, Any]


def campaign(found: Campaign) -> str:
    """All of it. A group of a segment has the segment's tree too, once that is fixed."""
    told = _brief(found) | {
        "groups": [_group(each) for each in found.groups],
        "conditions": None if found.conditions is None else conditions.as_dict(found.conditions),
        "notify": None
        if found.notify is None
        else {"channels": list(found.notify.channels), "template": found.notify.template},
        "reminders": None if found.reminders is None else list(found.reminders),
        "repeat": None if found.repeat is None else repeat_told(found.repeat),
    }
    return presenter.document(told)


def version_of(body: str) -> int:
    """The version that an answer of `campaign` tells."""
    told: int = json.loads(body)["version"]
    return told


def page(found: Page, next_cursor: str | None) -> str:
    """A list, without what makes a campaign long."""
    return presenter.document({"data": [_brief(each) for each in found.campaigns], "next_cursor": next_cursor})


def forecast(found: Forecast, expected_redemption: float | None) -> str:
    amounts = found.amounts
    return presenter.document(
        {
            "audience": found.audience,
            "holdout": found.holdout,
            "liability": found.liability,
            "amounts": None if amounts is None else {"min": amounts.min, "median": amounts.median, "max": amounts.max},
            "expected_redemption": "insufficient_history" if expected_redemption is None else expected_redemption,
            "warnings": list(found.warnings),
            "exact": found.exact,
            "evaluated_at": show(found.evaluated_at),
        }
    )


def _brief(found: Campaign) -> Json:
    summary = found.summary
    return {
        "id": found.id,
        "version": found.version,
        "state": found.state.value,
        "name": found.name,
        "description": found.description,
        "goal": found.goal.value,
        "currency": found.currency,
        "available_at": None if found.available_at is None else _available_at(found.available_at),
        "ends_at": _instant(found.ends_at),
        "budget": found.budget,
        "holdout_basis_points": found.holdout_basis_points,
        "template": found.template,
        "run": found.run,
        "release_at": _instant(found.release_at),
        "created_at": show(found.created_at),
        "created_by": found.created_by,
        "updated_at": show(found.updated_at),
        "scheduled_at": _instant(found.scheduled_at),
        "started_at": _instant(found.started_at),
        "finished_at": _instant(found.finished_at),
        "failure": found.failure,
        "revoking": found.revoking is not None,
        "summary": None
        if summary is None
        else {
            "audience": summary.audience,
            "holdout": summary.holdout,
            "planned": summary.planned,
            "liability": summary.liability,
            "skipped": dict(summary.skipped),
        },
    }


def _group(group: Group) -> Json:
    return {
        "segment": group.segment,
        "where": group.where,
        "customers": list(group.customers) or None,
        "amount": amount_told(group.amount),
        "expires": None if group.expires is None else expiry(group.expires),
    }


def expiry(told: Expiry) -> Json:
    """An expiry; its instant as people read it."""
    match expiry_told(told):
        case {"at": instant}:
            return {"at": show(instant)}
        case other:
            return other


def _available_at(told: AvailableAt) -> str | Json:
    shown = available_at_told(told)
    return show(shown) if isinstance(shown, int) else shown


def _instant(at: int | None) -> str | None:
    return None if at is None else show(at)
