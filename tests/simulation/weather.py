"""What goes wrong in one history: how often requests meet which fault, how late an index is, how far clocks are apart.

Each history has weather of its own, drawn from its seed, so that some run under one kind of trouble alone and some
under all.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What a request may meet."""

    ANSWER_LOST = "answer lost after the work was done"
    LATE = "request lands after it was given up"
    REQUEST_LOST = "request never arrives"
    NO_CONNECTION = "no connection"
    ERROR_BEFORE = "500, nothing done"
    ERROR_AFTER = "500, done all the same"
    THROTTLED = "throttled"
    THROTTLED_INSIDE = "throttled inside the transaction"
    CONFLICT = "transaction conflict"
    UNPROCESSED = "part of a batch not processed"
    SHORT_PAGE = "page ends before its limit"
    KILLED = "function killed"
    SLOW = "slow answer"
    OUTAGE = "done unheard, and then no line to anything for a while"


class Killed(BaseException):
    """The function's process is gone, in the middle of a request. No code of it runs any more."""


ANY = (
    Fault.ANSWER_LOST,
    Fault.REQUEST_LOST,
    Fault.NO_CONNECTION,
    Fault.ERROR_BEFORE,
    Fault.ERROR_AFTER,
    Fault.THROTTLED,
    Fault.KILLED,
    Fault.SLOW,
    Fault.OUTAGE,
)
FAULTS: dict[str, tuple[Fault, ...]] = {
    "TransactWriteItems": (*ANY, Fault.LATE, Fault.LATE, Fault.CONFLICT, Fault.THROTTLED_INSIDE),
    "PutItem": (*ANY, Fault.LATE),
    "UpdateItem": (*ANY, Fault.LATE),
    "BatchGetItem": (*ANY, Fault.UNPROCESSED),
    "Query": (*ANY, Fault.SHORT_PAGE),
    "GetItem": ANY,
    "Scan": (),
}

CALM = "calm"
STORMS = (0.0, 0.02, 0.05, 0.1, 0.25)
"""Share of requests that meet a fault."""


@dataclass
class Weather:
    """One history's. `kinds` are the faults that occur in it; what occurred is counted in `met`."""

    dice: random.Random
    rate: float
    kinds: frozenset[Fault]
    index_lag_ms: int
    skews_ms: tuple[int, ...]
    """How far the clocks of the functions' processes are from the true time."""
    message_rate: float
    """Share of messages that are sent twice, lost for a while, or taken in another order."""
    torn_rate: float
    """Share of batches whose items are read at two moments: DynamoDB promises no single one."""
    met: Counter[str] = field(default_factory=Counter)
    over: bool = False

    @classmethod
    def drawn(cls, dice: random.Random, *, stale_indexes: bool = True) -> Weather:
        kinds = frozenset(Fault) if dice.random() < 0.6 else frozenset(dice.sample(list(Fault), 3))
        lag = dice.choice([0, 0, 200, 3_000, 60_000])
        return cls(
            dice=dice,
            rate=dice.choice(STORMS),
            kinds=kinds,
            index_lag_ms=lag if stale_indexes else 0,
            skews_ms=dice.choice([(0,), (0, 0), (0, 150_000, -150_000), (0, 900, -900)]),
            message_rate=dice.choice([0.0, 0.1, 0.3]),
            torn_rate=dice.choice([0.0, 0.2, 0.6]),
        )

    def strikes(self, operation: str) -> Fault | None:
        """What the next request meets."""
        if self.over or self.dice.random() >= self.rate:
            return None
        possible = [fault for fault in FAULTS[operation] if fault in self.kinds]
        if not possible:
            return None
        fault = self.dice.choice(possible)
        self.met[fault] += 1
        return fault

    def happens(self, what: str, share: float) -> bool:
        """Whether something that is no fault of a request happens now."""
        if self.over or self.dice.random() >= share:
            return False
        self.met[what] += 1
        return True

    def latency_seconds(self) -> float:
        """One way of a request."""
        return self.dice.choice((0.001, 0.001, 0.002, 0.003, 0.005, 0.015))

    def index_lag(self, dice: random.Random) -> int:
        """How long (milliseconds) the indexes do not know a write. The dice are the engine's own: another engine that
        draws none meets the same weather."""
        return 0 if self.over else dice.randint(0, self.index_lag_ms)
