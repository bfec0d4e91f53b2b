"""The application broken on purpose, one rule at a time: the test of the test.

Each mutant is a context manager; inside it the application has that one defect. The simulation must find every one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pynamodb.transactions import TransactWrite

from chalicelib.edge.functions import intake, publishing
from chalicelib.events.model import Outcome, Status
from chalicelib.expiry import handlers, messages, sweep
from chalicelib.ledger.lots import Lot
from chalicelib.ledger.orders import Order
from chalicelib.messaging.bus import Bus
from chalicelib.store import commit, settlement, transaction
from chalicelib.store.due import SHARDS
from chalicelib.store.inbox import Inbox
from chalicelib.store.signals import Signal
from chalicelib.store.tables import EntryRow, OperationRow, WalletRow
from tests.simulation.campaign_mutants import CAMPAIGN_MUTANTS
from tests.simulation.notice_mutants import NOTICE_MUTANTS
from tests.simulation.playing import play
from tests.simulation.world import OBSERVED

Mutant = Callable[[], AbstractContextManager[None]]


@contextmanager
def _with(place: Any, name: str, defect: Any) -> Iterator[None]:
    missing = object()
    sound = place.__dict__.get(name, missing)
    setattr(place, name, defect)
    try:
        yield
    finally:
        if sound is missing:
            delattr(place, name)
        else:
            setattr(place, name, sound)


def _saves_without_condition(*rows: type[Any]) -> Any:
    sound = TransactWrite.save

    def save(self: TransactWrite, model: Any, condition: Any = None, **more: Any) -> None:
        sound(self, model, None if isinstance(model, rows) else condition, **more)

    return save


def wallet_and_ledger_are_overwritten() -> AbstractContextManager[None]:
    """Neither the wallet's version nor the entry's absence is looked at. (Each alone is made good by the other.)"""
    return _with(TransactWrite, "save", _saves_without_condition(WalletRow, EntryRow))


def operation_is_overwritten() -> AbstractContextManager[None]:
    """The operation's record need not be new, so a retry does it again."""
    return _with(TransactWrite, "save", _saves_without_condition(OperationRow))


def redemption_is_overwritten() -> AbstractContextManager[None]:
    """A reversal does not look whether the redemption is as it was read."""
    sound = TransactWrite.update

    def update(self: TransactWrite, model: Any, actions: Any, condition: Any = None, **more: Any) -> None:
        sound(self, model, actions, model.__class__.pk.exists(), **more)

    return _with(TransactWrite, "update", update)


def expiry_is_ignored() -> AbstractContextManager[None]:
    """Whether a lot is dead is not asked when credit is taken."""
    return _with(Lot, "dead", lambda self, at: False)


def lot_lives_a_millisecond_more() -> AbstractContextManager[None]:
    """A lot is still alive at exactly its expires_at."""
    return _with(Lot, "dead", lambda self, at: self.expires_at is not None and self.expires_at < at)


def refusal_is_told_unread() -> AbstractContextManager[None]:
    """A refusal is told at once, without reading what the key did before: nothing catches it on its way out."""
    return _with(commit, "Refused", ())


def doubt_is_forgotten() -> AbstractContextManager[None]:
    """An attempt whose answer was lost leaves no doubt."""
    return _with(commit._Execution, "_doubted_version", property(lambda self: None, lambda self, version: None))


def lost_answer_counts_as_done() -> AbstractContextManager[None]:
    return _signals(Signal.UNKNOWN, Signal.COMMITTED)


def lost_answer_counts_as_not_done() -> AbstractContextManager[None]:
    return _signals(Signal.UNKNOWN, Signal.NOT_COMMITTED)


def conflict_counts_as_done() -> AbstractContextManager[None]:
    return _signals(Signal.NOT_COMMITTED, Signal.COMMITTED)


def _signals(told: Signal, taken_for: Signal) -> AbstractContextManager[None]:
    sound = transaction.commit

    def mistaken(*what: Any) -> Signal:
        signal = sound(*what)
        return taken_for if signal is told else signal

    return _with(transaction, "commit", mistaken)


def sweep_forgets_a_shard() -> AbstractContextManager[None]:
    """The last four shards of the due index are not read."""
    return _with(sweep, "SHARDS", SHARDS[:-4])


def settlement_is_not_guarded() -> AbstractContextManager[None]:
    """A group of wallets is settled over whatever has happened to them since they were read."""
    sound = settlement.movement

    def puts(*what: Any) -> list[dict[str, Any]]:
        return [{name: put[name] for name in ("TableName", "Item")} for put in sound(*what)]

    return _with(settlement, "movement", puts)


