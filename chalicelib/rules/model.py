"""A rule: what the merchant said of it, and what it is by now. Amounts are minor units, instants milliseconds UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.ledger.limits import MAX_GRANTS_OF_ORDER
from chalicelib.ledger.policy import Expiry

ORDER_PAID = "order.paid"
"""The trigger that there is."""

MAX_RULES = 200
"""Rules that a merchant may have, of whatever state."""
MAX_RULES_OF_ORDER = 10
"""Rules that one order may earn by: what it earned has to be taken back by one refund."""
MAX_DELAY_DAYS = 365
MAX_CAP = 1_000
"""Grants of one rule that a cap may let one customer have."""

assert MAX_RULES_OF_ORDER < MAX_GRANTS_OF_ORDER, "grants by hand for the same order still have room"


class Base(StrEnum):
    """What a percentage is taken of; never more than the order's total."""

    MERCHANDISE_LESS_CREDIT = "merchandise_less_credit"
    """Its lines after discounts, less what was paid with credit: credit does not earn credit."""
    MERCHANDISE = "merchandise"
    TOTAL_LESS_CREDIT = "total_less_credit"
    TOTAL = "total"


class State(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"
    """Only in the answer that tells of it: what is deleted is not there any more."""


@dataclass(frozen=True)
class Terms:
    """What the merchant says of a rule. `fixed` or `basis_points`, not both; `max_amount` bounds the latter."""

    name: str
    currency: str
    fixed: int | None = None
    basis_points: int | None = None
    max_amount: int | None = None
    base: Base = Base.MERCHANDISE_LESS_CREDIT
    total_over: int | None = None
    """The order's total, less what of it was refunded, must be more than this."""
    starts_at: int | None = None
    """For orders paid from then on; None is from when the rule was made, so that orders of long ago earn nothing."""
    ends_at: int | None = None
    """For orders paid before then."""
    sites: tuple[str, ...] = ()
    """Only for orders of these; an empty one says nothing."""
    cap_per_customer: int | None = None
    """How many grants one customer gets. One that is taken back counts."""
    delay_days: int = 0
    """The credit can be spent so many days after the order was paid, at the same time of the merchant's day."""
    expires: Expiry | None = None
    notify: bool | None = None
    trigger: str = ORDER_PAID


@dataclass(frozen=True)
class Rule:
    """A rule as it is kept. Every change makes a new version; what was granted keeps the one it was made from."""

    id: str
    terms: Terms
    state: State
    created_at: int
    updated_at: int
    updated_by: str
    version: int = 0
    """0 for one that is not kept yet."""

    @property
    def starts_at(self) -> int:
        """The first instant at which an order earns by it."""
        return self.created_at if self.terms.starts_at is None else self.terms.starts_at
