"""The rules in force, as one process knows them: read from the store, and believed for some seconds.

Whoever has received a batch of orders looks again (`look_again`): so a rule that was there before an order was told is
held against it, and the orders of one batch cost one read for the rules. Otherwise, as with the policy
(`settings.source`), a change is everywhere within FRESH_SECONDS; and where they cannot be read for a moment they are
believed for STALE_SECONDS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from chalicelib.rules.model import Rule, State
from chalicelib.rules.store import documents, every
from chalicelib.runtime import clock
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread

FRESH_SECONDS = 5.0
STALE_SECONDS = 300.0

assert FRESH_SECONDS < STALE_SECONDS


class _Known(NamedTuple):
    rules: tuple[Rule, ...]
    read_at: float
    look_at: float
    """When to read next, a stopwatch reading as `read_at` is (seconds)."""


class StoredRules:
    """The active rules of a store, those that were made first in front."""

    def __init__(self, store: Store, stopwatch: Callable[[], float] = clock.stopwatch) -> None:
        self._documents = documents(store)
        self._stopwatch = stopwatch
        self._known: _Known | None = None

    def current(self) -> tuple[Rule, ...]:
        """The rules as stored at most FRESH_SECONDS ago; or STALE_SECONDS, where they cannot be read.

        :raises Unread: they cannot be read, and what is known is older
        """
        known, now = self._known, self._stopwatch()
        if known is not None and now < known.look_at:
            return known.rules
        try:
            rules = tuple(rule for rule in every(self._documents) if rule.state is State.ACTIVE)
        except Unread:
            if known is None or now >= known.read_at + STALE_SECONDS:
                raise
            self._known = known._replace(look_at=now + FRESH_SECONDS)
            return known.rules
        self._known = _Known(rules, now, now + FRESH_SECONDS)
        return rules

    def look_again(self) -> None:
        """Let the rules be read before they are believed the next time."""
        if self._known is not None:
            self._known = self._known._replace(look_at=self._stopwatch())


_SOURCES: WeakKeyDictionary[Store, StoredRules] = WeakKeyDictionary()


def rules_of(store: Store) -> StoredRules:
    """What this process knows of the rules of a store."""
    source = _SOURCES.get(store)
    if source is None:
        source = _SOURCES[store] = StoredRules(store)
    return source


def look_again(store: Store) -> None:
    """What this process knows of the rules of a store is from before: see `StoredRules.look_again`."""
    if store in _SOURCES:
        _SOURCES[store].look_again()
