"""Calls about campaigns."""

from __future__ import annotations

from chalicelib.edge.access import CAMPAIGNS_READ, CAMPAIGNS_WRITE
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.campaigns.calls"
_BODIES = "chalicelib.edge.campaigns.bodies"
_ONE = "/v1/campaigns/{campaign}"
_STATES = "draft|scheduled|releasing|released|paused|cancelled|failed"
_STATUSES = "granted|holdout|skipped|failed|planned|revoked"
_RUN = "[1-9][0-9]{0,5}"
"""Runs are a day apart, so six digits are more than a campaign lives to see."""
_ASKED = ("currency_unknown", "available_at_in_past", "expires_in_past", "expiry_not_permitted")


def _transition(name: str, summary: str, *refusals: str) -> Route:
    """A POST that lets something become of a campaign; its path ends with the name."""
    return Route(
        f"{name.replace('-', '_')}_campaign",
        "POST",
        f"{_ONE}/{name}",
        summary,
        Later(_CALLS, name.replace("-", "_")),
        answer="Campaign",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "NothingBody"),
        mutates=True,
        refusals=("campaign_state", *refusals),
    )


CAMPAIGNS: tuple[Route, ...] = (
    Route(
        "create_campaign",
        "POST",
        "/v1/campaigns",
        "Make a draft of a campaign; segment, amount and expires are enough",
        Later(_CALLS, "create"),
        answer="Campaign",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "CampaignBody"),
        status=201,
        mutates=True,
        refusals=_ASKED,
    ),
    Route(
        "create_campaign_from_template",
        "POST",
        "/v1/campaigns/from-template",
        "Make a draft for those whom a template of segments describes; what is left out is as it recommends",
        Later(_CALLS, "create_from_template"),
        answer="Campaign",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "CampaignTemplateBody"),
        status=201,
        mutates=True,
        refusals=(*_ASKED, "not_found"),
    ),
    Route(
        "list_campaigns",
        "GET",
        "/v1/campaigns",
        "The campaigns, newest first; a page may be short and still not be the last",
        Later(_CALLS, "every"),
        answer="CampaignPage",
        scopes=CAMPAIGNS_READ,
        paged=True,
        filters=(("state", _STATES),),
        refusals=("invalid_cursor",),
    ),
    Route(
        "get_campaign",
        "GET",
        _ONE,
        "One campaign",
        Later(_CALLS, "one"),
        answer="Campaign",
        scopes=CAMPAIGNS_READ,
        versioned=True,
    ),
    Route(
        "put_campaign",
        "PUT",
        _ONE,
        "Replace all that a draft asks for",
        Later(_CALLS, "put"),
        answer="Campaign",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "CampaignBody"),
        mutates=True,
        versioned=True,
        refusals=(*_ASKED, "campaign_state", "version_conflict"),
    ),
    Route(
        "forecast_campaign",
        "POST",
        f"{_ONE}/forecast",
        "Whom the campaign would reach now, and what it would cost",
        Later(_CALLS, "forecast"),
        answer="Forecast",
        scopes=CAMPAIGNS_READ,
        body=Later(_BODIES, "NothingBody"),
    ),
    _transition("schedule", "Fix what a draft asks for, and release it in time", *_ASKED),
    _transition("release-now", "Release a draft, or what is scheduled, at once", *_ASKED),
    _transition("pause", "Grant nothing more until it is resumed; in force within a chunk"),
    _transition("resume", "Go on where it was paused"),
    _transition("cancel", "End it for ever; what was granted and is not usable yet is taken back"),
    Route(
        "copy_campaign",
        "POST",
        f"{_ONE}/copy",
        "Make a draft that asks for the same",
        Later(_CALLS, "copy"),
        answer="Campaign",
        scopes=CAMPAIGNS_WRITE,
        body=Later(_BODIES, "NothingBody"),
        status=201,
        mutates=True,
    ),
    Route(
        "get_campaign_progress",
        "GET",
        f"{_ONE}/progress",
        "How far the run is that began last, or how the one ended that `run` names",
        Later("chalicelib.edge.campaigns.recipients", "progress"),
        answer="CampaignProgress",
        scopes=CAMPAIGNS_READ,
        filters=(("run", _RUN),),
    ),
    Route(
        "list_campaign_recipients",
        "GET",
        f"{_ONE}/recipients",
        "What became of each customer of a run; a page may be short and still not be the last",
        Later("chalicelib.edge.campaigns.recipients", "recipients"),
        answer="RecipientPage",
        scopes=CAMPAIGNS_READ,
        paged=True,
        filters=(("run", _RUN), ("status", _STATUSES)),
        refusals=("invalid_cursor",),
    ),
)
