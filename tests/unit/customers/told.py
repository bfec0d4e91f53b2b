"""What can be told of a customer, made up by chance; and a shop that tells it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import reduce

from chalicelib.customers.activity import MAX_RECENT_ID_BYTES
from chalicelib.customers.contribution import LineFacts, contributed, contribution_of
from chalicelib.customers.happening import (
    CheckoutAbandoned,
    CheckoutStarted,
    CollectionViewed,
    EmailSeen,
    Happening,
    PersonTold,
    ProductViewed,
    after,
)
from chalicelib.customers.profile import FIELDS, Address, Profile
from chalicelib.ledger.limits import DAY_MS, MAX_AMOUNT
from chalicelib.ledger.orders import Order
from chalicelib.ledger.policy import Policy

POLICY = Policy("1", UTC)
BEGIN = 1_700_000_000_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@+-"
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "SEK", "NOK", "DKK", "CHF")


def an_id(dice: random.Random, characters: int = 128) -> str:
    return "".join(dice.choice(ALPHABET) for _ in range(characters))


def a_text(dice: random.Random, characters: int) -> str:
    """Of characters that need three bytes each."""
    return "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(characters))


def an_instant(dice: random.Random, days: int = 900) -> int:
    return BEGIN + dice.randrange(days * DAY_MS)


def a_person(dice: random.Random) -> PersonTold:
    """Everything that can be said of one, as long as it may be."""
    told = {
        "email": an_id(dice, 254),
        "phone": "+123456789012345",
        "locale": an_id(dice, 35),
        "birth_date": date(1990, 1, dice.randrange(1, 29)),
        "consents.email": dice.random() < 0.5,
        "consents.sms": dice.random() < 0.5,
        "consents.push": dice.random() < 0.5,
        "tags": tuple(a_text(dice, 6) for _ in range(34)),
        "attributes": {an_id(dice, 8): a_text(dice, 6) for _ in range(22)},
        "address": Address("DE", a_text(dice, 40), a_text(dice, 40), a_text(dice, 16)),
        "predicted_spend_tier": dice.choice(["high", "medium", "low"]),
        "has_account": dice.random() < 0.5,
    }
    assert set(told) == set(FIELDS)
    return PersonTold("c", dict(dice.sample(sorted(told.items()), dice.randrange(1, len(told) + 1))))


def a_happening(dice: random.Random) -> Happening:
    characters = dice.choice((5, MAX_RECENT_ID_BYTES, 128))
    collections = tuple(an_id(dice) for _ in range(dice.randrange(4)))
    match dice.randrange(7):
        case 0:
            return a_person(dice)
        case 1:
            return EmailSeen("c", opens=1)
        case 2:
            return EmailSeen("c", clicks=1)
        case 3:
            return ProductViewed("c", an_id(dice, characters), collections)
        case 4:
            return CollectionViewed("c", an_id(dice))
        case 5:
            return CheckoutStarted("c")
        case _:
            return CheckoutAbandoned("c", dice.randrange(MAX_AMOUNT), dice.choice(CURRENCIES))


@dataclass(frozen=True)
class Sold:
    """An order with all that became of it, in the states that somebody may have seen it in, the last one last."""

    states: tuple[Order, ...]
    lines: tuple[LineFacts, ...]


def a_sale(dice: random.Random, name: str) -> Sold:
    total = dice.randrange(1, MAX_AMOUNT)
    order = Order(name, "c", dice.choice(CURRENCIES), total=total, paid_at=an_instant(dice), version=1)
    states = [order]
    if dice.random() < 0.3:
        states.append(replace(order, cancelled=True, version=2))
    lines = tuple(LineFacts(an_id(dice), (an_id(dice), "new")) for _ in range(dice.randrange(4)))
    return Sold(tuple(states), lines)


def sold(profile: Profile, sale: Sold, states: tuple[Order, ...]) -> Profile:
    """The profile after an order was synced in these states, one after the other."""
    before = None
    for order in states:
        now = contribution_of(order, sale.lines, before, UTC, 0)
        profile = contributed(profile, order.id, before, now)
        before = now
    return profile


def happened(profile: Profile, told: Iterable[tuple[Happening, int]]) -> Profile:
    return reduce(lambda done, each: after(done, each[0], each[1], POLICY), told, profile)
