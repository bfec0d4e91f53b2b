"""The two functions of expiry, as Lambda calls them: one sweep, or one batch of the settle queue.

A message of the batch that could not be finished is reported, and comes again; the others are not held up by it. One
that can never be finished (it is no message of ours, or a wallet of it is damaged) ends with the dead letters, where an
alarm is; the wallets beside a damaged one are settled one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from chalicelib.expiry import messages
from chalicelib.expiry.messages import Cursor, Group
from chalicelib.expiry.settle import settle_alone, settle_together
from chalicelib.expiry.sweep import SettleQueue, follow, sweep
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import Deadline, stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread

MARGIN_SECONDS = 3.0
"""Of a function's time, kept for a read that was begun at the last moment, and for the answer."""
FOLLOW_SECONDS = 12.0
"""With less time left no cursor is followed: a page is read, and some twenty messages are sent."""


class Context(Protocol):
    """What is needed of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(slots=True)
class Tally:
    """What one batch came to."""

    wallets: int = 0
    booked: int = 0
    conflicts: int = 0
    nominated: int = 0


def sweep_now(engine: Engine, queue: SettleQueue, context: Context) -> dict[str, Any]:
    """One sweep; what it found.

    :raises Unread: something could not be read; the rest was nominated, and the function counts as failed
    """
    began = stopwatch()
    found = sweep(engine.store, queue)
    telemetry.write_line(
        settings().stage,
        "sweep",
        "held_back" if found.held_back else "ok",
        context.aws_request_id,
        metrics={
            "SweepLagSeconds": found.lag_ms / SECOND_MS,
            "Nominated": found.wallets,
            "DurationMs": _since(began),
        },
        facts={"cursors": found.cursors, "not_taken": found.not_taken, "unread_shards": found.unread},
    )
    if found.unread:
        raise Unread(f"{found.unread} shards of the due index could not be read")
    return {"nominated": found.wallets, "lag_seconds": found.lag_ms / SECOND_MS, "held_back": found.held_back}


def settle_batch(engine: Engine, queue: SettleQueue, event: dict[str, Any], context: Context) -> dict[str, Any]:
    """The messages of one batch; those that could not be finished, as Lambda wants them told."""
    began = stopwatch()
    deadline = Deadline.after(context.get_remaining_time_in_millis() / SECOND_MS - MARGIN_SECONDS)
    batch = _Batch(engine, queue, deadline, context.aws_request_id)
    left = [record["messageId"] for record in event["Records"] if not batch.finish(record["body"])]
    telemetry.write_line(
        settings().stage,
        "settle",
        "left" if left else "ok",
        context.aws_request_id,
        metrics={
            "SettledWallets": batch.tally.booked,
            "Conflicts": batch.tally.conflicts,
            "LeftMessages": len(left),
            "DurationMs": _since(began),
        },
        facts={
            "messages": len(event["Records"]),
            "wallets": batch.tally.wallets,
            "nominated": batch.tally.nominated or None,
        },
    )
    return {"batchItemFailures": [{"itemIdentifier": message} for message in left]}


class _Batch:
    """The messages of one call, on one deadline."""

    def __init__(self, engine: Engine, queue: SettleQueue, deadline: Deadline, request_id: str) -> None:
        self.tally = Tally()
        self._engine = engine
        self._queue = queue
        self._deadline = deadline
        self._request_id = request_id

    def finish(self, body: str) -> bool:
        """Whether all that a message asks for is done."""
        return self._guarded(lambda: self._finish(body))

    def _finish(self, body: str) -> bool:
        match messages.read(body):
            case Group(wallets):
                return self._settle(wallets)
            case Cursor() as cursor:
                return self._follow(cursor)

    def _follow(self, cursor: Cursor) -> bool:
        if self._deadline.remaining_seconds < FOLLOW_SECONDS:
            return False
        found = follow(self._engine.store, self._queue, cursor)
        self.tally.nominated += found.wallets
        return not found.not_taken

    def _settle(self, wallets: tuple[WalletId, ...]) -> bool:
        self.tally.wallets += len(wallets)
        left = list(wallets)

        def together() -> bool:
            settled = settle_together(self._engine, wallets, self._deadline)
            self.tally.booked += settled.booked
            self.tally.conflicts += settled.conflicts
            left[:] = settled.left
            return not settled.left

        if self._guarded(together):
            return True
        settled = [self._guarded(partial(self._settle_alone, wallet)) for wallet in left]
        return all(settled)

    def _settle_alone(self, wallet: WalletId) -> bool:
        trace = settle_alone(self._engine, wallet, self._deadline)
        self.tally.booked += trace.entries is not None
        self.tally.conflicts += trace.conflicts
        return True

    def _guarded(self, step: Callable[[], bool]) -> bool:
        """What the step says; False where it failed, for a reason that passes or for one that is told as a fault."""
        try:
            return step()
        except (Busy, OutcomeUnknown, Unread):
            return False
        except Exception as error:  # noqa: BLE001 the outermost handler: what is wrong here must not stop the rest
            telemetry.write_fault(self._request_id, "settle", error)
            return False


def _since(began: float) -> float:
    return round((stopwatch() - began) * 1000, 1)
