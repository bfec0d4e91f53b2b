"""A campaign: who gets how much credit, from when on, until when, and how far its release has come.

    draft -> scheduled -> releasing -> released
                 ^            |           (a campaign that repeats goes back to scheduled, with its next run)
                 +------------+
    scheduled, releasing <-> paused          everything that is not over -> cancelled          releasing -> failed

A release begins LEAD_SECONDS before the credit is to be usable: the lots are pending until then. Amounts are minor
units, instants milliseconds, shares basis points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Any

from chalicelib.ledger.conditions import BASIS_POINTS, Conditions
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.ledger.policy import Expiry

Json = dict[str, Any]

LEAD_SECONDS = 900
"""How long before its credit is usable a release begins."""
LATE_SECONDS = 3_600
"""A run that begins later than this after its time counts for the day on which it begins."""
LOOK_AGAIN_SECONDS = 60
"""How soon the minute job looks again at a campaign that is not done."""
MAX_GROUPS = 10
MAX_CUSTOMERS = 1_000
"""Customers that one group names."""
MAX_STEPS = 20
MAX_REMINDERS = 5
MAX_REMINDER_DAYS = 365
MAX_REPEAT_DAYS = 366
MAX_REPEAT_MONTHS = 24
MAX_BUDGET = 10**15
"""Minor units; they stay exact in every JSON reader."""
MAX_COOL_DOWN_DAYS = 3_660
MAX_LIFETIME_CAP = 1_000
MAX_TREES_BYTES = 200_000
"""Of all trees of one campaign as compact JSON: with the rest, a body once, it fits into a document in any case."""
FIRST_RUN = 1

LEAD_MS = LEAD_SECONDS * SECOND_MS
LOOK_AGAIN_MS = LOOK_AGAIN_SECONDS * SECOND_MS


class State(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RELEASING = "releasing"
    RELEASED = "released"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Goal(StrEnum):
    REACTIVATE = "reactivate"
    RAISE_ORDER_VALUE = "raise_order_value"
    PROMOTE_PRODUCTS = "promote_products"
    FIRST_PURCHASE = "first_purchase"
    LOYALTY = "loyalty"
    OTHER = "other"


class Basis(StrEnum):
    """What a share is taken of."""

    AVERAGE_ORDER = "average_order"
    LAST_ORDER = "last_order"
    LIFETIME_SPEND = "lifetime_spend"


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for everybody."""

    amount: int


@dataclass(frozen=True, slots=True)
class Share:
    """A share of what the customer spent, rounded down, and not less or more than these."""

    of: Basis
    basis_points: int
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """For whom the field is `at_least` a number, or `equals` a word: one of the two."""

    amount: int
    at_least: int | None = None
    equals: str | None = None


@dataclass(frozen=True, slots=True)
class Stepped:
    """By a field of the profile: the highest of the numbers that it reaches, or the word that it is."""

    by: str
    steps: tuple[Step, ...]


AmountRule = Fixed | Share | Stepped


@dataclass(frozen=True, slots=True)
class Group:
    """Whom it is for: one of segment, where, customers. The first group that a customer is in counts.

    Once the campaign is scheduled, a group of a segment has the segment's tree in `where` too, as it was then: what is
    released is what was scheduled. `expires` None is the merchant's default.
    """

    amount: AmountRule
    segment: str | None = None
    where: Json | None = None
    customers: tuple[str, ...] = ()
    expires: Expiry | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """A time of a day in the merchant's zone."""

    date: date
    time: time


AvailableAt = int | Local
"""An instant, or a local time."""


@dataclass(frozen=True, slots=True)
class Every:
    """A distance between runs: so many days, or so many months. One of them is not 0."""

    days: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class Repeat:
    """How a campaign goes on after its first run.

    A run at each occurrence of `every`, in local time. With `on_entry` that is each day, for those who came into a
    group and have not had it yet. A customer gets it again when `cool_down_days` local days have passed since the last
    time (None: at each run; with on_entry: never again), and `lifetime_cap` times at the most (None: without end).
    """

    every: Every
    on_entry: bool = False
    cool_down_days: int | None = None
    lifetime_cap: int | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """How those who got credit are told: channels of `notices`, and one of its templates."""

    channels: tuple[str, ...]
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the plan of a run came to. `audience` are all who match, `holdout` are kept out of it, `planned` are to be
    granted `liability` altogether; `skipped` are the others, by their reason."""

    audience: int
    holdout: int
    planned: int
    liability: int
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What was asked for, and how far it has come. `version` is the document's; 0 is one that is not stored yet."""

    id: str
    name: str
    currency: str
    groups: tuple[Group, ...]
    description: str | None = None
    goal: Goal = Goal.OTHER
    available_at: AvailableAt | None = None
    """As it was asked for; None: as soon as it is scheduled."""
    ends_at: int | None = None
    """No run begins at or after it."""
    conditions: Conditions | None = None
    budget: int | None = None
    """Minor units that all runs together may grant."""
    holdout_basis_points: int = 0
    notify: Notify | None = None
    reminders: tuple[int, ...] | None = None
    """Days before expiry; None: as for all credit."""
    repeat: Repeat | None = None
    template: str | None = None
    """The template that it was made from."""

    version: int = 0
    state: State = State.DRAFT
    created_at: int = 0
    created_by: str = ""
    updated_at: int = 0
    run: int = 0
    """The run that is scheduled, releasing or released last, from FIRST_RUN; 0 before it is scheduled."""
    anchor: Local | None = None
    """The local time of the first run, from which a repeating one counts."""
    release_at: int | None = None
    """From when on the credit of this run is usable."""
    scheduled_at: int | None = None
    started_at: int | None = None
    """When the run began: the instant of its audience."""
    finished_at: int | None = None
    """When the run that ended last did so."""
    summary: Summary | None = None
    """Of the run, once it is planned."""
    spent: int = 0
    """What earlier runs granted of the budget."""
    previous_release_at: int | None = None
    """`release_at` of the run before."""
    paused_from: State | None = None
    revoking: int | None = None
    """The run whose pending lots are being revoked, until that is done."""
    failure: str | None = None
    due_at: int | None = None
    """When the minute job must look at it; None: never."""

    @property
    def starts_at(self) -> int | None:
        """When the release of this run may begin."""
        return None if self.release_at is None else self.release_at - LEAD_MS

    @property
    def given_at(self) -> int:
        """The instant (milliseconds) whose day the run counts for where customers get it again after some days: that
        of its credit, or of its beginning where it was late, having been paused. Midnight in between is not late."""
        release_at, started_at = self.release_at or 0, self.started_at or 0
        return started_at if started_at - release_at > LATE_SECONDS * SECOND_MS else release_at

    @property
    def budget_left(self) -> int | None:
        """What this run may still grant; None: any amount."""
        return None if self.budget is None else max(0, self.budget - self.spent)


def held_out(campaign: str, customer: str, basis_points: int) -> bool:
    """Whether a customer is kept out of a campaign, to compare with: the same answer for ever, in every process."""
    if basis_points <= 0:
        return False
    digest = hashlib.sha256(f"{campaign}\0{customer}".encode()).digest()
    return int.from_bytes(digest[:8]) % BASIS_POINTS < basis_points