def poison_counts_as_finished() -> AbstractContextManager[None]:
    """A message that nobody can read is deleted."""
    sound = handlers._Batch.finish

    def finish(self: handlers._Batch, body: str) -> bool:
        try:
            messages.read(body)
        except messages.Poison:
            return True
        return sound(self, body)

    return _with(handlers._Batch, "finish", finish)


def unsettled_counts_as_finished() -> AbstractContextManager[None]:
    """Credit that expired stays in the wallet for ever: settling does nothing, and says that it is done."""
    return _with(handlers._Batch, "_settle", lambda self, wallets: True)


def refund_is_not_remembered() -> AbstractContextManager[None]:
    """A refund that was made before, under another event, is made again."""
    return _with(Order, "refund", lambda self, refund_id: None)


def parked_counts_as_finished() -> AbstractContextManager[None]:
    """An event that waits for its order is deleted from its queue."""
    sound = intake._dealt_with

    def dealt_with(desk: Any, record: Any, outcome: Outcome) -> bool:
        return sound(desk, record, outcome) or outcome.status is Status.PARKED

    return _with(intake, "_dealt_with", dealt_with)


def rejected_is_not_kept() -> AbstractContextManager[None]:
    """A message that cannot be applied is finished without a trace."""
    return _with(Inbox, "reject", lambda self, operation, message, reason, at: "none")


def trouble_counts_as_finished() -> AbstractContextManager[None]:
    """An event whose outcome is not known is deleted from its queue."""
    sound = intake._finished

    def finished(*what: Any) -> bool:
        sound(*what)
        return True

    return _with(intake, "_finished", finished)


def blocked_record_is_skipped() -> AbstractContextManager[None]:
    """The publisher reports the record after the one that was not taken."""
    sound = publishing.publish_batch

    def publish_batch(batch: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
        answer = sound(batch)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch["Records"]]
        late = [numbers.index(each["itemIdentifier"]) + 1 for each in answer["batchItemFailures"]]
        return {"batchItemFailures": [{"itemIdentifier": numbers[at]} for at in late if at < len(numbers)]}

    return _with(publishing, "publish_batch", publish_batch)


def part_taken_counts_as_taken() -> AbstractContextManager[None]:
    """Which events of a request the bus did not take is not looked at."""
    sound = Bus._send

    def send(self: Bus, events: Any) -> Any:
        answer = sound(self, events)
        return answer and [{} for _ in answer]

    return _with(Bus, "_send", send)


def wallet_is_told_in_one_request() -> AbstractContextManager[None]:
    """Entries of one wallet are put without waiting for the one before: the bus may take the later one only."""
    return _with(publishing, "_rounds", lambda told: iter([told]))


MUTANTS: tuple[Mutant, ...] = (
    wallet_and_ledger_are_overwritten,
    operation_is_overwritten,
    redemption_is_overwritten,
    expiry_is_ignored,
    lot_lives_a_millisecond_more,
    refusal_is_told_unread,
    doubt_is_forgotten,
    lost_answer_counts_as_done,
    lost_answer_counts_as_not_done,
    conflict_counts_as_done,
    sweep_forgets_a_shard,
    settlement_is_not_guarded,
    poison_counts_as_finished,
    unsettled_counts_as_finished,
    refund_is_not_remembered,
    parked_counts_as_finished,
    rejected_is_not_kept,
    trouble_counts_as_finished,
    blocked_record_is_skipped,
    part_taken_counts_as_taken,
    wallet_is_told_in_one_request,
    *CAMPAIGN_MUTANTS,
    *NOTICE_MUTANTS,
)


RARE: dict[str, tuple[int, int]] = {
    "piece_is_overwritten": (2_210, 200),
    "operation_of_a_campaign_is_overwritten": (400, 40),
}
"""Defects that few short histories meet: the seed at which the search begins, and the steps of its histories."""
LATE = {
    "redemption_is_overwritten": 40,
    "operation_of_a_campaign_is_overwritten": 40,
    "due_leaves_before_it_is_done": 170,
    "channels_wait_for_each_other": 260,
    "notice_is_overwritten": 80,
}
"""Where a search goes first that took long the last time. It goes round from there: what would not be found from the
beginning is not found from here either."""


def hunt(mutant: Mutant, histories: int, steps: int) -> int | None:
    """A seed whose history finds the defect, of so many. What only an observer meets is looked for where there is
    one."""
    every = OBSERVED if mutant in NOTICE_MUTANTS else 1
    first, steps = RARE.get(mutant.__name__, (0, steps))
    seeds = range(first, first + histories * every, every)
    late = LATE.get(mutant.__name__, 0) // every
    with mutant():
        return next((seed for seed in [*seeds[late:], *seeds[:late]] if play(seed, steps).broken), None)
