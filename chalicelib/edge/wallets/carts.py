"""Orders as a checkout sends them."""

from typing import Annotated

from pydantic import Field

from chalicelib.edge.fields import MAX_QUANTITY, Body, Few, Identifier, Money, Name
from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.limits import MAX_ORDER_LINES


class OrderLine(Body):
    """One line of an order; `discount` is what is off the whole line."""

    product: Name
    variant: Name | None = None
    category: Name | None = None
    collections: Few[Name] | None = None
    tags: Few[Name] | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    unit_price: Money
    discount: Money | None = None

    def line(self) -> Line:
        return Line(
            product=self.product,
            quantity=self.quantity,
            unit_price=self.unit_price,
            discount=self.discount or 0,
            variant=self.variant,
            category=self.category,
            collections=self.collections or (),
            tags=self.tags or (),
        )


class QuotedOrder(Body):
    """An order that may not have an id yet. `total` is what is to be paid, shipping and tax included."""

    id: Identifier | None = None
    total: Money | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=MAX_ORDER_LINES)] | None = None
    site: Name | None = None
    channel: Name | None = None
    discounted: bool | None = None

    def cart(self) -> Cart:
        return Cart(
            order_id=self.id,
            total=self.total,
            lines=tuple(line.line() for line in self.lines or ()),
            site=self.site,
            channel=self.channel,
            discounted=self.discounted,
        )


class Order(QuotedOrder):
    """The order that credit is spent on."""

    id: Identifier
