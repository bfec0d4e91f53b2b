"""What only a defect of ours, or of the deployment, can cause is loud: it is not repeated, and not called busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import NoCredentialsError
from pynamodb.exceptions import GetError, TransactWriteError

from chalicelib.store.signals import NewerSchema
from tests.engine.movements import no_effect, redeem
from tests.engine.till import Till, new_wallet
from tests.engine.weather import DEFECTS, DEFECTS_INSIDE, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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
