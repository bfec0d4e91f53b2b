"""Random commands on several wallets over a wire that fails at random; the client sends again what it has no answer to.

Beside each wallet runs a passbook, which does the same commands in the pure ledger. The engine must answer as the
passbook does, refusals included, and store exactly what the passbook has: the wallet, and entry by entry the ledger.

`WALKS` walks of `STEPS` steps (environment), each a test with its seed in its name; `--seed N` replays one.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import Refused
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, OutcomeUnknown
from tests.engine.conftest import POLICY
from tests.engine.till import PATIENCE, Receipt, Till, new_key, new_wallet
from tests.engine.trouble import (
    Kept,
    cancelled,
    closed_after,
    connect_timeout,
    error,
    lost_answer,
    lost_request,
    no_connection,
    throttled,
)
from tests.engine.wire import ANY, COMMIT, READ, Fault, Request, Wire
from tests.passbook import Passbook, instant

STEPS = int(os.environ.get("STEPS", "200"))
WALLETS = 3
START = instant("2027-03-01T12:00")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

COMMIT_FAULTS: tuple[Callable[[], Fault], ...] = (
    lost_answer,
    lost_request,
    closed_after,
    no_connection,
    connect_timeout,
    throttled,
    partial(error, 500),
    partial(error, 500, after=True),
    partial(cancelled, "TransactionConflict"),
    partial(cancelled, None, "ThrottlingError"),
    partial(cancelled, "TransactionConflict", None, "ThrottlingError"),
)
READ_FAULTS: tuple[Callable[[], Fault], ...] = (lost_request, no_connection, closed_after, partial(error, 500))


class Shadow(Passbook):
    """A passbook of one of the engine's wallets, whose next operation has the id that the engine's has."""

    def __init__(self, wallet: WalletId) -> None:
        super().__init__()
        self.wallet = Wallet(wallet.customer, wallet.currency)
        self.operation = ""

    def _act(self) -> Act:
        return Act(self.operation, "tester", self.now)


class Walk:
    """One seed's steps."""

    def __init__(self, till: Till, wire: Wire, dice: random.Random) -> None:
        self.till = till
        self.wire = wire
        self.dice = dice
        self.now = START
        self.wallets = {wallet: Shadow(wallet) for wallet in (new_wallet() for _ in range(WALLETS))}
        self.kept = Kept()
        self.told: Counter[str] = Counter()
        self.log: list[str] = []
        till.engine.set_clock(START)

    def run(self, steps: int) -> None:
        for step in range(steps):
            if self.dice.random() < 0.15:
                self.move_clock()
            wallet = self.dice.choice(list(self.wallets))
            self.step(step, wallet)
        for wallet, shadow in self.wallets.items():
            self.compare(wallet, shadow)
            self.till.check(wallet)

    def step(self, step: int, wallet: WalletId) -> None:
        shadow = self.wallets[wallet]
        said, real, paper = self.dice.choice(self.commands(wallet, shadow))
        key = new_key()
        broken = self.break_wire()
        self.log.append(f"{step} at {self.now} {wallet.customer[-4:]}: {said} {broken}")
        outcome, receipt = self.send(real, key)
        self.wire.mend()
        self.kept.deliver()
        shadow.operation = receipt.operation if receipt else f"refused-{step}"
        shadow.now = self.now
        try:
            paper()
            expected = "done"
        except Refused as refused:
            expected = refused.code
        self.log.append(f"    {outcome}")
        self.told[outcome] += 1
        assert outcome == expected
        if receipt is not None and self.dice.random() < 0.2:
            again = real(key=key)
            assert again.replayed
            assert again.answer.body == receipt.answer.body
        if self.dice.random() < 0.1:
            self.compare(wallet, shadow)

    def send(self, real: Callable[..., Receipt], key: str) -> tuple[str, Receipt | None]:
        """What a client gets to know in the end."""
        for _ in range(PATIENCE):
            try:
                return "done", real(key=key)
            except Refused as refused:
                return refused.code, None
            except (Busy, OutcomeUnknown) as unknown:
                self.told[type(unknown).__name__] += 1
                self.log.append(f"    {type(unknown).__name__}")
                self.wire.mend()
        raise AssertionError("no outcome")

    def break_wire(self) -> str:
        """Perhaps some faults for the next command; what they are."""
        weather = self.dice.random()
        if weather < 0.5:
            return ""
        if weather < 0.6:
            fault, times = self.dice.choice(READ_FAULTS), self.dice.choice([1, 3, 3, 5, 5, 5, None])
            self.wire.on(READ, fault(), times=times)
            return f"reads: {fault} x {times}"
        if weather < 0.7:
            self.wire.on(COMMIT, self.kept)
            after = self.dice.randint(1, 3)
            self.wire.on(ANY, self.deliver_after(after), times=None)
            return f"the commit lands {after} requests late"
        if weather < 0.75:
            self.wire.on(COMMIT, lost_answer())
            self.wire.on(READ, lost_request(), times=None, where=lambda _: self.wire.count(*COMMIT) > commits)
            commits = self.wire.count(*COMMIT)
            return "nothing is heard after the commit"
        faults = [self.dice.choice(COMMIT_FAULTS) for _ in range(self.dice.randint(1, 3))]
        for fault in faults:
            self.wire.on(COMMIT, fault(), times=self.dice.choice([1, 1, 1, 1, 2, 5]))
        return f"commits: {faults}"

    def deliver_after(self, requests: int) -> Fault:
        left = [requests]

        def fault(request: Request) -> AWSResponse | None:
            if self.kept.requests:
                left[0] -= 1
                if left[0] < 0:
                    self.kept.deliver()
            return None

        return fault

    def move_clock(self) -> None:
        self.now += self.dice.choice([0, 1, MINUTE, 10 * MINUTE, HOUR, 7 * HOUR, 2 * DAY, -3 * MINUTE])
        self.till.engine.set_clock(self.now)

    def compare(self, wallet: WalletId, shadow: Shadow) -> None:
        assert self.till.stored(wallet) == shadow.wallet
        stored = self.till.entries(wallet)
        assert stored == list(shadow.entries)

    def commands(self, wallet: WalletId, shadow: Shadow) -> list[tuple[str, Callable[..., Receipt], Callable[[], Any]]]:
        """Something of each kind that could be done now: in words, to the engine, in the passbook."""
        till, dice = self.till, self.dice
        amount = dice.randint(1, 400)
        kind = dice.choice([Kind.PROMOTION, Kind.LOYALTY, Kind.REFUND, Kind.COMPENSATION, Kind.CASHBACK])
        ends = None if kind is Kind.REFUND else At(self.now + dice.choice([MINUTE, 20 * MINUTE, 5 * HOUR, 3 * DAY]))
        terms: dict[str, Any] = {
            "expires": dice.choice([None, ends, ends]),
            "priority": dice.choice([50, 50, 10]),
            "conditions": dice.choice([None, None, None, Conditions(min_order=200), Conditions(max_per_order=90)]),
            "effective_at": dice.choice([None, None, None, self.now + 15 * MINUTE]),
        }
        cart = Cart(f"order-{dice.randint(1, 5)}", total=dice.choice([None, 100, 300, 1_000]))
        partially = dice.random() < 0.5
        open_holds = [each.id for each in shadow.wallet.holds]
        hold = dice.choice([*list(shadow.hold_statuses)[-3:], *open_holds, *open_holds, "hld_none"])
        part = dice.choice([None, amount, 50])
        final = dice.random() < 0.6
        redemption = dice.choice([*list(shadow.redemptions)[-4:], "rdm_none"])
        lot = dice.choice([*(each.id for each in shadow.wallet.lots), "lot_1", dice.choice(["lot_3", "lot_999"])])
        minutes = dice.choice([1, 30, 600])
        later = At(self.now + dice.choice([HOUR, 9 * DAY]))
        grant = (
            f"issue {amount} {kind} {terms}",
            lambda **how: till.issue(wallet, amount, kind, reason="test", **terms, **how),
            lambda: shadow.grant(amount, kind, **terms),
        )
        redeem = (
            f"redeem {amount} {cart} {partially}",
            lambda **how: till.redeem(wallet, amount, cart, partially, **how),
            lambda: shadow.redeem(amount, cart, partial=partially),
        )
        return [
            *([grant] * 3),
            *([redeem] * 2),
            (
                f"hold {amount} {cart.order_id} {minutes}",
                lambda **how: till.hold(wallet, amount, cart, minutes * 60, **how),
                lambda: shadow.hold(amount, cart, minutes=minutes),
            ),
            (
                f"capture {hold} {part} {final}",
                lambda **how: till.capture(wallet, hold, part, final, **how),
                lambda: shadow.capture(hold, part, final=final),
            ),
            (
                f"release {hold}",
                lambda **how: till.release(wallet, hold, **how),
                lambda: shadow.release(hold),
            ),
            (
                f"reverse {redemption} {part}",
                lambda **how: till.reverse(wallet, redemption, part, **how),
                lambda: shadow.reverse(redemption, part),
            ),
            (
                f"debit {amount}",
                lambda **how: till.debit(wallet, amount, **how),
                lambda: shadow.debit(amount),
            ),
            (
                f"revoke {lot} {part}",
                lambda **how: till.revoke(wallet, lot, part, **how),
                lambda: shadow.revoke(lot, part),
            ),
            (
                f"extend {lot} {later}",
                lambda **how: till.extend(wallet, lot, later, **how),
                lambda: shadow.extend(lot, later),
            ),
            ("unfreeze", lambda **how: till.unfreeze(wallet, **how), shadow.unfreeze)
            if shadow.wallet.frozen
            else dice.choice([grant, grant, ("freeze", lambda **how: till.freeze(wallet, **how), shadow.freeze)]),
        ]


@pytest.fixture
def walker(clocked_store: Store, clocked_wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """A till in a hurry: neither its engine nor its SDK pauses, and it gives up soon."""
    monkeypatch.setattr("chalicelib.store.commit.MAX_ATTEMPTS", 5)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    till = Till(Engine(clocked_store, POLICY, sleep=lambda _: None))
    yield till
    clocked_wire.mend()
    till.engine.set_clock(None)


def test_the_engine_does_what_the_ledger_says_whatever_the_wire_does(
    walker: Till, clocked_wire: Wire, dice: random.Random
) -> None:
    walk = Walk(walker, clocked_wire, dice)
    try:
        walk.run(STEPS)
    finally:
        print("\n".join(walk.log[-24:]))
        print(dict(walk.told))
    assert walk.told["done"] > STEPS / 4
