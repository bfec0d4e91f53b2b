"""Made-up customers with a plausible year behind them: orders, emails, views. The same seed makes the same people.

Each is folded from what happened to them by the code that folds events, so their profiles are those that a year of
events would have left; only the hundred thousand messages are spared.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from chalicelib.customers import distribution
from chalicelib.customers.contribution import Contribution, contributed
from chalicelib.customers.days import day_of
from chalicelib.customers.happening import CheckoutAbandoned, EmailSeen, PersonTold, ProductViewed, after
from chalicelib.customers.profile import Address, Profile
from chalicelib.customers.store import Profiles, shard_of
from chalicelib.customers.traces import trace_of
from chalicelib.ledger.policy import Policy
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal
from chalicelib.store.writes import Write, commit

DAY_MS = 86_400_000
YEAR_DAYS = 365
CURRENCY = "EUR"
PRODUCTS = tuple(f"{kind}-{number}" for kind in ("tea", "coffee", "cup", "pot", "honey") for number in range(1, 9))
TOWNS = (("DE", "BE", "Berlin"), ("DE", "HH", "Hamburg"), ("FR", "IDF", "Paris"), ("AT", "9", "Wien"))
LOCALES = {"DE": "de-DE", "FR": "fr-FR", "AT": "de-AT"}
PROFILES_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Habit:
    """How one kind of customer behaves. `quiet_days` is how long ago they stopped ordering."""

    share: int
    """Of a hundred customers."""
    orders: tuple[int, int]
    basket: tuple[int, int]
    quiet_days: int
    opens: int
    clicks: int


HABITS = (
    Habit(share=18, orders=(6, 20), basket=(2_500, 9_000), quiet_days=0, opens=30, clicks=8),
    Habit(share=14, orders=(3, 9), basket=(2_000, 7_000), quiet_days=100, opens=6, clicks=1),
    Habit(share=28, orders=(1, 1), basket=(1_500, 6_000), quiet_days=20, opens=10, clicks=2),
    Habit(share=5, orders=(8, 18), basket=(15_000, 40_000), quiet_days=190, opens=4, clicks=1),
    Habit(share=20, orders=(0, 0), basket=(0, 0), quiet_days=0, opens=14, clicks=4),
    Habit(share=15, orders=(0, 2), basket=(1_000, 3_000), quiet_days=0, opens=0, clicks=0),
)


def people(names: Iterable[str], seed: int, now: int, policy: Policy) -> Iterator[Profile]:
    """A profile for each name, as of an instant (milliseconds)."""
    dice = random.Random(seed)
    for name in names:
        habit = dice.choices(HABITS, [each.share for each in HABITS])[0]
        yield _person(Profile(name), habit, dice, now, policy)


def move_in(store: Store, profiles: Iterable[Profile]) -> int:
    """Store new profiles, and count them where spend is counted; how many there were."""
    of_shard: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles:
        of_shard[shard_of(profile.customer)].append(profile)
    home = Profiles(store)
    for members in of_shard.values():
        for start in range(0, len(members), PROFILES_AT_ONCE):
            some = members[start : start + PROFILES_AT_ONCE]
            counted = distribution.moved(home.documents, [(Profile(each.customer), each) for each in some])
            writes: list[Write] = [*(home.write(each) for each in some), *counted]
            assert commit(store, writes) is Signal.COMMITTED, "nobody has these names yet"
    return sum(map(len, of_shard.values()))


def tag_of(customer: str) -> str:
    """What the people of one crowd have in common: the part of their names ahead of the number."""
    return customer.rpartition("-")[0]


def _person(profile: Profile, habit: Habit, dice: random.Random, now: int, policy: Policy) -> Profile:
    country, region, city = dice.choice(TOWNS)
    told = {
        "email": f"{profile.customer}@example.com",
        "locale": LOCALES[country],
        "address": Address(country, region, city),
        "birth_date": date(dice.randint(1950, 2004), dice.randint(1, 12), dice.randint(1, 28)),
        "consents.email": dice.random() < 0.7,
        "has_account": dice.random() < 0.6,
        "tags": (tag_of(profile.customer),),
    }
    profile = after(profile, PersonTold(profile.customer, told), now - YEAR_DAYS * DAY_MS, policy)
    for number in range(dice.randint(*habit.orders)):
        profile = _ordered(profile, f"{profile.customer}-{number}", habit, dice, now, policy)
    for count, what in ((habit.opens, {"opens": 1}), (habit.clicks, {"clicks": 1})):
        for _ in range(dice.randint(0, count)):
            profile = after(profile, EmailSeen(profile.customer, **what), _some_time(dice, now, 0), policy)
    for _ in range(dice.randint(0, 6)):
        profile = after(
            profile, ProductViewed(profile.customer, dice.choice(PRODUCTS)), _some_time(dice, now, 0), policy
        )
    if dice.random() < 0.1:
        left = CheckoutAbandoned(profile.customer, dice.randint(1_000, 9_000), CURRENCY)
        profile = after(profile, left, now - dice.randint(1, 40) * DAY_MS, policy)
    return profile


def _ordered(profile: Profile, order: str, habit: Habit, dice: random.Random, now: int, policy: Policy) -> Profile:
    at, bought = _some_time(dice, now, habit.quiet_days), dice.sample(PRODUCTS, dice.randint(1, 3))
    told = Contribution(
        at=at,
        day=day_of(at, policy.zone),
        currency=CURRENCY,
        order_version=1,
        counts=True,
        total=dice.randint(*habit.basket),
        products=tuple(sorted(trace_of(product) for product in bought)),
        tags=tuple(sorted({trace_of(product.partition("-")[0]) for product in bought})),
        recent=tuple(bought),
    )
    return contributed(profile, order, None, told)


def _some_time(dice: random.Random, now: int, quiet_days: int) -> int:
    return now - dice.randint(quiet_days * DAY_MS + 1, YEAR_DAYS * DAY_MS)
