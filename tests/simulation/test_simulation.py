"""The application under random histories: many actors, every kind of fault, and every invariant after each.

The seeds are drawn anew for every run; a broken one is told with the command that replays it. HISTORIES (environment)
says how many are played.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulation import channels
from tests.simulation.history import Outcome
from tests.simulation.many import Summary, play_many, pool
from tests.simulation.mutants import MUTANTS, hunt
from tests.simulation.playing import play
from tests.simulation.stream import TROUBLES
from tests.simulation.weather import Fault

HISTORIES = int(os.environ.get("HISTORIES", "1500"))
STEPS = 20
LONG_HISTORIES = HISTORIES // 100
LONG_STEPS = 200
MUTANT_SEEDS = 300
MUTANT_STEPS = 40
"""A defect that is not found in so many histories is not looked for well enough."""
COMMANDS = {
    "issue",
    "redeem",
    "reverse",
    "hold",
    "capture",
    "release",
    "debit",
    "revoke",
    "extend",
    "freeze",
    "unfreeze",
}
MARKETED = {
    "create",
    "schedule",
    "release_now",
    "pause",
    "resume",
    "cancel",
    "released",
    "cancelled",
    "credited",
    "rule",
    "earned",
    "redeemed of campaigns",
    "notice sent",
    "notice not_sent",
    "notice failed",
    "notice unknown",
}
"""What is done for campaigns, rules and notices, and what comes of it."""


@pytest.fixture(scope="module")
def summary() -> Summary:
    first = random.SystemRandom().randrange(10**8)
    print(f"seeds from {first}")
    return play_many(range(first, first + HISTORIES), STEPS)


def _stories(summary: Summary) -> str:
    return "\n\n".join(played.broken for played in summary.broken)


def test_no_history_breaks_an_invariant(summary: Summary) -> None:
    print(summary)
    assert summary.breaks == 0, _stories(summary)


def test_no_long_history_breaks_an_invariant() -> None:
    first = random.SystemRandom().randrange(10**8)
    summary = play_many(range(first, first + LONG_HISTORIES), LONG_STEPS)
    print(summary)
    assert summary.breaks == 0, _stories(summary)


def test_much_is_done_and_every_fault_is_met(summary: Summary) -> None:
    """A simulation in which nothing happens finds nothing."""
    asked = sum(summary.told.values())
    assert summary.told[Outcome.OK] > asked / 4
    assert all(summary.told[outcome] > asked / 200 for outcome in Outcome)
    assert set(summary.done) >= COMMANDS
    assert set(summary.marketed) >= MARKETED
    assert summary.marketed["credited"] > summary.histories
    assert summary.messages > summary.histories
    assert set(summary.met) >= {*Fault, *TROUBLES, *channels.TROUBLES, channels.DOWN, "batch observed twice"}


def test_a_seed_is_a_history() -> None:
    """The same one every time, in another process too."""
    here = [play(seed, STEPS) for seed in range(6)]
    summary = play_many(range(6), STEPS)
    again = [play(seed, STEPS) for seed in range(6)]
    assert here == again
    assert summary.requests == sum(played.requests for played in here)


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, Any]]:
    """For each defect, the search for it: all are under way at the same time."""
    with pool() as processes:
        yield {mutant.__name__: processes.apply_async(hunt, (mutant, MUTANT_SEEDS, MUTANT_STEPS)) for mutant in MUTANTS}


@pytest.mark.parametrize("mutant", [mutant.__name__ for mutant in MUTANTS])
def test_a_defect_is_found(mutant: str, found: dict[str, Any]) -> None:
    seed = found[mutant].get()
    print(f"found by seed {seed}")
    assert seed is not None
