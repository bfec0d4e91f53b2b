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
from chalicelib.segments import values
from chalicelib.segments.where import Leaf

if TYPE_CHECKING:
    from chalicelib.customers.profile import Profile
    from chalicelib.segments.facts import Facts


def amount_of(rule: AmountRule, profile: Profile | None, facts: Facts) -> int | None:
    """Minor units, 1 to MAX_AMOUNT, of the facts' currency, which is the campaign's; for a customer of whom nothing is
    known, where there is no profile. None: no recipient."""
    match rule:
        case Fixed(amount):
            return amount
        case Share():
            return None if profile is None else _share(rule, profile, facts)
        case Stepped():
            return None if profile is None else _stepped(rule, profile, facts)


def most_of(rule: AmountRule) -> int | None:
    """The most that a rule can give; None where it has no bound of its own."""
    match rule:
        case Fixed(amount):
            return amount
        case Share():
            return rule.max
        case Stepped(steps=steps):
            return max(step.amount for step in steps)


def _share(rule: Share, profile: Profile, facts: Facts) -> int | None:
    spent = _BASES[rule.of](profile, facts)
    if spent is None:
        return None
    amount = max(0, spent) * rule.basis_points // BASIS_POINTS
    amount = min(max(amount, rule.min or 0), rule.max or MAX_AMOUNT, MAX_AMOUNT)
    return amount or None


def _stepped(rule: Stepped, profile: Profile, facts: Facts) -> int | None:
    if rule.by in NUMBERS:
        number = NUMBERS[rule.by](profile, facts)
        if number is None:
            return None
        reached = [step for step in rule.steps if step.at_least is not None and number >= step.at_least]
        return max(reached, key=lambda step: step.at_least or 0).amount if reached else None
    word = WORDS[rule.by](profile)
    return None if word is None else next((step.amount for step in rule.steps if step.equals == word), None)


def _count(profile: Profile, facts: Facts) -> int | None:
    return profile.activity.orders_ever(facts.currency).count


def _spent(profile: Profile, facts: Facts) -> int | None:
    return profile.activity.orders_ever(facts.currency).total


def _lifetime(profile: Profile, facts: Facts) -> int | None:
    """None for who has no order: of nothing there is no share, and no least one either."""
    ever = profile.activity.orders_ever(facts.currency)
    return ever.total if ever.count > 0 else None


def _average(profile: Profile, facts: Facts) -> int | None:
    ever = profile.activity.orders_ever(facts.currency)
    return ever.total // ever.count if ever.count > 0 else None


def _last(profile: Profile, facts: Facts) -> int | None:
    return profile.activity.last_order_total(facts.currency or "")


def _as_segments_have_it(field: str, reader: Callable[[Leaf, Facts], values.Reader]) -> Number:
    leaf = Leaf(field, "exists", value=True)

    def read(profile: Profile, facts: Facts) -> int | None:
        number: int | None = reader(leaf, facts)(profile)
        return number

    return read


Number = Callable[["Profile", "Facts"], int | None]

_BASES: dict[Basis, Number] = {
    Basis.AVERAGE_ORDER: _average,
    Basis.LAST_ORDER: _last,
    Basis.LIFETIME_SPEND: _lifetime,
}
NUMBERS: dict[str, Number] = {
    "orders.count": _count,
    "orders.total": _spent,
    "orders.average": _average,
    **{
        field: _as_segments_have_it(field, reader)
        for field, reader in {
            "email.opens": values.emails,
            "email.clicks": values.emails,
            "email.engagements": values.emails,
            "profile.age": values.age,
            "wallet.redemptions": values.wallet_figure,
            "wallet.lifetime_issued": values.wallet_figure,
        }.items()
    },
}
"""Fields whose steps say `at_least`: orders and credit in the campaign's currency, emails as far back as single days
are known."""
WORDS: dict[str, Callable[[Profile], str | None]] = {
    "tier": values.tier,
    "predicted_spend_tier": lambda profile: profile.person.predicted_spend_tier,
    "profile.country": lambda profile: profile.person.address.country,
    "profile.region": lambda profile: profile.person.address.region,
    "profile.locale": lambda profile: profile.person.locale,
}
"""Fields whose steps say `equals`."""
