"""How much more often a campaign's recipients bought than its holdout, and how sure that is.

    difference    Newcombe's hybrid score interval, method 10 of R. G. Newcombe, "Interval estimation for the difference
                  between independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998) 873
    relative      the ratio of both shares less one, its interval on the scale of logarithms: D. Katz et al.,
                  "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34 (1978) 469

The quantile of the normal distribution is the standard library's. What computes these intervals in Python needs numpy
and scipy, which are many times larger than what a function may weigh; so they stand here, alone, and tests hold them
against scipy for groups of any size, the worked examples of the paper and figures of statsmodels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import exp, hypot, log, sqrt
from statistics import NormalDist

from chalicelib.ledger.conditions import BASIS_POINTS

CONFIDENCE_BASIS_POINTS = 9_500
LEAST_CUSTOMERS = 30
"""On either side; with fewer, chance alone makes any difference."""
LEAST_BUYERS = 5
"""On either side; with fewer the interval of the ratio is not what it says."""

_Z = NormalDist().inv_cdf((1 + CONFIDENCE_BASIS_POINTS / BASIS_POINTS) / 2)


class TooLittle(StrEnum):
    """Why nothing is said."""

    NO_HOLDOUT = "no_holdout"
    NOT_BEGUN = "not_begun"
    TOO_FEW_CUSTOMERS = "too_few_customers"
    TOO_FEW_BUYERS = "too_few_buyers"


@dataclass(frozen=True, slots=True)
class Group:
    """Customers, and how many of them bought."""

    customers: int
    bought: int

    @property
    def share(self) -> float:
        return self.bought / self.customers


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its bounds, as shares: 0.05 is five in a hundred."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Lift:
    """`difference` of the shares that bought, and `relative`: by how much more of the holdout's share."""

    difference: Interval
    relative: Interval


def lift(recipients: Group, holdout: Group, *, begun: bool = True) -> Lift | TooLittle:
    """The lift, or why there is too little to tell it from; `begun` says whether anybody's window has."""
    if not holdout.customers:
        return TooLittle.NO_HOLDOUT
    if not begun:
        return TooLittle.NOT_BEGUN
    if min(recipients.customers, holdout.customers) < LEAST_CUSTOMERS:
        return TooLittle.TOO_FEW_CUSTOMERS
    if min(recipients.bought, holdout.bought) < LEAST_BUYERS:
        return TooLittle.TOO_FEW_BUYERS
    return Lift(difference(recipients, holdout), relative(recipients, holdout))


def difference(one: Group, other: Group) -> Interval:
    """The difference of two shares with its interval."""
    (low_one, high_one), (low_other, high_other) = _wilson(one), _wilson(other)
    value = one.share - other.share
    below = hypot(one.share - low_one, high_other - other.share)
    above = hypot(high_one - one.share, other.share - low_other)
    return Interval(value, value - below, value + above)


def relative(one: Group, other: Group) -> Interval:
    """The ratio of two shares less one, with its interval. Somebody bought in both groups."""
    ratio = one.share / other.share
    spread = _Z * sqrt(1 / one.bought - 1 / one.customers + 1 / other.bought - 1 / other.customers)
    return Interval(ratio - 1, exp(log(ratio) - spread) - 1, exp(log(ratio) + spread) - 1)


def _wilson(group: Group) -> tuple[float, float]:
    """Wilson's score interval of one share."""
    n, share = group.customers, group.share
    middle = share + _Z**2 / (2 * n)
    spread = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    return (middle - spread) / scale, (middle + spread) / scale
