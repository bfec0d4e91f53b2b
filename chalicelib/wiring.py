"""The one place that joins the parts: an engine over this function's tables, policy and clock."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.runtime.clock import Deadline, SystemClock
from chalicelib.runtime.environment import (
    event_bus,
    lift_function,
    notices_queue_url,
    release_queue_url,
    settings,
    settle_queue_url,
)
from chalicelib.runtime.environment import event_queue as event_queue_urls
from chalicelib.runtime.environment import release_schedules as release_schedules_told
from chalicelib.settings.source import StoredPolicies
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.settings import Shelf
from chalicelib.store.tables import bind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.messaging.bus import Bus
    from chalicelib.messaging.functions import Function
    from chalicelib.messaging.queues import Queue
    from chalicelib.messaging.schedules import Schedules
    from chalicelib.performance.lift import Comparison, Lift, Measure


@cache
def engine() -> Engine:
    """The engine of this process, as its environment says."""
    told = settings()
    tables = bind(told.wallets_table, told.ledger_table, told.customers_table, told.campaigns_table)
    store = Store(tables, connect(tables), SystemClock(), test_clock=told.test_clock)
    return Engine(store, StoredPolicies(Shelf(store), told.merchant_zone))


@cache
def bus() -> Bus:
    """The bus of this process; only a function that publishes has one, and only there its code is loaded."""
    from chalicelib.messaging.bus import Bus

    return Bus(event_bus())


@cache
def settle_queue() -> Queue:
    """The queue of due wallets; as with the bus, only who needs it loads its code."""
    from chalicelib.messaging.queues import Queue

    return Queue(settle_queue_url())


@cache
def release_queue() -> Queue:
    """The queue of what is to be done for campaigns and imports."""
    from chalicelib.messaging.queues import Queue

    return Queue(release_queue_url())


@cache
def release_schedules() -> Schedules | None:
    """One-off schedules of looks at campaigns; None where the stage has none."""
    told = release_schedules_told()
    if told is None:
        return None
    from chalicelib.messaging.schedules import Schedules

    return Schedules(*told)


@cache
def notices_queue() -> Queue:
    """The queue of notices that are to be sent."""
    from chalicelib.messaging.queues import Queue

    return Queue(notices_queue_url())


def measure(deadline: Deadline) -> Measure:
    """What measures lifts until then: another function, which is looked for when there is something to be measured."""

    def by_function(comparisons: Sequence[Comparison]) -> Sequence[Lift]:
        from chalicelib.performance.measuring import measured_by

        return measured_by(_lift_function(), deadline)(comparisons)

    return by_function


@cache
def _lift_function() -> Function:
    from chalicelib.messaging.functions import Function

    return Function(lift_function())


@cache
def event_queue(name: str) -> tuple[Queue, Queue]:
    """A queue of events by its short name, and its dead letters."""
    from chalicelib.messaging.queues import Queue

    told = event_queue_urls(name)
    return Queue(told.url), Queue(told.dead_letters_url)
