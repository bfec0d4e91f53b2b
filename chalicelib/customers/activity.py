"""What a customer did, as bounded sums that come out the same in whatever order they were told.

    orders           by currency and day: how many, worth how much; the newest MAX_ORDER_CELLS within the horizon
    lifetime         by currency: the same without a horizon, with the first and the last day told
    recent_orders    the newest MAX_RECENT_ORDERS by instant, with what they are worth now
    bought, viewed   traces of products, tags, collections
    email            by day: opens and clicks; the newest MAX_EMAIL_DAYS within the horizon
    checkout         when one was last started, and the last one that was abandoned
    wallets          by currency: what the ledger's entries tell, applied in their order

Each part is a sum over cells of which the newest are kept, or a greatest value. A cell is never taken away, not even
when an order that was counted in it is cancelled, so what was pushed out once would be pushed out in any order. Days
are days since 1970-01-01 in the merchant's zone, instants milliseconds, money minor units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import NamedTuple, TypeVar

from chalicelib.customers.daily import (
    DayEmail,
    DayOrders,
    EmailDays,
    OrderCells,
    OrderDays,
    email_days,
    order_cells,
    order_days,
    orders_added,
)
from chalicelib.customers.traces import Traces

HORIZON_DAYS = 400
"""Days before the newest day told of which single days are known."""
MAX_ORDER_CELLS = 160
"""(day, currency) cells of orders."""
MAX_EMAIL_DAYS = 150
MAX_EMAIL_COUNT = 99
"""Opens, or clicks, that count for one day."""
MAX_CURRENCIES = 6
"""Currencies of one customer that are summed up: past it, the first by name."""
MAX_RECENT_ORDERS = 6
MAX_RECENT_PRODUCTS = 5
MAX_RECENT_ID_BYTES = 64
"""Of a product's id that is kept in full; a longer one leaves its trace only."""
MAX_TRACES = 100
"""Cells of products."""
MAX_GROUP_TRACES = 50
"""Cells of tags and of collections."""

V = TypeVar("V")
_NO_PRODUCTS = Traces(MAX_TRACES)
_NO_EMAIL = EmailDays()
_NO_GROUPS = Traces(MAX_GROUP_TRACES)


class Lifetime(NamedTuple):
    """`count` and `total` are of the orders that stand; the days also of those that were cancelled since."""

    count: int  # type: ignore[assignment]
    total: int
    first_day: int
    last_day: int


class RecentOrder(NamedTuple):
    """`total` is what it is worth now; an order that was cancelled does not count."""

    at: int
    trace: int
    currency: str
    total: int
    counts: bool


class Recent(NamedTuple):
    """A product by its full id, and when it was last bought or viewed."""

    at: int
    id: str


class Abandoned(NamedTuple):
    at: int
    total: int
    currency: str


@dataclass(frozen=True, slots=True)
class WalletFigures:
    """What the entries of a wallet tell up to `sequence`. `redeemed` is what was redeemed and not given back."""

    sequence: int = 0
    issued: int = 0
    redemptions: int = 0
    redeemed: int = 0
    last_redeemed_at: int | None = None
    first_issued_at: int | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    orders: Mapping[str, OrderDays] = field(default_factory=dict)
    """By currency."""
    lifetime: Mapping[str, Lifetime] = field(default_factory=dict)
    recent_orders: tuple[RecentOrder, ...] = ()
    """Newest first."""
    bought: Traces = _NO_PRODUCTS
    viewed: Traces = _NO_PRODUCTS
    tags_bought: Traces = _NO_GROUPS
    collections_viewed: Traces = _NO_GROUPS
    recently_bought: tuple[Recent, ...] = ()
    recently_viewed: tuple[Recent, ...] = ()
    email: EmailDays = _NO_EMAIL
    checkout_started_at: int | None = None
    abandoned: Abandoned | None = None
    wallets: Mapping[str, WalletFigures] = field(default_factory=dict)

    def orders_between(self, first: int, last: int, currency: str | None = None) -> DayOrders:
        """How many orders, worth how much, from one day to another, both included. Without a currency only the count
        means something. Nothing is known of days beyond the horizon."""
        found = [each.between(first, last) for each in self._by_day(currency)]
        return found[0] if len(found) == 1 else orders_added(found)

    def orders_by_day(self, currency: str | None = None) -> int:
        """How many orders stand of which the day is known."""
        return sum(each.orders() for each in self._by_day(currency))

    @property
    def orders_known_since(self) -> int | None:
        """The first day of which every order is known by its day; None where none was ever told."""
        days = [each.days for each in self.orders.values()]
        if sum(map(len, days)) >= MAX_ORDER_CELLS:
            return min(each[0] for each in days) + 1
        return max(each[-1] for each in days) - HORIZON_DAYS if days else None

    def ever(self, currency: str | None = None) -> Lifetime | None:
        """All that was ever told of orders in a currency; without one, of all together, of which the total means
        nothing. None where nothing was told."""
        if currency is not None:
            return self.lifetime.get(currency)
        return reduce(lifetimes_joined, self.lifetime.values()) if self.lifetime else None

    def orders_ever(self, currency: str | None = None) -> DayOrders:
        """How many orders, worth how much. Without a currency only the count means something."""
        told = self.ever(currency)
        return DayOrders() if told is None else DayOrders(told.count, told.total)

    def last_order_day(self, currency: str | None = None) -> int | None:
        """The day of the last order that stands; None for none. Of one beyond the horizon, the last day told."""
        kept = self._by_day(currency)
        standing = [day for each in kept if (day := each.last_standing()) is not None]
        if standing:
            return max(standing)
        told = self._standing(currency)
        if not told:
            return None
        last = max(each.last_day for each in told)
        return min(last, min(each.days[0] for each in kept) - 1) if kept else last

    def first_order_day(self, currency: str | None = None) -> int | None:
        """The day of the first order that stands; None for none. Where some are beyond the horizon, the first told."""
        told = self._standing(currency)
        if not told:
            return None
        if self.orders_by_day(currency) == sum(each.count for each in told):
            return min(day for each in self._by_day(currency) if (day := each.first_standing()) is not None)
        return min(each.first_day for each in told)

    def last_order(self, currency: str | None = None) -> RecentOrder | None:
        """The newest order that stands, if it is among the newest told."""
        return next(
            (each for each in self.recent_orders if each.counts and (currency is None or each.currency == currency)),
            None,
        )

    def last_order_total(self, currency: str) -> int | None:
        """What the last order in a currency is worth; None where none is known."""
        last = self.last_order(currency)
        return None if last is None else last.total

    @property
    def main_currency(self) -> str | None:
        """The currency with most orders; of several, the first by name."""
        if not self.lifetime:
            return None
        return min(self.lifetime, key=lambda each: (-self.lifetime[each].count, each))

    @property
    def bought_anything(self) -> bool:
        return any(each.count > 0 for each in self.lifetime.values())

    def _standing(self, currency: str | None) -> list[Lifetime]:
        """Of the currencies in which orders stand."""
        return [each for name, each in self.lifetime.items() if (currency is None or name == currency) and each.count]

    def _by_day(self, currency: str | None) -> Sequence[OrderDays]:
        if currency is None:
            return tuple(self.orders.values())
        return (self.orders[currency],) if currency in self.orders else ()


