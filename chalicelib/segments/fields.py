"""What a leaf of a `where` tree can ask about: each field, the shape of its value, what it may say besides.

    shape        value                                  ops
    COUNT MONEY  integer from 0                         = != > >= < <= in exists
    DAY          a day, see `where`                     = != > >= < <= exists         (the later day is the greater)
    FLAG         true or false                          = != exists
    WORD         string                                 = != in exists
    WORDS        string, or list of strings             = != in contains exists       (contains a list: all of them)
    PERCENTILE   integer from 0 to 100                  > >= < <=
    ATTRIBUTE    string, integer or true and false      = != > >= < <= in exists

`in` takes a list of what `=` takes one of. `exists` takes true (or nothing), or false. What lies ahead may also be `=`
or `!=` true or false: whether it does, within `within_days`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """What the value of a leaf looks like, and so what it can be compared by."""

    COUNT = "count"
    MONEY = "money"
    DAY = "day"
    FLAG = "flag"
    WORD = "word"
    WORDS = "words"
    PERCENTILE = "percentile"
    ATTRIBUTE = "attribute"


class Besides(StrEnum):
    """What a leaf may say besides, about the field."""

    CURRENCY = "currency"
    """`of` names the currency."""
    ATTRIBUTE = "attribute"
    """`of` names the attribute, and must be there."""
    WINDOW = "window"
    """`within_days`, or `from` and `to`: only what happened on these days."""
    AHEAD = "ahead"
    """`within_days`: today and so many days after it."""


_EQUAL = frozenset({"=", "!=", "exists"})
_ORDERED = frozenset({">", ">=", "<", "<="})
OPS: dict[Shape, frozenset[str]] = {
    Shape.COUNT: _EQUAL | _ORDERED | {"in"},
    Shape.MONEY: _EQUAL | _ORDERED | {"in"},
    Shape.DAY: _EQUAL | _ORDERED,
    Shape.FLAG: _EQUAL,
    Shape.WORD: _EQUAL | {"in"},
    Shape.WORDS: _EQUAL | {"in", "contains"},
    Shape.PERCENTILE: _ORDERED,
    Shape.ATTRIBUTE: _EQUAL | _ORDERED | {"in"},
}
ALL_OPS = frozenset().union(*OPS.values())


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the contract."""

    name: str
    shape: Shape
    besides: frozenset[Besides] = frozenset()
    words: frozenset[str] | None = None
    """All that a word of it can be, where that is known."""


def _field(name: str, shape: Shape, *besides: Besides, words: frozenset[str] | None = None) -> Field:
    return Field(name, shape, frozenset(besides), words)


_MONEY_IN_TIME = (Besides.CURRENCY, Besides.WINDOW)
TIERS = frozenset({"high", "medium", "low"})

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        _field("orders.count", Shape.COUNT, *_MONEY_IN_TIME),
        _field("orders.total", Shape.MONEY, *_MONEY_IN_TIME),
        _field("orders.average", Shape.MONEY, *_MONEY_IN_TIME),
        _field("orders.last_at", Shape.DAY, *_MONEY_IN_TIME),
        _field("orders.first_at", Shape.DAY, *_MONEY_IN_TIME),
        _field("products.bought", Shape.WORDS, Besides.WINDOW),
        _field("tags.bought", Shape.WORDS, Besides.WINDOW),
        _field("products.viewed", Shape.WORDS, Besides.WINDOW),
        _field("collections.viewed", Shape.WORDS, Besides.WINDOW),
        _field("email.opens", Shape.COUNT, Besides.WINDOW),
        _field("email.clicks", Shape.COUNT, Besides.WINDOW),
        _field("email.engagements", Shape.COUNT, Besides.WINDOW),
        _field("email.subscribed", Shape.FLAG),
        _field("checkout.abandoned", Shape.FLAG, Besides.WINDOW),
        _field("birthday", Shape.COUNT, Besides.AHEAD),
        _field("profile.country", Shape.WORD),
        _field("profile.region", Shape.WORD),
        _field("profile.locale", Shape.WORD),
        _field("profile.tags", Shape.WORDS),
        _field("profile.attributes", Shape.ATTRIBUTE, Besides.ATTRIBUTE),
        _field("profile.has_account", Shape.FLAG),
        _field("profile.age", Shape.COUNT),
        _field("predicted_spend_tier", Shape.WORD, words=TIERS),
        _field("spend.percentile", Shape.PERCENTILE, Besides.CURRENCY),
        _field("tier", Shape.WORD),
        _field("wallet.available", Shape.MONEY, Besides.CURRENCY),
        _field("wallet.expiring_within_days", Shape.COUNT, Besides.CURRENCY, Besides.AHEAD),
        _field("wallet.last_redeemed_at", Shape.DAY, *_MONEY_IN_TIME),
        _field("wallet.redemptions", Shape.COUNT, Besides.CURRENCY),
        _field("wallet.lifetime_issued", Shape.MONEY, Besides.CURRENCY),
    )
}
WALLET_FIELDS = frozenset({"wallet.available", "wallet.expiring_within_days"})
"""Fields that no profile has: the wallet itself is read for them."""
