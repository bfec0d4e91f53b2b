"""Calls about the performance of campaigns."""

from __future__ import annotations

from chalicelib.edge.access import CAMPAIGNS_READ
from chalicelib.edge.call import Later, Route

_CALLS = "chalicelib.edge.performance.calls"
_IDS = r"[A-Za-z0-9_-]{1,128}(?:,[A-Za-z0-9_-]{1,128}){0,19}"
"""Ids of campaigns with commas between them: as many as one comparison takes."""

PERFORMANCE: tuple[Route, ...] = (
    Route(
        "get_performance",
        "GET",
        "/v1/campaigns/{campaign}/performance",
        "What a campaign issued and earned so far, and against its holdout; seconds behind the ledger",
        Later(_CALLS, "one"),
        answer="Performance",
        scopes=CAMPAIGNS_READ,
    ),
    Route(
        "compare_performance",
        "GET",
        "/v1/campaign-comparison",
        "The performance of up to 20 campaigns, side by side, in the order in which `campaigns` names them",
        Later(_CALLS, "comparison"),
        answer="PerformanceComparison",
        scopes=CAMPAIGNS_READ,
        filters=(("campaigns", _IDS),),
        needs_filters=True,
        refusals=("not_found",),
    ),
)
