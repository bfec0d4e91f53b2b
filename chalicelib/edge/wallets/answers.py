"""What is answered about wallets, as models: what they hold, what a command did to them, what an order may use."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.edge.answer_parts import Part
from chalicelib.edge.terms import LotConditions
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import EntryType, HoldStatus


class Balance(Part):
    """What the wallet is worth just after: minor units."""

    version: int = Field(ge=0)
    available: int = Field(ge=0)
    pending: int = Field(ge=0)
    held: int = Field(ge=0)
    debt: int = Field(ge=0)


class Source(Part):
    type: str
    id: str


class Allocation(Part):
    """What was taken from, or given to, one lot."""

    lot: str
    amount: int = Field(ge=1)


class Lot(Part):
    """One grant. `amount` is what was granted; `closed` lots have nothing left and are no longer in the wallet."""

    id: str
    kind: Kind
    amount: int = Field(ge=1)
    remaining: int = Field(ge=0)
    held: int = Field(ge=0)
    priority: int
    effective_at: AwareDatetime
    expires_at: AwareDatetime | None
    conditions: LotConditions | None
    source: Source | None
    status: Literal["pending", "active", "closed"]
    parent: str = Field(default="", description="The lot that this reinstated one comes from; only there if it is one.")


class Entry(Part):
    """One ledger record. `amount` is its signed effect; a shopper's answer has neither `actor` nor `note`."""

    sequence: int = Field(ge=1)
    type: EntryType
    amount: int
    balance_after: int = Field(ge=0)
    held_after: int = Field(ge=0)
    allocations: list[Allocation]
    at: AwareDatetime
    actor: str = ""
    reason: str
    note: str = ""
    customer_text: str = ""
    source: Source | None = None
    operation: str


class Redemption(Part):
    id: str
    order_id: str
    amount: int = Field(ge=1)
    allocations: list[Allocation]
    reversed: int = Field(ge=0)
    status: Literal["redeemed", "partially_reversed", "reversed"]


class Hold(Part):
    """Credit set aside. `allocations` are what still is; `amount` is what was at first."""

    id: str
    order_id: str
    amount: int = Field(ge=1)
    captured: int = Field(ge=0)
    allocations: list[Allocation]
    status: HoldStatus
    expires_at: AwareDatetime


class Expiring(Part):
    at: AwareDatetime
    amount: int = Field(ge=1)


class LotDisplay(Part):
    amount: str
    remaining: str
    held: str


class WalletDisplay(Part):
    """The wallet's amounts as text for people, lots by their ids."""

    available: str
    pending: str
    held: str
    debt: str
    next_expiry: str | None
    lots: dict[str, LotDisplay]


class Wallet(Balance):
    """The credit of one customer in one currency, as it is now."""

    customer: str
    currency: str
    frozen: bool
    lots: list[Lot]
    next_expiry: Expiring | None
    display: WalletDisplay


class WalletList(Part):
    data: list[Wallet]


class EntryPage(Part):
    data: list[Entry]
    next_cursor: str | None


class Difference(Part):
    """One thing that does not tie: what is stored, and what the entries say it should be."""

    code: str
    where: str
    stored: str
    expected: str


class Explanation(Part):
    consistent: bool
    differences: list[Difference]
    entries_checked: int = Field(ge=0)
    wallet: Wallet


class QuotedLot(Part):
    """What one lot gives to the order, and the codes of what keeps it from giving all it has."""

    lot: str
    applicable: int = Field(ge=0)
    reasons: list[str]


class QuoteDisplay(Part):
    """The quote's amounts as text for people, lots by their ids."""

    available: str
    applicable: str
    suggested: str
    lots: dict[str, str]
    expiring: list[str]


class Quote(Part):
    available: int = Field(ge=0)
    applicable: int = Field(ge=0)
    suggested: int = Field(ge=0)
    lots: list[QuotedLot]
    expiring: list[Expiring]
    display: QuoteDisplay


class TakenOut(Part):
    entries: list[Entry]
    balance: Balance


class LotChanged(TakenOut):
    lot: Lot


class FrozenOrNot(TakenOut):
    frozen: bool


class Redeemed(TakenOut):
    redemption: Redemption


class GivenBack(Redeemed):
    reinstated: list[Lot]


class Held(Part):
    hold: Hold
    balance: Balance


class Captured(Redeemed):
    hold: Hold
