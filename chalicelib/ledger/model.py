"""The values of the ledger. All frozen; a change makes a new value.

Amounts are integers of minor units. Instants are integers: milliseconds since 1970-01-01T00:00Z. An interval is
half-open: a lot is alive while effective_at <= now < expires_at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.ledger.conditions import Conditions

if TYPE_CHECKING:
    from chalicelib.ledger.earning import Earning
    from chalicelib.ledger.orders import Order


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


@dataclass(frozen=True, slots=True)
class Tally:
    """A number kept beside a wallet: how often something was given to its customer, how much, and when last."""

    times: int = 0
    amount: int = 0
    last_at: int = 0


@dataclass(frozen=True)
class Act:
    """Who does what under which operation, and when by the caller's clock (milliseconds)."""

    operation: str
    actor: str
    at: int


@dataclass(frozen=True)
class Plan:
    """What an operation decided: the wallet after it, the entries that make it so, what answer and records need."""

    wallet: Wallet
    entries: tuple[Entry, ...]
    at: int
    lots: tuple[Lot, ...] = ()
    """Lots that the answer shows, as they are afterwards."""
    redemption: Redemption | None = None
    """Made by this operation."""
    amended: tuple[Redemption, ...] = ()
    """Earlier redemptions, after what was given back of them."""
    hold: Hold | None = None
    hold_status: HoldStatus | None = None
    """The hold that the answer shows, and what became of it."""
    opens_hold: bool = False
    closed_holds: tuple[tuple[str, HoldStatus], ...] = ()
    """Earlier holds that this operation ended, for their records. A lapse is not recorded: it follows from the time."""
    order: Order | None = None
    """The order as it is to be remembered from now."""
    repeats: bool = False
    """It was done before, under another key; nothing is done again."""
    refund: str | None = None
    """The refund that this operation is found under."""
    tally: Tally | None = None
    """The number kept beside the wallet, as it is from now; None leaves it as it is."""
