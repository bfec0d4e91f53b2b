"""Writing until nothing is left to write: for what follows from what is stored, and is right to do again.

    decide -> nothing to write --> done
      ^  `--> commit ---COMMITTED--> done
      |         `----- MOVED, NOT_COMMITTED, THROTTLED, UNKNOWN: wait ---+
      +------------------------------------------------------------------+

No key is kept. `decide` reads each time anew and compares what should be with what is, so an attempt whose answer was
lost is found by it to have left nothing to do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_lost_race, after_trouble
from chalicelib.store.commit import ATTEMPT_SECONDS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, Signal
from chalicelib.store.writes import Write, commit

MAX_ATTEMPTS = 12


def converge(
    store: Store,
    deadline: Deadline,
    decide: Callable[[], Sequence[Write]],
    *,
    sleep: Callable[[float], None] = time.sleep,
    uniform: Callable[[], float] = random.random,
) -> None:
    """Write what `decide` says is missing, in one transaction, until it is written.

    :raises Busy: attempts or time ran out; it may be written, and doing it again finds out
    :raises Unread: what to write could not be read
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        if deadline.remaining_seconds < ATTEMPT_SECONDS:
            break
        writes = decide()
        if not writes:
            return
        signal = commit(store, writes)
        if signal is Signal.COMMITTED:
            return
        wait = after_lost_race if signal in (Signal.MOVED, Signal.NOT_COMMITTED) else after_trouble
        sleep(max(0.0, min(wait(attempt, uniform), deadline.remaining_seconds)))
    raise Busy
