"""The bare handler that ours is measured against: the same two calls with the same items, and nothing else.

Plain boto3 as everybody writes it: a strongly consistent GetItem of the wallet, then a TransactWriteItems that puts
wallet, entry and operation under the same three conditions. The items are copies of what one of our redemptions wrote.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from bench.workload import CURRENCY, Bench
from dev.engine import dynamodb


class Bare:
    """The two calls, on one wallet after another."""

    def __init__(self, made: Bench, entry: dict[str, Any], operation: dict[str, Any]) -> None:
        self._client = dynamodb(made.endpoint)
        self._wallets, self._ledger = made.wallets, made.ledger
        self._entry, self._operation = entry, operation

    def redeem(self, customer: str) -> bool:
        """One read and one transaction; False when another writer was first."""
        key = {"pk": {"S": customer}, "sk": {"S": CURRENCY}}
        wallet = self._client.get_item(TableName=self._wallets, Key=key, ConsistentRead=True)["Item"]
        version = int(wallet["version"]["N"])
        wallet["version"] = {"N": str(version + 1)}
        entry = {**self._entry, "wallet": {"S": f"{customer}/{CURRENCY}"}, "sequence": {"N": str(version + 1)}}
        operation = {**self._operation, "pk": {"S": f"#{uuid.uuid4().hex[:24]}"}}
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._wallets,
                            "Item": wallet,
                            "ConditionExpression": "version = :version",
                            "ExpressionAttributeValues": {":version": {"N": str(version)}},
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._ledger,
                            "Item": entry,
                            "ConditionExpression": "attribute_not_exists(wallet)",
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._wallets,
                            "Item": operation,
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                ]
            )
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True

    def handler(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        """The same as a Lambda function would have it."""
        amount = json.loads(event["body"])["amount"]
        done = self.redeem(event["pathParameters"]["customer"])
        body = json.dumps({"redeemed": amount if done else 0})
        return {"statusCode": 201, "headers": {"Content-Type": "application/json"}, "body": body}


def copied(made: Bench, customer: str, redemption: str, sequence: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entry and the operation that one of our redemptions wrote."""
    client = dynamodb(made.endpoint)
    entry = client.get_item(
        TableName=made.ledger, Key={"wallet": {"S": f"{customer}/{CURRENCY}"}, "sequence": {"N": str(sequence)}}
    )
    operation = client.get_item(
        TableName=made.wallets, Key={"pk": {"S": f"#{redemption[4:]}"}, "sk": {"S": "operation"}}
    )
    return entry["Item"], operation["Item"]
