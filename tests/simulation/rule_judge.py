"""What orders earned: once for each rule and order, within the cap, and in any case where nothing stands against it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.events.model import event_operation
from chalicelib.ledger.model import Entry
from chalicelib.store.envelope import operation_id
from chalicelib.store.packing import inflate
from chalicelib.store.tables import OPERATION, TALLY

if TYPE_CHECKING:
    from tests.simulation.producers import Sent
    from tests.simulation.stored import Stored
    from tests.simulation.world import MadeRule, World

BASIS_POINTS = 10_000
SURELY_IN_FORCE_MS = 700_000
"""After it was told, whatever clocks say and whatever a process believes, an order earns by a rule."""


def operations_of_rules(world: World) -> dict[str, tuple[MadeRule, Sent]]:
    """What each rule may do for each order that was told."""
    paid = [event for event in world.sent.values() if event.type == "order.paid" and not event.poisoned]
    return {
        operation_id(f"\0rule\0{rule.id}", event.asks["id"]): (rule, event)
        for rule in world.rules.values()
        for event in paid
    }


def judge_rules(world: World, stored: Stored) -> None:
    """:raises AssertionError: 9: an order earned twice, or more than it may, or nothing where it must"""
    asked = operations_of_rules(world)
    earned: Counter[str] = Counter()
    times: Counter[tuple[str, str]] = Counter()
    for entry in _issued(world, stored):
        assert entry.operation in asked, f"9: nobody told of what earned {entry}"
        rule, event = asked[entry.operation]
        earned[entry.operation] += 1
        times[rule.id, event.asks["customer"]] += 1
        assert entry.source is not None and entry.source.id == event.asks["id"], f"9: {entry} for {event}"
        most = rule.terms.fixed or event.asks["total"] * (rule.terms.basis_points or 0) // BASIS_POINTS
        assert entry.amount <= most, f"9: {entry} for {event}"
    world.marketed["earned"] += sum(earned.values())
    assert all(count == 1 for count in earned.values()), f"9: earned more than once: {earned}"
    for (rule_id, customer), count in times.items():
        cap = world.rules[rule_id].terms.cap_per_customer
        tally = stored.items.get((f"#tally/rule/{rule_id}/{customer}", TALLY))
        assert cap is None or count <= cap, f"9: {customer} earned {count} times by {world.rules[rule_id]}"
        assert (cap is None) == (tally is None), f"9: {tally} of {rule_id}"
        assert tally is None or int(tally["times"]["N"]) == count, f"9: {count} times, the tally has {tally}"
    for operation, (rule, event) in asked.items():
        if _must_earn(world, rule, event, stored):
            assert earned[operation], f"9: {event} earned nothing by {rule}"


def _must_earn(world: World, rule: MadeRule, event: Sent, stored: Stored) -> bool:
    """Whether nothing can have stood against it."""
    terms, order = rule.terms, event.asks["id"]
    sent_at = world.first_sent[event.source, event.id]
    if rule.touched or rule.told_at is None or sent_at < rule.told_at + SURELY_IN_FORCE_MS:
        return False
    if terms.cap_per_customer is not None or terms.base != "total":
        return False
    others = [each for each in world.sent.values() if each.asks.get("order_id") == order]
    done = stored.items.get((f"#{event_operation(event.source, event.id)}", OPERATION))
    if others or done is None:
        return False
    status: str = json.loads(inflate(done["answer"]["B"]))["status"]
    return status == "applied"


def _issued(world: World, stored: Stored) -> Iterator[Entry]:
    actors = {f"rule:{rule}" for rule in world.rules}
    for entries in stored.entries.values():
        for entry in entries:
            if entry.actor in actors and entry.type == "issued":
                yield entry
