"""The time that a call has: nothing is begun that could not end in it, and what is told at its end is what is known.

Time passes on a stopwatch that is in the tests' hand: the engine's pauses move it, and so does each request, by what
the test says it takes.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import SystemClock
from chalicelib.store import backoff
from chalicelib.store.commit import API_DEADLINE_SECONDS, ATTEMPT_SECONDS, MAX_ATTEMPTS, Engine
from chalicelib.store.connections import CONNECT_SECONDS, READ_SECONDS, connect
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, OutcomeUnknown
from chalicelib.store.tables import Tables
from tests.engine.conftest import POLICY, Stopwatch
from tests.engine.movements import MOVEMENTS, redeem
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import cancelled, error, lost_request, throttled
from tests.engine.wire import ANY, COMMIT, READ, Fault, Request, Wire

ROOT = Path(__file__).parents[2]


def taking(seconds: float, stopwatch: Stopwatch, fault: Fault | None = None) -> Fault:
    """What a fault does, or the way to DynamoDB, and the time it takes."""

    def slow(request: Request) -> AWSResponse | None:
        stopwatch.pass_(seconds)
        return fault(request) if fault else None

    return slow


def function_timeout_seconds() -> float:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    timeouts = {stage["lambda_functions"]["api_handler"]["lambda_timeout"] for stage in config["stages"].values()}
    return float(min(timeouts))


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 0.2, ATTEMPT_SECONDS - 0.001])
def test_with_too_little_time_left_nothing_is_sent(timed: Till, wire: Wire, seconds: float) -> None:
    wallet = new_wallet()
    timed.issue(wallet, 1_000)
    with wire.listen() as heard, pytest.raises(Busy):
        timed.redeem(wallet, 100, seconds=seconds)
    assert heard == []


def test_a_read_that_took_too_long_is_not_followed_by_a_commit(timed: Till, wire: Wire, stopwatch: Stopwatch) -> None:
    wallet = new_wallet()
    timed.issue(wallet, 1_000)
    wire.on(READ, taking(1.0, stopwatch))
    with wire.listen() as heard, pytest.raises(Busy):
        timed.redeem(wallet, 100, seconds=ATTEMPT_SECONDS + 0.9)
    assert [request.operation for request in heard] == ["GetItem"]
    assert timed.check(wallet).version == 1


def test_time_that_runs_out_after_a_lost_answer_leaves_the_outcome_unknown(
    timed: Till, wire: Wire, stopwatch: Stopwatch
) -> None:
    asked, key = redeem(timed), new_key()
    wire.on(COMMIT, taking(ATTEMPT_SECONDS, stopwatch, lost_request()), times=None)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    assert not asked.send(key=key).replayed


def test_time_that_runs_out_while_throttled_ends_busy(timed: Till, wire: Wire, stopwatch: Stopwatch) -> None:
    asked = redeem(timed)
    wire.on(COMMIT, taking(0.5, stopwatch, throttled()), times=None)
    began = stopwatch()
    with pytest.raises(Busy):
        asked.send()
    assert stopwatch() - began <= API_DEADLINE_SECONDS


def test_a_commit_is_never_begun_with_less_time_than_one_can_take(
    timed: Till, wire: Wire, stopwatch: Stopwatch
) -> None:
    begun: list[float] = []

    def noted(request: Request) -> AWSResponse | None:
        begun.append(stopwatch())
        stopwatch.pass_(0.1)
        return cancelled("TransactionConflict")(request)

    asked = redeem(timed)
    wire.on(COMMIT, noted, times=None)
    ends = stopwatch() + API_DEADLINE_SECONDS
    with pytest.raises(Busy):
        asked.send()
    assert begun
    assert max(begun) <= ends - ATTEMPT_SECONDS


@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (throttled(), backoff.TROUBLE_LAST_CEILING_SECONDS),
        (cancelled("TransactionConflict"), backoff.RACE_FIRST_CEILING_SECONDS),
    ],
    ids=["throttled", "conflict"],
)
def test_pauses_are_jittered_under_their_ceiling(store: Store, wire: Wire, fault: Fault, most: float) -> None:
    pauses: list[float] = []
    dice = random.Random(1)
    till = Till(Engine(store, POLICY, sleep=pauses.append, uniform=dice.random))
    asked = redeem(till)
    wire.on(COMMIT, fault, times=None)
    with pytest.raises(Busy):
        asked.send()
    assert len(pauses) == MAX_ATTEMPTS
    assert all(0 <= pause <= most for pause in pauses)
    assert len(set(pauses)) == len(pauses)


def test_pauses_after_trouble_grow_and_those_after_a_lost_race_shrink() -> None:
    trouble = [backoff.after_trouble(failed, lambda: 1.0) for failed in range(1, MAX_ATTEMPTS)]
    race = [backoff.after_lost_race(failed, lambda: 1.0) for failed in range(1, MAX_ATTEMPTS)]
    assert trouble == sorted(trouble)
    assert race == sorted(race, reverse=True)
    assert max(trouble) <= 1.0
    assert min(race) > 0


@pytest.fixture
def slow_line(tables: Tables, stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch) -> tuple[Till, Wire]:
    """A till whose SDK pauses on the stopwatch too, with all the retries that it begins with."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=stopwatch.pass_))
    store = Store(tables, connect(tables), SystemClock(), test_clock=False)
    return Till(Engine(store, POLICY, sleep=stopwatch.pass_)), Wire(store.connections)


@pytest.mark.parametrize("dice_seed", range(20))
def test_no_call_outlives_its_function(slow_line: tuple[Till, Wire], stopwatch: Stopwatch, dice_seed: int) -> None:
    """Whatever each request takes, up to its limits: the function is not ended before its caller has an answer."""
    till, wire = slow_line
    dice = random.Random(dice_seed)
    asked = dice.choice(MOVEMENTS)(till)
    good = dice.choice([0.0, 0.3, 0.7, 0.9])

    def any_weather(request: Request) -> AWSResponse | None:
        longest = CONNECT_SECONDS + READ_SECONDS
        if dice.random() < good:
            stopwatch.pass_(dice.choice([0.01, 0.1, longest]))
            return None
        if dice.random() < 0.5:
            stopwatch.pass_(longest)
            return dice.choice([lost_request(), error(500)])(request)
        stopwatch.pass_(0.01)
        return (cancelled("TransactionConflict") if request.operation in COMMIT else throttled())(request)

    wire.on(ANY, any_weather, times=None)
    began = stopwatch()
    with suppress(Busy, OutcomeUnknown, Refused):
        asked.send()
    assert stopwatch() - began < function_timeout_seconds()


def test_the_worst_line_does_not_outlive_its_function(slow_line: tuple[Till, Wire], stopwatch: Stopwatch) -> None:
    """Conflicts until hardly a commit fits in, and then reads that hang."""
    till, wire = slow_line
    asked = redeem(till)
    began = stopwatch()

    def late(_: Request) -> bool:
        return stopwatch() - began > API_DEADLINE_SECONDS - ATTEMPT_SECONDS - 0.4

    wire.on(READ, taking(CONNECT_SECONDS + READ_SECONDS, stopwatch, lost_request()), times=None, where=late)
    wire.on(COMMIT, taking(0.3, stopwatch, cancelled("TransactionConflict")), times=None)
    with pytest.raises(Busy):
        asked.send()
    assert stopwatch() - began < function_timeout_seconds()
