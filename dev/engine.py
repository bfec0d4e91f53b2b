"""A DynamoDB for tests and benchmarks.

with engine() as endpoint:
    create_tables(endpoint, "wallets", "ledger")
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from dev.fragment import table_definitions
from dev.ministack import CREDENTIALS, REGION, MiniStack, free_port

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@contextmanager
def engine() -> Iterator[str]:
    """The endpoint of an empty DynamoDB on a free loopback port, gone at the end of the block.

    With DYNAMODB_ENDPOINT set it is that endpoint, and nothing is started or stopped: what is there stays
    there, so take table names that nobody else uses. Raises CannotStart when there is no MiniStack to start.
    """
    given = os.environ.get("DYNAMODB_ENDPOINT")
    if given:
        yield given
        return
    ministack = MiniStack(free_port())
    ministack.start()
    try:
        yield ministack.endpoint
    finally:
        ministack.stop()


def dynamodb(endpoint: str) -> "DynamoDBClient":
    """A plain client for an endpoint, with the local credentials."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def create_tables(endpoint: str, wallets_name: str, ledger_name: str, customers: str = "", campaigns: str = "") -> None:
    """Creates the tables that are named with the keys, indexes and stream of infra/tables.yaml; one that exists is left
    as it is."""
    client = dynamodb(endpoint)
    named = {"wallets": wallets_name, "ledger": ledger_name, "customers": customers, "campaigns": campaigns}
    for short_name, name in ((short, real) for short, real in named.items() if real):
        try:
            client.create_table(TableName=name, **table_definitions()[short_name])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException":
                raise
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def delete_tables(endpoint: str, *names: str) -> None:
    """Deletes tables that a test made; one that is not there is no error."""
    client = dynamodb(endpoint)
    for name in names:
        try:
            client.delete_table(TableName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
