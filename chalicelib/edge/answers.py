"""What is answered, as models: for the API's description and for tests. Nothing that serves a request imports them.

Clients must expect members that are not described here yet: more of them may come, none goes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chalicelib.edge.settings_bodies import PointsCode, Reinstatement
from chalicelib.edge.terms import LotConditions
from chalicelib.ledger.model import EntryType, HoldStatus, Kind, LotClass
from chalicelib.ledger.policy import Clawback, RefundSplit


class Part(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


class Health(Part):
    status: Literal["ok"]
    version: str


class Description(Part):
    """An OpenAPI document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class TestClock(Part):
    """The instant that time stands still at, null where it runs."""

    __test__ = False  # a name for pytest to leave alone

    now: AwareDatetime | None


class Never(Part):
    never: Literal[True]


class At(Part):
    at: AwareDatetime


class Days(Part):
    days: int = Field(ge=1)


class Months(Part):
    months: int = Field(ge=1)


class Settings(Part):
    """The whole settings in force. Version 0 are the built-in ones, which nobody has put."""

    version: int = Field(ge=0)
    updated_at: AwareDatetime | None
    updated_by: str | None
    refund_to_credit: bool
    refund_split: RefundSplit
    refund_bonus_basis_points: int = Field(ge=0, le=10_000)
    refund_bonus_expires: Never | At | Days | Months | None
    clawback: Clawback
    reinstatement: Reinstatement
    released_grace_hours: int = Field(ge=1)
    points: list[PointsCode]
    expiry_of_kind: dict[Kind, Never | At | Days | Months]
    expiry_of_class: dict[LotClass, Never | At | Days | Months]
    kinds_without_expiry: list[Kind]
    merged_kinds: list[Kind]
    spending_order: list[str]


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


class ByTender(Part):
    """Minor units by tender: credit that goes back to its lots, and the rest."""

    credit: int = Field(ge=0)
    other: int = Field(ge=0)


class AsCredit(Part):
    """A refund to credit: what goes back to its lots, new credit in the place of other tender, and the bonus on it."""

    credit: int = Field(ge=0)
    refund: int = Field(ge=0)
    refund_expires_at: AwareDatetime | None
    bonus: int = Field(ge=0)
    bonus_expires_at: AwareDatetime | None
    total: int = Field(ge=0)


class RefundQuote(Part):
    """Both ways to refund; `store_credit` is null where the merchant has switched it off."""

    order_id: str
    customer: str
    currency: str
    amount: int = Field(ge=1)
    refundable: ByTender
    original: ByTender
    store_credit: AsCredit | None
    display: dict[str, Any]


REASONS = (
    # the message is not an event, or not one of ours
    "invalid_json",
    "validation_failed",
    "too_large",
    "unknown_type",
    "event_id_reused",
    # something that may still come: parked at first
    "order_not_seen",
    "redemption_not_seen",
    "refund_not_seen",
    # it contradicts what is known
    "order_mismatch",
    "refund_mismatch",
    "currency_mismatch",
    "currency_unknown",
    "over_refund",
    # it cannot be done just now
    "feature_disabled",
    "insufficient_credit",
    "wallet_frozen",
    "expires_in_past",
    "expiry_not_permitted",
    "lot_limit_exceeded",
    "balance_limit_exceeded",
    "order_limit_exceeded",
)
"""Why an event is parked or rejected. Stable; those that a call is answered with as well mean the same there."""
Why = Annotated[str, Field(description="A stable code, one of these or of more to come: " + " ".join(REASONS))]


class EventFate(Part):
    """What became of an event. An applied one says what it did; a parked or rejected one why it did nothing."""

    source: str
    id: str
    status: Literal["applied", "duplicate", "parked", "rejected"]
    at: AwareDatetime
    type: str | None = None
    code: Why | None = None
    detail: str | None = None
    tries: int | None = None
    rejection: str | None = None
    customer: str | None = None
    currency: str | None = None
    order_id: str | None = None
    refund_id: str | None = None
    entries: list[int] | None = None


class Rejection(Part):
    """A rejected event. `event` is its id in its source's words; `message` is what came, cut where `truncated`."""

    id: str
    queue: str
    status: Literal["open", "settled"]
    code: Why
    detail: str
    at: AwareDatetime
    tries: int = Field(ge=1)
    source: str | None
    event: str | None
    type: str | None
    message: str
    truncated: bool


class RejectionPage(Part):
    data: list[Rejection]
    next_cursor: str | None


class Retried(Part):
    """What became of a rejected event this time."""

    id: str
    status: Literal["applied", "rejected"]
    source: str | None
    event: str | None
    code: Why | None
    detail: str | None


class ProblemError(Part):
    """`pointer` is a JSON Pointer into the body; of what is not in it, it begins with /path, /query or /header."""

    pointer: str
    message: str


class Problem(Part):
    """RFC 9457. `code` is stable; the facts of the case stand beside these members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] = Field(default_factory=list)
