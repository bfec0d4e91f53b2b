"""How much one customer gets, by what is known of them.

    fixed     the amount
    share     floor(spent * basis_points / 10,000), not less than min, not more than max
    stepped   the amount of the highest step that the number reaches, or of the step that is the word

None where what it goes by is not known, no step fits, or nothing would be left: then there is nothing to grant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.campaigns.model import AmountRule, Basis, Fixed, Share, Stepped
from chalicelib.ledger.conditions import BASIS_POINTS
from chalicelib.ledger.limits import MAX_AMOUNT
from chalicelib.segments.values import tier

if TYPE_CHECKING:
    from chalicelib.customers.profile import Profile


def amount_of(rule: AmountRule, profile: Profile | None, currency: str) -> int | None:
    """Minor units, 1 to MAX_AMOUNT, for a customer (None: of whom nothing is known); None: no recipient."""
    match rule:
        case Fixed(amount):
            return amount
        case Share():
            return None if profile is None else _share(rule, profile, currency)
        case Stepped():
            return None if profile is None else _stepped(rule, profile, currency)


def most_of(rule: AmountRule) -> int | None:
    """The most that a rule can give; None where it has no bound of its own."""
    match rule:
        case Fixed(amount):
            return amount
        case Share():
            return rule.max
        case Stepped(steps=steps):
            return max(step.amount for step in steps)


def _share(rule: Share, profile: Profile, currency: str) -> int | None:
    spent = _BASES[rule.of](profile, currency)
    if spent is None:
        return None
    amount = max(0, spent) * rule.basis_points // BASIS_POINTS
    amount = min(max(amount, rule.min or 0), rule.max or MAX_AMOUNT, MAX_AMOUNT)
    return amount or None


def _stepped(rule: Stepped, profile: Profile, currency: str) -> int | None:
    if rule.by in NUMBERS:
        number = NUMBERS[rule.by](profile, currency)
        if number is None:
            return None
        reached = [step for step in rule.steps if step.at_least is not None and number >= step.at_least]
        return max(reached, key=lambda step: step.at_least or 0).amount if reached else None
    word = WORDS[rule.by](profile)
    return None if word is None else next((step.amount for step in rule.steps if step.equals == word), None)


def _count(profile: Profile, currency: str) -> int | None:
    return profile.activity.orders_ever(currency).count


def _spent(profile: Profile, currency: str) -> int | None:
    return profile.activity.orders_ever(currency).total


def _lifetime(profile: Profile, currency: str) -> int | None:
    """None for who has no order: of nothing there is no share, and no least one either."""
    ever = profile.activity.orders_ever(currency)
    return ever.total if ever.count > 0 else None


def _average(profile: Profile, currency: str) -> int | None:
    ever = profile.activity.orders_ever(currency)
    return ever.total // ever.count if ever.count > 0 else None


def _last(profile: Profile, currency: str) -> int | None:
    return profile.activity.last_order_total(currency)


_BASES: dict[Basis, Callable[[Profile, str], int | None]] = {
    Basis.AVERAGE_ORDER: _average,
    Basis.LAST_ORDER: _last,
    Basis.LIFETIME_SPEND: _lifetime,
}
NUMBERS: dict[str, Callable[[Profile, str], int | None]] = {
    "orders.count": _count,
    "orders.total": _spent,
    "orders.average": _average,
}
"""Fields whose steps say `at_least`, in the campaign's currency."""
WORDS: dict[str, Callable[[Profile], str | None]] = {
    "tier": tier,
    "predicted_spend_tier": lambda profile: profile.person.predicted_spend_tier,
    "profile.country": lambda profile: profile.person.address.country,
    "profile.region": lambda profile: profile.person.address.region,
    "profile.locale": lambda profile: profile.person.locale,
}
"""Fields whose steps say `equals`."""
