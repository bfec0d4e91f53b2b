"""Requests that land late: the answer is given up, the loop goes on, and then the request arrives after all.

A command's first commits are kept on the way. Before one of the requests that follow they are let through, and before
one another writer moves the wallet. All such orders are tried, so it is not left to luck which of them a race would
find. Whatever the order: one effect or none; what is told refused or busy has none, then and ever.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, OutcomeUnknown
from chalicelib.store.tables import Tables
from tests.engine.conftest import POLICY
from tests.engine.movements import Movement, capture, hold, issue, named, redeem, reverse
from tests.engine.till import Till, new_key, new_wallet, until_known
from tests.engine.trouble import Kept
from tests.engine.wire import ANY, COMMIT, READ, Request, Wire
from tests.passbook import instant

STEPS = range(1, 5)
"""Requests after the first kept commit, before each of which something may happen."""
AFTERWARDS = 99
NEVER = 0


@pytest.fixture(scope="module")
def rival(tables: Tables) -> Till:
    """Another writer, on a line of its own that nobody cuts."""
    return Till(Engine(Store(tables, connect(tables), SystemClock(), test_clock=False), POLICY), caller="rival")


def grants(rival: Till, wallet: WalletId) -> None:
    rival.issue(wallet, 700)


def spends_a_little(rival: Till, wallet: WalletId) -> None:
    _unless_refused(lambda: rival.redeem(wallet, 1))


def spends_all(rival: Till, wallet: WalletId) -> None:
    stored = rival.stored(wallet)
    _unless_refused(lambda: rival.redeem(wallet, max(1, stored.remaining - stored.held)))


def does_nothing(rival: Till, wallet: WalletId) -> None:
    pass


def _unless_refused(command: Callable[[], object]) -> None:
    with suppress(Refused):
        command()


@dataclass(slots=True)
class Script:
    """What happens before which request of the call, the first commit being number 0."""

    kept: Kept
    keep: int
    deliver_at: int
    rival_at: int
    act: Callable[[], None]
    step: int = -1
    commits: int = 0

    def __call__(self, request: Request) -> AWSResponse | None:
        if self.step < 0 and request.operation not in COMMIT:
            return None
        self.step += 1
        if self.step == self.rival_at:
            self.act()
        if self.step == self.deliver_at:
            self.kept.deliver()
        if request.operation in COMMIT:
            self.commits += 1
            if self.commits <= self.keep:
                return self.kept(request)
        return None


def play(till: Till, wire: Wire, asked: Movement, script: Script) -> str:
    """The outcome of one call, and the checks of what must be true of it."""
    key = new_key()
    wire.on(ANY, script, times=None)
    operation = None
    try:
        operation = asked.send(key=key).operation
        outcome = "done"
    except (Refused, Busy, OutcomeUnknown) as told:
        outcome = "refused" if isinstance(told, Refused) else type(told).__name__
    wire.mend()
    script.kept.deliver()
    if outcome == "done":
        assert operation is not None
        assert till.effects(asked.wallet, operation) == asked.entries
    else:
        settled = settle(till, asked, key)
        expected = {"refused": {"refused", "done anew"}, "Busy": {"refused", "done anew"}}
        assert settled in expected.get(outcome, {"refused", "done anew", "done before"}), (outcome, settled)
    till.check(asked.wallet)
    return outcome


def settle(till: Till, asked: Movement, key: str) -> str:
    """What a later call with the key says, and that it is so."""
    try:
        receipt = until_known(asked.send, key=key)
    except Refused:
        return "refused"
    assert till.effects(asked.wallet, receipt.operation) == asked.entries
    return "done before" if receipt.replayed else "done anew"


@pytest.mark.parametrize(
    ("movement", "act"),
    [
        (redeem, does_nothing),
        (redeem, grants),
        (redeem, spends_a_little),
        (redeem, spends_all),
        (reverse, spends_a_little),
        (hold, spends_all),
    ],
    ids=named,
)
def test_a_request_that_lands_late_has_one_effect_or_none(
    hasty: Till, wire: Wire, rival: Till, movement: Callable[[Till], Movement], act: Callable[[Till, WalletId], None]
) -> None:
    outcomes = set()
    for rival_at in STEPS if act is not does_nothing else (NEVER,):
        for deliver_at in (*STEPS, AFTERWARDS):
            asked = movement(hasty)
            script = Script(Kept(), 1, deliver_at, rival_at, lambda: act(rival, asked.wallet))  # noqa: B023
            try:
                outcomes.add(play(hasty, wire, asked, script))
            except AssertionError as error:
                raise AssertionError(f"delivered at {deliver_at}, rival at {rival_at}: {error}") from error
    assert "done" in outcomes


def test_several_requests_that_land_late_have_one_effect_or_none(
    hasty: Till, wire: Wire, rival: Till, dice: random.Random
) -> None:
    for _ in range(5):
        asked = dice.choice([issue, redeem, reverse, hold, capture])(hasty)
        act = dice.choice([does_nothing, grants, spends_a_little, spends_all])
        script = Script(
            kept=Kept(),
            keep=dice.randint(2, 4),
            deliver_at=dice.choice([*range(1, 14), AFTERWARDS]),
            rival_at=dice.randint(0, 10),
            act=lambda: act(rival, asked.wallet),  # noqa: B023
        )
        play(hasty, wire, asked, script)


def test_a_request_that_lands_while_the_loop_goes_on_has_one_effect_or_none(
    till: Till, wire: Wire, rival: Till, dice: random.Random
) -> None:
    """The same with threads and the pauses of production: it lands some time, and the loop is where it is."""

    def delayed(request: Request) -> AWSResponse:
        timer = threading.Timer(dice.random() * 0.15, request.send)
        timer.start()
        timers.append(timer)
        return Kept()(request)

    for _ in range(2):
        timers: list[threading.Timer] = []
        asked, key = dice.choice([redeem, reverse, hold])(till), new_key()
        wire.on(COMMIT, delayed, times=dice.randint(1, 3))
        timers.append(threading.Timer(dice.random() * 0.15, spends_a_little, (rival, asked.wallet)))
        timers[0].start()
        outcome = settle(till, asked, key)
        wire.mend()
        for timer in timers:
            timer.join()
        if outcome == "refused":
            assert settle(till, asked, key) in ("refused", "done anew")
        till.check(asked.wallet)


@pytest.mark.parametrize("lands", ["while the loop goes on", "after the call"])
def test_time_alone_does_not_make_a_refusal_of_what_may_still_land(
    clocked_store: Store, clocked_wire: Wire, tables: Tables, lands: str
) -> None:
    """The credit expires between two attempts: the second would refuse, but the first was in time and may arrive."""
    till = Till(Engine(clocked_store, POLICY, sleep=lambda _: None))
    elsewhere = Engine(Store(tables, connect(tables), SystemClock(), test_clock=True), POLICY)
    ends = instant("2027-03-01T12:00")
    wallet, key, kept = new_wallet(), new_key(), Kept()
    till.engine.set_clock(ends - 1)
    till.issue(wallet, 1_000, expires=At(ends))

    def kept_past_the_end(request: Request) -> AWSResponse:
        elsewhere.set_clock(ends)
        return kept(request)

    clocked_wire.on(COMMIT, kept_past_the_end)
    if lands == "after the call":
        with pytest.raises(OutcomeUnknown):
            till.redeem(wallet, 1_000, key=key)
        kept.deliver()
    else:
        clocked_wire.on(READ, lambda _: None, times=4)
        clocked_wire.on(READ, lambda _: kept.deliver())
    receipt = till.redeem(wallet, 1_000, key=key)
    elsewhere.set_clock(None)
    assert receipt.replayed
    assert till.effects(wallet, receipt.operation) == ["redeemed"]
    till.check(wallet)
