"""The intervals of lifts, as SciPy has them. Only the function that measures loads this: the library comes in a layer
of that function, and no other has it.

    share       Wilson's score interval (`scipy.stats.binomtest`)
    relative    the ratio of both shares less one, by the interval of a risk ratio of D. Katz et al., "Obtaining
                confidence intervals for the risk ratio in cohort studies", Biometrics 34 (1978) 469
                (`scipy.stats.contingency.relative_risk`)
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import binomtest
from scipy.stats.contingency import relative_risk

from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.performance.lift import CONFIDENCE_BASIS_POINTS, Comparison, Group, Interval, Lift

_CONFIDENCE = CONFIDENCE_BASIS_POINTS / BASIS_POINTS


def measure(comparisons: Sequence[Comparison]) -> list[Lift]:
    """The lifts of these comparisons, in their order."""
    return [_lift(each) for each in comparisons]


def _lift(told: Comparison) -> Lift:
    one, other = told.recipients, told.holdout
    ratio = relative_risk(one.bought, one.customers, other.bought, other.customers)
    bounds = ratio.confidence_interval(_CONFIDENCE)
    return Lift(
        recipients=_share(one),
        holdout=_share(other),
        relative=_interval(ratio.relative_risk - 1, bounds.low - 1, bounds.high - 1),
    )


def _share(group: Group) -> Interval:
    found = binomtest(group.bought, group.customers)
    bounds = found.proportion_ci(_CONFIDENCE, method="wilson")
    return _interval(found.statistic, bounds.low, bounds.high)


def _interval(value: float, low: float, high: float) -> Interval:
    value, low, high = (round(float(each) * BASIS_POINTS) for each in (value, low, high))
    return Interval(value, low, high)
