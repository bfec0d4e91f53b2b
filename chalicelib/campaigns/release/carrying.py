"""Operations of a campaign carried out, many wallets in one transaction: each once, or refused for good.

    read wallets, operations -> decide each -> one transaction ---COMMITTED----------> all have their outcome
      ^                                             `--anything else: wait--+
      `---- again, now a transaction for each wallet -----------------------+

Nothing needs to be remembered of an attempt whose answer was lost. Its operations are read each time, and what is
decided anew has the same operations: of the two only one is ever committed, also where the second is a refusal. So no
outcome is told that could still change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.campaigns.release.operations import Decide
from chalicelib.campaigns.store import CAMPAIGNS
from chalicelib.ledger.refusals import LedgerFault
from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_lost_race, after_trouble
from chalicelib.store.commit import ATTEMPT_SECONDS, Engine
from chalicelib.store.connections import LONGEST_READ_SECONDS
from chalicelib.store.release import Operation, Outcome, read_group, written
from chalicelib.store.settlement import commit_group
from chalicelib.store.signals import NewerSchema, Signal, Unread

GROUP_SECONDS = LONGEST_READ_SECONDS + ATTEMPT_SECONDS
"""What one read and one transaction may take; with less time left no group is begun."""
MAX_ROUNDS = 8

NEWER_SCHEMA = "newer_schema"
DAMAGED = "damaged"


@dataclass(slots=True)
class Carried:
    """How it went, by operation id."""

    answers: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """Wallets that cannot be touched: a later version of this code wrote them, or they are damaged."""
    left: list[Operation] = field(default_factory=list)
    """Without an outcome that is known."""
    moved: bool = False
    """The campaign has another version than was given: nothing was begun after that."""
    rounds: int = 0
    written: int = 0
    """Operations that were committed here; the other answers were there before."""


def carry_out(
    engine: Engine,
    campaign: str,
    version: int | None,
    operations: Sequence[Operation],
    decide: Decide,
    deadline: Deadline,
) -> Carried:
    """Carry out operations on wallets (all different, as many as one transaction takes), as long as the campaign's
    document has that version; None: whatever it has."""
    carried = Carried(left=list(operations))
    while carried.left and carried.rounds < MAX_ROUNDS and deadline.remaining_seconds >= GROUP_SECONDS:
        carried.rounds += 1
        wait = after_trouble
        try:
            unknown = _round(engine, campaign, version, carried, decide, deadline)
            wait = after_trouble if unknown else after_lost_race
        except Unread:
            pass
        if not carried.left or carried.moved:
            break
        pause = min(wait(carried.rounds, engine.uniform), deadline.remaining_seconds - GROUP_SECONDS)
        engine.sleep(max(0.0, pause))
    return carried


def _round(
    engine: Engine, campaign: str, version: int | None, carried: Carried, decide: Decide, deadline: Deadline
) -> bool:
    """Whether what keeps some from their outcome is anything but another writer."""
    store = engine.store
    group = read_group(store, carried.left, store.tables.campaigns_name, (CAMPAIGNS, campaign))
    outcomes: list[Outcome] = []
    for place, operation in enumerate(carried.left):
        done, wallet = group.outcomes[place], group.wallets[place]
        if done is not None:
            carried.answers[operation.id] = done
            continue
        try:
            outcomes.append(decide(operation, wallet, group.marks[place], group.now))
        except NewerSchema:
            carried.failed[operation.id] = NEWER_SCHEMA
        except LedgerFault:
            carried.failed[operation.id] = DAMAGED
    carried.left = [each.operation for each in outcomes]
    carried.moved = version is not None and group.version != version
    if carried.moved:
        return False
    trouble = False
    answers = {each.operation.wallet: each for each in outcomes}
    together = [outcomes] if carried.rounds == 1 else [[each] for each in outcomes]
    for transaction in (each for some in together for each in written(store, some)):
        if deadline.remaining_seconds < ATTEMPT_SECONDS:
            return True
        signal = commit_group(store, transaction)
        if signal is not Signal.COMMITTED:
            trouble = trouble or signal in (Signal.UNKNOWN, Signal.THROTTLED)
            continue
        for each in transaction:
            outcome = answers[each.wallet]
            carried.answers[outcome.operation.id] = outcome.answer
            carried.left.remove(outcome.operation)
            carried.written += 1
    return trouble
