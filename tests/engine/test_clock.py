"""The test clock: where a stage has one, time stands still at what it says, for everybody and at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import HoldLapsed, InsufficientCredit
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread
from chalicelib.store.tables import Tables
from chalicelib.wallets import queries
from tests.engine.conftest import POLICY
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import cancelled, error, lost_answer, no_connection, throttled
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire
from tests.passbook import instant

NOON = instant("2027-03-01T12:00")
HOUR = 3_600_000
MOMENT = 60_000


@pytest.fixture
def clocked(clocked_store: Store, clocked_wire: Wire) -> Iterator[Till]:
    """A till of a stage with a test clock, which runs again afterwards."""
    till = Till(Engine(clocked_store, POLICY))
    yield till
    clocked_wire.mend()
    till.engine.set_clock(None)


@pytest.fixture
def other(tables: Tables) -> Till:
    """Another function of the same stage."""
    return Till(Engine(Store(tables, connect(tables), SystemClock(), test_clock=True), POLICY))


def test_time_stands_still_for_every_function_at_once(clocked: Till, other: Till) -> None:
    clocked.engine.set_clock(NOON)
    wallet = new_wallet()
    for till in (clocked, other, clocked):
        till.issue(wallet, 100)
    assert [entry.at for entry in clocked.entries(wallet)] == [NOON] * 3
    assert other.engine.store.now() == NOON
    assert queries.wallet(other.engine, wallet).at == NOON


def test_moving_the_clock_moves_what_is_alive(clocked: Till, other: Till) -> None:
    clocked.engine.set_clock(NOON)
    wallet = new_wallet()
    clocked.issue(wallet, 100, expires=At(NOON + HOUR))
    hold = clocked.hold(wallet, 40, ttl_seconds=600).hold
    other.engine.set_clock(NOON + 600_000 - 1)
    assert queries.wallet(clocked.engine, wallet).balance.held == 40
    other.engine.set_clock(NOON + 600_000)
    assert queries.wallet(clocked.engine, wallet).balance.held == 0
    with pytest.raises(HoldLapsed):
        clocked.capture(wallet, hold)
    other.engine.set_clock(NOON + HOUR - 1)
    assert queries.wallet(clocked.engine, wallet).balance.available == 100
    other.engine.set_clock(NOON + HOUR)
    assert queries.wallet(clocked.engine, wallet).balance.available == 0
    with pytest.raises(InsufficientCredit):
        clocked.redeem(wallet, 1)


def test_a_cleared_clock_runs_again(clocked: Till) -> None:
    clocked.engine.set_clock(NOON)
    clocked.engine.set_clock(None)
    assert abs(clocked.engine.store.now() - SystemClock().now()) < MOMENT
    clocked.engine.set_clock(None)
    wallet = new_wallet()
    clocked.issue(wallet, 100)
    assert abs(clocked.entries(wallet)[0].at - SystemClock().now()) < MOMENT


def test_setting_it_again_to_the_same_instant_is_no_error(clocked: Till) -> None:
    clocked.engine.set_clock(NOON)
    clocked.engine.set_clock(NOON)
    assert clocked.engine.store.clock_reading() == NOON


def test_set_back_in_time_entry_times_do_not_go_back(clocked: Till) -> None:
    clocked.engine.set_clock(NOON)
    wallet = new_wallet()
    clocked.issue(wallet, 100, expires=At(NOON + HOUR))
    clocked.engine.set_clock(NOON - 24 * HOUR)
    redemption = clocked.redeem(wallet, 30).redemption
    clocked.engine.set_clock(None)
    clocked.reverse(wallet, redemption)
    assert [entry.at for entry in clocked.entries(wallet)] == [NOON, NOON, NOON]
    clocked.check(wallet)


def test_without_a_test_clock_nothing_reads_it(till: Till, wire: Wire, clocked: Till) -> None:
    clocked.engine.set_clock(NOON)
    wallet = new_wallet()
    with wire.listen() as heard:
        till.issue(wallet, 100)
    assert not any("#clock" in str(request.body) for request in heard)
    assert abs(till.entries(wallet)[0].at - SystemClock().now()) < MOMENT


def test_keys_are_kept_by_the_machines_clock(clocked: Till) -> None:
    """DynamoDB deletes by it; under a test clock of years ago a key would be garbage at once."""
    clocked.engine.set_clock(instant("2001-01-01"))
    receipt = clocked.issue(new_wallet(), 100)
    kept = clocked.engine.store.operation(receipt.operation)
    assert kept is not None
    assert kept.delete_after is not None
    assert kept.delete_after * 1000 > SystemClock().now() + 30 * 24 * HOUR


@pytest.mark.parametrize(
    "fault", [throttled(), cancelled("TransactionConflict"), no_connection()], ids=["throttled", "conflict", "no line"]
)
def test_a_clock_that_could_not_be_set_says_so(clocked: Till, clocked_wire: Wire, fault: Fault) -> None:
    clocked_wire.on(COMMIT, fault)
    with pytest.raises(Busy):
        clocked.engine.set_clock(NOON)
    assert clocked.engine.store.clock_reading() is None


def test_a_clock_whose_answer_was_lost_is_not_called_unchanged(clocked: Till, clocked_wire: Wire) -> None:
    clocked_wire.on(COMMIT, lost_answer())
    with pytest.raises(OutcomeUnknown):
        clocked.engine.set_clock(NOON)
    assert clocked.engine.store.clock_reading() == NOON


def test_somebody_elses_setting_in_between_is_not_overwritten(clocked: Till, clocked_wire: Wire, other: Till) -> None:
    def sooner(_: Request) -> None:
        other.engine.set_clock(NOON + HOUR)

    clocked_wire.on(COMMIT, sooner)
    with pytest.raises(Busy):
        clocked.engine.set_clock(NOON)
    assert clocked.engine.store.clock_reading() == NOON + HOUR


def test_a_clock_that_cannot_be_read_is_never_guessed(clocked: Till, clocked_wire: Wire) -> None:
    clocked_wire.on(READ, error(500), times=None)
    with pytest.raises(Busy):
        clocked.issue(new_wallet(), 100, seconds=3.0)
    with pytest.raises(Unread):
        clocked.engine.store.now()