def with_orders(activity: Activity, day: int, currency: str, count: int, total: int) -> Activity:
    """With so many orders worth so much more (or, below nothing, fewer and less) on a day."""
    cells = order_cells(activity.orders)
    cells[day, currency] = orders_added((cells.get((day, currency), DayOrders()), DayOrders(count, total)))
    told = Lifetime(count, total, day, day)
    return replace(
        activity,
        orders=newest_orders(cells),
        lifetime=few({**activity.lifetime, currency: lifetimes_joined(activity.lifetime.get(currency), told)}),
    )


def with_email(activity: Activity, day: int, *, opens: int = 0, clicks: int = 0) -> Activity:
    cells = activity.email.cells()
    cells[day] = emails_joined(cells.get(day), DayEmail(opens, clicks))
    return replace(activity, email=newest_email(cells))


def newest_orders(cells: OrderCells) -> dict[str, OrderDays]:
    if not cells:
        return {}
    floor = max(day for day, _ in cells) - HORIZON_DAYS
    kept = sorted((cell for cell in cells if cell[0] >= floor), reverse=True)[:MAX_ORDER_CELLS]
    return order_days({cell: cells[cell] for cell in kept})


def newest_email(cells: Mapping[int, DayEmail]) -> EmailDays:
    if not cells:
        return EmailDays()
    floor = max(cells) - HORIZON_DAYS
    kept = sorted((day for day in cells if day >= floor), reverse=True)[:MAX_EMAIL_DAYS]
    return email_days({day: cells[day] for day in kept})


def newest_order(orders: Iterable[RecentOrder]) -> tuple[RecentOrder, ...]:
    """The newest of these; of one order, what is said last."""
    by_order = {(each.at, each.trace): each for each in orders}
    return tuple(by_order[key] for key in sorted(by_order, reverse=True)[:MAX_RECENT_ORDERS])


def newest_products(products: Iterable[Recent]) -> tuple[Recent, ...]:
    """The newest of these, each product once."""
    newest: dict[str, int] = {}
    for at, product in products:
        if len(product.encode()) <= MAX_RECENT_ID_BYTES:
            newest[product] = max(at, newest.get(product, at))
    return tuple(sorted((Recent(at, product) for product, at in newest.items()), reverse=True)[:MAX_RECENT_PRODUCTS])


def lifetimes_joined(one: Lifetime | None, other: Lifetime) -> Lifetime:
    if one is None:
        return other
    return Lifetime(
        one.count + other.count,
        one.total + other.total,
        min(one.first_day, other.first_day),
        max(one.last_day, other.last_day),
    )


def emails_joined(one: DayEmail | None, other: DayEmail) -> DayEmail:
    one = one or DayEmail()
    return DayEmail(min(MAX_EMAIL_COUNT, one.opens + other.opens), min(MAX_EMAIL_COUNT, one.clicks + other.clicks))


def few(by_currency: Mapping[str, V]) -> dict[str, V]:
    """Those of the first currencies by name."""
    return {currency: by_currency[currency] for currency in sorted(by_currency)[:MAX_CURRENCIES]}
