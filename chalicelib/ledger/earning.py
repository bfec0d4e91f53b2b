"""What a grant was earned by: the rule and the base that it was made from, kept with it as they were then.

    net base       = base x (total - refunded) / total              what is left of the order, in the rule's own terms
    still earned   = 0                                              the order is worth nothing any more, or no longer
                                                                    more than `total_over`
                   = fixed, or floor(net base x basis points), at most `max_amount`
                   = floor(granted x (total - refunded) / total)    a grant for an order that no rule is known of
    due            = granted - still earned                         never less than nothing

A later change of the rule changes nothing of this: what was granted is judged by the rule that granted it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.policy import Clawback


@dataclass(frozen=True)
class Earning:
    """The rule that granted something for an order. Amounts are minor units; `fixed` or `basis_points`, not both.

    Without either, the grant was made for the order by hand or by another system, and is earned in proportion to it.
    """

    order_id: str
    clawback: Clawback
    rule: str | None = None
    rule_version: int | None = None
    base: int | None = None
    """What the rule counted its percentage from."""
    fixed: int | None = None
    basis_points: int | None = None
    max_amount: int | None = None
    total_over: int | None = None
    """The order's total must be more than this."""


def still_earned(earning: Earning, granted: int, total: int, refunded: int) -> int:
    """What the rule gives on the order net of its refunds, at most what was granted.

    `total` and `refunded` are the order's; one that is refunded as a whole earns nothing.
    """
    net = total - refunded
    if net <= 0 or (earning.total_over is not None and net <= earning.total_over):
        return 0
    if earning.fixed is not None:
        worth = earning.fixed
    elif earning.basis_points is not None:
        base = total if earning.base is None else earning.base
        worth = base * net * earning.basis_points // (total * BASIS_POINTS)
    else:
        worth = granted * net // total
    if earning.max_amount is not None:
        worth = min(worth, earning.max_amount)
    return min(worth, granted)
