"""A counter in a shop: orders that were paid, partly with credit, and the events that the shop sends about them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.events.model import event_operation
from chalicelib.ledger.lots import Kind
from chalicelib.store.envelope import WalletId
from tests.engine.post import SHOP, Post, cancelled, event, paid, refunded
from tests.engine.till import Till, new_wallet

ROUNDS = 40
"""Times that a queue hands a message over before a test gives up on it."""


def new_name(what: str = "event") -> str:
    return f"{what}-{uuid.uuid4().hex[:16]}"


@dataclass(frozen=True)
class Sale:
    """An order of a wallet that nobody else has."""

    wallet: WalletId
    order: str
    redemption: str | None = None


@dataclass(frozen=True)
class Said:
    """An event on its way, what remains in the wallet once it is applied, and which entries it makes."""

    wallet: WalletId
    name: str
    body: str
    remaining: int
    entries: tuple[str, ...]

    @property
    def operation(self) -> str:
        return event_operation(SHOP, self.name)


@dataclass
class Counter:
    till: Till
    post: Post = field(init=False)

    def __post_init__(self) -> None:
        self.post = Post(self.till.engine)

    def sold(self, credit: int = 1200, total: int = 3000, *, granted: int | None = None, told: bool = True) -> Sale:
        """An order over 30.00 of which 12.00 were credit, and the shop has said so."""
        wallet, order = new_wallet(), new_name("order")
        self.till.fill(wallet, granted or credit, kind=Kind.COMPENSATION)
        redemption = self.till.redeem(wallet, credit, order).redemption
        if told:
            assert self.send("order.paid", paid(wallet, order, total, credit_used=credit)) == "applied"
        return Sale(wallet, order, redemption)

    def send(self, type_: str, data: dict[str, Any]) -> str:
        return str(self.post.send(type_, data)["status"])

    def say(self, sale: Sale, type_: str, data: dict[str, Any], remaining: int, *entries: str) -> Said:
        name = new_name()
        return Said(sale.wallet, name, event(type_, data, name), remaining, entries)

    def until_done(self, *bodies: str, receives: int = 1) -> None:
        """Hand messages over, and those that come again once more, until none does."""
        left = list(bodies)
        for _ in range(ROUNDS):
            left = [left[index] for index in self.post.deliver(*left, receives=receives)]
            if not left:
                return
        raise AssertionError(f"{len(left)} messages come again for ever")

    def remaining(self, wallet: WalletId) -> int:
        return self.till.check(wallet).remaining

    def one_effect(self, said: Said) -> None:
        """It was applied once, and comes to nothing when it comes again."""
        assert self.post.fate(said.name)["status"] == "applied"
        for _ in range(2):
            assert self.remaining(said.wallet) == said.remaining
            assert self.till.effects(said.wallet, said.operation) == list(said.entries)
            assert self.post.deliver(said.body, receives=2) == []

    def no_effect(self, said: Said) -> None:
        assert self.till.effects(said.wallet, said.operation) == []
        assert self.till.engine.store.operation(said.operation) is None


# Events of every type, with what must be there before them


def order_paid(counter: Counter) -> Said:
    sale = counter.sold(told=False)
    return counter.say(sale, "order.paid", paid(sale.wallet, sale.order, 3000), 0)


def refund(counter: Counter) -> Said:
    sale = counter.sold()
    return counter.say(sale, "refund.created", refunded(sale.wallet, sale.order, 1500), 600, "restored")


def refund_of_other_tender(counter: Counter) -> Said:
    sale = counter.sold()
    data = refunded(sale.wallet, sale.order, 1500, split="other_first")
    return counter.say(sale, "refund.created", data, 0)


def refund_to_credit(counter: Counter) -> Said:
    sale = counter.sold()
    data = refunded(sale.wallet, sale.order, 1500, method="store_credit", bonus_basis_points=1000)
    return counter.say(sale, "refund.created", data, 1590, "restored", "issued", "issued")


def refund_undone(counter: Counter) -> Said:
    sale = counter.sold()
    name = new_name("refund")
    assert counter.send("refund.created", refunded(sale.wallet, sale.order, 1500, name)) == "applied"
    return counter.say(sale, "refund.reversed", {"refund_id": name}, 0, "redeemed")


def order_cancelled(counter: Counter) -> Said:
    sale = counter.sold()
    return counter.say(sale, "order.cancelled", cancelled(sale.wallet, sale.order), 1200, "restored")


EVENTS: list[Callable[[Counter], Said]] = [
    order_paid,
    refund,
    refund_of_other_tender,
    refund_to_credit,
    refund_undone,
    order_cancelled,
]
