"""Faults between the store and DynamoDB: whatever happens on the wire, a command has one effect or none, and its caller
is told which, or told that it is not known and gets to know it by the same key."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import NoCredentialsError
from pynamodb.exceptions import GetError, TransactWriteError

from chalicelib.ledger.refusals import InsufficientCredit
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import MAX_ATTEMPTS, Engine
from chalicelib.store.connections import READ_RETRIES, connect
from chalicelib.store.reading import BATCH_READS, Store
from chalicelib.store.signals import Busy, NewerSchema, OutcomeUnknown
from chalicelib.store.tables import Tables
from tests.engine.conftest import POLICY
from tests.engine.movements import MOVEMENTS, Movement, issue, named, redeem
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.wire import (
    COMMIT,
    READ,
    Fault,
    Request,
    Wire,
    answer,
    broken_tls_after,
    cancelled,
    closed_after,
    connect_timeout,
    error,
    lost_answer,
    lost_request,
    no_connection,
    throttled,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

every_movement = pytest.mark.parametrize("movement", MOVEMENTS, ids=named)

DONE_UNHEARD: dict[str, Callable[[], Fault]] = {
    "answer lost": lost_answer,
    "connection closed": closed_after,
    "TLS broken": broken_tls_after,
    "500": partial(error, 500, after=True),
    "503": partial(error, 503, "ServiceUnavailable", after=True),
}
NOT_DONE_UNKNOWN: dict[str, Callable[[], Fault]] = {
    "request lost": lost_request,
    "500": partial(error, 500),
    "in progress": partial(error, 400, "TransactionInProgressException"),
}
NOT_DONE_KNOWN: dict[str, Callable[[], Fault]] = {
    "no connection": no_connection,
    "connect timeout": connect_timeout,
    "throttled": throttled,
    "throughput exceeded": partial(throttled, "ProvisionedThroughputExceededException"),
    "account limit": partial(throttled, "RequestLimitExceeded"),
    "conflict": partial(cancelled, "TransactionConflict"),
    "conflict at an entry": partial(cancelled, None, "TransactionConflict"),
    "conflict at the operation": partial(cancelled, None, None, "TransactionConflict"),
    "throttling inside": partial(cancelled, "ThrottlingError"),
    "throughput inside": partial(cancelled, None, "ProvisionedThroughputExceeded"),
    "conflict and throttling": partial(cancelled, "TransactionConflict", "ThrottlingError"),
    "moved and conflict": partial(cancelled, "ConditionalCheckFailed", "TransactionConflict"),
    "moved and throttling": partial(cancelled, "ConditionalCheckFailed", "ThrottlingError"),
}


def faults(kinds: dict[str, Callable[[], Fault]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", list(kinds.values()), ids=list(kinds))


def one_effect(till: Till, movement: Movement, operation: str) -> None:
    assert till.effects(movement.wallet, operation) == movement.entries
    till.check(movement.wallet)


def no_effect(till: Till, movement: Movement, version: int) -> None:
    assert till.check(movement.wallet).version == version


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


# Refusals


@faults(DONE_UNHEARD)
@pytest.mark.parametrize("later", [False, True], ids=["same call", "later call"])
def test_a_redemption_that_emptied_the_wallet_is_never_told_refused(
    hasty: Till, wire: Wire, fault: Callable[[], Fault], later: bool
) -> None:
    asked, key = redeem(hasty), new_key()
    wire.on(COMMIT, fault())
    if later:
        wire.on(READ, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > commits)
        commits = wire.count(*COMMIT)
        with pytest.raises(OutcomeUnknown):
            asked.send(key=key)
        wire.mend()
    receipt = asked.send(key=key)
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


def test_a_refusal_is_not_told_before_the_key_was_read(hasty: Till, wire: Wire) -> None:
    asked, key = redeem(hasty), new_key()
    done = asked.send(key=key)
    wire.on(READ, lost_request(), times=None, where=lambda request: is_operation(request))
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    assert asked.send(key=key).answer.body == done.answer.body


def test_a_refusal_is_told_once_the_key_is_read(hasty: Till, wire: Wire) -> None:
    wallet = new_wallet()
    hasty.issue(wallet, 100)
    wire.on(READ, lost_request(), times=1 + READ_RETRIES, where=lambda request: is_operation(request))
    with pytest.raises(InsufficientCredit):
        hasty.redeem(wallet, 200)
    assert hasty.check(wallet).version == 1


def test_done_before_but_unreadable_is_unknown_and_not_busy(hasty: Till, wire: Wire) -> None:
    asked, key = redeem(hasty), new_key()

    def quicker(request: Request) -> AWSResponse | None:
        asked.send(key=key)
        wire.on(READ, lost_request(), times=None, where=lambda request: is_operation(request))
        return None

    wire.on(COMMIT, quicker)
    with pytest.raises(OutcomeUnknown):
        asked.send(key=key)
    wire.mend()
    receipt = asked.send(key=key)
    assert receipt.replayed
    one_effect(hasty, asked, receipt.operation)


def is_operation(request: Request) -> bool:
    return any(sk == "operation" for _, sk in request.keys)


# Reads


READ_FAULTS: dict[str, Callable[[], Fault]] = {
    "500": partial(error, 500),
    "throttled": partial(throttled, "ProvisionedThroughputExceededException"),
    "no answer": lost_request,
    "no connection": no_connection,
    "connection closed": closed_after,
    "TLS broken": broken_tls_after,
}


@pytest.fixture
def fresh(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> tuple[Till, Wire]:
    """A till on connections of its own, with all the retries that an SDK begins with, and whose SDK does not pause."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    store = Store(tables, connect(tables), SystemClock(), test_clock=False)
    return Till(Engine(store, POLICY, sleep=lambda _: None)), Wire(store.connections)


