"""The night shift: a sweep, the settle queue and its workers, on tables of their own and a clock in the test's hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from chalicelib.expiry import handlers, sweep
from chalicelib.expiry.sweep import Nominations
from chalicelib.ledger.policy import At
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from tests.engine.till import Till, new_wallet
from tests.engine.wire import Wire

LAMBDA_SECONDS = 30.0


class Time:
    """A clock that stands where it was put (milliseconds)."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at


class Line:
    """The settle queue: what was sent, and not yet taken. It takes the next `takes` messages only, None is all."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.takes: int | None = None
        self.busy = 0

    def send(self, bodies: Sequence[str]) -> list[int]:
        taken = len(bodies) if self.takes is None else min(self.takes, len(bodies))
        if self.takes is not None:
            self.takes -= taken
        self.bodies += bodies[:taken]
        return list(range(taken, len(bodies)))

    def waiting(self) -> int:
        return self.busy + len(self.bodies)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def nominated(self) -> list[WalletId]:
        return [WalletId(*wallet) for message in self.told for wallet in message.get("wallets", ())]

    @property
    def cursors(self) -> list[dict[str, Any]]:
        return [message for message in self.told if "shard" in message]


class Night:
    """Everything that works by night, and a till for the day."""

    def __init__(self, engine: Engine, wire: Wire, time: Time) -> None:
        self.engine = engine
        self.wire = wire
        self.time = time
        self.till = Till(engine)
        self.line = Line()

    def sweep(self) -> Nominations:
        return sweep.sweep(self.engine.store, self.line)

    def sweep_function(self) -> dict[str, Any]:
        """The sweep as its function does it: with its line in the log, and failing where something was unread."""
        return handlers.sweep_now(self.engine, self.line, _context(60.0))

    def settle(self, *bodies: str, seconds: float = LAMBDA_SECONDS) -> list[int]:
        """Hand a batch to the settle function; the places of the messages that it reports as unfinished."""
        event = {"Records": [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]}
        told = handlers.settle_batch(self.engine, self.line, event, _context(seconds))
        return [int(each["itemIdentifier"]) for each in told["batchItemFailures"]]

    def work(self) -> int:
        """Take messages, one at a time, until the queue is empty; how many there were. One that fails comes again."""
        taken = 0
        while self.line.bodies:
            body = self.line.bodies.pop(0)
            if self.settle(body):
                self.line.bodies.append(body)
            taken += 1
            assert taken < 1_000, "the queue does not get empty"
        return taken

    def wallets_due_at(self, instant: int, count: int, amount: int = 1_000) -> list[WalletId]:
        """New wallets of one lot each that expires then."""
        wallets = [new_wallet() for _ in range(count)]
        for wallet in wallets:
            self.till.issue(wallet, amount, expires=At(instant))
        return wallets

    def types(self, wallet: WalletId) -> list[str]:
        """The types of its entries; the wallet ties."""
        self.till.check(wallet)
        return [str(entry.type) for entry in self.till.entries(wallet)]


def group(*wallets: WalletId) -> str:
    return json.dumps({"wallets": [[wallet.customer, wallet.currency] for wallet in wallets]})


def _context(seconds: float) -> Any:
    return SimpleNamespace(aws_request_id="night", get_remaining_time_in_millis=lambda: int(seconds * 1000))
