"""What a wallet on paper is made of: envelopes with coins, coins set aside, and the merchant's settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from chalicelib.ledger.conditions import Conditions

HOUR = 3_600_000
DAY = 24 * HOUR
PAID = {"refund", "exchange", "purchased", "migration"}
GOODWILL = {"compensation", "manual"}
NEVER_EXPIRE = {"refund", "exchange", "purchased"}


class Refusal(Exception):
    """The paper says no; `args[0]` is the code."""


@dataclass
class Envelope:
    """A lot: what is written on it, and the coins in it that nobody has set aside."""

    name: str
    kind: str
    lot_class: str
    priority: int
    starts: int
    ends: int | None
    conditions: Conditions | None
    number: int
    ordinal: int = 0
    reinstated: int = 0
    released_before: bool = False
    coins: list[int] = field(default_factory=list)

    def written(self) -> Envelope:
        """A copy of what is written on it, empty."""
        return replace(self, coins=[])

    def dead(self, at: int) -> bool:
        return self.ends is not None and self.ends <= at

    def alive(self, at: int) -> bool:
        return self.starts <= at and not self.dead(at)


@dataclass
class Aside:
    """A hold: coins with the names of the envelopes they came from."""

    id: str
    order: str
    until: int
    coins: list[tuple[int, str]]
    captured: int = 0


@dataclass
class Settings:
    mode: str = "grace"
    """grace, original_expiry, extend, no_expiry"""
    lifted_days: int = 14
    reinstated_days: int = 30
    released_hours: int = 24
    order: tuple[str, ...] = ("priority", "ends", "scoped", "class", "starts", "number", "name")
    merged: frozenset[str] = frozenset({"loyalty"})
