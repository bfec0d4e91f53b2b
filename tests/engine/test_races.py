"""Many clients at once: the wallet's version decides who was first, and everybody else is told what is so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import (
    HoldClosed,
    HoldLapsed,
    InsufficientCredit,
    OverReversal,
    Refused,
)
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.envelope import Trace, WalletId
from chalicelib.store.signals import Busy, OutcomeUnknown
from tests.engine.till import Receipt, Till, new_wallet, until_known
from tests.engine.wire import COMMIT, Request, Wire, cancelled

ROOT = Path(__file__).parents[2]
CLIENTS = 32


def at_once(commands: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each command gave or raised; all start together."""
    commands = list(commands)
    start = threading.Barrier(len(commands))

    def run(command: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return command()
        except (Refused, Busy, OutcomeUnknown) as told:
            return told

    with ThreadPoolExecutor(len(commands)) as crowd:
        return list(crowd.map(run, commands))


def outcomes(told: Iterable[Any]) -> Counter[str]:
    return Counter("done" if isinstance(each, Receipt) else type(each).__name__ for each in told)


def test_many_simultaneous_debits_of_a_wallet_worth_one_exactly_one_is_accepted(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 100)
    told = at_once([lambda: until_known(till.redeem, wallet, 100)] * 16)
    assert outcomes(told) == {"done": 1, "InsufficientCredit": 15}
    assert till.check(wallet).remaining == 0


def test_32_clients_spend_exactly_what_a_wallet_holds(till: Till) -> None:
    """One movement a client; who is told busy tries again with its key, and gets the credit or a refusal."""
    wallet = new_wallet()
    till.fill(wallet, 500, 300, 200)
    told = at_once([lambda: until_known(till.redeem, wallet, 90)] * CLIENTS)
    assert outcomes(told) == {"done": 11, "InsufficientCredit": CLIENTS - 11}
    stored = till.check(wallet)
    assert stored.remaining == 1_000 - 11 * 90
    assert sum(entry.type == "redeemed" for entry in till.entries(wallet)) == 11


def test_several_processes_spend_exactly_what_a_wallet_holds(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    tables = till.engine.store.tables
    command = [sys.executable, "-m", "tests.engine.other_process", tables.wallets_name, tables.ledger_name]
    command += [wallet.customer, wallet.currency, "6", "60"]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
        for _ in range(3)
    ]
    told = Counter[str]()
    for process in processes:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        told += Counter(json.loads(output))
    assert told == {"done": 16, "InsufficientCredit": 2}
    assert till.check(wallet).remaining == 1_000 - 16 * 60


def test_two_carts_at_once_share_what_there_is(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    told = at_once(
        [
            lambda: till.redeem(wallet, 700, "cart-1", partial=True),
            lambda: till.redeem(wallet, 700, "cart-2", partial=True),
        ]
    )
    assert outcomes(told) == {"done": 2}
    assert sorted(each.told["redemption"]["amount"] for each in told) == [300, 700]
    assert till.check(wallet).remaining == 0


def test_holds_on_one_order_from_two_tabs_leave_one_open(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    told = at_once([lambda: till.hold(wallet, 400, "order-1")] * 4)
    assert outcomes(told) == {"done": 4}
    stored = till.check(wallet)
    assert stored.held == 400
    assert len(stored.holds) == 1
    for each in told:
        if each.hold != stored.holds[0].id:
            with pytest.raises(HoldClosed):
                till.capture(wallet, each.hold)


@pytest.mark.parametrize("round_", range(2))
def test_capture_and_release_of_one_hold_one_wins_and_the_others_are_told_which(till: Till, round_: int) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    hold = till.hold(wallet, 400).hold
    told = at_once([lambda: till.capture(wallet, hold), lambda: till.release(wallet, hold)] * 3)
    assert outcomes(told) == {"done": 1, "HoldClosed": 5}
    (won,) = (each for each in told if isinstance(each, Receipt))
    status = won.told["hold"]["status"]
    assert {each.facts["hold_status"] for each in told if isinstance(each, HoldClosed)} == {status}
    assert till.check(wallet).remaining == (600 if status == "captured" else 1_000)


@pytest.mark.parametrize("round_", range(2))
def test_capture_and_lapse_of_one_hold_one_wins_and_the_others_are_told_which(till: Till, round_: int) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    held = till.hold(wallet, 400, ttl_seconds=1)
    time.sleep(0.9)
    told = at_once(
        [
            lambda: till.capture(wallet, held.hold),
            lambda: till.issue(wallet, 1),
            lambda: till.capture(wallet, held.hold),
            lambda: till.release(wallet, held.hold),
        ]
    )
    time.sleep(0.2)
    types = [str(entry.type) for entry in till.entries(wallet)]
    ends = [type_ for type_ in types if type_ in ("captured", "released", "lapsed")]
    losers = {type(each) for each in told if isinstance(each, Refused)}
    if "captured" in ends or "released" in ends:
        assert len(ends) == 1
        assert losers == {HoldClosed}
    else:
        assert losers == {HoldLapsed}
        assert outcomes(told)["done"] == 1
        with pytest.raises(HoldLapsed):
            till.capture(wallet, held.hold)
    till.check(wallet)


def test_partial_captures_at_once_never_take_more_than_is_held(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    hold = till.hold(wallet, 400).hold
    told = at_once([lambda: till.capture(wallet, hold, 150, final=False)] * 6)
    assert outcomes(told)["done"] == 2
    stored = till.check(wallet)
    assert (stored.remaining, stored.held) == (700, 100)


def test_redeem_expire_grant_and_reverse_in_the_same_second(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    soon = SystemClock().now() + 1_200
    till.issue(wallet, 500, expires=At(soon))
    redemption = till.redeem(wallet, 700).redemption
    time.sleep(max(0.0, (soon - SystemClock().now()) / 1000 - 0.15))
    told = at_once(
        [
            *[lambda: until_known(till.redeem, wallet, 50)] * 6,
            *[lambda: until_known(till.issue, wallet, 30)] * 4,
            *[lambda: until_known(till.reverse, wallet, redemption, 100)] * 9,
            *[lambda: until_known(till.debit, wallet, 20)] * 3,
        ]
    )
    reversals = told[10:19]
    assert outcomes(reversals) == {"done": 7, "OverReversal": 2}
    assert not outcomes(told).keys() - {"done", "OverReversal", "InsufficientCredit"}
    till.check(wallet)


@pytest.mark.parametrize("amount", [None, 400, 250])
def test_reversals_of_one_redemption_at_once_never_exceed_it(till: Till, amount: int | None) -> None:
    wallet = new_wallet()
    till.fill(wallet, 300, 300)
    redemption = till.redeem(wallet, 600).redemption
    told = at_once([lambda: until_known(till.reverse, wallet, redemption, amount)] * 6)
    fitting = 1 if amount is None else 600 // amount
    assert outcomes(told) == {"done": fitting, "OverReversal": 6 - fitting}
    assert till.check(wallet).remaining == fitting * (amount or 600)


def test_a_burst_of_different_grants_all_land(till: Till) -> None:
    wallet = new_wallet()
    told = at_once([lambda: until_known(till.issue, wallet, 10)] * CLIENTS)
    assert outcomes(told) == {"done": CLIENTS}
    assert till.check(wallet).remaining == 10 * CLIENTS


class InFlight:
    """What AWS does with two transactions in flight on one item: the later one is cancelled.

    `seconds` is the time that a transaction is in flight beside what the engine under test takes for it.
    """

    def __init__(self, seconds: float) -> None:
        self.cancelled = 0
        self._seconds = seconds
        self._wallets: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> AWSResponse | None:
        with self._lock:
            if request.wallet in self._wallets:
                self.cancelled += 1
                return cancelled("TransactionConflict")(request)
            self._wallets.add(request.wallet)
        try:
            time.sleep(self._seconds)
            return request.send()
        finally:
            with self._lock:
                self._wallets.discard(request.wallet)


@pytest.mark.parametrize("conflicting", [False, True], ids=["last write loses", "as on AWS"])
def test_16_clients_on_one_wallet_all_get_through(till: Till, wire: Wire, conflicting: bool) -> None:
    """In a closed loop, so that the pressure never ends: few attempts for each, and hardly anybody is told busy."""
    rounds = 4
    wallet = new_wallet()
    till.issue(wallet, 100_000)
    in_flight = InFlight(0.004)
    if conflicting:
        wire.on(COMMIT, in_flight, times=None)
    traces: list[Trace] = []

    def redeem(key: str) -> Receipt:
        trace = Trace()
        traces.append(trace)
        return till.redeem(wallet, 10, key=key, trace=trace)

    told = at_once([lambda: [until_known(redeem) for _ in range(rounds)]] * 16)
    receipts = [receipt for each in told for receipt in each]
    busy = len(traces) - len(receipts)
    mean = sum(trace.attempts for trace in traces) / len(receipts)
    print(f"attempts {mean:.2f}, most {max(trace.attempts for trace in traces)}, told busy {busy}")
    assert len(receipts) == 16 * rounds
    assert mean <= 4.5
    assert busy <= 2
    wire.mend()
    stored = till.check(wallet)
    assert stored.remaining == 100_000 - 10 * len(receipts)
    assert len(till.entries(wallet)) == 1 + len(receipts)


def test_clients_on_wallets_of_their_own_do_not_meet(till: Till, wire: Wire) -> None:
    wallets = [new_wallet() for _ in range(16)]
    in_flight = InFlight(0.004)
    wire.on(COMMIT, in_flight, times=None)
    told = at_once([partial(till.fill, wallet, 10, 20, 30) for wallet in wallets])
    assert all(isinstance(each, list) for each in told)
    assert in_flight.cancelled == 0


def test_a_lost_race_that_never_ends_is_busy_and_nothing_else(till: Till, wire: Wire) -> None:
    """Somebody moves the wallet between every read and commit of ours."""
    wallet = new_wallet()
    till.issue(wallet, 100)
    patient = Till(till.engine)

    def in_between(request: Request) -> None:
        if not quiet.is_set():
            quiet.set()
            patient.issue(wallet, 1)
            quiet.clear()

    quiet = threading.Event()
    wire.on(COMMIT, in_between, times=None)
    with pytest.raises(Busy):
        till.redeem(wallet, 50, seconds=3.0)
    wire.mend()
    assert not any(entry.type == "redeemed" for entry in till.entries(wallet))
    till.check(wallet)


def test_what_one_wallet_does_is_nothing_to_another(till: Till) -> None:
    here = new_wallet()
    there = WalletId(here.customer, "USD")
    at_once([lambda: till.issue(here, 100), lambda: till.issue(there, 200)] * 4)
    assert till.check(here).remaining == 400
    assert till.check(there).remaining == 800
    with pytest.raises(InsufficientCredit):
        till.redeem(here, 401)
    with pytest.raises(OverReversal):
        till.reverse(there, till.redeem(there, 800).redemption, 801)
