"""Lots: what a wallet is made of, why each was granted, and what is taken from them. All frozen.

Amounts are integers of minor units. Instants are integers: milliseconds since 1970-01-01T00:00Z. An interval is
half-open: a lot is alive while effective_at <= now < expires_at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.ledger.conditions import Conditions


class LotClass(StrEnum):
    """How a lot is treated by accounting and by policy."""

    PROMOTIONAL = "promotional"
    GOODWILL = "goodwill"
    PAID = "paid"


class Kind(StrEnum):
    """Why a lot was granted."""

    REFUND = "refund"
    EXCHANGE = "exchange"
    PURCHASED = "purchased"
    MIGRATION = "migration"
    COMPENSATION = "compensation"
    MANUAL = "manual"
    PROMOTION = "promotion"
    CASHBACK = "cashback"
    LOYALTY = "loyalty"
    REFERRAL = "referral"
    OCCASION = "occasion"
    REINSTATED = "reinstated"


CLASS_OF_KIND: dict[Kind, LotClass] = {
    Kind.REFUND: LotClass.PAID,
    Kind.EXCHANGE: LotClass.PAID,
    Kind.PURCHASED: LotClass.PAID,
    Kind.MIGRATION: LotClass.PAID,
    Kind.COMPENSATION: LotClass.GOODWILL,
    Kind.MANUAL: LotClass.GOODWILL,
    Kind.PROMOTION: LotClass.PROMOTIONAL,
    Kind.CASHBACK: LotClass.PROMOTIONAL,
    Kind.LOYALTY: LotClass.PROMOTIONAL,
    Kind.REFERRAL: LotClass.PROMOTIONAL,
    Kind.OCCASION: LotClass.PROMOTIONAL,
}
"""`reinstated` is missing on purpose: it keeps the class of its parent."""


@dataclass(frozen=True)
class Source:
    """Where a grant came from, in the caller's words: an order, a campaign, a ticket."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Lot:
    """One grant inside a wallet. 0 <= held <= remaining <= granted.

    `id` is `lot_<sequence of the entry that made it>`, with `.<n>` behind it when that entry made several; so the entry
    that tells a lot's beginning is found without a search. In `Entry.lots` a lot stands for its terms, with remaining
    and held zero.
    """

    id: str
    kind: Kind
    lot_class: LotClass
    granted: int
    remaining: int
    held: int
    priority: int
    effective_at: int
    expires_at: int | None
    conditions: Conditions | None = None
    source: Source | None = None
    parent: str | None = None
    reinstatements: int = 0
    """Reinstated lots in its chain of parents, itself included."""
    from_release: bool = False
    """Made when a hold gave back a part whose lot had expired; that happens once to the same credit."""

    @property
    def unheld(self) -> int:
        return self.remaining - self.held

    def worth(self, remaining: int, held: int) -> Lot:
        """The same lot with these amounts. Every movement makes one for each lot it touches, and `replace` takes three
        times as long."""
        return Lot(
            self.id,
            self.kind,
            self.lot_class,
            self.granted,
            remaining,
            held,
            self.priority,
            self.effective_at,
            self.expires_at,
            self.conditions,
            self.source,
            self.parent,
            self.reinstatements,
            self.from_release,
        )

    @property
    def issued_in(self) -> int:
        """Sequence of the entry that made it."""
        return lot_sequence(self.id)

    def dead(self, at: int) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def active(self, at: int) -> bool:
        return self.effective_at <= at and not self.dead(at)


def lot_id(sequence: int, ordinal: int = 0) -> str:
    return f"lot_{sequence}.{ordinal}" if ordinal else f"lot_{sequence}"


def lot_sequence(lot: str) -> int:
    return int(lot[4:].partition(".")[0])


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one entry took from, or gave to, one lot. `amount` is positive; the entry's type gives the direction.

    `into` names the reinstated lot that a released part of an expired lot became.
    """

    lot: str
    amount: int
    into: str | None = None
