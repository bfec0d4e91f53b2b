"""Sending one notice over one channel, at most once.

    nothing known --- may it be sent? --no--> NOT_SENT (why)
         |                  |
         |                 yes: put SENDING, with a token of this attempt
         |                  |
         |               send ----taken-------> SENT
         |                  |-----refused-----> FAILED
         |                  |-----not taken---> WAITING, and again later; at the last try FAILED
         |                  `-----no answer---> UNKNOWN, never again (push, webhook: as not taken)
    SENDING, and nobody at it any more: UNKNOWN (push, webhook: again, under the same id)

Only who has put SENDING sends; whoever finds it there does not. So two workers, or a worker that died between the two
writes, do not tell a customer twice; that a message was not sent at all is the lesser harm, and it is seen.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from chalicelib.customers.profile import Profile
from chalicelib.customers.together_store import bought_together_with
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.ledger.refusals import NotFound
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.notices import queries, recommending, saying, templates
from chalicelib.notices import store as shelf
from chalicelib.notices.defaults import name_of
from chalicelib.notices.model import FINAL, REPEATABLE, Channel, Notice, Status, notice_of
from chalicelib.notices.post import Post
from chalicelib.notices.store import Record, Template
from chalicelib.notices.templates import Content, TemplateRefused
from chalicelib.notices.wording import rfc_3339
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit

PAUSES_SECONDS = (10, 60, 300, 1_200, 3_600, 7_200, 10_800)
"""After each try that the channel did not take: six hours altogether."""
MAX_TRIES = len(PAUSES_SECONDS) + 1
IN_HAND_SECONDS = 120
"""Longer than a worker lives: a notice that has been SENDING for longer has nobody at it."""
KEPT_CHARACTERS = 4_000
"""Of each part of what was said, for the history."""
WRITES = 3
"""Tries to note what became of it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One notice to be sent over one channel."""

    notice: Notice
    channel: Channel
    receiver: str = ""
    template: str | None = None
    products: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        return {
            "job": "send",
            **self.notice.told(),
            "channel": self.channel.value,
            "receiver": self.receiver,
            "template": self.template,
            "products": list(self.products),
        }


def order_of(told: Mapping[str, Any]) -> Order:
    """:raises KeyError, ValueError: it is none"""
    products = tuple(map(str, told["products"]))
    return Order(notice_of(told), Channel(told["channel"]), str(told["receiver"]), told["template"], products)


class _NotSent(Exception):
    """It is not to be sent: the reason."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """What is ready to go: to whom, what it says, or for a webhook its body."""

    to: str
    content: Content | None = None
    body: str = ""
    template: str | None = None
    locale: str | None = None


def send(post: Post, order: Order, *, last_try: bool) -> int | None:
    """Deal with one notice over one channel. None where it is done; else after how many seconds to look again.

    :raises Unread: DynamoDB could not be read; nothing was sent
    :raises Busy: the same
    """
    store, now = post.engine.store, post.engine.store.clock.now()
    fresh = Record(order.notice, order.channel, Status.WAITING, now, order.receiver)
    stored = shelf.records(post.docs, [fresh.key]).get(fresh.key)
    record = stored or fresh
    if record.status in FINAL:
        return None
    if record.status is Status.SENDING:
        if now - record.since < IN_HAND_SECONDS * SECOND_MS:
            return IN_HAND_SECONDS
        if order.channel not in REPEATABLE:
            return _note(post, replace(record, status=Status.UNKNOWN, since=now, reason="interrupted"))
    try:
        letter = _letter(post, order)
    except _NotSent as why:
        return _note(post, replace(record, status=Status.NOT_SENT, since=now, reason=str(why)))
    claimed = replace(
        record,
        status=Status.SENDING,
        since=now,
        attempt=secrets.token_hex(8),
        tries=record.tries + 1,
        reason=None,
        template=letter.template,
        locale=letter.locale,
        content=_kept(letter.content),
    )
    signal = commit(store, [shelf.record_saved(post.docs, claimed)])
    if signal is not Signal.COMMITTED:
        there = shelf.records(post.docs, [fresh.key]).get(fresh.key)
        if there is None or there.attempt != claimed.attempt:
            return IN_HAND_SECONDS if there is not None else PAUSES_SECONDS[0]
    claimed = replace(claimed, version=record.version + 1)
    if closed := _closed_since(post, order):
        return _note(post, replace(claimed, status=Status.NOT_SENT, since=now, reason=closed, content=None))
    return _settle(post, claimed, _hand_over(post, claimed, letter, now), last_try=last_try)


def _closed_since(post: Post, order: Order) -> str | None:
    """Why a customer cannot be told any more. Erasing takes the person away first, and then the texts of the notices
    that there are: so one of which the text was written behind its back is found here, before it goes out.

    :raises Unread: DynamoDB could not be read; nothing was sent
    """
    if order.channel is Channel.WEBHOOK:
        return None
    return why_closed(post, post.people.get(order.notice.wallet.customer), order.channel)


def why_closed(post: Post, profile: Profile | None, channel: Channel) -> str | None:
    """Why a customer cannot be told over a channel; None where it can be."""
    if profile is None:
        return "no_consent"
    if profile.erased:
        return "customer_erased"
    if profile.merged_into is not None:
        return "customer_merged"
    person = profile.person
    agreed = getattr(person.consents, channel.value)
    if agreed is not True:
        return "no_consent"
    match channel:
        case Channel.EMAIL if not person.email:
            return "no_address"
        case Channel.SMS if not person.phone:
            return "no_address"
    sender = {Channel.EMAIL: post.email, Channel.SMS: post.sms, Channel.PUSH: post.bus}[channel]
    return None if sender is not None else "channel_not_configured"


def _letter(post: Post, order: Order) -> _Letter:
    """:raises _NotSent: it is not to be sent"""
    notice, policy = order.notice, post.engine.policy
    if order.channel is Channel.WEBHOOK:
        webhook = post.webhooks.get(order.receiver)
        if webhook is None:
            raise _NotSent("webhook_deleted")
        facts = saying.facts_of(post.engine.store, notice, policy, post.days_of)
        if facts is None:
            raise _NotSent("nothing_left")
        return _Letter(webhook.url, body=saying.payload(notice, facts))
    profile = post.people.get(notice.wallet.customer)
    closed = why_closed(post, profile, order.channel)
    if closed is not None or profile is None:
        raise _NotSent(closed or "no_consent")
    facts = saying.facts_of(post.engine.store, notice, policy, post.days_of)
    if facts is None:
        raise _NotSent("nothing_left")
    try:
        template = queries.template(post.docs, order.template or name_of(notice.happening))
    except NotFound:
        raise _NotSent("template_not_found") from None
    locale = templates.chosen(template.locales, profile.person.locale)
    shown_in = profile.person.locale if templates.same_language(locale, profile.person.locale) else locale
    products = _products(post, order, profile, template, locale)
    values = saying.values_of(facts, notice, policy, shown_in or locale, products)
    try:
        content = templates.render(template.locales[locale], values)
    except TemplateRefused:
        raise _NotSent("template_cannot_be_rendered") from None
    if order.channel is Channel.SMS and not content.sms:
        raise _NotSent("template_has_no_sms")
    to = {Channel.EMAIL: profile.person.email, Channel.SMS: profile.person.phone}.get(order.channel) or ""
    return _Letter(to, content, template=template.name, locale=locale)


def _products(post: Post, order: Order, profile: Profile, template: Template, locale: str) -> list[str]:
    """What is recommended; nothing, and nothing is read for it, where the template does not show it."""
    if not any("products" in source for source in template.locales[locale].values()):
        return []
    together = partial(bought_together_with, post.engine.store)
    return recommending.products_for(profile, order.products or template.products, template.recommend, together)


def _hand_over(post: Post, record: Record, letter: _Letter, now: int) -> Delivery:
    content = letter.content
    match record.channel:
        case Channel.WEBHOOK:
            keys = post.webhooks[record.receiver].valid(now)
            return post.webhook_sender.send(letter.to, keys, record.id, now // SECOND_MS, letter.body)
        case Channel.EMAIL if post.email is not None and content is not None:
            return post.email.send(letter.to, content.subject, content.text, content.html)
        case Channel.SMS if post.sms is not None and content is not None and content.sms:
            return post.sms.send(letter.to, content.sms)
        case Channel.PUSH if post.bus is not None and content is not None:
            left = post.bus.put([saying.push(record.notice, record.id, content, rfc_3339(record.notice.at))])
            return Delivery(Outcome.NOT_TAKEN, "bus_down") if left else Delivery(Outcome.TAKEN)
    raise AssertionError("what is not configured has no letter")


def _settle(post: Post, record: Record, delivery: Delivery, *, last_try: bool) -> int | None:
    """Note what became of a try."""
    outcome = delivery.outcome
    if outcome is Outcome.UNKNOWN and record.channel in REPEATABLE:
        outcome = Outcome.NOT_TAKEN
    status = {
        Outcome.TAKEN: Status.SENT,
        Outcome.REFUSED: Status.FAILED,
        Outcome.NOT_TAKEN: Status.FAILED if last_try or record.tries >= MAX_TRIES else Status.WAITING,
        Outcome.UNKNOWN: Status.UNKNOWN,
    }[outcome]
    since = post.engine.store.clock.now()
    noted = replace(record, status=status, since=since, reason=delivery.reason, reference=delivery.reference)
    again = _note(post, noted)
    if again is not None or status is not Status.WAITING:
        return again
    return PAUSES_SECONDS[min(record.tries, len(PAUSES_SECONDS)) - 1]


def _note(post: Post, record: Record) -> int | None:
    """Put what became of it. Where that cannot be done the notice stays SENDING, and whoever looks again finds that."""
    for _ in range(WRITES):
        if commit(post.engine.store, [shelf.record_saved(post.docs, record)]) is Signal.COMMITTED:
            return None
        there = shelf.records(post.docs, [record.key]).get(record.key)
        if there is not None and there.version > record.version:
            return None if there.status is record.status else IN_HAND_SECONDS
    return IN_HAND_SECONDS


def _kept(content: Content | None) -> dict[str, str | None] | None:
    """What the history shows of it."""
    if content is None:
        return None
    told = {**content.told(), "html": None}
    return {part: text[:KEPT_CHARACTERS] if text is not None else None for part, text in told.items()}
