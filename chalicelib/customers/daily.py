"""What is counted by day: orders of a currency, and opens and clicks.

They stand in columns that ascend by day, so that a window is a slice, and its sum makes no object for each day: a
segment asks for many windows of very many customers. Days are days since 1970-01-01 in the merchant's zone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class DayOrders(NamedTuple):
    """So many orders, worth so many minor units."""

    count: int = 0  # type: ignore[assignment]
    total: int = 0


class DayEmail(NamedTuple):
    opens: int = 0
    clicks: int = 0


class OrderDays(NamedTuple):
    """Orders of one currency: for each day how many, and what they are worth. A day may have none left."""

    days: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    totals: tuple[int, ...] = ()

    def between(self, first: int, last: int) -> DayOrders:
        """How many from one day to another, both included, and worth how much."""
        window = slice(bisect_left(self.days, first), bisect_right(self.days, last))
        return DayOrders(sum(self.counts[window]), sum(self.totals[window]))

    def orders(self) -> int:
        """How many on all of the days."""
        return sum(self.counts)

    def first_standing(self) -> int | None:
        """The first day with an order that was not cancelled."""
        return next((day for day, count in zip(self.days, self.counts, strict=True) if count > 0), None)

    def last_standing(self) -> int | None:
        if self.counts and self.counts[-1] > 0:
            return self.days[-1]
        backwards = zip(reversed(self.days), reversed(self.counts), strict=True)
        return next((day for day, count in backwards if count > 0), None)


class EmailDays(NamedTuple):
    """For each day how often something was opened, and clicked."""

    days: tuple[int, ...] = ()
    opens: tuple[int, ...] = ()
    clicks: tuple[int, ...] = ()

    def between(self, first: int, last: int) -> DayEmail:
        """Opens and clicks from one day to another, both included."""
        window = slice(bisect_left(self.days, first), bisect_right(self.days, last))
        return DayEmail(sum(self.opens[window]), sum(self.clicks[window]))

    def cells(self) -> dict[int, DayEmail]:
        return dict(zip(self.days, map(DayEmail, self.opens, self.clicks), strict=True))


def orders_added(parts: Iterable[DayOrders]) -> DayOrders:
    """All of these together."""
    count = total = 0
    for part in parts:
        count, total = count + part.count, total + part.total
    return DayOrders(count, total)


OrderCells = Mapping[tuple[int, str], DayOrders]
"""By day and currency."""


def order_cells(by_currency: Mapping[str, OrderDays]) -> dict[tuple[int, str], DayOrders]:
    """Each day of each currency by itself, as sums are added up."""
    return {
        (day, currency): DayOrders(count, total)
        for currency, orders in by_currency.items()
        for day, count, total in zip(*orders, strict=True)
    }


def order_days(cells: OrderCells) -> dict[str, OrderDays]:
    """The columns of these cells."""
    by_currency: dict[str, list[tuple[int, int, int]]] = {}
    for (day, currency), cell in sorted(cells.items()):
        by_currency.setdefault(currency, []).append((day, cell.count, cell.total))
    return {currency: OrderDays(*zip(*rows, strict=True)) for currency, rows in by_currency.items()}


def email_days(cells: Mapping[int, DayEmail]) -> EmailDays:
    """The columns of these cells."""
    return EmailDays(*zip(*((day, *cell) for day, cell in sorted(cells.items())), strict=True))
