"""How fast one worker credits: its share of what all of them may, so that checkout is not slowed down."""

from __future__ import annotations

from chalicelib.runtime import clock
from chalicelib.store.commit import Engine

WORKERS = 5
"""Pieces that are granted at once at the most: the concurrency of the function."""
PAUSE_SECONDS = 5.0
"""A worker pauses no longer before a group of several wallets; where fewer a second are allowed, groups are smaller."""


class Pace:
    """Keeps one worker within its share of the wallets a second that all of them may credit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._per_second = engine.policy.release_wallets_per_second / WORKERS
        self._free_at = clock.stopwatch()

    def group(self, most: int) -> int:
        """How many are credited at once, at most so many."""
        return min(most, max(1, int(self._per_second * PAUSE_SECONDS)))

    def seconds(self, wallets: int) -> float:
        """How long to wait before so many are credited."""
        now = clock.stopwatch()
        self._free_at = max(now, self._free_at) + wallets / self._per_second
        return self._free_at - now

    def sleep(self, seconds: float) -> None:
        self._engine.sleep(seconds)
