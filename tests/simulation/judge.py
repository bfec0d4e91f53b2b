"""After a history: do the tables tie, and are they what the callers were told?

The tables are checked with the project's own functions (invariants, the audit), and against the history, which was
kept by those who asked. Numbers are those of the invariants.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from chalicelib.ledger import quoting
from chalicelib.ledger.folding import audit, audit_redemptions
from chalicelib.ledger.model import Entry, Wallet
from chalicelib.ledger.settling import SYSTEM, due_at
from chalicelib.store.packing import inflate
from tests import invariants
from tests.simulation import functions
from tests.simulation.actors import call_once
from tests.simulation.campaign_judge import end_campaigns, judge_campaigns, operations_of_campaigns
from tests.simulation.event_judge import judge_events, operations_of_events
from tests.simulation.history import Asked, Outcome
from tests.simulation.notice_judge import judge_notices
from tests.simulation.performance_judge import judge_performance
from tests.simulation.queues import State
from tests.simulation.rule_judge import judge_rules, operations_of_rules
from tests.simulation.stored import Stored
from tests.simulation.stream_judge import judge_events_out
from tests.simulation.world import World

ASKED_AGAIN = 5
"""Calls after which a command must have an outcome when nothing goes wrong any more."""

MOST_SWEEPS = 8
"""After which nothing can be due any more, with only so many wallets."""

AMOUNT_OF = {"issue": "issued", "redeem": "redeemed", "debit": "debited"}
"""Commands that name an amount, and the entry that must have it."""


def judge(world: World) -> None:
    """Everything that must be true of a history that is over.

    :raises AssertionError: something is not
    """
    world.weather.over = True
    for asked in world.history.asked.values():
        _what_was_told_refused_has_no_effect(asked)
    _resolve(world)
    _redrive(world)
    end_campaigns(world)
    if world.telling is not None:
        world.telling.last_mornings()
    late = stored = Stored.read(world)
    for _ in range(MOST_SWEEPS):
        if not functions.last_sweep(world):
            break
        stored = Stored.read(world)
    if world.telling is not None:
        world.telling.finish()
    _nothing_is_unbooked(world, stored)
    _being_late_changed_no_balance(world, late, stored)
    _every_message_is_accounted_for(world)
    judge_events(world, stored)
    judge_campaigns(world, stored)
    judge_rules(world, stored)
    for name in stored.wallets.keys() | stored.entries.keys():
        _ties(name, stored)
    for asked in world.history.asked.values():
        _is_as_told(asked, stored)
    _nothing_was_done_that_nobody_asked_for(world, stored)
    _value_is_where_the_callers_think(world, stored)
    judge_events_out(world, stored)
    judge_notices(world, stored)
    judge_performance(world, stored)


def _what_was_told_refused_has_no_effect(asked: Asked) -> None:
    """14: `refused` and `busy` mean that it was not committed, whatever may be asked later; what was committed is what
    some caller was told, or left in doubt about."""
    assert len(asked.committed) <= 1, f"4: committed {len(asked.committed)} times: {asked}"
    assert asked.has_owner, f"14: committed by a call that told otherwise: {asked}"
    assert not (asked.is_refused and asked.committed), f"14: done, and told otherwise: {asked}"


def _resolve(world: World) -> None:
    """14: a retry with the same key resolves every doubt."""
    dice = random.Random(f"{world.seed} judge")
    for asked in list(world.history.asked.values()):
        for _ in range(ASKED_AGAIN):
            if asked.bodies or asked.is_refused:
                break
            call_once(world, dice, asked)
        else:
            raise AssertionError(f"14: no outcome: {asked}")


def _redrive(world: World) -> None:
    """What died of the weather gets another chance now that it is over."""
    for queue in world.event_queues.values():
        queue.redrive()
    world.weaver.run()


def _nothing_is_unbooked(world: World, stored: Stored) -> None:
    """8: after a sweep, backlog aside, no open lot is past its end, and no hold."""
    for wallet in stored.wallets.values():
        due = due_at(wallet)
        assert due is None or due > world.swept_at, f"8: {wallet.customer} was due {world.swept_at - due} ms ago"


def _being_late_changed_no_balance(world: World, late: Stored, stored: Stored) -> None:
    """8: a wallet that was not swept for as long as it was looks as it does after the sweep.

    Lots are named by the entries that made them, and a late sweep writes fewer; so names are left out.
    """
    policy = world.processes[0].policy
    for name, wallet in late.wallets.items():
        settled = stored.wallets[name]
        at = max(world.now, settled.entry_at)
        before, after = (_worth(quoting.view(each, at, policy)[0]) for each in (wallet, settled))
        assert before == after, f"8: {name}: {before} before the sweep, {after} after it"


def _worth(wallet: Wallet) -> tuple[object, ...]:
    lots = sorted(
        (str(lot.kind), lot.remaining, lot.held, lot.effective_at, lot.expires_at or 0) for lot in wallet.lots
    )
    holds = sorted((hold.id, hold.captured, hold.outstanding, hold.expires_at) for hold in wallet.holds)
    return lots, holds, wallet.debt, wallet.frozen


def _every_message_is_accounted_for(world: World) -> None:
    """10: each is finished, or lies with the dead letters since it can never be, or could not be in time."""
    for queue in world.queues:
        assert not queue.unaccounted, f"10: {queue.unaccounted[:3]}"
    for message in world.settle_queue.messages:
        if message.body in functions.POISON:
            assert message.state is State.DEAD, f"10: poison vanished: {message}"
    faults = [alarm for alarm in world.alarms if not alarm.startswith("Poison")]
    assert not faults, f"a function told of a defect of its own: {faults[:3]}"


def _ties(name: str, stored: Stored) -> None:
    """1-3, 5-7, 12, 13: the wallet, its entries and its redemptions."""
    assert name in stored.wallets, f"12: entries of {name} without a wallet"
    wallet, entries = stored.wallets[name], stored.entries[name]
    invariants.check(wallet, entries)
    differences, checked = audit(wallet, entries)
    assert not differences, f"12: {name}: {differences}"
    assert checked == len(entries)
    differences = audit_redemptions(entries, stored.redemptions[name])
    assert not differences, f"7: {name}: {differences}"


def _is_as_told(asked: Asked, stored: Stored) -> None:
    """4, 14: committed once and as every caller was told, or not at all."""
    operation = stored.operations.get(asked.operation)
    assert len(asked.bodies) <= 1, f"4: two answers: {asked}"
    if not asked.bodies:
        assert operation is None, f"14: done, and told otherwise: {asked}"
        return
    assert operation is not None, f"14: told `ok`, and not done: {asked}"
    (body,) = asked.bodies
    assert inflate(operation.answer) == body, f"4: another answer is stored: {asked}"
    told = json.loads(body)
    entries = _entries_of(asked.operation, str(asked.wallet), stored)
    if "entries" in told:
        expected = [(entry["sequence"], entry["type"], entry["amount"]) for entry in told["entries"]]
        found = [(entry.sequence, str(entry.type), entry.amount) for entry in entries]
        assert found == expected, f"14: told {expected}, the ledger has {found}: {asked}"
    type_ = AMOUNT_OF.get(asked.command)
    if type_ is not None:
        amounts = [abs(entry.amount) for entry in entries if entry.type == type_]
        partial = asked.command == "redeem" and asked.what[2]
        fits = len(amounts) == 1 and (amounts[0] <= asked.what[0] if partial else amounts[0] == asked.what[0])
        assert fits, f"4: {amounts} {type_}: {asked}"


def _entries_of(operation: str, wallet: str, stored: Stored) -> list[Entry]:
    return [entry for entry in stored.entries[wallet] if entry.operation == operation]


def _nothing_was_done_that_nobody_asked_for(world: World, stored: Stored) -> None:
    """4: every entry is of a command that was told `ok`, or of what time does by itself."""
    done = {asked.operation: asked for asked in world.history.asked.values() if asked.bodies}
    events = _operations_of_nobody(world)
    for name, entries in stored.entries.items():
        for entry in entries:
            by_itself = entry.actor == SYSTEM and entry.operation not in world.history.asked
            asked = done.get(entry.operation)
            of_command = asked is not None and str(asked.wallet) == name
            assert by_itself or of_command or entry.operation in events, f"4: nobody asked for {entry}"


def _operations_of_nobody(world: World) -> set[str]:
    """What events, campaigns and rules may do: no caller waits for it."""
    return {*operations_of_events(world), *operations_of_campaigns(world), *operations_of_rules(world)}


def _value_is_where_the_callers_think(world: World, stored: Stored) -> None:
    """1: over everything, what was issued and given back is what was told spent and taken, expired, or outstanding."""
    balance: dict[str, int] = defaultdict(int)
    for asked in world.history.asked.values():
        for body in asked.bodies:
            told = json.loads(body)
            if asked.command == "issue":
                balance[str(asked.wallet)] += asked.what[0] + _sum(told["entries"], ("debt_settled",))
            elif asked.command in ("redeem", "capture"):
                balance[str(asked.wallet)] -= told["redemption"]["amount"]
            elif asked.command == "debit":
                balance[str(asked.wallet)] -= asked.what[0]
            elif asked.command in ("revoke", "reverse"):
                balance[str(asked.wallet)] += _sum(told["entries"], ("revoked", "restored"))
    events = _operations_of_nobody(world)
    for name, entries in stored.entries.items():
        balance[name] += sum(entry.amount for entry in entries if entry.operation in events and entry.type != "expired")
        expired = sum(entry.amount for entry in entries if entry.type == "expired")
        outstanding = stored.wallets[name].remaining
        assert balance[name] + expired == outstanding, (
            f"1: {name}: callers make it {balance[name]}, {-expired} expired, {outstanding} are outstanding"
        )


def _sum(entries: Sequence[dict[str, Any]], types: tuple[str, ...]) -> int:
    return sum(entry["amount"] for entry in entries if entry["type"] in types)


def outcomes(world: World) -> list[tuple[str, list[tuple[Outcome, str]]]]:
    """What everybody was told, in the order of asking."""
    return [
        (asked.operation, [(call.outcome, call.said) for call in asked.calls]) for asked in world.history.asked.values()
    ]
