"""Many clients at once: the wallet's version decides who was first, and everybody else is told what is so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import (
    HoldClosed,
    HoldLapsed,
    InsufficientCredit,
    OverReversal,
    Refused,
)
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.envelope import WalletId
from tests.engine.crowd import at_once, outcomes
from tests.engine.till import Receipt, Till, new_wallet, until_known

ROOT = Path(__file__).parents[2]
CLIENTS = 32


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
        # Who looks after the hold's time, but before the winner's commit is there, is told that it lapsed; later all
        # are told what became of it.
        assert losers <= {HoldClosed, HoldLapsed}
        with pytest.raises(HoldClosed):
            till.capture(wallet, held.hold)
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
