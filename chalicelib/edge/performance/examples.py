"""Examples of requests about the performance of campaigns, by the names of their routes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.campaigns.model import Campaign, State
from chalicelib.edge.instants import parse
from chalicelib.edge.performance.calls import shown
from chalicelib.performance.figures import figures
from chalicelib.performance.lift import Interval, Lift

_CAMPAIGN = Campaign(
    id="cmp_oqfsz2ulu3yd2k6ytwpdkzwt",
    name="Spring, for those who were away",
    currency="EUR",
    groups=(),
    state=State.RELEASED,
)
_MONEY = {
    "issues": 1_000,
    "issued": 1_000_000,
    "redemptions": 260,
    "redeemed": 251_000,
    "given_back": 6_000,
    "lots_expired": 700,
    "expired": 690_000,
    "day_2": 140,
    "day_9": 120,
    "orders": 255,
    "revenue": 1_530_000,
    "overspend": 1_285_000,
}
_PEOPLE = {
    "recipients": 1_000,
    "recipients_bought": 310,
    "recipients_bought_again": 62,
    "holdout": 110,
    "holdout_bought": 21,
}
_LIFT = Lift(Interval(3_100, 2_821, 3_393), Interval(1_909, 1_284, 2_743), Interval(6_238, 932, 14_120))
"""What `intervals` measures of these people; a test holds it to that."""
_FIGURES = replace(figures(_MONEY, _PEOPLE, begun=True), lift=_LIFT)
_PERFORMANCE = shown(_CAMPAIGN, _FIGURES, 2, parse("2026-06-01T09:00:00Z"))

REQUESTS: dict[str, Any] = {}
ANSWERS: dict[str, Any] = {"get_performance": _PERFORMANCE, "compare_performance": {"data": [_PERFORMANCE]}}
