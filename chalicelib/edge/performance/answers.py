"""What is answered about the performance of campaigns, as models. Values are minor units, rates basis points."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.campaigns.model import State
from chalicelib.edge.answer_parts import Part
from chalicelib.performance.lift import TooLittle


class Worth(Part):
    """Credit of the campaign, altogether."""

    value: int


class CountedWorth(Part):
    count: int = Field(ge=0)
    value: int = Field(ge=0)


class RedeemedWorth(Part):
    """`value` is all that was ever spent, `given_back` what reversals put back of it; the rate is the rest of what was
    issued, null where nothing was."""

    count: int = Field(ge=0)
    value: int = Field(ge=0)
    given_back: int = Field(ge=0)
    rate_basis_points: int | None


class ClawedBackWorth(Part):
    """Taken back since what earned credit was refunded, and what of that came back."""

    value: int = Field(ge=0)
    returned: int = Field(ge=0)


class RedeemedAfter(Part):
    days: int = Field(ge=0, le=366, description="Whole days; 366 stands for more, too")
    count: int = Field(ge=1)


class DaysToRedeem(Part):
    """How long credit could be used before it was; the median is null where none was."""

    median: int | None
    histogram: list[RedeemedAfter]


class OrdersWithCredit(Part):
    """Orders that credit of the campaign is spent on. `revenue` is the whole of those that are paid, `overspend` what
    of it the campaign's credit did not pay; refunds of money are not subtracted."""

    count: int = Field(ge=0)
    revenue: int = Field(ge=0)
    overspend: int = Field(ge=0)


class People(Part):
    """Customers, and how many of them had an order in their window."""

    count: int = Field(ge=0)
    with_order: int = Field(ge=0)


class Recipients(People):
    with_two_orders: int = Field(ge=0)
    repeat_rate_basis_points: int | None = Field(description="Of those with an order; null where nobody has one")


class BasisPoints(Part):
    value: int
    low: int
    high: int


class MeasuredLift(Part):
    """How many of the recipients had an order, how many of the holdout, and by how much more of the holdout's rate the
    recipients' is; each with its interval. Where the last one's is all above 0, chance does not explain the campaign's
    success."""

    status: Literal["measured"]
    confidence_basis_points: int
    recipients_rate_basis_points: BasisPoints
    holdout_rate_basis_points: BasisPoints
    relative_basis_points: BasisPoints


class InsufficientData(Part):
    """No lift can be told yet, or ever where nobody was held out."""

    status: Literal["insufficient_data"]
    reason: TooLittle


class UnavailableLift(Part):
    """There is enough to tell a lift from, and what measures it did not answer: ask again."""

    status: Literal["unavailable"]


class PerformanceDisplay(Part):
    issued: str
    redeemed: str
    outstanding: str
    revenue: str
    overspend: str


class Performance(Part):
    """outstanding = issued + given back + returned + moved
    - redeemed - expired - revoked - clawed back - debited - debt settled."""

    campaign: str
    name: str
    state: State
    currency: str
    measured_at: AwareDatetime
    issued: CountedWorth
    redeemed: RedeemedWorth
    expired: CountedWorth
    revoked: Worth
    clawed_back: ClawedBackWorth
    debited: Worth
    debt_settled: Worth
    moved: Worth
    outstanding: Worth
    days_to_redeem: DaysToRedeem
    orders: OrdersWithCredit
    recipients: Recipients
    holdout: People
    lift: MeasuredLift | InsufficientData | UnavailableLift = Field(discriminator="status")
    window_days: int = Field(description="An order counts for a customer this long after the credit could be used")
    display: PerformanceDisplay


class PerformanceComparison(Part):
    data: list[Performance]
