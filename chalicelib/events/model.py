"""What an event asks for, once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.customers.contribution import LineFacts
from chalicelib.customers.happening import Happening
from chalicelib.ledger.orders import Order
from chalicelib.ledger.refunding import Refund
from chalicelib.store.envelope import WalletId, operation_id


class Status(StrEnum):
    """What becomes of an event. Parked is the only one that is not final."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    PARKED = "parked"
    REJECTED = "rejected"


@dataclass(frozen=True)
class OrderPaid:
    """`lines` are what a profile needs of them."""

    order: Order
    lines: tuple[LineFacts, ...] = ()


@dataclass(frozen=True)
class OrderCancelled:
    wallet: WalletId
    order_id: str


@dataclass(frozen=True)
class RefundCreated:
    wallet: WalletId
    refund: Refund


@dataclass(frozen=True)
class RefundReversed:
    refund_id: str


@dataclass(frozen=True)
class CustomerDid:
    """Something was told of a customer."""

    what: Happening


@dataclass(frozen=True)
class CustomersMerged:
    """Two customers are one person."""

    customer: str
    into: str


OfOrders = OrderPaid | OrderCancelled | RefundCreated | RefundReversed
OfCustomers = CustomerDid | CustomersMerged
Wanted = OfOrders | OfCustomers


@dataclass(frozen=True)
class Event:
    """An event that could be read. (source, id) is applied once, for ever; `fingerprint` is a digest of the rest.

    `time` (milliseconds) is when it happened, as its source says; what is told of customers has one.
    """

    source: str
    id: str
    type: str
    fingerprint: str
    wanted: Wanted
    time: int | None = None

    @property
    def actor(self) -> str:
        """Who did it, as entries tell."""
        return f"event:{self.source}"

    @property
    def operation(self) -> str:
        """The operation that applies it: its idempotency key is (source, id)."""
        return event_operation(self.source, self.id)


def event_caller(source: str) -> str:
    """Whose idempotency keys the ids of a source's events are. No token has such a subject."""
    return f"\0event\0{source}"


def event_operation(source: str, event_id: str) -> str:
    return operation_id(event_caller(source), event_id)


def message_operation(queue: str, message_id: str) -> str:
    """What stands for a message that could not be read as an event."""
    return operation_id(f"\0message\0{queue}", message_id)


@dataclass(frozen=True)
class Outcome:
    """What became of one message just now; for one that was not applied, why."""

    status: Status
    code: str | None = None
    detail: str | None = None
    rejection: str | None = None
