"""The tables: what must be there before money is."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, Any]
TABLES = ("WalletsTable", "LedgerTable")


def test_tables_outlive_their_stack(resources: Resources) -> None:
    for name in TABLES:
        assert resources[name]["DeletionPolicy"] == "Retain"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_tables_are_on_demand_encrypted_and_can_be_brought_back_to_any_second(resources: Resources) -> None:
    for name in TABLES:
        properties = resources[name]["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


@pytest.mark.parametrize("stage", ["prod"])
def test_in_production_no_table_can_be_deleted_by_mistake(resources: Resources) -> None:
    assert all(resources[name]["Properties"]["DeletionProtectionEnabled"] is True for name in TABLES)


def test_the_wallets_table_finds_what_is_due_and_forgets_only_garbage(resources: Resources) -> None:
    properties = resources["WalletsTable"]["Properties"]
    assert _keys(properties) == {"pk": ("HASH", "S"), "sk": ("RANGE", "S")}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "delete_after", "Enabled": True}
    (due,) = properties["GlobalSecondaryIndexes"]
    assert due["IndexName"] == "due"
    assert due["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert [(key["AttributeName"], key["KeyType"]) for key in due["KeySchema"]] == [
        ("shard", "HASH"),
        ("due_at", "RANGE"),
    ]


def test_the_ledger_is_a_sequence_for_each_wallet_with_a_stream_and_no_expiry(resources: Resources) -> None:
    properties = resources["LedgerTable"]["Properties"]
    assert _keys(properties) == {"wallet": ("HASH", "S"), "sequence": ("RANGE", "N")}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert "TimeToLiveSpecification" not in properties


def _keys(properties: dict[str, Any]) -> dict[str, tuple[str, str]]:
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    return {key["AttributeName"]: (key["KeyType"], types[key["AttributeName"]]) for key in properties["KeySchema"]}
