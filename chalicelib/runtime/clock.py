"""The clock port: the one module that asks the machine what time it is.

Instants are milliseconds since 1970-01-01T00:00Z. Durations are measured on the monotonic clock, which nobody sets.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant (milliseconds, UTC)."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


def stopwatch() -> float:
    """A reading (seconds) that only differences mean something of."""
    return time.monotonic()


@dataclass(frozen=True)
class Deadline:
    """When an answer must be on its way, as a stopwatch reading (seconds)."""

    ends_at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(stopwatch() + seconds)

    @property
    def remaining_seconds(self) -> float:
        return self.ends_at - stopwatch()
