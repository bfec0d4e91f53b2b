"""Keys of callers who have a rejected event tried again: kept beside those of commands, and each means one thing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from chalicelib.store.envelope import operation_id
from chalicelib.store.inbox import Inbox
from chalicelib.store.signals import KeyReused, OutcomeUnknown
from chalicelib.store.tables import OPERATION
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import lost_answer, lost_request, throttled
from tests.engine.wire import COMMIT, Fault, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALLER = "support"
THIRTY_DAYS = 30 * 24 * 3600
AT_ONCE = 8


@pytest.fixture
def inbox(hasty: Till) -> Inbox:
    return Inbox(hasty.engine.store)


def now(till: Till) -> int:
    return till.engine.store.clock.now()


def test_an_answer_is_remembered_for_its_request_and_its_key_for_no_other(hasty: Till, inbox: Inbox) -> None:
    operation = operation_id(CALLER, new_key())
    assert inbox.remembered(operation, "a retry") is None
    inbox.remember(operation, "a retry", '{"status":"applied"}', now(hasty))
    assert inbox.remembered(operation, "a retry") == '{"status":"applied"}'
    with pytest.raises(KeyReused):
        inbox.remembered(operation, "another retry")


def test_a_key_of_a_command_is_no_retrys_and_the_other_way_round(hasty: Till, inbox: Inbox) -> None:
    wallet, ours, theirs = new_wallet(), new_key(), new_key()
    inbox.remember(operation_id(CALLER, ours), "a request", "{}", now(hasty))
    with pytest.raises(KeyReused):
        hasty.issue(wallet, 100, caller=CALLER, key=ours, fingerprint="a request")
    assert hasty.stored(wallet).version == 0
    hasty.issue(wallet, 100, caller=CALLER, key=theirs, fingerprint="a request")
    with pytest.raises(KeyReused):
        inbox.remembered(operation_id(CALLER, theirs), "a request")


def test_a_key_goes_when_every_key_goes(hasty: Till, inbox: Inbox, plain: DynamoDBClient) -> None:
    operation, at = operation_id(CALLER, new_key()), now(hasty)
    inbox.remember(operation, "a retry", "{}", at)
    found = plain.get_item(
        TableName=hasty.engine.store.tables.wallets_name, Key={"pk": {"S": f"#{operation}"}, "sk": {"S": OPERATION}}
    )
    assert int(found["Item"]["delete_after"]["N"]) - at // 1000 > THIRTY_DAYS


def test_of_many_answers_at_once_the_first_stays(hasty: Till, inbox: Inbox) -> None:
    operation = operation_id(CALLER, new_key())
    told: dict[str, bool] = {}
    start = threading.Barrier(AT_ONCE)

    def remember(answer: str) -> None:
        start.wait()
        try:
            inbox.remember(operation, answer, answer, now(hasty))
        except OutcomeUnknown:  # they met in the middle: DynamoDB turned one away without saying who won
            told[answer] = False
        else:
            told[answer] = True

    crowd = [threading.Thread(target=remember, args=(f"answer {number}",)) for number in range(AT_ONCE)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    kept = []
    for answer in told:
        try:
            kept.append(inbox.remembered(operation, answer))
        except KeyReused:
            continue
    assert len(told) == AT_ONCE
    assert len(kept) == 1 and kept[0] in told


@pytest.mark.parametrize(
    ("fault", "kept"),
    [(lost_answer(), True), (lost_request(), False), (throttled(), False)],
    ids=["lost answer", "lost request", "throttled"],
)
def test_what_may_not_have_been_kept_is_told_so_and_kept_the_next_time(
    hasty: Till, inbox: Inbox, wire: Wire, fault: Fault, kept: bool
) -> None:
    operation = operation_id(CALLER, new_key())
    wire.on(COMMIT, fault)
    with pytest.raises(OutcomeUnknown):
        inbox.remember(operation, "a retry", "{}", now(hasty))
    assert (inbox.remembered(operation, "a retry") is not None) == kept
    inbox.remember(operation, "a retry", "{}", now(hasty))
    assert inbox.remembered(operation, "a retry") == "{}"
