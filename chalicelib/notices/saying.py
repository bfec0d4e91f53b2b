"""What a notice says: the facts of the ledger in the words of a template, in the customer's language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.lots import Lot
from chalicelib.ledger.model import Entry, Wallet, balance
from chalicelib.ledger.policy import Policy
from chalicelib.messaging.bus import Event
from chalicelib.notices import wording
from chalicelib.notices.model import Happening, Notice
from chalicelib.notices.reminding import DaysOf, reminder_days
from chalicelib.notices.templates import SAMPLE, Content, Values
from chalicelib.store.reading import Store

MAX_PRODUCTS = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """What a notice is about. Minor units; instants in milliseconds."""

    amount: int
    available: int
    expires_at: int | None = None
    conditions: Conditions | None = None
    customer_text: str = ""


def facts_of(store: Store, notice: Notice, policy: Policy, days_of: DaysOf) -> Facts | None:
    """The facts as they are now: of a reminder what would expire, of credit that became available whether it is still
    there. None where there is nothing left to tell.

    :raises Unread: DynamoDB could not be read, retries included
    """
    (wallet,), now = store.wallets([notice.wallet])
    available = balance(wallet, now).available
    if notice.happening is Happening.EXPIRING:
        return _expiring(expiring_lots(wallet, date.fromisoformat(notice.place), now, policy, days_of), available)
    sequence = int(notice.place)
    entry = next(store.entries_between(notice.wallet, sequence, sequence), None)
    if entry is None:
        return None
    if notice.happening is Happening.AVAILABLE and not standing_lots(wallet, entry, now):
        return None
    return Facts(
        abs(entry.amount),
        available,
        min((lot.expires_at for lot in entry.lots if lot.expires_at is not None), default=None),
        entry.lots[0].conditions if len(entry.lots) == 1 else None,
        entry.customer_text or "",
    )


def expiring_lots(wallet: Wallet, day: date, now: int, policy: Policy, days_of: DaysOf) -> list[Lot]:
    """The lots of which the owner is reminded on this local day, as far as they can still be used."""
    return [lot for lot in alive_lots(wallet, now) if day in reminder_days(lot, policy.zone, days_of(lot))]


def alive_lots(wallet: Wallet, now: int) -> list[Lot]:
    """Those that can be used."""
    return [lot for lot in wallet.lots if lot.active(now) and lot.remaining]


def standing_lots(wallet: Wallet, entry: Entry, now: int) -> list[Lot]:
    """Of the lots that an entry made, those that can be used now."""
    made = {lot.id for lot in entry.lots}
    return [lot for lot in alive_lots(wallet, now) if lot.id in made]


def _expiring(lots: Sequence[Lot], available: int) -> Facts | None:
    if not lots:
        return None
    same = len({lot.conditions for lot in lots}) == 1
    return Facts(
        sum(lot.remaining for lot in lots),
        available,
        min(lot.expires_at for lot in lots if lot.expires_at is not None),
        lots[0].conditions if same else None,
    )


def values_of(facts: Facts, notice: Notice, policy: Policy, locale: str, products: Sequence[str]) -> Values:
    """The variables of a template."""
    currency = notice.wallet.currency
    exponent = policy.currencies.get(currency, 0)
    language = wording.language_of(locale)
    return {
        "amount": wording.amount(facts.amount, currency, exponent, locale),
        "balance": wording.amount(facts.available, currency, exponent, locale),
        "expires_at": wording.last_day(facts.expires_at, policy.zone, locale),
        "conditions": wording.conditions(facts.conditions, currency, exponent, locale),
        "how_to_redeem": wording.HOW_TO_REDEEM.get(language, wording.HOW_TO_REDEEM[wording.DEFAULT_LANGUAGE]),
        "products": list(products[:MAX_PRODUCTS]),
        "customer_text": facts.customer_text,
    }


def sample(locale: str) -> Values:
    """What a preview is made from where the caller says nothing else, in the words of a locale."""
    language = wording.language_of(locale)
    return {
        **SAMPLE,
        "amount": wording.amount(2_500, "EUR", 2, locale),
        "balance": wording.amount(4_000, "EUR", 2, locale),
        "expires_at": wording.last_day(_SAMPLE_END, UTC, locale),
        "conditions": wording.conditions(Conditions(min_order=5_000), "EUR", 2, locale),
        "how_to_redeem": wording.HOW_TO_REDEEM.get(language, wording.HOW_TO_REDEEM[wording.DEFAULT_LANGUAGE]),
    }


_SAMPLE_END = 1_806_537_600_000  # 2027-04-01T00:00:00Z


def payload(notice: Notice, facts: Facts) -> str:
    """What a webhook is sent, as Standard Webhooks has it: type, timestamp, data."""
    data: Mapping[str, Any] = {
        "id": notice.key,
        "customer": notice.wallet.customer,
        "currency": notice.wallet.currency,
        "happening": notice.happening.value,
        "amount": facts.amount,
        "available": facts.available,
        "expires_at": None if facts.expires_at is None else wording.rfc_3339(facts.expires_at),
    }
    told = {"type": f"credit.{notice.happening.value}", "timestamp": wording.rfc_3339(notice.at), "data": data}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def push(notice: Notice, message: str, content: Content, at: str) -> Event:
    """The event that whatever talks to the merchant's app shows; `id` stays the same when it comes again."""
    detail = {
        "id": message,
        "key": notice.key,
        "customer": notice.wallet.customer,
        "currency": notice.wallet.currency,
        "happening": notice.happening.value,
        "title": content.subject,
        "body": content.sms or content.subject,
    }
    text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False)
    return {"Source": "store-credit", "DetailType": "notice.push", "Detail": text, "Time": at}
