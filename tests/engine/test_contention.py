"""Many clients on one wallet for long: everybody gets through in few attempts, also where AWS cancels what overlaps."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.store.envelope import Trace
from chalicelib.store.signals import Busy
from tests.engine.crowd import at_once
from tests.engine.till import Receipt, Till, new_wallet, until_known
from tests.engine.trouble import cancelled
from tests.engine.wire import COMMIT, Request, Wire


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
