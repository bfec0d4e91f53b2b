"""Calls about rules."""

from __future__ import annotations

from chalicelib.edge.access import CAMPAIGNS_READ, CAMPAIGNS_WRITE
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.rules.calls"
_BODIES = "chalicelib.edge.rules.bodies"
_TERMS = ("currency_unknown", "expires_in_past", "expiry_not_permitted")

RULES: tuple[Route, ...] = (
    Route(
        "create_rule",
        "POST",
        "/v1/rules",
        "Let paid orders earn credit by a rule, from now on or from the instant that is said",
        Later(_CALLS, "create"),
        answer="Rule",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "RuleBody"),
        status=201,
        mutates=True,
        refusals=(*_TERMS, "rule_limit_exceeded"),
    ),
    Route(
        "list_rules",
        "GET",
        "/v1/rules",
        "The rules, by their ids",
        Later(_CALLS, "every"),
        answer="RulePage",
        scopes=CAMPAIGNS_READ,
        paged=True,
        refusals=("invalid_cursor",),
    ),
    Route(
        "get_rule",
        "GET",
        "/v1/rules/{rule}",
        "One rule",
        Later(_CALLS, "one"),
        answer="Rule",
        scopes=CAMPAIGNS_READ,
        versioned=True,
    ),
    Route(
        "put_rule",
        "PUT",
        "/v1/rules/{rule}",
        "Replace what a rule says, as its next version; what was granted keeps the one it was made from",
        Later(_CALLS, "put"),
        answer="Rule",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "RuleBody"),
        mutates=True,
        versioned=True,
        refusals=(*_TERMS, "version_conflict"),
    ),
    Route(
        "pause_rule",
        "POST",
        "/v1/rules/{rule}/pause",
        "Let a rule grant nothing until it is resumed; in force for orders that are told from then on",
        Later(_CALLS, "pause"),
        answer="Rule",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "RuleStateBody"),
        mutates=True,
    ),
    Route(
        "resume_rule",
        "POST",
        "/v1/rules/{rule}/resume",
        "Let a paused rule grant again, for orders that are told from then on",
        Later(_CALLS, "resume"),
        answer="Rule",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "RuleStateBody"),
        mutates=True,
    ),
    Route(
        "delete_rule",
        "DELETE",
        "/v1/rules/{rule}",
        "Delete a rule; what it granted stays, and is still taken back when its order is refunded",
        Later(_CALLS, "delete"),
        answer="Rule",
        scopes=CAMPAIGNS_WRITE,
        mutates=True,
    ),
)
