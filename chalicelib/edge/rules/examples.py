"""Examples of requests about rules, by the names of their routes, and of what they are answered with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib.edge.instants import parse
from chalicelib.edge.rules.bodies import RuleBody
from chalicelib.edge.rules.calls import told
from chalicelib.rules.model import Rule, State

_SAID: dict[str, Any] = {
    "name": "Autumn weeks",
    "trigger": "order.paid",
    "currency": "EUR",
    "from": "2026-09-21T00:00:00+02:00",
    "to": "2099-10-05T00:00:00+02:00",
    "total_over": 10000,
    "base": "merchandise_less_credit",
    "grant": {"basis_points": 1000, "max": 5000},
    "cap_per_customer": 2,
    "delay_days": 14,
    "expires": {"days": 90},
}
REQUESTS: dict[str, Any] = {
    "create_rule": _SAID,
    "put_rule": _SAID | {"total_over": 8000},
    "pause_rule": {},
    "resume_rule": {},
}


def _rule(name: str, version: int) -> Rule:
    at = parse("2026-09-01T09:00:00Z")
    terms = RuleBody.model_validate_json(json.dumps(REQUESTS[name])).terms()
    return Rule("rul_oqfsz2ulu3yd2k6ytwpdkzwt", terms, State.ACTIVE, at, at, "marketer", version)


_MADE, _CHANGED = _rule("create_rule", 1), _rule("put_rule", 2)
ANSWERS: dict[str, Any] = {
    "create_rule": told(_MADE),
    "list_rules": {"data": [told(_MADE)], "next_cursor": None},
    "get_rule": told(_MADE),
    "put_rule": told(_CHANGED),
    "pause_rule": told(replace(_CHANGED, state=State.PAUSED, version=3)),
    "resume_rule": told(replace(_CHANGED, version=4)),
    "delete_rule": told(replace(_CHANGED, state=State.DELETED, version=4)),
}
