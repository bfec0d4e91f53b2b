"""Which coins pay on paper: one after another, each only if the order and all conditions still allow one more."""

from __future__ import annotations

from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import Conditions
from tests.model.envelopes import DAY, Envelope

NO_CONDITIONS = Conditions()


def pick(envelopes: list[Envelope], wanted: int, cart: Cart, at: int, first_order: str | None) -> list[tuple[int, str]]:
    """Coin by coin, each only if the order and all conditions still allow one more."""
    ceiling = ceiling_of(cart)
    open_amounts = [_amount(line) for line in cart.lines]
    coins: list[tuple[int, str]] = []
    with_multiple = with_share = 0
    for envelope in envelopes:
        says = envelope.conditions or NO_CONDITIONS
        if not envelope.alive(at) or not _applies(says, cart, at, first_order):
            continue
        for from_this, coin in enumerate(envelope.coins):
            if len(coins) == wanted or len(coins) == ceiling:
                break
            if says.max_per_order is not None and from_this + 1 > says.max_per_order:
                break
            if says.min_order_multiple is not None and says.min_order_multiple * (with_multiple + 1) > (ceiling or 0):
                break
            if says.max_share_of_order is not None and (with_share + 1) * 10_000 > (
                says.max_share_of_order * (ceiling or 0)
            ):
                break
            if _scoped(says):
                fitting = [n for n, line in enumerate(cart.lines) if open_amounts[n] and _fits(says, line)]
                if not fitting:
                    break
                open_amounts[fitting[0]] -= 1
            coins.append((coin, envelope.name))
            with_multiple += says.min_order_multiple is not None
            with_share += says.max_share_of_order is not None
    return coins


def _applies(says: Conditions, cart: Cart, at: int, first_order: str | None) -> bool:
    ceiling = ceiling_of(cart)
    sized = says.min_order is not None or says.min_order_multiple is not None or says.max_share_of_order is not None
    if sized and ceiling is None:
        return False
    if says.min_order is not None and (ceiling or 0) < says.min_order:
        return False
    if _scoped(says) and not any(_fits(says, line) for line in cart.lines):
        return False
    if says.include.channels and cart.channel not in says.include.channels:
        return False
    if says.exclude.channels and (cart.channel is None or cart.channel in says.exclude.channels):
        return False
    weekday = ("thu", "fri", "sat", "sun", "mon", "tue", "wed")[at // DAY % 7]
    if says.weekdays and weekday not in says.weekdays:
        return False
    if says.hours is not None:
        start, end = says.hours
        minute = at % DAY // 60_000
        inside = start <= minute < end if start < end else not end <= minute < start
        if not inside:
            return False
    if says.first_order_only and first_order not in (None, cart.order_id):
        return False
    if says.not_with_discounts and cart.discounted is not False:
        return False
    return says.not_on_order is None or says.not_on_order != cart.order_id


def in_order(envelopes: list[Envelope], order: tuple[str, ...]) -> list[Envelope]:
    never = 10**18
    keys = {
        "priority": lambda each: each.priority,
        "ends": lambda each: never if each.ends is None else each.ends,
        "scoped": lambda each: 0 if _scoped(each.conditions or NO_CONDITIONS) else 1,
        "class": lambda each: ["promotional", "goodwill", "paid"].index(each.lot_class),
        "starts": lambda each: each.starts,
        "number": lambda each: each.number,
        "name": lambda each: f".{each.ordinal}" if each.ordinal else "",
    }
    lots = list(envelopes)
    for key in reversed(order):
        lots.sort(key=keys[key])
    return lots


def _amount(line: Line) -> int:
    return max(0, line.quantity * line.unit_price - line.discount)


def ceiling_of(cart: Cart) -> int | None:
    if cart.total is not None:
        return cart.total
    return sum(map(_amount, cart.lines)) if cart.lines else None


def _scoped(says: Conditions) -> bool:
    return bool(says.include.products or says.exclude.products or says.include.tags or says.exclude.tags)


def _fits(says: Conditions, line: Line) -> bool:
    wanted = not (says.include.products or says.include.tags)
    wanted = wanted or line.product in says.include.products or bool(set(line.tags) & set(says.include.tags))
    return wanted and line.product not in says.exclude.products and not set(line.tags) & set(says.exclude.tags)
