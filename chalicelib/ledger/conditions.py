"""Conditions of a lot: when its credit may be used, and for how much of an order.

    usable(lot, cart) = min(unheld,
                            max_per_order,
                            eligible lines not yet covered          if it names items,
                            floor(total / min_order_multiple)       less what such lots already gave,
                            floor(total * max_share / 10,000)       less what such lots already gave,
                            total                                   less what all lots already gave)

`min_order_multiple` and `max_share_of_order` bound the credit used on the order by ALL lots that carry such a bound, so
that two lots of "at most half the order" do not pay the whole of it. What the checkout did not tell counts as not met.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from chalicelib.ledger.cart import Cart, Line

BASIS_POINTS = 10_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Selection:
    """Things named by an include or exclude list. Empty lists say nothing."""

    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def names_items(self) -> bool:
        return bool(self.products or self.categories or self.collections or self.tags)

    def matches(self, line: Line) -> bool:
        """Whether any of the item lists names this line; a category names everything below it."""
        category = line.category or ""
        return (
            line.product in self.products
            or any(category == path or category.startswith(path + "/") for path in self.categories)
            or any(name in self.collections for name in line.collections)
            or any(name in self.tags for name in line.tags)
        )


NOTHING = Selection()


@dataclass(frozen=True)
class Conditions:
    """All must hold. Minor units, basis points; hours are minutes of the merchant's day, half-open."""

    min_order: int | None = None
    min_order_multiple: int | None = None
    max_share_of_order: int | None = None
    max_per_order: int | None = None
    include: Selection = NOTHING
    exclude: Selection = NOTHING
    weekdays: tuple[str, ...] = ()
    hours: tuple[int, int] | None = None
    first_order_only: bool = False
    not_with_discounts: bool = False
    not_on_order: str | None = None

    @property
    def item_scoped(self) -> bool:
        return self.include.names_items or self.exclude.names_items

    def eligible(self, line: Line) -> bool:
        return (not self.include.names_items or self.include.matches(line)) and not self.exclude.matches(line)


UNCONDITIONAL = Conditions()


