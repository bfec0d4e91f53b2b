"""How much more often a campaign's recipients bought than its holdout, and how sure that is.

Here it is decided whether there is enough to tell a lift from, and what one is. How sure it is, a statistics library
says: `intervals`, in a function of its own, since the library is many times larger than what a checkout may wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

CONFIDENCE_BASIS_POINTS = 9_500
LEAST_CUSTOMERS = 30
"""On either side; with fewer, chance alone makes any difference."""
LEAST_BUYERS = 5
"""On either side; with fewer the interval of the ratio is not what it says."""


class TooLittle(StrEnum):
    """Why nothing is said."""

    NO_HOLDOUT = "no_holdout"
    NOT_BEGUN = "not_begun"
    TOO_FEW_CUSTOMERS = "too_few_customers"
    TOO_FEW_BUYERS = "too_few_buyers"
    EVERYBODY_BOUGHT = "everybody_bought"
    """On both sides: then the ratio has no spread that it could be unsure by."""


@dataclass(frozen=True, slots=True)
class Group:
    """Customers, and how many of them bought."""

    customers: int
    bought: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups that a lift can be told of."""

    recipients: Group
    holdout: Group


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its bounds, in basis points, rounded to the nearest."""

    value: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Lift:
    """The shares of both groups that bought, and by how much more of the holdout's share the recipients' is."""

    recipients: Interval
    holdout: Interval
    relative: Interval


class NotMeasured(Exception):
    """What measures did not answer; a little later it may."""


Measure = Callable[[Sequence[Comparison]], Sequence[Lift]]
"""The lifts of these comparisons, in their order. :raises NotMeasured: see there"""


def comparison(recipients: Group, holdout: Group, *, begun: bool) -> Comparison | TooLittle:
    """What a lift can be told of, or why there is too little for it; `begun` says whether anybody's window has."""
    if not holdout.customers:
        return TooLittle.NO_HOLDOUT
    if not begun:
        return TooLittle.NOT_BEGUN
    if min(recipients.customers, holdout.customers) < LEAST_CUSTOMERS:
        return TooLittle.TOO_FEW_CUSTOMERS
    if min(recipients.bought, holdout.bought) < LEAST_BUYERS:
        return TooLittle.TOO_FEW_BUYERS
    if (recipients.bought, holdout.bought) == (recipients.customers, holdout.customers):
        return TooLittle.EVERYBODY_BOUGHT
    return Comparison(recipients, holdout)