@faults(READ_FAULTS)
def test_a_read_that_fails_once_is_read_again(fresh: tuple[Till, Wire], fault: Callable[[], Fault]) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault())
    receipt = asked.send()
    assert receipt.trace.attempts == 1, "the SDK did"
    one_effect(till, asked, receipt.operation)


@faults(READ_FAULTS)
def test_reads_that_fail_for_long_are_read_again_by_the_loop(
    fresh: tuple[Till, Wire], fault: Callable[[], Fault]
) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault(), times=2 * (1 + READ_RETRIES))
    receipt = asked.send()
    assert receipt.trace.attempts == 3
    one_effect(till, asked, receipt.operation)


@faults(READ_FAULTS)
def test_reads_that_always_fail_end_busy_with_nothing_sent(
    fresh: tuple[Till, Wire], fault: Callable[[], Fault]
) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault(), times=None)
    with wire.listen() as heard, pytest.raises(Busy):
        asked.send()
    assert not any(request.operation in COMMIT for request in heard)


def test_a_read_whose_answer_is_cut_short_is_read_again(fresh: tuple[Till, Wire]) -> None:
    """Cut short, it would look like an item that is not there; DynamoDB's checksum gives it away."""

    def cut_short(request: Request) -> AWSResponse:
        whole = request.send().content
        short = answer(request, {})
        short.headers["x-amz-crc32"] = str(zlib.crc32(whole))
        return short

    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, cut_short)
    one_effect(till, asked, asked.send().operation)


def test_keys_left_unprocessed_are_read_again(clocked: Till, clocked_wire: Wire) -> None:
    asked = redeem(clocked)
    clocked_wire.on(("BatchGetItem",), unprocessed(1), times=BATCH_READS - 2)
    receipt = asked.send()
    assert receipt.trace.attempts == 1
    one_effect(clocked, asked, receipt.operation)


