"""The ledger's stream as its second reader has it, while a history goes on: shard by shard, in the order of the puts.

At least once: a batch is of any size, comes again from where its function says, is halved when its function fails, and
may be given out once more when it is finished. A record that failed as often as it may goes to the dead letters, from
where it is told again when all is over; the wallet's later entries were told before it then. Every shard is read by one
call at a time, and the shards at the same time.
"""

from __future__ import annotations

import random
import zlib
from collections import deque
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chalicelib.edge.functions import observing
from chalicelib.edge.functions.publishing import BatchBlocked
from dev.fragment import fragment
from tests.simulation.stream import BATCHES, DUPLICATES, record
from tests.simulation.weather import Killed

if TYPE_CHECKING:
    from tests.simulation.tables_fake import Put
    from tests.simulation.world import World

SHARDS = 2
GATHERED_SECONDS = (0.0, 0.2, 2.0)
"""How long after something was put its shard is read."""
AGAIN_SECONDS = (0.1, 1.0, 5.0)
"""After which a batch that failed is given out again."""

Record = dict[str, Any]


@dataclass
class Shard:
    """A part of the stream. All entries of a wallet are in the same one."""

    number: int
    waiting: deque[Record] = field(default_factory=deque)
    is_read: bool = False
    """Whether somebody is at it."""


class Reader:
    """The poller before the function that observes."""

    def __init__(self, world: World, puts: list[Put]) -> None:
        self.came: dict[tuple[str, int], int] = {}
        """When each entry (wallet, sequence) was put, by the true time (milliseconds)."""
        self.dead: list[Record] = []
        """Records that were given up."""
        self._world = world
        self._puts = puts
        self._seen = 0
        self._dice = random.Random(f"{world.seed} reader")
        self._shards = [Shard(number) for number in range(SHARDS)]

    def look(self) -> None:
        """Take notice of what was put since the last time."""
        for place in range(self._seen, len(self._puts)):
            put = self._puts[place]
            wallet, sequence = put.item["wallet"]["S"], int(put.item["sequence"]["N"])
            self.came.setdefault((wallet, sequence), self._world.now)
            self._come(self._shards[zlib.crc32(wallet.encode()) % SHARDS], record(place, put))
        self._seen = len(self._puts)

    def tell_again(self) -> None:
        """What was given up gets another chance, as an operator gives it."""
        dead, self.dead = self.dead, []
        for each in dead:
            wallet = each["dynamodb"]["Keys"]["wallet"]["S"]
            self._come(self._shards[zlib.crc32(wallet.encode()) % SHARDS], each)

    @property
    def behind(self) -> int:
        return sum(len(shard.waiting) for shard in self._shards)

    def _come(self, shard: Shard, told: Record) -> None:
        shard.waiting.append(told)
        if not shard.is_read:
            shard.is_read = True
            self._world.weaver.start(
                f"observe {shard.number}", partial(self._read, shard), self._dice.choice(GATHERED_SECONDS)
            )

    def _read(self, shard: Shard) -> None:
        while shard.waiting:
            size = min(len(shard.waiting), self._dice.choice(BATCHES))
            self._finish([shard.waiting.popleft() for _ in range(size)])
        shard.is_read = False

    def _finish(self, records: list[Record]) -> None:
        """One batch, until nothing of it is left."""
        weather, pause = self._world.weather, self._world.weaver.pause
        due = [(records, 0)]
        while due:
            batch, tries = due.pop()
            if tries > most_retries():
                weather.met["record given up"] += 1
                self.dead += batch
                continue
            try:
                answer = observing.observe_batch({"Records": batch})
            except (BatchBlocked, Killed) as error:
                if len(batch) == 1 or (isinstance(error, Killed) and self._dice.random() < 0.5):
                    due.append((batch, tries + 1))
                else:
                    weather.met["batch halved"] += 1
                    half = len(batch) // 2
                    due += [(batch[half:], 0), (batch[:half], tries)]
                pause(self._dice.choice(AGAIN_SECONDS))
                continue
            numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
            for left in answer["batchItemFailures"]:
                again = numbers.index(left["itemIdentifier"])
                due.append((batch[again:], tries + 1 if again == 0 else 0))
                pause(self._dice.choice(AGAIN_SECONDS))
            if not answer["batchItemFailures"] and weather.happens("batch observed twice", DUPLICATES):
                due.append((batch, tries))


@cache
def most_retries() -> int:
    """What the stream is deployed with for its second reader."""
    event = fragment("local")["Resources"]["Observe"]["Properties"]["Events"]["ObserveDynamodbEventSource"]
    retries: int = event["Properties"]["MaximumRetryAttempts"]
    return retries
