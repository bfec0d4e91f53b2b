"""What became of events: each ends as applied, duplicate, or rejected with a reason, and moved what it asked for, once.

Held against what the producers sent; numbers are those of the invariants.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.events.model import event_operation, message_operation
from chalicelib.ledger.model import Entry
from chalicelib.ledger.refunding import REFUND
from chalicelib.store.packing import inflate
from chalicelib.store.tables import EVENT, OPERATION, REJECTED
from dev.audit import survey

if TYPE_CHECKING:
    from tests.simulation.producers import Sent
    from tests.simulation.stored import Stored
    from tests.simulation.world import World

BASIS_POINTS = 10_000

Applied = dict[str, list[tuple["Sent", dict[str, Any], list[Entry]]]]
"""Events that were applied, by type: what was sent, what was kept, what was booked."""


def operations_of_events(world: World) -> dict[str, Sent]:
    """Every event that was sent, by the operation that applies it."""
    return {event_operation(event.source, event.id): event for event in world.sent.values()}


def judge_events(world: World, stored: Stored) -> None:
    """:raises AssertionError: an event vanished, or moved something else than it asked for"""
    applied: Applied = defaultdict(list)
    for operation, event in operations_of_events(world).items():
        record = _fate(operation, event.poisoned, stored)
        if record is not None and record["status"] == "applied":
            entries = [each for told in stored.entries.values() for each in told if each.operation == operation]
            assert [entry.sequence for entry in entries if entry.sequence in record["entries"]] == record["entries"]
            applied[event.type].append((event, record, entries))
    sent = {event.body for event in world.sent.values()}
    for queue in world.event_queues.values():
        for message in queue.messages:
            if message.body not in sent:
                _fate(message_operation(queue.name, message.id), True, stored)
    _each_is_applied_once(applied)
    _refunds_give_what_they_say(applied, stored)
    _what_lies_with_the_dead_letters_can_be_read(world, stored)
    report = survey(world.processes[0].store)
    assert not report.differences, f"the audit: {report.differences[:3]}"
    assert not report.unbalanced, f"the audit: {report.unbalanced}"


def _fate(operation: str, poisoned: bool, stored: Stored) -> dict[str, Any] | None:
    """10: the record of an event that was applied, or found done before; None for one that was rejected."""
    done = stored.items.get((f"#{operation}", OPERATION))
    told = stored.items.get((f"#{operation}", EVENT))
    if done is not None:
        assert not poisoned, f"10: poison was applied: {operation}"
        record: dict[str, Any] = json.loads(inflate(done["answer"]["B"]))
        return record
    assert told is not None, f"10: vanished: {operation}"
    assert told["status"]["S"] == "rejected", f"10: left {told['status']['S']}: {operation}"
    assert (REJECTED, told["rejection"]["S"]) in stored.items, f"10: its message is not kept: {operation}"
    assert told["code"]["S"] and told["detail"]["S"], f"10: no reason is told: {operation}"
    return None


def _each_is_applied_once(applied: Applied) -> None:
    """4: a refund once under its refund_id, an order once under its id, whatever the events are called."""
    for type_, name in (
        ("order.paid", "id"),
        ("order.cancelled", "order_id"),
        ("refund.created", "refund_id"),
        ("refund.reversed", "refund_id"),
    ):
        seen: dict[str, str] = {}
        for event, _, _ in applied[type_]:
            named = event.asks[name]
            assert named not in seen, f"4: {type_} of {named} twice: by {seen[named]} and by {event.id}"
            seen[named] = event.id


def _refunds_give_what_they_say(applied: Applied, stored: Stored) -> None:
    """1: all of a refund to credit is credit afterwards, its bonus beside it; no order gives back more than was paid.

    What was paid is its total, or the credit that was used for it where a careless checkout used more. What a
    cancellation gave back, or a refund that was undone after it left given back, a later refund names and does not give
    again.
    """
    totals = {event.asks["id"]: event.asks["total"] for event, _, _ in applied["order.paid"]}
    undone = {event.asks["refund_id"] for event, _, _ in applied["refund.reversed"]}
    refunded: dict[str, int] = defaultdict(int)
    nameable = {event.asks["order_id"]: _given_back(entries) for event, _, entries in applied["order.cancelled"]}
    for event, _, _ in applied["refund.created"]:
        if event.asks["refund_id"] in undone and event.asks["order_id"] in nameable:
            nameable[event.asks["order_id"]] += event.asks["amount"]
    for event, _, entries in applied["refund.created"]:
        asks = event.asks
        back = _given_back(entries)
        new = [entry for entry in entries if entry.type == "issued"]
        assert 0 <= back <= asks["amount"], f"1: {back} of {event}"
        if asks["method"] == "store_credit":
            other = sum(each.amount for each in new if each.reason != "refund_bonus")
            named = asks["amount"] - back - other
            assert 0 <= named <= nameable.get(asks["order_id"], 0), f"1: {event}"
            if named:
                nameable[asks["order_id"]] -= named
            bonus = other * (asks.get("bonus_basis_points") or 0) // BASIS_POINTS
            assert sum(e.amount for e in new if e.reason == "refund_bonus") == bonus, f"1: {event}"
        else:
            assert not new, f"1: money and credit: {event}"
        if asks["refund_id"] not in undone:
            refunded[asks["order_id"]] += asks["amount"]
    for order, amount in refunded.items():
        paid = _paid(order, totals[order], stored)
        assert amount <= paid, f"1: {amount} of {order} refunded, for which {paid} was paid"


def _given_back(entries: Sequence[Entry]) -> int:
    """Credit that these entries gave back to where it came from."""
    back = sum(entry.amount for entry in entries if entry.type == "restored" and entry.redemption is not None)
    return back + sum(part.amount for entry in entries if entry.type == "released" for part in entry.allocations)


def _paid(order: str, total: int, stored: Stored) -> int:
    """An order's total, or the credit that was used for it; and what was used after a refund, which is paid anew."""
    before = after = 0
    refunded = False
    for entry in (entry for told in stored.entries.values() for entry in told if entry.order_id == order):
        refunded = refunded or (entry.source is not None and entry.source.type == REFUND)
        used = sum(part.amount for part in entry.allocations) if entry.type in ("redeemed", "held") else 0
        before, after = (before, after + used) if refunded else (before + used, after)
    return max(total, before) + after


def _what_lies_with_the_dead_letters_can_be_read(world: World, stored: Stored) -> None:
    """10: every copy says which rejection it is a copy of, and that is kept."""
    for queue in world.dead_letters.values():
        for message in queue.messages:
            assert message.attributes["reason"], message
            assert (REJECTED, message.attributes["rejection"]) in stored.items, message
