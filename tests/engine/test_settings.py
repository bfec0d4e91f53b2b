"""The settings item on a real DynamoDB: of two puts one wins, and a lost answer is found out or told as unknown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import CurrencyUnknown, VersionConflict
from chalicelib.settings import commands, queries
from chalicelib.settings.document import SettingNotPermitted
from chalicelib.settings.queries import SettingsView
from chalicelib.settings.source import FRESH_SECONDS, StoredPolicies
from chalicelib.store.commit import Engine
from chalicelib.store.reading import Store
from chalicelib.store.settings import SETTINGS_SCHEMA, Shelf
from chalicelib.store.signals import Busy, NewerSchema, OutcomeUnknown, Unread
from chalicelib.store.tables import SETTINGS_KEY
from tests.engine.conftest import Stopwatch
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import (
    Kept,
    cancelled,
    closed_after,
    error,
    lost_answer,
    lost_request,
    no_connection,
    throttled,
)
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire
from tests.passbook import instant

KEY = {"pk": {"S": SETTINGS_KEY[0]}, "sk": {"S": SETTINGS_KEY[1]}}
NOON = instant("2027-03-01T12:00")


@pytest.fixture
def shelf(store: Store, wire: Wire, plain: DynamoDBClient) -> Iterator[Shelf]:
    """The settings of the stack, never put at the beginning and gone at the end."""
    yield Shelf(store)
    plain.delete_item(TableName=store.tables.wallets_name, Key=KEY)


def put(shelf: Shelf, version: int, hours: int, actor: str = "owner") -> SettingsView:
    return commands.put(shelf, {"released_grace_hours": hours}, version, actor)


def hours(shelf: Shelf) -> tuple[int, int]:
    """Version and value as stored."""
    now = queries.settings(shelf)
    return now.version, now.document["released_grace_hours"]


def test_a_put_stores_the_whole_document(shelf: Shelf) -> None:
    assert hours(shelf) == (0, 24)
    after = put(shelf, 0, 48)
    assert queries.settings(shelf) == after
    assert (after.version, after.updated_by, after.document["clawback"]) == (1, "owner", "debt")
    assert put(shelf, 1, 72).version == 2
    assert hours(shelf) == (2, 72)


def test_a_put_is_one_read_and_one_write(shelf: Shelf, wire: Wire) -> None:
    for version in range(2):
        with wire.listen() as heard:
            put(shelf, version, 48)
        assert [request.operation for request in heard] == ["GetItem", "TransactWriteItems"]
        assert "ConditionExpression" in heard[1].actions[0][1]


def test_who_has_seen_another_version_writes_nothing(shelf: Shelf, wire: Wire) -> None:
    put(shelf, 0, 48)
    for version in (0, 2):
        with wire.listen() as heard, pytest.raises(VersionConflict) as refusal:
            put(shelf, version, 72)
        assert refusal.value.facts == {"current_version": 1}
        assert [request.operation for request in heard] == ["GetItem"]


@pytest.mark.parametrize("version", [0, 1])
def test_of_puts_at_once_one_wins_and_the_others_are_told_so(shelf: Shelf, version: int) -> None:
    if version:
        put(shelf, 0, 1)
    told: dict[str, int | None] = {}
    refused: list[object] = []
    start = threading.Barrier(8)

    def owner(number: int) -> None:
        start.wait()
        while f"owner-{number}" not in told:
            try:
                told[f"owner-{number}"] = put(shelf, version, 100 + number, f"owner-{number}").version
            except VersionConflict as refusal:
                refused.append(refusal.facts)
                told[f"owner-{number}"] = None
            except Busy:  # they met inside DynamoDB, and nothing happened: the owner asks again
                continue

    owners = [threading.Thread(target=owner, args=(number,)) for number in range(8)]
    for each in owners:
        each.start()
    for each in owners:
        each.join()
    assert refused == [{"current_version": version + 1}] * 7
    (winner,) = [name for name, version in told.items() if version is not None]
    now = queries.settings(shelf)
    assert (now.version, now.updated_by) == (version + 1, winner)
    assert now.document["released_grace_hours"] == 100 + int(winner.removeprefix("owner-"))


def test_somebody_elses_put_in_between_is_not_overwritten(shelf: Shelf, wire: Wire) -> None:
    def sooner(_: Request) -> None:
        put(shelf, 0, 48, "somebody")

    wire.on(COMMIT, sooner)
    with pytest.raises(VersionConflict) as refusal:
        put(shelf, 0, 72)
    assert refusal.value.facts == {"current_version": 1}
    assert hours(shelf) == (1, 48)


@pytest.mark.parametrize(
    "fault", [lost_answer(), closed_after(), error(500, after=True)], ids=["lost", "closed", "500"]
)
@pytest.mark.parametrize("version", [0, 1])
def test_a_put_whose_answer_was_lost_is_found_out(shelf: Shelf, wire: Wire, fault: Fault, version: int) -> None:
    if version:
        put(shelf, 0, 1)
    wire.on(COMMIT, fault)
    assert put(shelf, version, 48).version == version + 1
    assert hours(shelf) == (version + 1, 48)


def test_a_put_that_may_still_land_is_not_called_undone(shelf: Shelf, wire: Wire) -> None:
    put(shelf, 0, 1)
    on_the_way = Kept()
    wire.on(COMMIT, on_the_way)
    with pytest.raises(OutcomeUnknown):
        put(shelf, 1, 48)
    assert hours(shelf) == (1, 1)
    on_the_way.deliver()
    assert hours(shelf) == (2, 48)


def test_a_first_put_that_may_still_land_is_not_called_undone(shelf: Shelf, wire: Wire) -> None:
    wire.on(COMMIT, lost_request())
    with pytest.raises(OutcomeUnknown):
        put(shelf, 0, 48)


def test_anothers_put_is_not_taken_for_ours(shelf: Shelf, wire: Wire) -> None:
    def sooner(request: Request) -> None:
        put(shelf, 0, 48, "somebody")
        lost_answer()(request)

    wire.on(COMMIT, sooner)
    with pytest.raises(VersionConflict):
        put(shelf, 0, 48)
    assert queries.settings(shelf).updated_by == "somebody"


def test_a_put_that_was_itself_replaced_meanwhile_is_unknown(shelf: Shelf, wire: Wire) -> None:
    def landed_and_replaced(request: Request) -> None:
        request.send()
        put(shelf, 1, 72, "somebody")
        lost_request()(request)

    wire.on(COMMIT, landed_and_replaced)
    with pytest.raises(OutcomeUnknown):
        put(shelf, 0, 48)
    assert hours(shelf) == (2, 72)


def test_a_put_whose_outcome_cannot_be_read_is_unknown(shelf: Shelf, wire: Wire) -> None:
    def silence(request: Request) -> None:
        wire.on(READ, error(500), times=None)
        lost_answer()(request)

    wire.on(COMMIT, silence)
    with pytest.raises(OutcomeUnknown):
        put(shelf, 0, 48)
    wire.mend()
    assert hours(shelf) == (1, 48)


@pytest.mark.parametrize(
    "fault", [throttled(), cancelled("TransactionConflict"), no_connection()], ids=["throttled", "conflict", "no line"]
)
def test_a_put_that_did_not_happen_says_so(shelf: Shelf, wire: Wire, fault: Fault) -> None:
    wire.on(COMMIT, fault)
    with pytest.raises(Busy):
        put(shelf, 0, 48)
    assert hours(shelf) == (0, 24)


def test_settings_that_cannot_be_read_are_not_written(shelf: Shelf, wire: Wire) -> None:
    wire.on(READ, error(500), times=None)
    with wire.listen() as heard, pytest.raises(Unread):
        put(shelf, 0, 48)
    assert {request.operation for request in heard} == {"GetItem"}


def test_settings_of_a_later_code_are_not_touched(shelf: Shelf, store: Store, plain: DynamoDBClient) -> None:
    put(shelf, 0, 48)
    plain.update_item(
        TableName=store.tables.wallets_name,
        Key=KEY,
        UpdateExpression="SET #schema = :later",
        ExpressionAttributeNames={"#schema": "schema"},
        ExpressionAttributeValues={":later": {"N": str(SETTINGS_SCHEMA + 1)}},
    )
    with pytest.raises(NewerSchema):
        put(shelf, 1, 72)
    with pytest.raises(NewerSchema):
        StoredPolicies(shelf, UTC).current()


def test_two_owners_cannot_remove_a_points_code_by_turns(shelf: Shelf) -> None:
    """A code that the other has registered is there when the document is held against the stored one."""
    points = [{"code": "PTS", "exponent": 0}, {"code": "STARS", "exponent": 0}]
    commands.put(shelf, {"points": points}, 0, "owner")
    with pytest.raises(SettingNotPermitted):
        commands.put(shelf, {}, 1, "other")
    assert hours(shelf) == (1, 24)


def test_the_present_is_the_test_clocks_where_there_is_one(
    clocked_store: Store, clocked_wire: Wire, plain: DynamoDBClient, shelf: Shelf
) -> None:
    till = Till(Engine(clocked_store, StoredPolicies(Shelf(clocked_store), UTC)))
    till.engine.set_clock(NOON)
    try:
        with clocked_wire.listen() as heard:
            assert put(Shelf(clocked_store), 0, 48).updated_at == NOON
            assert till.engine.policy.released_grace_hours == 48
        assert [request.operation for request in heard] == ["BatchGetItem", "TransactWriteItems", "GetItem"]
    finally:
        till.engine.set_clock(None)


def test_an_engine_goes_by_a_change_within_seconds_and_reads_for_it_once(
    store: Store, shelf: Shelf, wire: Wire
) -> None:
    watch = Stopwatch()
    till = Till(Engine(store, StoredPolicies(shelf, UTC, watch)))
    wallet = new_wallet("PTS")
    till.issue(wallet, 100, expires=At(instant("2190-01-01")))
    put(shelf, 0, 48)

    with wire.listen() as heard:
        till.redeem(wallet, 1)
    assert len(heard) == 2, "a redemption takes two round trips"

    watch.pass_(FRESH_SECONDS)
    with wire.listen() as heard:
        till.redeem(wallet, 1)
        till.redeem(wallet, 1)
    assert [SETTINGS_KEY in request.keys for request in heard if request.operation in READ] == [True, False, False]
    assert [entry.policy for entry in till.entries(wallet)] == ["1", "1", "2", "2"]


def test_a_points_code_can_be_granted_when_it_is_registered(store: Store, shelf: Shelf) -> None:
    watch = Stopwatch()
    till = Till(Engine(store, StoredPolicies(shelf, UTC, watch)))
    stars = new_wallet("STARS")
    with pytest.raises(CurrencyUnknown):
        till.issue(stars, 100)
    commands.put(shelf, {"points": [{"code": "PTS", "exponent": 0}, {"code": "STARS", "exponent": 0}]}, 0, "owner")
    watch.pass_(FRESH_SECONDS)
    till.issue(stars, 100)
    assert till.check(stars).remaining == 100


def test_a_throttled_refresh_stops_no_command(store: Store, shelf: Shelf, wire: Wire) -> None:
    watch = Stopwatch()
    till = Till(Engine(store, StoredPolicies(shelf, UTC, watch)))
    wallet = new_wallet()
    till.issue(wallet, 100)
    watch.pass_(FRESH_SECONDS)
    wire.on(READ, error(500), times=None, where=lambda request: SETTINGS_KEY in request.keys)
    till.redeem(wallet, 40)
    assert till.check(wallet).remaining == 60
