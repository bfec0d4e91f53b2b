"""Wallets, their entries, and what stands in them: holds and redemptions. All frozen; a change makes a new value.

Amounts are integers of minor units. Instants are integers: milliseconds since 1970-01-01T00:00Z. An interval is
half-open: a lot is alive while effective_at <= now < expires_at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.ledger.lots import Allocation, Lot, Source

if TYPE_CHECKING:
    from chalicelib.ledger.earning import Earning


class EntryType(StrEnum):
    """What one entry says happened."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"
    RESTORED = "restored"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CLAWED_BACK = "clawed_back"
    DEBITED = "debited"
    EXTENDED = "extended"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    DEBT_SETTLED = "debt_settled"


@dataclass(frozen=True, slots=True)
class Hold:
    """Credit set aside for an order. It is in the wallet exactly as long as something is still set aside."""

    id: str
    order_id: str
    amount: int
    captured: int
    allocations: tuple[Allocation, ...]
    expires_at: int

    @property
    def outstanding(self) -> int:
        return sum(part.amount for part in self.allocations)


class HoldStatus(StrEnum):
    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One append-only ledger record. `amount` is its signed effect on the total of remaining."""

    sequence: int
    type: EntryType
    amount: int
    balance_after: int
    held_after: int
    debt_after: int
    allocations: tuple[Allocation, ...]
    at: int
    actor: str
    reason: str
    operation: str
    policy: str
    note: str | None = None
    customer_text: str | None = None
    source: Source | None = None
    lots: tuple[Lot, ...] = ()
    """Terms of the lots that this entry makes, brings back or changes."""
    order_id: str | None = None
    redemption: str | None = None
    hold: str | None = None
    hold_expires_at: int | None = None
    notify: bool | None = None
    debt_paid_after: int = 0
    pending_after: int = 0
    """Unheld remaining of lots that are not yet effective."""
    earned: Earning | None = None
    """In an `issued` entry: the rule that granted it for an order, as it was then."""


@dataclass(frozen=True)
class Wallet:
    """The credit of one customer in one currency: the consistency boundary. `version` is its last entry's sequence."""

    customer: str
    currency: str
    version: int = 0
    lots: tuple[Lot, ...] = ()
    holds: tuple[Hold, ...] = ()
    debt: int = 0
    frozen: bool = False
    entry_at: int = 0
    """When its last entry was written; entry times never go back."""
    first_order: str | None = None
    """The first order that credit was spent on."""
    debt_paid: int = 0
    """What later grants paid of its debt and was not given back: the most that undoing a taking gives back of debt."""

    @property
    def remaining(self) -> int:
        return sum(lot.remaining for lot in self.lots)

    @property
    def held(self) -> int:
        return sum(lot.held for lot in self.lots)

    def lot(self, lot: str) -> Lot | None:
        return next((each for each in self.lots if each.id == lot), None)

    def hold(self, hold: str) -> Hold | None:
        return next((each for each in self.holds if each.id == hold), None)


@dataclass(frozen=True)
class Balance:
    """What a wallet is worth at an instant."""

    version: int
    available: int
    pending: int
    held: int
    debt: int


def balance(wallet: Wallet, at: int) -> Balance:
    """The balances of a wallet that is settled to `at`."""
    available = pending = held = 0
    for lot in wallet.lots:
        held += lot.held
        if lot.effective_at > at:
            pending += lot.unheld
        elif not lot.dead(at):
            available += lot.unheld
    return Balance(wallet.version, available, pending, held, wallet.debt)


@dataclass(frozen=True, slots=True)
class RedemptionPart:
    """What a redemption took from one lot, with the lot's terms: it may come back after the lot has left."""

    lot: Lot
    amount: int
    given_back: int = 0

    @property
    def left(self) -> int:
        return self.amount - self.given_back


@dataclass(frozen=True)
class Redemption:
    """Credit spent on an order, in order of consumption, with what has been given back of it."""

    id: str
    order_id: str
    parts: tuple[RedemptionPart, ...]

    @property
    def amount(self) -> int:
        return sum(part.amount for part in self.parts)

    @property
    def reversed(self) -> int:
        return sum(part.given_back for part in self.parts)

    @property
    def status(self) -> str:
        if not self.reversed:
            return "redeemed"
        return "reversed" if self.reversed == self.amount else "partially_reversed"
