"""What the rest of the house heard: every entry, in the order of its wallet, and nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.model import Entry
from tests.simulation.stream import BUS, drain

if TYPE_CHECKING:
    from tests.simulation.stored import Stored
    from tests.simulation.world import World


def judge_events_out(world: World, stored: Stored) -> None:
    """Publish what the history put into the ledger, and hold what arrived against the ledger as it is.

    :raises AssertionError: 11: an entry was not told, not as it is, or not in its turn
    """
    if world.stream is None:
        return
    drain(world, world.stream)
    heard: dict[str, dict[str, Any]] = {}
    order: dict[str, list[str]] = defaultdict(list)
    for event in world.events_out.taken:
        detail = json.loads(event["Detail"])
        if detail["id"] in heard:
            assert event == heard[detail["id"]], f"11: told again in other words: {detail['id']}"
            continue
        heard[detail["id"]] = event
        order[f"{detail['customer']}/{detail['currency']}"].append(detail["id"])
    entries = {wallet: told for wallet, told in stored.entries.items() if told}
    assert order.keys() == entries.keys(), f"11: {order.keys() ^ entries.keys()}"
    for wallet, told in entries.items():
        expected = [f"{wallet}/{sequence}" for sequence in range(1, len(told) + 1)]
        assert order[wallet] == expected, f"11: {wallet}: told {order[wallet]}"
        _are_told_as_they_are(wallet, told, [heard[each] for each in expected])


def _are_told_as_they_are(wallet: str, entries: Sequence[Entry], events: Sequence[dict[str, Any]]) -> None:
    customer, _, currency = wallet.rpartition("/")
    balance = 0
    for entry, event in zip(entries, events, strict=True):
        balance += entry.amount
        assert json.loads(event["Detail"]) == {
            "id": f"{wallet}/{entry.sequence}",
            "customer": customer,
            "currency": currency,
            "sequence": entry.sequence,
            "entry": presenter.entry_for_staff(entry),
            "wallet": {
                "available": balance - entry.held_after - entry.pending_after,
                "pending": entry.pending_after,
                "held": entry.held_after,
            },
        }, f"11: {wallet}/{entry.sequence} is told as {event['Detail']}"
        told = event["EventBusName"], event["Source"], event["DetailType"], event["Time"]
        assert told == (BUS, "store-credit", f"credit.{entry.type.value}", show(entry.at)), f"11: {told} of {entry}"
