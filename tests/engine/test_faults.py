"""Faults between the store and DynamoDB: whatever happens on the wire, a command has one effect or none, and its caller
is told which, or told that it is not known and gets to know it by the same key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.store.commit import MAX_ATTEMPTS
from chalicelib.store.signals import Busy, OutcomeUnknown
from tests.engine.movements import MOVEMENTS, Movement, issue, named, no_effect, one_effect, redeem
from tests.engine.till import Till, new_key
from tests.engine.trouble import (
    cancelled,
    error,
    lost_answer,
    lost_request,
    no_connection,
    throttled,
)
from tests.engine.weather import NOT_DONE_KNOWN, NOT_DONE_UNKNOWN, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire

every_movement = pytest.mark.parametrize("movement", MOVEMENTS, ids=named)


# Done, and nobody heard


@every_movement
def test_an_answer_lost_after_the_commit_is_found(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked = movement(hasty)
    wire.on(COMMIT, lost_answer())
    receipt = asked.send()
    assert receipt.replayed
    assert receipt.trace.unknowns == 1
    one_effect(hasty, asked, receipt.operation)


@every_movement
def test_when_nothing_is_heard_any_more_the_outcome_is_unknown_and_the_key_tells(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked, key = movement(hasty), new_key()
    heard_before = len(hasty.entries(asked.wallet))
    wire.on(COMMIT, lost_answer(), times=None)
    wire.on(READ, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > commits)
    commits = wire.count(*COMMIT)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    assert len(hasty.entries(asked.wallet)) == heard_before + len(asked.entries)
    found = asked.send(key=key)
    assert found.replayed
    one_effect(hasty, asked, found.operation)


def test_the_answer_of_every_attempt_may_be_lost(hasty: Till, wire: Wire) -> None:
    asked = redeem(hasty)
    wire.on(COMMIT, lost_answer(), times=None)
    receipt = asked.send()
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


def test_a_lost_answer_is_found_though_no_commit_gets_through_any_more(hasty: Till, wire: Wire) -> None:
    asked = issue(hasty)
    wire.on(COMMIT, lost_answer())
    wire.on(COMMIT, throttled(), times=None)
    receipt = asked.send()
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


def test_a_doubt_ends_when_the_wallet_has_moved_on_without_it(hasty: Till, wire: Wire) -> None:
    """What was planned from an earlier version can no longer land; so it is known that nothing was done."""
    asked = redeem(hasty)

    def lost_and_overtaken(request: Request) -> AWSResponse | None:
        hasty.issue(asked.wallet, 10)
        return lost_request()(request)

    wire.on(COMMIT, lost_and_overtaken)
    wire.on(COMMIT, lambda _: None)
    wire.on(COMMIT, throttled(), times=None)
    with pytest.raises(Busy):
        asked.send()


def test_a_caller_that_died_between_commit_and_answer_finds_it_done(hasty: Till, wire: Wire) -> None:
    class Killed(BaseException):
        pass

    def killed_after(request: Request) -> AWSResponse:
        request.send()
        raise Killed

    asked, key = redeem(hasty), new_key()
    wire.on(COMMIT, killed_after)
    with pytest.raises(Killed):
        asked.send(key=key)
    receipt = asked.send(key=key)
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


# Not done, and not known


@every_movement
def test_a_request_that_never_arrived_is_sent_again(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked = movement(hasty)
    wire.on(COMMIT, lost_request())
    receipt = asked.send()
    assert not receipt.replayed
    one_effect(hasty, asked, receipt.operation)


@faults(NOT_DONE_UNKNOWN)
def test_what_was_not_done_is_done_by_the_next_attempt(hasty: Till, wire: Wire, fault: Callable[[], Fault]) -> None:
    asked = redeem(hasty)
    wire.on(COMMIT, fault())
    receipt = asked.send()
    assert not receipt.replayed
    assert receipt.trace.attempts == 2
    one_effect(hasty, asked, receipt.operation)


@faults(NOT_DONE_UNKNOWN)
def test_an_outcome_that_stays_unknown_is_not_called_busy(hasty: Till, wire: Wire, fault: Callable[[], Fault]) -> None:
    asked, key = redeem(hasty), new_key()
    version = hasty.stored(asked.wallet).version
    wire.on(COMMIT, fault(), times=None)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    no_effect(hasty, asked, version)
    assert not asked.send(key=key).replayed


# Not done, and known


@faults(NOT_DONE_KNOWN)
@pytest.mark.parametrize("times", [1, 3])
def test_what_is_known_not_done_is_tried_again(hasty: Till, wire: Wire, fault: Callable[[], Fault], times: int) -> None:
    asked = redeem(hasty)
    wire.on(COMMIT, fault(), times=times)
    receipt = asked.send()
    assert receipt.trace.attempts == 1 + times
    assert receipt.trace.unknowns == 0
    assert not receipt.replayed
    one_effect(hasty, asked, receipt.operation)


@faults(NOT_DONE_KNOWN)
def test_what_is_never_done_ends_busy_and_changed_nothing(hasty: Till, wire: Wire, fault: Callable[[], Fault]) -> None:
    asked, key = redeem(hasty), new_key()
    version = hasty.stored(asked.wallet).version
    wire.on(COMMIT, fault(), times=None)
    with wire.listen() as heard, pytest.raises(Busy):
        asked.send(key=key)
    assert sum(request.operation in COMMIT for request in heard) == MAX_ATTEMPTS
    wire.mend()
    no_effect(hasty, asked, version)
    assert not asked.send(key=key).replayed


def test_the_sdk_never_repeats_a_commit_by_itself(hasty: Till, wire: Wire) -> None:
    asked = redeem(hasty)
    for fault in (error(500), throttled(), lost_request(), no_connection()):
        wire.on(COMMIT, fault)
    with wire.listen() as heard:
        receipt = asked.send()
    assert sum(request.operation in COMMIT for request in heard) == receipt.trace.attempts == 5


# Several reasons at once: the operation's is looked at first


@pytest.mark.parametrize(
    "reasons",
    [
        ("ConditionalCheckFailed", None, "ConditionalCheckFailed"),
        ("TransactionConflict", None, "ConditionalCheckFailed"),
        ("ThrottlingError", "ThrottlingError", "ConditionalCheckFailed"),
        (None, None, "ConditionalCheckFailed"),
    ],
    ids=str,
)
def test_the_operations_condition_is_looked_at_first(hasty: Till, wire: Wire, reasons: tuple[str | None, ...]) -> None:
    """Somebody with the same key was quicker, between this one's read and its commit."""
    asked, key = redeem(hasty), new_key()

    def quicker(request: Request) -> AWSResponse | None:
        asked.send(key=key)
        return cancelled(*reasons)(request)

    wire.on(COMMIT, quicker)
    receipt = asked.send(key=key)
    assert receipt.replayed
    assert receipt.trace.attempts == 1
    one_effect(hasty, asked, receipt.operation)
