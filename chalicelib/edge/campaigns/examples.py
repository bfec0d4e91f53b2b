"""Examples of requests about campaigns, by the names of their routes, and of what they are answered with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib.campaigns import transitions
from chalicelib.campaigns.forecast import Amounts
from chalicelib.campaigns.forecast import Forecast as Found
from chalicelib.campaigns.model import Campaign, Local
from chalicelib.campaigns.queries import Page
from chalicelib.edge.campaigns import presenter
from chalicelib.edge.campaigns.bodies import CampaignBody
from chalicelib.edge.instants import parse

_ID, _OTHER = "cmp_oqfsz2ulu3yd2k6ytwpdkzwt", "cmp_ecmimm7ehw3zlryqvsdayqgs"
_SEGMENT = "seg_oqfsz2ulu3yd2k6ytwpdkzwt"
_LAPSED = {"field": "orders.last_at", "op": "<", "value": 180}
_SAID: dict[str, Any] = {
    "name": "We miss you",
    "goal": "reactivate",
    "currency": "EUR",
    "groups": [
        {
            "where": {"field": "tier", "op": "=", "value": "gold"},
            "amount": {"percent_of": "average_order", "basis_points": 2000, "min": 500, "max": 5000},
            "expires": {"days": 45},
        },
        {"segment": _SEGMENT, "amount": {"fixed": 500}, "expires": {"days": 30}},
    ],
    "available_at": {"date": "2099-03-28", "time": "09:00"},
    "conditions": {"min_order": 2000},
    "budget": 1_000_000,
    "holdout_basis_points": 1000,
    "notify": {"channels": ["email"]},
}
REQUESTS: dict[str, Any] = {
    "create_campaign": {"where": _LAPSED, "amount": 500, "expires": {"days": 30}},
    "create_campaign_from_template": {
        "template": "birthday_soon",
        "parameters": {"days": 14},
        "amount": 1000,
        "repeat": {"on_entry": True, "cool_down_days": 300},
    },
    "put_campaign": _SAID,
    "forecast_campaign": {},
    **{f"{name}_campaign": {} for name in ("schedule", "release_now", "pause", "resume", "cancel", "copy")},
}


def _draft(said: dict[str, Any], version: int, **more: Any) -> Campaign:
    at = parse("2026-09-01T09:00:00Z")
    wanted = CampaignBody.model_validate_json(json.dumps(said)).campaign()
    made = replace(wanted, id=_ID, version=version, created_at=at, created_by="marketer", updated_at=at)
    return replace(made, name=made.name or "Lapsed regulars", currency="EUR", **more)


def _told(found: Campaign, version: int) -> Any:
    return json.loads(presenter.campaign(replace(found, version=version)))


_MADE, _SAID_SO = _draft(REQUESTS["create_campaign"], 1), _draft(_SAID, 2)
_NOW, _AT = parse("2026-09-02T09:00:00Z"), parse("2099-03-28T08:00:00Z")
assert isinstance(_SAID_SO.available_at, Local)
_SCHEDULED = transitions.schedule(_SAID_SO, _AT, _SAID_SO.available_at, _SAID_SO.groups, _NOW)
_PAUSED = transitions.pause(_SCHEDULED, _NOW)
_FOUND = Found(1200, 118, 541_000, Amounts(500, 500, 2350), ("amount_without_basis",), exact=True, evaluated_at=_NOW)

ANSWERS: dict[str, Any] = {
    "create_campaign": _told(_MADE, 1),
    "create_campaign_from_template": _told(replace(_MADE, template="birthday_soon", name="Birthday soon"), 1),
    "list_campaigns": json.loads(presenter.page(Page((_SAID_SO,), None), None)),
    "get_campaign": _told(_MADE, 1),
    "put_campaign": _told(_SAID_SO, 2),
    "forecast_campaign": json.loads(presenter.forecast(_FOUND, 2150)),
    "schedule_campaign": _told(_SCHEDULED, 3),
    "release_now_campaign": _told(transitions.release_now(_SCHEDULED, _NOW), 4),
    "pause_campaign": _told(_PAUSED, 4),
    "resume_campaign": _told(transitions.resume(_PAUSED, _NOW), 5),
    "cancel_campaign": _told(transitions.cancel(_SCHEDULED, _NOW), 4),
    "copy_campaign": _told(replace(_SAID_SO, id=_OTHER), 1),
    "get_campaign_progress": {
        "state": "releasing",
        "run": 1,
        "audience": 1200,
        "planned": 1080,
        "liability": 541_000,
        "granted": 990,
        "granted_amount": 496_000,
        "skipped": 2,
        "failed": 0,
        "holdout": 118,
        "revoked": 0,
        "revoked_amount": 0,
        "started_at": "2099-03-28T07:45:00Z",
        "finished_at": None,
        "rate": 480.5,
    },
    "list_campaign_recipients": {
        "run": 1,
        "data": [
            {"customer": "alice", "status": "granted", "group": 0, "amount": 1180, "reason": None},
            {"customer": "bob", "status": "holdout", "group": 1, "amount": 500, "reason": "holdout"},
            {"customer": "carol", "status": "skipped", "group": 0, "amount": 0, "reason": "no_basis"},
        ],
        "next_cursor": None,
    },
}