def local_time(at: int, zone: tzinfo) -> datetime:
    """The merchant's wall clock at an instant (milliseconds)."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone)


def obstacles(conditions: Conditions, cart: Cart, local: datetime, first_order: str | None) -> tuple[str, ...]:
    """Codes of the conditions that keep a lot from this order altogether, in a fixed order; empty if none does.

    `first_order` is the first order that this wallet's credit was spent on, or None.
    """
    found = []
    total = cart.ceiling
    if conditions.min_order is not None and (total is None or total < conditions.min_order):
        found.append("min_order")
    if conditions.min_order_multiple is not None and total is None:
        found.append("min_order_multiple")
    if conditions.max_share_of_order is not None and total is None:
        found.append("max_share_of_order")
    if conditions.item_scoped and not any(conditions.eligible(line) for line in cart.lines):
        found.append("items")
    for code, named, allowed, barred in (
        ("sites", cart.site, conditions.include.sites, conditions.exclude.sites),
        ("channels", cart.channel, conditions.include.channels, conditions.exclude.channels),
    ):
        if (allowed and named not in allowed) or (barred and (named is None or named in barred)):
            found.append(code)
    if conditions.weekdays and WEEKDAYS[local.weekday()] not in conditions.weekdays:
        found.append("weekdays")
    if conditions.hours is not None and not _within(conditions.hours, local.hour * 60 + local.minute):
        found.append("hours")
    if conditions.first_order_only and first_order is not None and first_order != cart.order_id:
        found.append("first_order_only")
    if conditions.not_with_discounts and cart.discounted is not False:
        found.append("not_with_discounts")
    if conditions.not_on_order is not None and conditions.not_on_order == cart.order_id:
        found.append("not_on_order")
    return tuple(found)


def _within(hours: tuple[int, int], minute: int) -> bool:
    start, end = hours
    return start <= minute < end if start < end else minute >= start or minute < end


class Coverage:
    """What of one order is not yet covered, while lots are taken one after another."""

    def __init__(self, cart: Cart) -> None:
        self._total = cart.ceiling
        self._left = cart.ceiling
        self._lines = cart.lines
        self._line_left = [line.amount for line in cart.lines]
        self._multiple_used = 0
        self._share_used = 0

    def room(self, conditions: Conditions, wanted: int) -> tuple[int, str | None]:
        """How much of `wanted` a lot with these conditions may still give, and the code of what bounds it."""
        if conditions is UNCONDITIONAL:
            covered = self._left is not None and self._left < wanted
            return (self._left or 0, "order_covered") if covered else (wanted, None)
        bounds = [(wanted, "")]
        if self._left is not None:
            bounds.append((self._left, "order_covered"))
        if conditions.max_per_order is not None:
            bounds.append((conditions.max_per_order, "max_per_order"))
        if conditions.min_order_multiple is not None:
            bounds.append(
                ((self._total or 0) // conditions.min_order_multiple - self._multiple_used, "min_order_multiple")
            )
        if conditions.max_share_of_order is not None:
            share = (self._total or 0) * conditions.max_share_of_order // BASIS_POINTS
            bounds.append((share - self._share_used, "max_share_of_order"))
        if conditions.item_scoped:
            lines = zip(self._lines, self._line_left, strict=True)
            bounds.append((sum(left for line, left in lines if conditions.eligible(line)), "items"))
        amount, code = min(bounds, key=lambda bound: bound[0])
        return max(0, amount), code or None

    def take(self, conditions: Conditions, amount: int) -> None:
        if self._left is not None:
            self._left -= amount
        if conditions.min_order_multiple is not None:
            self._multiple_used += amount
        if conditions.max_share_of_order is not None:
            self._share_used += amount
        if conditions.item_scoped:
            rest = amount
            for index, line in enumerate(self._lines):
                if rest and conditions.eligible(line):
                    part = min(rest, self._line_left[index])
                    self._line_left[index] -= part
                    rest -= part


_SELECTION_FIELDS = tuple(field.name for field in fields(Selection))
_PLAIN_FIELDS = (
    "min_order",
    "min_order_multiple",
    "max_share_of_order",
    "max_per_order",
    "first_order_only",
    "not_with_discounts",
    "not_on_order",
)


def as_dict(conditions: Conditions) -> dict[str, Any]:
    """The conditions that say something, in the API's and the store's shape. `from_dict` is the inverse."""
    told: dict[str, Any] = {
        name: value for name in _PLAIN_FIELDS if (value := getattr(conditions, name)) is not None and value is not False
    }
    for name in ("include", "exclude"):
        selection: Selection = getattr(conditions, name)
        if selection != NOTHING:
            told[name] = {each: list(values) for each in _SELECTION_FIELDS if (values := getattr(selection, each))}
    if conditions.weekdays:
        told["weekdays"] = list(conditions.weekdays)
    if conditions.hours is not None:
        told["hours"] = {"from": _clock(conditions.hours[0]), "to": _clock(conditions.hours[1])}
    return told


def from_dict(told: dict[str, Any]) -> Conditions:
    """Conditions from the shape that `as_dict` gives; the caller has validated it."""
    plain: dict[str, Any] = {name: told[name] for name in _PLAIN_FIELDS if told.get(name) is not None}
    hours = told.get("hours")
    return Conditions(
        **plain,
        include=_selection(told.get("include")),
        exclude=_selection(told.get("exclude")),
        weekdays=tuple(told.get("weekdays") or ()),
        hours=(_minutes(hours["from"]), _minutes(hours["to"])) if hours else None,
    )


def _selection(told: dict[str, Any] | None) -> Selection:
    if not told:
        return NOTHING
    return Selection(**{name: tuple(values) for name, values in told.items() if values})


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)
