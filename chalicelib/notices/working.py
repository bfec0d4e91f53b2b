"""The work of the notices queue: one message of it, whatever it asks for.

    notice   something happened         one message for each channel that it is to be told over
    send     one notice, one channel    see `sending`
    due      documents that are due     reminders, credit that became available, the guard; see `reminding`

Each may be done again at any time: what was told is known by its document, and what is due leaves when it is done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from chalicelib.ledger.limits import DAY_MS, SECOND_MS
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.notices import guarding, saying, sending
from chalicelib.notices import store as shelf
from chalicelib.notices.model import PEOPLE, Channel, Happening, Notice, notice_of
from chalicelib.notices.post import Post, Terms
from chalicelib.notices.reminding import AVAILABLE, GUARD, SHORT, arrange, look_at, morning_of
from chalicelib.notices.saying import MAX_PRODUCTS
from chalicelib.notices.sending import Order
from chalicelib.runtime.clock import Deadline
from chalicelib.store.documents import Document, Key
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Busy, Signal
from chalicelib.store.writes import commit

KEPT_MS = 60 * DAY_MS
"""How long what was due is known to be done: longer than anything tells of it again."""
KEY_SECONDS = 8.0
"""With less time left no document that is due is begun."""
NOT_TERMS = Terms()


class NoMessage(Exception):
    """It is no message of ours, and never will be."""


def work(post: Post, body: str, deadline: Deadline, *, last_try: bool) -> int | None:
    """Do what a message asks for. None where it is done; else after how many seconds it is to come again.

    :raises NoMessage: see there
    :raises Busy, Unread, OutcomeUnknown: it is not done
    """
    try:
        told = json.loads(body)
        job = told["job"]
        if job == "send":
            order = sending.order_of(told)
        elif job == "notice":
            notice = notice_of(told)
        else:
            keys: list[Key] = [(str(pk), str(sk)) for pk, sk in told["keys"]]
    except (KeyError, TypeError, ValueError) as error:
        raise NoMessage(str(error)) from error
    if job == "send":
        return sending.send(post, order, last_try=last_try)
    if job == "notice":
        fan_out(post, notice)
        return None
    return _due(post, keys, deadline)


def fan_out(post: Post, notice: Notice) -> None:
    """One message for each channel: a channel that is down delays its own, and nothing else.

    A campaign's channels are about people: told over those that it names, over none where it names only `webhook`, and
    over all where it says nothing. Webhooks are machines that subscribe for themselves: each hears what it asked for.

    :raises Busy: the queue did not take all of it; do it again
    :raises Unread: DynamoDB could not be read
    """
    terms = _terms(post, notice)
    channels = [channel for channel in PEOPLE if not terms.channels or channel.value in terms.channels]
    products = tuple(terms.products[:MAX_PRODUCTS])
    orders = [Order(notice, channel, "", terms.template, products) for channel in channels]
    orders += [
        Order(notice, Channel.WEBHOOK, webhook.id)
        for webhook in post.webhooks.values()
        if not webhook.happenings or notice.happening.value in webhook.happenings
    ]
    messages = [json.dumps(order.told(), separators=(",", ":"), ensure_ascii=False) for order in orders]
    if messages and post.queue.send(messages):
        raise Busy


def _terms(post: Post, notice: Notice) -> Terms:
    """What the campaign that the credit came from says of telling that it was issued."""
    if notice.happening not in (Happening.ISSUED, Happening.AVAILABLE):
        return NOT_TERMS
    entry = _entry(post, notice.wallet, int(notice.place))
    if entry is None or entry.source is None:
        return NOT_TERMS
    return post.campaigns.terms(entry.source) or NOT_TERMS


def _due(post: Post, keys: Sequence[Key], deadline: Deadline) -> int | None:
    documents = post.docs.get_many(keys)
    for key in keys:
        document = documents.get(key)
        if document is None:
            continue
        if deadline.remaining_seconds < KEY_SECONDS:
            return 0
        _act(post, document, deadline)
    return None


def _act(post: Post, document: Document, deadline: Deadline) -> None:
    """Do what is due about one wallet, and let it leave the index."""
    customer, _, currency = document.key[0].removeprefix("r#").rpartition("/")
    wallet_id, what, due_at = WalletId(customer, currency), document.key[1], document.due_at or 0
    (wallet,), now = post.engine.store.wallets([wallet_id])
    if now < due_at:  # it was put off since it was nominated
        return
    if what.startswith(AVAILABLE):
        _available(post, wallet_id, wallet, what.removeprefix(AVAILABLE), now)
    elif what.startswith(GUARD):
        _guard(post, wallet_id, wallet, _guarded_day(what), now, deadline)
    elif what.startswith(SHORT):
        _guard_short(post, wallet_id, wallet, what.removeprefix(SHORT).partition("/")[0], now, deadline)
    else:
        _remind(post, wallet_id, wallet, date.fromisoformat(what), now, deadline)
    _done(post, document)


def _guarded_day(what: str) -> date:
    day, _, _entry = what.removeprefix(GUARD).partition("/")
    return date.fromisoformat(day)


def _available(post: Post, wallet_id: WalletId, wallet: Wallet, sequence: str, now: int) -> None:
    entry = _entry(post, wallet_id, int(sequence))
    if entry is None or not saying.standing_lots(wallet, entry, now):
        return
    at = max(lot.effective_at for lot in entry.lots)
    fan_out(post, Notice(wallet_id, Happening.AVAILABLE, sequence, at))


def _remind(post: Post, wallet_id: WalletId, wallet: Wallet, day: date, now: int, deadline: Deadline) -> None:
    """Tell of what expires; where nobody can be told at all, the guard need not wait what becomes of it."""
    policy = post.engine.policy
    lots = saying.expiring_lots(wallet, day, now, policy, post.days_of)
    if not lots:
        return
    guarded = guarding.guarded(lots, day, policy, post.days_of)
    if guarded:
        profile = post.people.get(wallet_id.customer)
        if all(sending.why_closed(post, profile, channel) for channel in PEOPLE):
            _put_off(post, wallet_id, guarded, deadline)
        else:
            key = (shelf.due_of(wallet_id), f"{GUARD}{day.isoformat()}")
            arrange(post.engine.store, post.docs, {key: look_at([each.expires_at for each in guarded], now)})
    fan_out(post, Notice(wallet_id, Happening.EXPIRING, day.isoformat(), morning_of(day, policy.zone)))


def _guard(post: Post, wallet_id: WalletId, wallet: Wallet, day: date, now: int, deadline: Deadline) -> None:
    policy = post.engine.policy
    lots = saying.expiring_lots(wallet, day, now, policy, post.days_of)
    _put_off(post, wallet_id, guarding.guarded(lots, day, policy, post.days_of), deadline)


def _guard_short(post: Post, wallet_id: WalletId, wallet: Wallet, lot: str, now: int, deadline: Deadline) -> None:
    """Nobody was to be told of it, so nothing needs to be looked up."""
    for each in guarding.guarded_short(saying.alive_lots(wallet, now), lot, post.engine.policy):
        guarding.put_off(post.engine, wallet_id, each, deadline)


def _put_off(post: Post, wallet_id: WalletId, guarded: Sequence[guarding.Guarded], deadline: Deadline) -> None:
    zone = post.engine.policy.zone
    for each in guarded:
        if not guarding.announced(post.docs, wallet_id, each.lot, zone, post.days_of(each.lot)):
            guarding.put_off(post.engine, wallet_id, each, deadline)


def _done(post: Post, document: Document) -> None:
    """Let it leave the index, and stay for a while: what the stream tells again is then known to be done.

    :raises Busy: it is not known to have left; whoever finds it does it again
    """
    gone_at = (post.engine.store.clock.now() + KEPT_MS) // SECOND_MS
    signal = commit(post.engine.store, [post.docs.save(document.key, {}, document.version, delete_after=gone_at)])
    if signal not in (Signal.COMMITTED, Signal.MOVED):
        raise Busy


def _entry(post: Post, wallet_id: WalletId, sequence: int) -> Entry | None:
    return next(post.engine.store.entries_between(wallet_id, sequence, sequence), None)
