"""The policy in force, as one process knows it: read from the store, and believed for some seconds.

    just read        believed without a look                                FRESH_SECONDS
    older            read again; where that fails, still believed           STALE_SECONDS
    older than that  not believed: `Unread` until it can be read again

So a change is everywhere within FRESH_SECONDS, a command costs no read for it but one in FRESH_SECONDS, and a table
that cannot be read for a moment takes nothing down that would not go down by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from chalicelib.ledger.policy import Policy
from chalicelib.runtime import clock
from chalicelib.settings.document import policy_of
from chalicelib.store.settings import Shelf
from chalicelib.store.signals import Unread

FRESH_SECONDS = 5.0
STALE_SECONDS = 300.0

assert FRESH_SECONDS < STALE_SECONDS


class _Known(NamedTuple):
    policy: Policy
    read_at: float
    look_at: float
    """When to read next, a stopwatch reading as `read_at` is (seconds)."""


class StoredPolicies:
    """The policy that the settings on a shelf make, for a merchant in this zone."""

    def __init__(self, shelf: Shelf, zone: tzinfo, stopwatch: Callable[[], float] = clock.stopwatch) -> None:
        self._shelf = shelf
        self._zone = zone
        self._stopwatch = stopwatch
        self._known: _Known | None = None

    def current(self) -> Policy:
        """The policy as stored at most FRESH_SECONDS ago; or STALE_SECONDS, where it cannot be read.

        :raises Unread: it cannot be read, and what is known is older
        :raises NewerSchema: a later version of this code stored it
        """
        known, now = self._known, self._stopwatch()
        if known is not None and now < known.look_at:
            return known.policy
        try:
            stored = self._shelf.read()
        except Unread:
            if known is None or now >= known.read_at + STALE_SECONDS:
                raise
            self._known = known._replace(look_at=now + FRESH_SECONDS)
            return known.policy
        document, version = (stored.document, stored.version) if stored else ({}, 0)
        policy = policy_of(document, version, self._zone)
        self._known = _Known(policy, now, now + FRESH_SECONDS)
        return policy