def test_keys_always_left_unprocessed_end_busy(clocked: Till, clocked_wire: Wire) -> None:
    asked = redeem(clocked)
    version = clocked.stored(asked.wallet).version
    clocked_wire.on(("BatchGetItem",), unprocessed(0), times=None)
    with pytest.raises(Busy):
        asked.send()
    clocked_wire.mend()
    no_effect(clocked, asked, version)


def unprocessed(processed: int) -> Fault:
    """DynamoDB reads so many of a batch's keys and leaves the rest."""

    def fault(request: Request) -> AWSResponse:
        ((table, wanted),) = request.body["RequestItems"].items()
        done, left = wanted["Keys"][:processed], wanted["Keys"][processed:]
        read = json.loads(request.send().content)["Responses"][table] if done else []
        items = [item for item in read if {"pk": item["pk"], "sk": item["sk"]} in done]
        told = {"Responses": {table: items}, "UnprocessedKeys": {table: {**wanted, "Keys": left}} if left else {}}
        return answer(request, told)

    return fault


@pytest.fixture
def clocked(clocked_store: Store, clocked_wire: Wire) -> Till:
    return Till(Engine(clocked_store, POLICY, sleep=lambda _: None))


# Defects are loud


DEFECTS: dict[str, Callable[[], Fault]] = {
    "validation": partial(error, 400, "ValidationException"),
    "access denied": partial(error, 400, "AccessDeniedException"),
    "no such table": partial(error, 400, "ResourceNotFoundException"),
    "bad credentials": partial(error, 400, "UnrecognizedClientException"),
    "token expired": partial(error, 400, "ExpiredTokenException"),
}
DEFECTS_INSIDE: dict[str, Callable[[], Fault]] = {
    "validation inside": partial(cancelled, "ValidationError"),
    "validation beside throttling": partial(cancelled, "ThrottlingError", "ValidationError"),
    "no reason at all": partial(cancelled),
}


@faults({**DEFECTS, **DEFECTS_INSIDE})
def test_a_commit_that_only_a_defect_can_fail_is_not_repeated(
    hasty: Till, wire: Wire, fault: Callable[[], Fault]
) -> None:
    asked = redeem(hasty)
    version = hasty.stored(asked.wallet).version
    wire.on(COMMIT, fault(), times=None)
    with wire.listen() as heard, pytest.raises(TransactWriteError):
        asked.send()
    assert sum(request.operation in COMMIT for request in heard) == 1
    wire.mend()
    no_effect(hasty, asked, version)


def test_missing_credentials_are_a_defect_and_not_busy(hasty: Till, wire: Wire) -> None:
    def unsigned(request: Request) -> AWSResponse:
        raise NoCredentialsError

    for operations in (READ, COMMIT):
        wire.mend()
        wire.on(operations, unsigned, times=None)
        with pytest.raises((GetError, TransactWriteError)):
            hasty.issue(new_wallet(), 1_000)


@faults(DEFECTS)
def test_a_read_that_only_a_defect_can_fail_is_not_repeated(
    hasty: Till, wire: Wire, fault: Callable[[], Fault]
) -> None:
    asked = redeem(hasty)
    wire.on(READ, fault(), times=None)
    with wire.listen() as heard, pytest.raises(GetError):
        asked.send()
    assert len(heard) == 1


def test_a_wallet_written_by_a_later_version_is_left_alone(hasty: Till, plain: DynamoDBClient) -> None:
    wallet = new_wallet()
    hasty.issue(wallet, 1_000)
    table = hasty.engine.store.tables.wallets_name
    key: Any = {"pk": {"S": wallet.customer}, "sk": {"S": wallet.currency}}
    plain.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #schema = :later, colour = :blue",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":later": {"N": "2"}, ":blue": {"S": "blue"}},
    )
    before = plain.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    for command in (hasty.redeem, hasty.issue, hasty.debit, hasty.hold):
        with pytest.raises(NewerSchema):
            command(wallet, 100)
    assert plain.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"] == before
