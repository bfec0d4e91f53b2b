"""What a notice is: something that happened to credit, told once over each channel.

    ledger entry --> message --> one message for each channel --> sending --> sent | failed | unknown
    reminder due ------^                                    `---> not_sent (no consent, no address, …)

A notice's `key` is customer/currency/sequence of the entry that it tells (of a reminder: its day in the place of the
sequence), so whoever nominates it twice nominates the same one. Over each channel it is one document, which is there
before anything is sent: people hear of it at most once. The machines among the channels (push, webhook) hear of it at
least once, under an id that stays the same, as their standards want it.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.store.envelope import WalletId


class Happening(StrEnum):
    """What a notice tells."""

    ISSUED = "issued"
    AVAILABLE = "available"
    REDEEMED = "redeemed"
    REFUNDED = "refunded"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    TAKEN_BACK = "taken_back"


class Channel(StrEnum):
    """How it is told. `push` is an event on the bus, for whatever talks to the app."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WEBHOOK = "webhook"


class Recommend(StrEnum):
    """What a template recommends where nothing is listed."""

    LAST_SEEN = "last_seen"
    """What the customer viewed or bought last."""
    BOUGHT_TOGETHER = "bought_together"
    """What is bought together most with that; where nothing is known, the same as LAST_SEEN."""


PEOPLE = (Channel.EMAIL, Channel.SMS, Channel.PUSH)
"""Channels that a customer consents to; one of these must have been taken for a customer to count as told."""
REPEATABLE = frozenset({Channel.PUSH, Channel.WEBHOOK})
"""Channels whose receivers drop what they have seen by its id; so what they may not have taken is sent again."""


class Status(StrEnum):
    """What became of a notice over one channel."""

    WAITING = "waiting"
    """The channel did not take it, for a reason that passes; it is tried again."""
    SENDING = "sending"
    SENT = "sent"
    NOT_SENT = "not_sent"
    """It was never to be sent: the reason says why."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Whether it went out is not known; it is not sent again."""


FINAL = frozenset({Status.SENT, Status.NOT_SENT, Status.FAILED, Status.UNKNOWN})

TOLD_UNLESS_FORBIDDEN = frozenset(
    {Happening.REDEEMED, Happening.REFUNDED, Happening.EXPIRED, Happening.TAKEN_BACK, Happening.EXPIRING}
)
"""What is told unless the entry says `notify: false`. Credit that was issued is told only where the grant says
`notify: true`: a campaign, a rule or a person decided that."""

RETENTION_MS = 400 * DAY_MS
"""How long it can be read what became of a notice. Queues forget after two weeks, so no message outlives this."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to be told. `at` (milliseconds) is when it happened; the history is in its order."""

    wallet: WalletId
    happening: Happening
    place: str
    """Sequence of its entry, or the local day of a reminder."""
    at: int

    @property
    def key(self) -> str:
        return f"{self.wallet}/{self.place}"

    def told(self) -> dict[str, Any]:
        return {
            "customer": self.wallet.customer,
            "currency": self.wallet.currency,
            "happening": self.happening.value,
            "place": self.place,
            "at": self.at,
        }


def notice_of(told: Mapping[str, Any]) -> Notice:
    """:raises KeyError, ValueError: it is none"""
    wallet = WalletId(str(told["customer"]), str(told["currency"]))
    return Notice(wallet, Happening(told["happening"]), str(told["place"]), int(told["at"]))


def happening_of(entry: Entry) -> Happening | None:
    """What an entry tells, None if nothing. An `issued` one of credit that is pending tells it when it is available."""
    match entry.type:
        case EntryType.ISSUED if entry.order_id is not None and any(lot.kind is Kind.REFUND for lot in entry.lots):
            found = Happening.REFUNDED
        case EntryType.ISSUED:
            pending = any(lot.effective_at > entry.at for lot in entry.lots)
            found = Happening.AVAILABLE if pending else Happening.ISSUED
        case EntryType.REDEEMED | EntryType.CAPTURED:
            found = Happening.REDEEMED
        case EntryType.RESTORED:
            found = Happening.REFUNDED
        case EntryType.EXPIRED:
            found = Happening.EXPIRED
        case EntryType.CLAWED_BACK:
            found = Happening.TAKEN_BACK
        case _:
            return None
    wanted = entry.notify if entry.notify is not None else found in TOLD_UNLESS_FORBIDDEN
    return found if wanted else None


def notice_id(notice: Notice, channel: Channel, receiver: str = "") -> str:
    """Range key of a notice's document over a channel, and the id that receivers know it by: newest last."""
    digest = hashlib.sha256(f"{notice.key}\0{channel.value}\0{receiver}".encode()).digest()
    return f"{notice.at:013}-{b32encode(digest[:15]).decode().lower()}"
