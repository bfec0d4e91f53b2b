"""Handlers of the calls about the performance of campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from chalicelib import wiring
from chalicelib.campaigns import queries as campaigns
from chalicelib.campaigns.model import FIRST_RUN, Campaign
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.instants import show
from chalicelib.edge.problems import invalid
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.money import display
from chalicelib.performance import attribution, queries, standing
from chalicelib.performance.figures import Figures, with_lifts
from chalicelib.performance.lift import CONFIDENCE_BASIS_POINTS, Group, TooLittle
from chalicelib.performance.model import WINDOW_DAYS
from chalicelib.performance.queries import Measured

Json = dict[str, Any]


def one(call: Call) -> Reply:
    return Reply(presenter.document(_told(call, [call.parameters["campaign"]])[0]))


def comparison(call: Call) -> Reply:
    asked = call.query.filter("campaigns")
    if asked is None:
        raise invalid("/query/campaigns", "is missing")
    return Reply(presenter.document({"data": _told(call, list(dict.fromkeys(asked.split(","))))}))


def _told(call: Call, campaign_ids: Sequence[str]) -> list[Json]:
    """:raises NotFound: one of these campaigns does not exist"""
    store, exponents = call.engine().store, call.engine().policy.currencies
    docs, now = campaigns.documents(store), store.now()
    found = [campaigns.one(docs, each) for each in campaign_ids]
    asked = [Measured(each.id, each.currency, _begun(each, now)) for each in found]
    measured = with_lifts(queries.performance(store, asked), wiring.measure(call.deadline))
    return [
        shown(campaign, figures, exponents.get(campaign.currency), now)
        for campaign, figures in zip(found, measured, strict=True)
    ]


def _begun(campaign: Campaign, now: int) -> bool:
    """Whether credit of its first run can be used."""
    return campaign.run > FIRST_RUN or (campaign.release_at is not None and campaign.release_at <= now)


def shown(campaign: Campaign, figures: Figures, exponent: int | None, now: int) -> Json:
    """The figures of a campaign at an instant (milliseconds)."""
    told = figures.money.get
    amounts = {
        "issued": told(attribution.ISSUED, 0),
        "redeemed": told(attribution.REDEEMED, 0),
        "outstanding": figures.outstanding,
        "revenue": told(standing.REVENUE, 0),
        "overspend": told(standing.OVERSPEND, 0),
    }
    return {
        "campaign": campaign.id,
        "name": campaign.name,
        "state": campaign.state.value,
        "currency": campaign.currency,
        "measured_at": show(now),
        "issued": {"count": told(attribution.ISSUES, 0), "value": amounts["issued"]},
        "redeemed": {
            "count": told(attribution.REDEMPTIONS, 0),
            "value": amounts["redeemed"],
            "given_back": told(attribution.GIVEN_BACK, 0),
            "rate_basis_points": figures.redemption_rate,
        },
        "expired": {"count": told(attribution.LOTS_EXPIRED, 0), "value": told(attribution.EXPIRED, 0)},
        "revoked": {"value": told(attribution.REVOKED, 0)},
        "clawed_back": {"value": told(attribution.CLAWED_BACK, 0), "returned": told(attribution.RETURNED, 0)},
        "debited": {"value": told(attribution.DEBITED, 0)},
        "debt_settled": {"value": told(attribution.DEBT_SETTLED, 0)},
        "moved": {"value": told(attribution.MOVED, 0)},
        "outstanding": {"value": amounts["outstanding"]},
        "days_to_redeem": {
            "median": figures.median_days,
            "histogram": [{"days": days, "count": count} for days, count in figures.days.items()],
        },
        "orders": {
            "count": told(standing.ORDERS, 0),
            "revenue": amounts["revenue"],
            "overspend": amounts["overspend"],
        },
        "recipients": {
            **_group(figures.recipients),
            "with_two_orders": figures.bought_again,
            "repeat_rate_basis_points": figures.repeat_rate,
        },
        "holdout": _group(figures.holdout),
        "lift": _lift(figures),
        "window_days": WINDOW_DAYS,
        "display": {name: display(amount, campaign.currency, exponent) for name, amount in amounts.items()},
    }


def _group(group: Group) -> Json:
    return {"count": group.customers, "with_order": group.bought}


def _lift(figures: Figures) -> Json:
    if isinstance(figures.compared, TooLittle):
        return {"status": "insufficient_data", "reason": figures.compared.value}
    if figures.lift is None:
        return {"status": "unavailable"}
    return {
        "status": "measured",
        "confidence_basis_points": CONFIDENCE_BASIS_POINTS,
        "recipients_rate_basis_points": asdict(figures.lift.recipients),
        "holdout_rate_basis_points": asdict(figures.lift.holdout),
        "relative_basis_points": asdict(figures.lift.relative),
    }
