"""Many actors in one thread, one at a time, in an order that a seed decides; and the only time there is.

An actor runs until it pauses: at each request, twice (on its way there, and on its way back), and at each sleep. Then
whoever is due next goes on. Nothing takes time but pauses, so days pass in no time, and the same seed gives the same
order to the last step.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from chalicelib.runtime import clock

MILLISECONDS = 1_000


class Weaver:
    """The order of events. `dice` breaks ties: what is due in the same millisecond happens in any order."""

    def __init__(self, dice: random.Random) -> None:
        self.now_ms = 0
        """Since the beginning."""
        self._dice = dice
        self._due: list[tuple[int, float, int, Callable[[], Any]]] = []
        self._count = 0
        self._hub = getcurrent()
        self._names: dict[Any, str] = {}

    @property
    def actor(self) -> str:
        """Who is acting; empty between acts."""
        return self._names.get(getcurrent(), "")

    def seconds(self) -> float:
        """The reading of a stopwatch."""
        return self.now_ms / MILLISECONDS

    def after(self, seconds: float, act: Callable[[], Any]) -> None:
        """Let something happen later. It must not pause: for that, `start` an actor."""
        self._count += 1
        at = self.now_ms + round(seconds * MILLISECONDS)
        heapq.heappush(self._due, (at, self._dice.random(), self._count, act))

    def start(self, name: str, act: Callable[[], Any], seconds: float = 0.0) -> None:
        """Let an actor begin after so many seconds. What it raises ends the run, and comes out of `run`."""
        thread = greenlet(act, parent=self._hub)
        self._names[thread] = name
        self.after(seconds, thread.switch)

    def pause(self, seconds: float) -> None:
        """Let the others go on, and return when the time is over. Outside of actors the time passes at once."""
        mine = getcurrent()
        if mine is self._hub:
            self.now_ms += round(seconds * MILLISECONDS)
            return
        self.after(seconds, mine.switch)
        self._hub.switch()

    def run(self) -> None:
        """Until nobody has anything left to do."""
        while self._due:
            at, _, _, act = heapq.heappop(self._due)
            self.now_ms = max(self.now_ms, at)
            act()

    def abandon(self) -> None:
        """End what is still under way, so that nothing of it lives on in the process."""
        self._due.clear()
        for thread in list(self._names):
            if not thread.dead and thread:
                thread.throw()

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Let the application's deadlines run by this time."""
        real = clock.stopwatch
        clock.stopwatch = self.seconds
        try:
            yield
        finally:
            clock.stopwatch = real
            self.abandon()
