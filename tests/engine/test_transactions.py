"""What a movement looks like on the wire: one transaction in which every write has its condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.movements import MOVEMENTS, Movement, capture, issue, named, reverse, second_hold
from tests.engine.till import Till
from tests.engine.wire import COMMIT, Request, Wire


def sent(till: Till, wire: Wire, movement: Callable[[Till], Movement]) -> tuple[Movement, Request]:
    asked = movement(till)
    with wire.listen() as heard:
        asked.send()
    (commit,) = (request for request in heard if request.operation in COMMIT)
    return asked, commit


def condition(action: dict[str, Any]) -> str:
    """An action's condition with its placeholders filled in."""
    told = str(action["ConditionExpression"])
    for placeholder, name in action["ExpressionAttributeNames"].items():
        told = told.replace(placeholder, name)
    for placeholder, value in action.get("ExpressionAttributeValues", {}).items():
        told = told.replace(placeholder, str(next(iter(value.values()))))
    return told


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_the_wallet_is_only_replaced_as_it_was_read(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked, commit = sent(hasty, wire, movement)
    verb, put = commit.actions[0]
    version = int(put["Item"]["version"]["N"]) - len(asked.entries)
    assert (verb, commit.wallet) == ("Put", str(asked.wallet))
    assert condition(put) == (f"version = {version}" if version else "attribute_not_exists (pk)")


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_entries_and_the_operation_are_only_ever_added(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked, commit = sent(hasty, wire, movement)
    puts = [action for verb, action in commit.actions if verb == "Put"][1:]
    entries, operation = puts[:-1], puts[-1]
    assert [put["Item"]["type"]["S"] for put in entries] == asked.entries
    assert {condition(put) for put in entries} == {"attribute_not_exists (wallet)"}
    assert operation["Item"]["sk"]["S"] == "operation"
    assert condition(operation) == "attribute_not_exists (pk)"


@pytest.mark.parametrize("movement", MOVEMENTS, ids=named)
def test_nothing_is_deleted_and_the_ledger_only_put_to(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    """The function's role may do no more."""
    _, commit = sent(hasty, wire, movement)
    ledger = hasty.engine.store.tables.ledger_name
    assert {verb for verb, _ in commit.actions} <= {"Put", "Update"}
    assert {verb for verb, action in commit.actions if action["TableName"] == ledger} == {"Put"}


@pytest.mark.parametrize("movement", [reverse, capture, second_hold], ids=named)
def test_a_record_is_only_changed_if_it_is_there(hasty: Till, wire: Wire, movement: Callable[[Till], Movement]) -> None:
    _, commit = sent(hasty, wire, movement)
    (update,) = (action for verb, action in commit.actions if verb == "Update")
    assert condition(update).startswith("redemption = " if movement is reverse else "attribute_exists (pk)")


def test_money_is_never_moved_by_an_arithmetic_update(hasty: Till, wire: Wire) -> None:
    """A repeated `ADD` or `balance - :x` debits twice; a put of what was decided cannot."""
    for movement in MOVEMENTS:
        _, commit = sent(hasty, wire, movement)
        for verb, action in commit.actions:
            if verb == "Update":
                assert action["UpdateExpression"].startswith("SET ")
                assert not {"+", "-"} & set(action["UpdateExpression"])


def test_the_first_movement_needs_the_wallet_not_to_be_there(hasty: Till, wire: Wire) -> None:
    _, commit = sent(hasty, wire, issue)
    assert condition(commit.actions[0][1]) == "attribute_not_exists (pk)"
