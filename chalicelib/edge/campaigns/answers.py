"""What is answered about campaigns, as models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from chalicelib.campaigns.model import Basis, Goal, State
from chalicelib.edge.answer_parts import Part
from chalicelib.edge.service.answers import At, Days, Months, Never


class FixedAmount(Part):
    fixed: int = Field(ge=1)


class ShareAmount(Part):
    percent_of: Basis
    basis_points: int = Field(ge=1, le=10_000)
    min: int | None = None
    max: int | None = None


class AmountStep(Part):
    amount: int = Field(ge=1)
    at_least: int | None = None
    equals: str | None = None


class SteppedAmount(Part):
    by: str
    steps: list[AmountStep]


class CampaignGroup(Part):
    """One of segment, where, customers. Once the campaign is scheduled, `where` is also there with `segment`: the tree
    that the segment had then."""

    segment: str | None
    where: dict[str, Any] | None
    customers: list[str] | None
    amount: FixedAmount | ShareAmount | SteppedAmount
    expires: Never | At | Days | Months | None


class LocalTime(Part):
    """Of the merchant's zone."""

    date: str
    time: str


class Distance(Part):
    days: int | None = None
    months: int | None = None


class CampaignRepeat(Part):
    """With `on_entry`, `every` is one day."""

    every: Distance
    on_entry: bool | None = None
    cool_down_days: int | None = None
    lifetime_cap: int | None = None


class CampaignNotify(Part):
    channels: list[str]
    template: str | None


class RunSummary(Part):
    """What the plan of the run came to; `skipped` by reason."""

    audience: int
    holdout: int
    planned: int
    liability: int
    skipped: dict[str, int]


class CampaignBrief(Part):
    """A campaign in a list. `run` counts from 1, and is 0 before it is scheduled; `release_at` is when the credit of
    that run is usable; `revoking` while what was pending is being taken back after it was cancelled."""

    id: str
    version: int = Field(ge=1)
    state: State
    name: str
    description: str | None
    goal: Goal
    currency: str
    available_at: AwareDatetime | LocalTime | None
    ends_at: AwareDatetime | None
    budget: int | None
    holdout_basis_points: int = Field(ge=0, le=10_000)
    template: str | None
    run: int = Field(ge=0)
    release_at: AwareDatetime | None
    created_at: AwareDatetime
    created_by: str
    updated_at: AwareDatetime
    scheduled_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    failure: str | None
    revoking: bool
    summary: RunSummary | None


class Campaign(CampaignBrief):
    """All of a campaign."""

    groups: list[CampaignGroup]
    conditions: dict[str, Any] | None
    notify: CampaignNotify | None
    reminders: list[int] | None
    repeat: CampaignRepeat | None


class CampaignPage(Part):
    data: list[CampaignBrief]
    next_cursor: str | None


class ForecastAmounts(Part):
    min: int
    median: int
    max: int


class Forecast(Part):
    """What the campaign would come to now. Without `exact`, the counts are those of a sample, scaled up.

    `amounts` is null where nobody would be granted anything. `expected_redemption` is basis points of what is issued,
    from campaigns with the same goal and currency whose credit has been usable for 30 days, or is all gone. Warnings:
    empty_audience, nobody_granted, amount_without_basis, budget_below_liability, large_audience, currency_unknown,
    available_at_in_past, expiry_not_permitted, expires_before_available, no_expiry, missing_consent.
    """

    audience: int
    holdout: int
    liability: int
    amounts: ForecastAmounts | None
    expected_redemption: int | Literal["insufficient_history"]
    warnings: list[str]
    exact: bool
    evaluated_at: AwareDatetime


class CampaignProgress(Part):
    """How far a run is: customers, and amounts in minor units. `run` is 0 while none has begun; `state` is the
    campaign's as it is now, whichever run it is. `started_at`, `finished_at` and `rate` are known of the run that began
    last alone, and null of those before. `rate` is customers a second that got an outcome, null too while there is
    nothing to tell it from."""

    state: State
    run: int
    audience: int
    planned: int
    liability: int
    granted: int
    granted_amount: int
    skipped: int
    failed: int
    holdout: int
    revoked: int
    revoked_amount: int
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    rate: float | None


class CampaignRecipient(Part):
    """What became of one customer of the run; `group` is the place of the group in the campaign, from
    0, `amount` what was planned (0: none could be told)."""

    customer: str
    status: Literal["granted", "holdout", "skipped", "failed", "planned", "revoked"]
    group: int
    amount: int
    reason: str | None


class RecipientPage(Part):
    """Customers of one run; `run` is 0 while none has begun. A cursor is good for its run alone."""

    run: int
    data: list[CampaignRecipient]
    next_cursor: str | None
