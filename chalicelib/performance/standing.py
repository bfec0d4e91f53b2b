"""How a customer's standing changes: by entries, by orders, by being one of a campaign's people. Pure.

The same told twice changes nothing, and an order may be told before or after what makes it count:

    order, then membership     the newest orders stand in the standing; a membership begins with those in its window
    membership, then order     the order joins every membership in whose window it was paid
    order, then redemption     the purchase takes its total when it is made; see `observing`
    redemption, then order     the purchase takes its total when the order is told
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from chalicelib.ledger.model import Entry
from chalicelib.performance.attribution import meaning_of
from chalicelib.performance.model import (
    MAX_MEMBER_ORDERS,
    MAX_MEMBERSHIPS,
    MAX_PAST_CAMPAIGNS,
    MAX_RECENT_ORDERS,
    NOTHING,
    PEOPLE,
    WINDOW_MS,
    CounterKey,
    Counts,
    Membership,
    Purchase,
    SeenOrder,
    Standing,
    owing,
    trace,
)

RECIPIENTS, BOUGHT, BOUGHT_AGAIN = "recipients", "recipients_bought", "recipients_bought_again"
HOLDOUT, HOLDOUT_BOUGHT, HOLDOUT_BOUGHT_AGAIN = "holdout", "holdout_bought", "holdout_bought_again"
ORDERS, REVENUE, OVERSPEND = "orders", "revenue", "overspend"

Purchases = Mapping[str, Purchase]
"""By order id, of one wallet."""


class Gap(Exception):
    """Entries between the last that was applied (its sequence) and the first that was told are missing."""

    def __init__(self, applied: int) -> None:
        super().__init__(f"nothing was told between entry {applied} and the next")
        self.applied = applied


def observed(
    standing: Standing, currency: str, entries: Iterable[Entry], purchases: Purchases
) -> tuple[Standing, dict[str, Purchase]]:
    """The standing and the purchases after entries of a wallet, oldest first; those applied before are passed over.

    :raises Gap: there is one before an entry
    """
    after = dict(purchases)
    for entry in entries:
        followed = standing.followed(currency)
        if entry.sequence <= followed.sequence:
            continue
        if entry.sequence > followed.sequence + 1:
            raise Gap(followed.sequence)
        meaning = meaning_of(entry, followed)
        owed = standing.owed
        for campaign, counts in meaning.counts.items():
            owed = owing(owed, (campaign, currency), counts)
        standing = replace(standing, wallets={**standing.wallets, currency: meaning.followed}, owed=owed)
        if meaning.joined is not None:
            standing = enrolled(standing, meaning.joined, holdout=False, since=meaning.since)
        if entry.order_id and meaning.spent:
            before = after.get(entry.order_id, Purchase(entry.order_id, currency))
            standing, after[entry.order_id] = recounted(standing, _spent(before, meaning.spent))
    return standing, after


def enrolled(standing: Standing, campaign: str, *, holdout: bool, since: int) -> Standing:
    """With the customer among a campaign's people. Who is one of them stays what it was first: the holdout is compared
    as it was chosen, also if somebody of it gets the campaign's credit by hand."""
    if campaign in standing.memberships or trace(campaign) in standing.past:
        return standing
    paid = sorted((seen.at, order) for order, seen in standing.orders.items() if seen.stands)
    orders = tuple(order for at, order in paid if since <= at <= since + WINDOW_MS)[:MAX_MEMBER_ORDERS]
    new = Membership(holdout, since, orders)
    owed = owing(standing.owed, (campaign, PEOPLE), {HOLDOUT if holdout else RECIPIENTS: 1})
    owed = owing(owed, (campaign, PEOPLE), _change(replace(new, orders=()), new))
    memberships, past = {**standing.memberships, campaign: new}, standing.past
    if len(memberships) > MAX_MEMBERSHIPS:
        oldest = min(memberships, key=lambda each: (memberships[each].since, each))
        del memberships[oldest]
        past = (*past, trace(oldest))[-MAX_PAST_CAMPAIGNS:]
    return replace(standing, memberships=memberships, past=past, owed=owed)


def with_order(standing: Standing, order_id: str, at: int, *, stands: bool) -> Standing:
    """With an order that was paid at that instant (milliseconds), or that does not stand any more."""
    order = trace(order_id)
    seen = SeenOrder(standing.orders[order].at if order in standing.orders else at, stands)
    if standing.orders.get(order) == seen:
        return standing
    orders = {**standing.orders, order: seen}
    if len(orders) > MAX_RECENT_ORDERS:
        del orders[min(orders, key=lambda each: (orders[each].at, each))]
    memberships, owed = dict(standing.memberships), standing.owed
    for campaign, before in standing.memberships.items():
        if before.since <= seen.at <= before.since + WINDOW_MS:
            memberships[campaign] = after = _with(before, order, stands)
            owed = owing(owed, (campaign, PEOPLE), _change(before, after))
    return replace(standing, orders=orders, memberships=memberships, owed=owed)


def paid(standing: Standing, purchase: Purchase, total: int) -> tuple[Standing, Purchase]:
    """With the total of an order that credit of campaigns was spent on."""
    return recounted(standing, replace(purchase, total=total))


def recounted(standing: Standing, purchase: Purchase) -> tuple[Standing, Purchase]:
    """With what a purchase adds to counters brought to what it is now."""
    owed: Mapping[CounterKey, Counts] = standing.owed
    counted = {campaign: _worth(used, purchase.total) for campaign, used in purchase.used.items()}
    for campaign, worth in counted.items():
        before = purchase.counted.get(campaign, NOTHING)
        change = {name: number - before.get(name, 0) for name, number in worth.items()}
        owed = owing(owed, (campaign, purchase.currency), change)
    return replace(standing, owed=owed), replace(purchase, counted=counted)


def _worth(used: int, total: int | None) -> dict[str, int]:
    """What an order is worth to a campaign whose credit is spent on it: nothing when all of that went back."""
    if used <= 0:
        return {ORDERS: 0, REVENUE: 0, OVERSPEND: 0}
    return {ORDERS: 1, REVENUE: total or 0, OVERSPEND: max(0, (total or 0) - used)}


def _spent(purchase: Purchase, spent: Counts) -> Purchase:
    used = {campaign: purchase.used.get(campaign, 0) + amount for campaign, amount in spent.items()}
    return replace(purchase, used={**purchase.used, **used})


def _with(membership: Membership, order: str, stands: bool) -> Membership:
    if not stands:
        return replace(membership, orders=tuple(each for each in membership.orders if each != order))
    if order in membership.orders or len(membership.orders) >= MAX_MEMBER_ORDERS:
        return membership
    return replace(membership, orders=(*membership.orders, order))


def _change(before: Membership, after: Membership) -> dict[str, int]:
    names = (HOLDOUT_BOUGHT, HOLDOUT_BOUGHT_AGAIN) if after.holdout else (BOUGHT, BOUGHT_AGAIN)
    return {
        name: int(len(after.orders) >= orders) - int(len(before.orders) >= orders)
        for orders, name in enumerate(names, 1)
    }
