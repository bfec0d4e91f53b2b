"""What a tree is matched under besides the profile: when, where, in which currency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo

from chalicelib.customers.days import date_of, day_of, day_of_date
from chalicelib.segments.scalars import Day
from chalicelib.segments.where import Window

Threshold = Callable[[str, int], int | None]
"""Of a currency and a percentile: what one has to have spent to be at it (minor units); None where nobody spent."""


def unknown(_currency: str, _percentile: int) -> int | None:
    """Where nobody spent anything."""
    return None


@dataclass(frozen=True)
class Facts:
    """`currency` is that of the campaign, if there is one: what a leaf is about that names none. Without it, a leaf is
    about the currency in which the customer has most orders."""

    now: int
    zone: tzinfo = UTC
    currency: str | None = None
    threshold: Threshold = unknown
    today: int = field(init=False)
    """As days since 1970-01-01 in the merchant's zone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "today", day_of(self.now, self.zone))

    @property
    def date(self) -> date:
        return date_of(self.today)

    def day(self, told: Day) -> int:
        """A day of a tree, as days since 1970-01-01."""
        if isinstance(told, datetime):
            return day_of_date(told.astimezone(self.zone).date())
        return self.today - told if isinstance(told, int) else day_of_date(told)

    def days(self, window: Window | None) -> tuple[int | None, int | None]:
        """The first and the last day of a window; None is open."""
        if window is None:
            return None, None
        first = None if window.first is None else self.day(window.first)
        return first, None if window.last is None else self.day(window.last)
