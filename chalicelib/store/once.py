"""Doing something to documents exactly once: the loop around `writes.commit`.

    decide -> commit ---COMMITTED-----------------------------> the answer
      ^         |-------DONE_BEFORE---------------------------> the same request did it: its answer, or `KeyReused`
      |         |-------MOVED, NOT_COMMITTED, THROTTLED, UNKNOWN: wait ---+
      +-------------------------------------------------------------------+

`decide` reads what it decides from each time anew. What it refuses is only told when the key did nothing before, and no
earlier attempt may still land: the operation's record decides, as it does for money (see `store.commit`).
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_lost_race, after_trouble
from chalicelib.store.commit import ATTEMPT_SECONDS
from chalicelib.store.envelope import Answer, operation_id
from chalicelib.store.packing import inflate
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, KeyReused, OutcomeUnknown, Signal, Unread
from chalicelib.store.writes import Asked, Write, commit

MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class Deed:
    """What is to be written, all of it or nothing, and what is answered once it is."""

    writes: Sequence[Write]
    body: str


Decide = Callable[[], Deed]
D = TypeVar("D")


def once(
    store: Store,
    asked: Asked | None,
    deadline: Deadline,
    decide: Decide,
    *,
    dry_run: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    uniform: Callable[[], float] = random.random,
) -> Answer:
    """Do what `decide` says, exactly once for the request's key. Without one (a PUT, a DELETE, work of our own that is
    right to do again) each call is a request by itself.

    :raises Refused: as `decide` does; nothing changed
    :raises KeyReused: the key stands for another request
    :raises Busy, Unread: nothing changed
    :raises OutcomeUnknown: a retry with the same key tells
    """
    if dry_run:
        return Answer(decide().body)
    wanted = asked or Asked(operation_id("\0once", secrets.token_hex(16)), "")
    doubt = False
    bodies: list[str] = []

    def done_before() -> Answer | None:
        answer = _done_before(store, wanted)
        return answer if answer is None or asked else Answer(bodies[int(answer.body)])

    for attempt in range(1, MAX_ATTEMPTS + 1):
        if deadline.remaining_seconds < ATTEMPT_SECONDS:
            break
        wait = after_trouble
        try:
            try:
                deed = decide()
            except Refused:
                if (asked or doubt) and (answer := done_before()) is not None:
                    return answer
                if not doubt:
                    raise
                sleep(min(wait(attempt, uniform), max(0.0, deadline.remaining_seconds)))
                continue
            if not deed.writes and asked is None:
                return Answer(deed.body)
            # Without a key nobody asks for the answer again, and it may tell of a person who is to be forgotten.
            bodies.append(deed.body)
            signal = commit(store, deed.writes, wanted, deed.body if asked else str(len(bodies) - 1))
            if signal is Signal.COMMITTED:
                return Answer(deed.body)
            if signal is Signal.DONE_BEFORE:
                answer = done_before()
                if answer is not None:
                    return answer
            doubt = doubt or signal is Signal.UNKNOWN
            if signal in (Signal.MOVED, Signal.NOT_COMMITTED):
                wait = after_lost_race
        except Unread:
            if not doubt and attempt == MAX_ATTEMPTS:
                raise
        sleep(min(wait(attempt, uniform), max(0.0, deadline.remaining_seconds)))
    if doubt:
        raise OutcomeUnknown
    raise Busy


def remembered(store: Store, asked: Asked) -> Answer | None:
    """What the request with this key was answered before; None if it had no success yet.

    :raises KeyReused: the key stands for another request
    :raises Unread: it could not be read
    """
    return _done_before(store, asked)


def _done_before(store: Store, wanted: Asked) -> Answer | None:
    row = store.operation(wanted.operation)
    if row is None:
        return None
    if (row.request, row.wallet) != (wanted.fingerprint, wanted.wallet):
        raise KeyReused
    return Answer(inflate(row.answer), replayed=True)
