"""The functions of notices: the queue's batch, and each minute what is due. Here their parts are joined."""

from __future__ import annotations

from functools import cache
from typing import Any

from chalicelib import wiring
from chalicelib.campaigns import store as campaigns
from chalicelib.campaigns.model import Notify
from chalicelib.customers.store import Profiles
from chalicelib.ledger.lots import Source
from chalicelib.messaging.email import Email
from chalicelib.messaging.sms import Sms
from chalicelib.messaging.webhooks import Webhooks
from chalicelib.notices import handlers
from chalicelib.notices.handlers import Context
from chalicelib.notices.nominating import CAMPAIGN
from chalicelib.notices.post import Post, Terms
from chalicelib.runtime.environment import notices_sender
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store


class CampaignTerms:
    """What campaigns say of telling."""

    def __init__(self, store: Store) -> None:
        self._docs = Documents(store, store.tables.campaigns_name)

    def terms(self, source: Source) -> Terms | None:
        """:raises Unread: DynamoDB could not be read"""
        campaign = campaigns.load(self._docs, source.id) if source.type == CAMPAIGN else None
        if campaign is None:
            return None
        notify = campaign.notify or Notify(())
        return Terms(notify.channels, notify.template, reminders=campaign.reminders)


def notify_batch(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Deal with a batch; the messages that must come again, as Lambda wants them told."""
    queue = wiring.notices_queue()
    return handlers.notify_batch(_post(), queue, event, context)


def remind_now(context: Context) -> dict[str, Any]:
    """Hand on what is due now.

    :raises Unread: see `handlers.remind_now`
    """
    return handlers.remind_now(wiring.engine(), wiring.notices_queue(), context)


def _post() -> Post:
    engine, sender = wiring.engine(), notices_sender()
    return Post(
        engine,
        wiring.notices_queue(),
        Profiles(engine.store),
        CampaignTerms(engine.store),
        _WEBHOOKS,
        email=_email(sender) if sender else None,
        sms=_SMS,
        bus=wiring.bus(),
    )


@cache
def _email(sender: str) -> Email:
    return Email(sender)


_WEBHOOKS = Webhooks()
_SMS = Sms()
