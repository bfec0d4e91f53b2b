"""One history's world: the application's functions over one engine, its wallets, its weather, and who acts in it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from typing import Any

from chalicelib.settings.source import StoredPolicies
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.settings import Shelf
from chalicelib.store.tables import OPERATION, Tables, bind
from dev.fragment import fragment, table_definitions
from tests.engine.till import Till
from tests.passbook import instant
from tests.simulation.engine_fake import EngineFake
from tests.simulation.history import History
from tests.simulation.line import Engine as LineEngine
from tests.simulation.line import Line
from tests.simulation.queues import FakeQueue
from tests.simulation.stream import FakeEvents
from tests.simulation.tables_fake import Put
from tests.simulation.weather import Weather
from tests.simulation.weaving import Weaver

FUNCTION_SECONDS = 30.0
START = instant("2027-03-01T12:00")
CALLER = "shop"
MOST_WALLETS = 3
MOST_ORDERS = 5


@dataclass
class Known:
    """Ids that callers were told about one wallet: what their next commands are about."""

    lots: list[str] = field(default_factory=list)
    redemptions: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TrueClock:
    """The simulated time as one machine's clock shows it: so many milliseconds beside the true one."""

    weaver: Weaver
    skew_ms: int = 0

    def now(self) -> int:
        return START + self.weaver.now_ms + self.skew_ms


class World:
    """Built from a seed; the same seed builds the same world, over whatever engine."""

    def __init__(self, seed: int, tables: Tables, engine: LineEngine, *, stale_indexes: bool = True) -> None:
        self.seed = seed
        self.tables = tables
        self.dice = random.Random(f"{seed} world")
        self.weather = Weather.drawn(random.Random(f"{seed} weather"), stale_indexes=stale_indexes)
        self.weaver = Weaver(random.Random(f"{seed} ties"))
        self.history = History()
        self.line = Line(self.weaver, self.weather, self._watched(engine))
        self.wallets = [
            WalletId(f"customer-{seed}-{number}", "EUR") for number in range(self.dice.randint(1, MOST_WALLETS))
        ]
        self.orders = [f"order-{number}" for number in range(self.dice.randint(2, MOST_ORDERS))]
        self.known: dict[WalletId, Known] = defaultdict(Known)
        self.connections = self.line.connections(tables)
        self.processes = [self._process(skew) for skew in self.weather.skews_ms]
        """Engines as different processes of a function have them: same tables, clocks of their own."""
        self.settle_queue = self._queue("settle", "SettleQueue")
        self.event_queues = {
            "order-events": self._queue("order-events", "OrderEventsQueue"),
            "refund-events": self._queue("refund-events", "RefundEventsQueue"),
        }
        self.dead_letters = {name: self._queue(f"{name}-dead-letters", None) for name in self.event_queues}
        self.sent: dict[tuple[str, str], Any] = {}
        """Events by (source, id), as their producers keep them."""
        self.stream: list[Put] | None = None
        """What was put into the ledger; None over an engine whose stream nobody follows."""
        self.events_out = FakeEvents(random.Random(f"{seed} bus"), self.weather.met)
        self.swept_at = 0
        """When the last sweep of all began (milliseconds)."""
        self.alarms: list[str] = []
        """Defects that a function told about itself, as its log has them."""

    def _queue(self, name: str, resource: str | None) -> FakeQueue:
        return FakeQueue(
            name,
            self.weaver,
            self.weather,
            random.Random(f"{self.seed} queue {name}"),
            function_seconds=FUNCTION_SECONDS,
            **(queue_settings(resource) if resource else {}),
        )

    @property
    def queues(self) -> list[FakeQueue]:
        """Those that a function reads."""
        return [self.settle_queue, *self.event_queues.values()]

    def _process(self, skew_ms: int) -> Engine:
        store = Store(self.tables, self.connections, TrueClock(self.weaver, skew_ms), test_clock=False)
        policies = StoredPolicies(Shelf(store), UTC, stopwatch=self.weaver.seconds)
        pauses = random.Random(f"{self.seed} pauses {skew_ms}")
        return Engine(store, policies, sleep=self.weaver.pause, uniform=pauses.random)

    def _watched(self, engine: LineEngine) -> LineEngine:
        """The engine, with a note in the history of every operation whose record it takes."""

        def watched(operation: str, request: dict[str, Any]) -> dict[str, Any]:
            answer = engine(operation, request)
            if operation == "TransactWriteItems":
                for action in request["TransactItems"]:
                    item = action["Put"]["Item"] if "Put" in action else {}
                    if item.get("sk", {}).get("S") == OPERATION:
                        self.history.note_commit(item["pk"]["S"][1:])
            return answer

        return watched

    @property
    def now(self) -> int:
        """The true time (milliseconds)."""
        return START + self.weaver.now_ms

    def till(self, dice: random.Random) -> Till:
        """Some process of the API."""
        return Till(dice.choice(self.processes), CALLER)

    def dice_for(self, step: int) -> random.Random:
        """The chance of one step, which no other step draws from."""
        return random.Random(f"{self.seed} step {step}")


Actor = Callable[[World, random.Random, int], None]
"""What one step does: everything that it starts under one name, with dice of its own; the number is the step's."""

WALLETS_TABLE, LEDGER_TABLE = "wallets", "ledger"


@cache
def queue_settings(resource: str) -> dict[str, Any]:
    """What a queue is deployed with."""
    properties = fragment("local")["Resources"][resource]["Properties"]
    return {
        "visibility_seconds": properties["VisibilityTimeout"],
        "max_receipts": properties["RedrivePolicy"]["maxReceiveCount"],
    }


@cache
def _definitions() -> dict[str, dict[str, Any]]:
    return table_definitions()


def fake_world(seed: int, *, stale_indexes: bool = True) -> tuple[World, EngineFake]:
    """A world over a new fake engine, with the tables as they are deployed."""
    definitions = _definitions()
    held: list[World] = []
    dice = random.Random(f"{seed} indexes")
    fake = EngineFake(
        {WALLETS_TABLE: definitions["wallets"], LEDGER_TABLE: definitions["ledger"]},
        now=lambda: held[0].weaver.now_ms,
        lag=lambda: held[0].weather.index_lag(dice),
    )
    held.append(World(seed, bind(WALLETS_TABLE, LEDGER_TABLE), fake.call, stale_indexes=stale_indexes))
    held[0].stream = fake.tables[LEDGER_TABLE].stream
    return held[0], fake
