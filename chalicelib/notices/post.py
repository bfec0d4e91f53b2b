"""What notices are sent with: the engine, the channels that there are, and who knows the people and the campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from chalicelib.customers.profile import Profile
from chalicelib.ledger.lots import Lot, Source
from chalicelib.messaging.bus import Event
from chalicelib.messaging.delivery import Delivery
from chalicelib.notices import store as shelf
from chalicelib.notices.reminding import REMINDER_DAYS, NoticesQueue
from chalicelib.notices.store import Webhook
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents


class People(Protocol):
    """See `chalicelib.customers.store`."""

    def get(self, customer: str) -> Profile | None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a campaign or rule says of telling. `channels` are about people: none of them named mean every one that the
    customer agreed to; webhooks hear what they subscribed to, whatever is named."""

    channels: tuple[str, ...] = ()
    template: str | None = None
    products: tuple[str, ...] = ()
    reminders: tuple[int, ...] | None = None
    """Days before the end; None is as always."""


class Campaigns(Protocol):
    def terms(self, source: Source) -> Terms | None:
        """What the source of credit says of telling; None where it says nothing.

        :raises Unread: DynamoDB could not be read
        """


class EmailSender(Protocol):
    def send(self, address: str, subject: str, text: str, html: str | None) -> Delivery: ...


class SmsSender(Protocol):
    def send(self, phone: str, text: str) -> Delivery: ...


class WebhookSender(Protocol):
    def send(self, url: str, keys: Sequence[str], message: str, seconds: int, body: str) -> Delivery: ...


class Outlet(Protocol):
    """The bus; see `chalicelib.messaging.bus`."""

    def put(self, events: Sequence[Event]) -> list[int]: ...


@dataclass
class Post:
    """One batch's worth of it: webhooks are read once. A channel that is None is not configured."""

    engine: Engine
    queue: NoticesQueue
    people: People
    campaigns: Campaigns
    webhook_sender: WebhookSender
    email: EmailSender | None = None
    sms: SmsSender | None = None
    bus: Outlet | None = None
    docs: Documents = field(init=False)
    _days: dict[Source, Sequence[int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.docs = shelf.documents(self.engine.store)

    def days_of(self, lot: Lot) -> Sequence[int]:
        """How many days before its end the owner of a lot is reminded.

        :raises Unread: DynamoDB could not be read
        """
        if lot.source is None:
            return REMINDER_DAYS
        if lot.source not in self._days:
            terms = self.campaigns.terms(lot.source)
            said = terms.reminders if terms is not None else None
            self._days[lot.source] = REMINDER_DAYS if said is None else said
        return self._days[lot.source]

    @cached_property
    def webhooks(self) -> dict[str, Webhook]:
        """:raises Unread: DynamoDB could not be read"""
        return {each.id: each for each in shelf.webhooks(self.docs)}
