"""What a wallet would give to an order, lot by lot, and why not. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.model import Wallet, balance
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.settling import open_book
from chalicelib.ledger.spending import Share, applicable

VIEW = Act(operation="view", actor="view", at=0)


@dataclass(frozen=True)
class Expiring:
    """An amount of available credit that ends at an instant (milliseconds)."""

    at: int
    amount: int


@dataclass(frozen=True)
class Quote:
    """`applicable` is what conditions and the order's total let the order use; 0 for a frozen wallet."""

    available: int
    applicable: int
    suggested: int
    shares: tuple[Share, ...]
    expiring: tuple[Expiring, ...]


def view(wallet: Wallet, at: int, policy: Policy) -> tuple[Wallet, int]:
    """The wallet as it is at `at` whether or not anything has been booked since, and the instant it is seen at.

    The version stays the stored one: looking books nothing.
    """
    book = open_book(wallet, Act(VIEW.operation, VIEW.actor, at), policy)
    return replace(book.wallet, version=wallet.version), book.at


def quote(wallet: Wallet, cart: Cart, at: int, policy: Policy) -> Quote:
    """What this order could use of the wallet at `at`."""
    settled, at = view(wallet, at, policy)
    told = applicable(settled, cart, at, policy)
    if settled.frozen:
        told = [Share(share.lot, 0, ("wallet_frozen",)) for share in told]
    total = sum(share.amount for share in told)
    return Quote(
        available=balance(settled, at).available,
        applicable=total,
        suggested=total,
        shares=tuple(told),
        expiring=expiring(settled, at),
    )


def expiring(wallet: Wallet, at: int) -> tuple[Expiring, ...]:
    """When available credit of a settled wallet ends, soonest first; lots that end together are one amount."""
    amounts: dict[int, int] = {}
    for lot in wallet.lots:
        if lot.expires_at is not None and lot.unheld and lot.active(at):
            amounts[lot.expires_at] = amounts.get(lot.expires_at, 0) + lot.unheld
    return tuple(Expiring(instant, amount) for instant, amount in sorted(amounts.items()))
