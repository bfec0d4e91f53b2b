"""What a profile has for each field of a tree: numbers, days, flags and words; None where it is not known.

Each function here is made once for a leaf, and then asked for every profile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from chalicelib.customers.activity import HORIZON_DAYS, MAX_EMAIL_DAYS, Activity
from chalicelib.customers.days import day_of
from chalicelib.customers.profile import Profile
from chalicelib.customers.traces import Traces
from chalicelib.segments.comparing import AtLeast
from chalicelib.segments.facts import Facts
from chalicelib.segments.where import Leaf

Reader = Callable[[Profile], Any]
EVER = (-(10**9), 10**9)
"""Days that are before and after all."""
TIER_ATTRIBUTE = "tier"
"""The attribute that says in which tier of the shop's own programme a customer is."""


def counted(leaf: Leaf, facts: Facts) -> Reader:
    """Of orders.count, and of total and average, which are in one currency."""
    first, last = _days(leaf, facts)
    windowed = leaf.window is not None
    match leaf.field:
        case "orders.count":
            return lambda profile: _orders(profile.activity, leaf.of, first, last, windowed)[0]
        case "orders.total":
            return lambda profile: _orders(profile.activity, _money(profile, leaf, facts), first, last, windowed)[1]
    return lambda profile: _average(*_orders(profile.activity, _money(profile, leaf, facts), first, last, windowed))


def emails(leaf: Leaf, facts: Facts) -> Reader:
    """Opens, clicks, or both; as far back as single days are known."""
    first, last = _days(leaf, facts)
    first = max(first, facts.today - HORIZON_DAYS)
    counts_opens, counts_clicks = leaf.field != "email.clicks", leaf.field != "email.opens"

    def read(profile: Profile) -> int:
        told = profile.activity.email
        if not told.days:
            return 0
        seen = told.between(first, last)
        total = (seen.opens if counts_opens else 0) + (seen.clicks if counts_clicks else 0)
        forgotten = len(told.days) >= MAX_EMAIL_DAYS and first < told.days[0]
        return AtLeast(total) if forgotten else total

    return read


def order_day(leaf: Leaf, _facts: Facts) -> Reader:
    """The day of the last order, or of the first."""
    if leaf.field == "orders.last_at":
        return lambda profile: profile.activity.last_order_day(leaf.of)
    return lambda profile: profile.activity.first_order_day(leaf.of)


def last_redeemed(leaf: Leaf, facts: Facts) -> Reader:
    def read(profile: Profile) -> int | None:
        figures = profile.activity.wallets.get(currency_of(profile, leaf, facts) or "")
        if figures is None or figures.last_redeemed_at is None:
            return None
        return day_of(figures.last_redeemed_at, facts.zone)

    return read


def wallet_figure(leaf: Leaf, facts: Facts) -> Reader:
    """Redemptions, or what was ever issued: nothing for a customer of whom the ledger has told nothing."""
    redemptions = leaf.field == "wallet.redemptions"

    def read(profile: Profile) -> int:
        figures = profile.activity.wallets.get(currency_of(profile, leaf, facts) or "")
        if figures is None:
            return 0
        return figures.redemptions if redemptions else figures.issued

    return read


def abandoned(leaf: Leaf, facts: Facts) -> Reader:
    """Whether a checkout was abandoned in the window and nothing was ordered since."""
    first, last = _days(leaf, facts)

    def read(profile: Profile) -> bool:
        told = profile.activity.abandoned
        if told is None:
            return False
        day = day_of(told.at, facts.zone)
        if not first <= day <= last:
            return False
        ordered = profile.activity.last_order_day()
        if ordered is None or ordered < day:
            return True
        return ordered == day and not any(each.counts and each.at > told.at for each in profile.activity.recent_orders)

    return read


def birthday(_leaf: Leaf, facts: Facts) -> Reader:
    """Days until the next birthday, 0 on the day. Who was born on 29 February has it on the 28th in other years."""
    today = facts.date
    ahead: dict[tuple[int, int], int] = {}

    def read(profile: Profile) -> int | None:
        born = profile.person.birth_date
        if born is None:
            return None
        key = (born.month, born.day)
        if key not in ahead:
            this_year = _anniversary(born, today.year)
            following = this_year if this_year >= today else _anniversary(born, today.year + 1)
            ahead[key] = (following - today).days
        return ahead[key]

    return read


def age(_leaf: Leaf, facts: Facts) -> Reader:
    today = facts.date

    def read(profile: Profile) -> int | None:
        born = profile.person.birth_date
        if born is None or born > today:
            return None
        return today.year - born.year - (today < _anniversary(born, today.year))

    return read


def traces(field: str) -> Callable[[Profile], Traces]:
    """The traces that a field asks about."""
    match field:
        case "products.bought":
            return lambda profile: profile.activity.bought
        case "tags.bought":
            return lambda profile: profile.activity.tags_bought
        case "products.viewed":
            return lambda profile: profile.activity.viewed
    return lambda profile: profile.activity.collections_viewed


def attribute(name: str) -> Reader:
    return lambda profile: profile.person.attributes.get(name)


def tier(profile: Profile) -> str | None:
    told = profile.person.attributes.get(TIER_ATTRIBUTE)
    return told if isinstance(told, str) else None


SIMPLE: dict[str, Reader] = {
    "email.subscribed": lambda profile: profile.person.consents.email,
    "profile.country": lambda profile: profile.person.address.country,
    "profile.region": lambda profile: profile.person.address.region,
    "profile.locale": lambda profile: profile.person.locale,
    "profile.has_account": lambda profile: profile.person.has_account,
    "predicted_spend_tier": lambda profile: profile.person.predicted_spend_tier,
    "tier": tier,
}


def spent(profile: Profile, currency: str | None) -> int | None:
    """All that a customer spent in a currency; None for one who never ordered in it, who has no percentile."""
    told = profile.activity.lifetime.get(currency) if currency is not None else None
    return told.total if told is not None and told.count > 0 else None


def currency_of(profile: Profile, leaf: Leaf, facts: Facts) -> str | None:
    """The currency that a leaf is about for this customer: its own, the campaign's, that of most orders; of one who
    ordered nothing, that of the only wallet, if there is one."""
    told = leaf.of or facts.currency or profile.activity.main_currency
    if told is None and len(profile.activity.wallets) == 1:
        return next(iter(profile.activity.wallets))
    return told


def _money(profile: Profile, leaf: Leaf, facts: Facts) -> str:
    """The same; a customer without any spent nothing in whatever currency."""
    return leaf.of or facts.currency or profile.activity.main_currency or ""


def _days(leaf: Leaf, facts: Facts) -> tuple[int, int]:
    first, last = facts.days(leaf.window)
    return EVER[0] if first is None else first, EVER[1] if last is None else last


def _orders(activity: Activity, currency: str | None, first: int, last: int, windowed: bool) -> tuple[int, int]:
    """How many orders and worth how much, on these days. Without a currency only the count means something."""
    ever = activity.ever(currency)
    if ever is None or first > ever.last_day or last < ever.first_day:
        return 0, 0
    if not windowed or (first <= ever.first_day and last >= ever.last_day):
        return ever.count, ever.total
    found = activity.orders_between(first, last, currency)
    if activity.orders_by_day(currency) == ever.count:
        return found
    since = activity.orders_known_since
    if since is not None and first >= since:
        return found
    return AtLeast(found.count), AtLeast(found.total)


def _average(count: int, total: int) -> int | None:
    """Minor units, rounded down; None where there is nothing to take it of, or part of that is forgotten."""
    return None if type(count) is AtLeast or count <= 0 else total // count


def _anniversary(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28)
