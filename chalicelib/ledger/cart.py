"""The order that credit is spent on, as far as the checkout told us. What it did not tell is missing, never guessed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One order line. `unit_price` and `discount` (of the whole line) are minor units; `category` is a path `a/b/c`."""

    product: str
    quantity: int
    unit_price: int
    discount: int = 0
    variant: str | None = None
    category: str | None = None
    collections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def amount(self) -> int:
        return max(0, self.quantity * self.unit_price - self.discount)


@dataclass(frozen=True)
class Cart:
    """An order at the checkout. `total` is what is to be paid, shipping and tax included."""

    order_id: str | None
    total: int | None = None
    lines: tuple[Line, ...] = ()
    site: str | None = None
    channel: str | None = None
    discounted: bool | None = None

    @property
    def ceiling(self) -> int | None:
        """The most that credit may cover: the total, or else the sum of the lines, or None when neither is known."""
        if self.total is not None:
            return self.total
        return sum(line.amount for line in self.lines) if self.lines else None
