"""One history's world: the application's functions over one engine, its wallets, its weather, and who acts in it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from typing import Any

from chalicelib.rules import source as rules_source
from chalicelib.rules.model import Terms
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
from tests.simulation.telling import BATCH as NOTICES_BATCH
from tests.simulation.telling import NOTIFY_SECONDS, Telling
from tests.simulation.weather import Weather
from tests.simulation.weaving import Weaver

FUNCTION_SECONDS = 30.0
START = instant("2027-03-01T12:00")
CALLER = "shop"
MOST_WALLETS = 3
MOST_ORDERS = 5
PEOPLE = 8
"""Customers whom campaigns may name, those with wallets among them."""
CURRENCY = "EUR"
OBSERVED = 10
"""Telling people takes many more requests than giving them credit; so it is done in one history of so many."""
CALM_SHARE = 0.3
"""Of the histories that are observed."""
RELEASE_SECONDS = 60.0
"""What the functions of releases are given."""


@dataclass
class Known:
    """Ids that callers were told about one wallet: what their next commands are about."""

    lots: list[str] = field(default_factory=list)
    redemptions: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


@dataclass
class MadeCampaign:
    """A campaign as its marketer knows it. Amounts are minor units."""

    id: str
    amount: int
    budget: int | None
    holdout_basis_points: int
    least: frozenset[str] = frozenset()
    """Who is in its audience in any case."""
    most: frozenset[str] = frozenset()
    """Who may be in it."""
    told: list[str] = field(default_factory=list)
    """What was done to it, as far as that was told."""
    channels: tuple[str, ...] | None = None
    """Over which its people are told; none of them: over all. None: they are not told."""
    reminders: tuple[int, ...] | None = None
    """Days before the end; None: as always."""


@dataclass
class MadeRule:
    """A rule as its merchant knows it. `told_at` (milliseconds) is when it was known to be in force, None: never."""

    id: str
    terms: Terms
    told_at: int | None = None
    touched: bool = False
    """Whether it was paused, or somebody tried to."""


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
            WalletId(f"customer-{seed}-{number}", CURRENCY) for number in range(self.dice.randint(1, MOST_WALLETS))
        ]
        self.people = [f"customer-{seed}-{number}" for number in range(PEOPLE)]
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
        self.release_queue = self._queue("release", "ReleaseQueue", RELEASE_SECONDS, batch=1)
        self.campaigns: dict[str, MadeCampaign] = {}
        self.rules: dict[str, MadeRule] = {}
        self.tagged: set[str] = set()
        """People whose profile has the tag that campaigns look for, as far as that is known."""
        self.marketed: Counter[str] = Counter()
        """What marketers and merchants were told is done, by command."""
        self.first_sent: dict[tuple[str, str], int] = {}
        """When an event was sent for the first time (milliseconds)."""
        self.sent: dict[tuple[str, str], Any] = {}
        """Events by (source, id), as their producers keep them."""
        self.stream: list[Put] | None = None
        """What was put into the ledger; None over an engine whose stream nobody follows."""
        self.events_out = FakeEvents(random.Random(f"{seed} bus"), self.weather.met)
        self.swept_at = 0
        """When the last sweep of all began (milliseconds)."""
        self.telling: Telling | None = None
        """The observer, and the notices that follow from it; None: nobody observes."""
        self.alarms: list[str] = []
        """Defects that a function told about itself, as its log has them."""

    def _queue(
        self, name: str, resource: str | None, function_seconds: float = FUNCTION_SECONDS, **more: Any
    ) -> FakeQueue:
        return FakeQueue(
            name,
            self.weaver,
            self.weather,
            random.Random(f"{self.seed} queue {name}"),
            function_seconds=function_seconds,
            **(queue_settings(resource) if resource else {}),
            **more,
        )

    @property
    def queues(self) -> list[FakeQueue]:
        """Those that a function reads."""
        notices = [self.telling.queue] if self.telling else []
        return [self.settle_queue, *self.event_queues.values(), self.release_queue, *notices]

    def observe(self, puts: list[Put]) -> None:
        """Let the stream of these puts be observed, and people be told. Sometimes nothing goes wrong but that
        a channel is down.
        """
        queue = self._queue("notices", "NoticesQueue", NOTIFY_SECONDS, batch=NOTICES_BATCH)
        self.telling = Telling(self, puts, queue)
        if random.Random(f"{self.seed} calm").random() < CALM_SHARE:
            self.weather.rate = self.weather.message_rate = 0.0
            for office in self.telling.post.offices.values():
                office.rate = 0.0

    def _process(self, skew_ms: int) -> Engine:
        store = Store(self.tables, self.connections, TrueClock(self.weaver, skew_ms), test_clock=False)
        rules_source._SOURCES[store] = rules_source.StoredRules(store, self.weaver.seconds)
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
                    elif self.telling and "pk" in item:
                        self.telling.note(item)
                if self.telling:
                    self.telling.reader.look()
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

TABLES = ("wallets", "ledger", "customers", "campaigns")
"""Names of a fake engine's tables, which are the short names of ours."""


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


def fake_world(seed: int, *, stale_indexes: bool = True, observed: bool = True) -> tuple[World, EngineFake]:
    """A world over a new fake engine, with the tables as they are deployed. One seed in OBSERVED is one in which
    somebody observes the ledger's stream, unless said otherwise."""
    definitions = _definitions()
    held: list[World] = []
    dice = random.Random(f"{seed} indexes")
    fake = EngineFake(
        {name: definitions[name] for name in TABLES},
        now=lambda: held[0].weaver.now_ms,
        lag=lambda: held[0].weather.index_lag(dice),
    )
    held.append(World(seed, bind(*TABLES), fake.call, stale_indexes=stale_indexes))
    held[0].stream = puts = fake.tables["ledger"].stream
    if observed and puts is not None and seed % OBSERVED == 0:
        held[0].observe(puts)
    return held[0], fake
