"""The functions that no caller waits for, as they are deployed, in simulated surroundings.

A call of one is a process of its own: it has its clock, and may be killed at any request. What it would write as its
log line goes nowhere, save what it says is a defect of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from chalicelib import wiring
from chalicelib.edge.functions import intake, publishing, releasing
from chalicelib.expiry import handlers
from chalicelib.expiry import sweep as sweeping
from chalicelib.messaging import bus as messaging
from chalicelib.runtime import telemetry
from chalicelib.store.commit import Engine
from chalicelib.store.converging import converge
from chalicelib.store.once import once
from chalicelib.store.signals import Unread
from tests.simulation.queues import Context
from tests.simulation.smallness import small
from tests.simulation.stream import bus
from tests.simulation.weather import Killed

if TYPE_CHECKING:
    from tests.simulation.world import World

SWEEP_SECONDS = RELEASE_SECONDS = 60.0
POISON = (
    "",
    "{",
    "[]",
    '{"wallets":[["a/b","EUR"]]}',
    '{"wallets":[]}',
    '{"shard":"99","until":1,"after":[1,"a","EUR"]}',
)
"""Bodies that the settle queue's function can do nothing with."""
INDEX_SETTLES_SECONDS = 120.0
"""After which every index has seen everything, whatever the weather was."""


def sweep(world: World, dice: random.Random, step: int) -> None:
    """One sweep, in a process that may be killed."""
    context = Context(world.weaver, f"sweep-{step}", SWEEP_SECONDS)
    try:
        handlers.sweep_now(dice.choice(world.processes), world.settle_queue, context)
    except (Unread, Killed):
        return


def last_sweep(world: World) -> bool:
    """When all is over and nothing fails any more: a sweep as every minute does it, and all that follows from it.

    Whether it found anything.
    """
    world.weaver.pause(INDEX_SETTLES_SECONDS)
    world.swept_at = world.now
    found: list[dict[str, Any]] = []
    context = Context(world.weaver, "last-sweep", SWEEP_SECONDS)
    world.weaver.start(
        "last sweep",
        lambda: found.append(handlers.sweep_now(world.processes[0], world.settle_queue, context)),
    )
    world.weaver.run()
    return bool(found[0]["nominated"])


def look(world: World, dice: random.Random, step: int) -> None:
    """The minute job of releases, in a process that may be killed."""
    context = Context(world.weaver, f"release-{step}", RELEASE_SECONDS)
    try:
        releasing.release_now(dice.choice(world.processes), world.release_queue, context)
    except (Unread, Killed):
        return


def last_look(world: World) -> None:
    """When all is over and nothing fails any more: the minute job, and all that follows from it."""
    world.weaver.pause(SWEEP_SECONDS)
    context = Context(world.weaver, "last-release", RELEASE_SECONDS)
    world.weaver.start("last release", lambda: releasing.release_now(world.processes[0], world.release_queue, context))
    world.weaver.run()


@contextmanager
def deployed(world: World) -> Iterator[None]:
    """The functions behind their queues, with this world's time instead of the machine's."""
    dice = random.Random(f"{world.seed} processes")

    def process() -> Engine:
        return dice.choice(world.processes)

    world.settle_queue.handler = lambda event, context: handlers.settle_batch(
        process(), world.settle_queue, event, context
    )
    world.release_queue.handler = lambda event, context: releasing.release_batch(
        process(), world.release_queue, event, context
    )
    for name, queue in world.event_queues.items():
        queue.handler = partial(_take_batch, name)

    outlet = bus(world.events_out)

    def fault(request_id: str, operation: str, error: BaseException) -> None:
        world.alarms.append(f"{type(error).__name__} in {operation}: {error}")

    with (
        ExitStack() as stack,
        mock.patch.object(telemetry, "write_line", _unsaid),
        mock.patch.object(telemetry, "write_fault", fault),
        mock.patch.object(handlers, "settings", return_value=SimpleNamespace(stage="local")),
        mock.patch.object(releasing, "settings", return_value=SimpleNamespace(stage="local")),
        mock.patch.object(intake, "settings", return_value=SimpleNamespace(stage="local")),
        mock.patch.object(publishing, "settings", return_value=SimpleNamespace(stage="local")),
        mock.patch.object(messaging._log, "disabled", True),
        mock.patch.object(intake, "max_receives", return_value=world.event_queues["order-events"].max_receipts),
        mock.patch.object(wiring, "engine", process),
        mock.patch.object(wiring, "bus", return_value=outlet),
        mock.patch.object(wiring, "event_queue", lambda name: (world.event_queues[name], world.dead_letters[name])),
        mock.patch.object(sweeping, "ThreadPoolExecutor", _InTurn),
    ):
        small(stack)
        if world.telling is not None:
            world.telling.deploy(stack, process, _InTurn)
        for loop in (once, converge):
            waits = {"sleep": world.weaver.pause, "uniform": dice.random}
            stack.enter_context(mock.patch.dict(loop.__kwdefaults__, waits))
        yield


def _unsaid(*_: object, **__: object) -> None:
    """A log line that nobody reads."""


def _take_batch(name: str, event: dict[str, Any], context: Context) -> dict[str, Any]:
    return intake.take_batch(event, name, context)


class _InTurn:
    """Readers that read one after another: an actor is one thread."""

    def __init__(self, threads: int) -> None:
        pass

    def __enter__(self) -> _InTurn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, act: Callable[[Any], Any], each: Iterable[Any]) -> Iterable[Any]:
        return map(act, each)
