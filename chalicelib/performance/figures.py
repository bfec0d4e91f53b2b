"""The figures of a campaign, from its counters. Pure.

rate             of what was issued, the share that is spent: redeemed less what was given back
days to redeem   whole days from when credit could be used until it was; of credit that came back under a new id not
orders           with credit of the campaign spent on them, less those to which all of it was given back; revenue is
                 the whole total of those that are paid, overspend that total less the campaign's credit. An order
                 with credit of two campaigns counts for both; refunds of money are not subtracted
repeat rate      of the recipients with an order in their window, the share with two
lift             see `lift`; an order counts in a window of WINDOW_DAYS from when the credit could be used
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.performance import attribution, standing
from chalicelib.performance.attribution import DAY, outstanding
from chalicelib.performance.lift import Comparison, Group, Lift, Measure, NotMeasured, TooLittle, comparison
from chalicelib.performance.model import Counts


@dataclass(frozen=True, slots=True)
class Figures:
    """A campaign's figures. `money` has those of `attribution.SIGN` and the rest by the names there and in `standing`;
    values are minor units, rates basis points and None of nothing."""

    money: Counts
    outstanding: int
    redemption_rate: int | None
    days: Mapping[int, int]
    """Redemptions by the days that the credit had been there; LAST_DAY stands for later ones too."""
    median_days: int | None
    recipients: Group
    bought_again: int
    repeat_rate: int | None
    holdout: Group
    compared: Comparison | TooLittle
    lift: Lift | None = None
    """None where there is too little to compare, or it was not measured."""


def figures(money: Counts, people: Counts, *, begun: bool) -> Figures:
    """The figures of these counters, the lift not measured yet; `begun` says whether the campaign's credit can be used
    already."""
    recipients = _group(people, standing.RECIPIENTS, standing.BOUGHT)
    holdout = _group(people, standing.HOLDOUT, standing.HOLDOUT_BOUGHT)
    again = people.get(standing.BOUGHT_AGAIN, 0)
    spent = money.get(attribution.REDEEMED, 0) - money.get(attribution.GIVEN_BACK, 0)
    days = {int(name.removeprefix(DAY)): count for name, count in money.items() if name.startswith(DAY)}
    return Figures(
        money=money,
        outstanding=outstanding(money),
        redemption_rate=_rate(spent, money.get(attribution.ISSUED, 0)),
        days=dict(sorted(days.items())),
        median_days=_median(days),
        recipients=recipients,
        bought_again=again,
        repeat_rate=_rate(again, recipients.bought),
        holdout=holdout,
        compared=comparison(recipients, holdout, begun=begun),
    )


def with_lifts(found: Sequence[Figures], measure: Measure) -> list[Figures]:
    """The same with their lifts, where there is enough to compare; without, where they could not be measured."""
    comparisons = [each.compared for each in found if isinstance(each.compared, Comparison)]
    if not comparisons:
        return list(found)
    try:
        lifts = iter(measure(comparisons))
    except NotMeasured:
        return list(found)
    return [replace(each, lift=next(lifts)) if isinstance(each.compared, Comparison) else each for each in found]


def _group(people: Counts, customers: str, bought: str) -> Group:
    """The lanes of counters are not read at one moment: who bought may be seen before they are seen as a customer."""
    count = people.get(customers, 0)
    return Group(count, min(count, people.get(bought, 0)))


def _rate(part: int, whole: int) -> int | None:
    """Basis points, rounded down."""
    return part * BASIS_POINTS // whole if whole else None


def _median(counts: Mapping[int, int]) -> int | None:
    """The lower median of values that occur so often each."""
    half, seen = (sum(counts.values()) + 1) // 2, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= half > 0:
            return value
    return None
