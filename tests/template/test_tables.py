"""The tables: what must be there before money is."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, Any]
DOCUMENTS = ("CustomersTable", "CampaignsTable")
TABLES = ("WalletsTable", "LedgerTable", *DOCUMENTS)


def test_there_is_no_table_that_these_tests_do_not_know(resources: Resources) -> None:
    assert {name for name, each in resources.items() if each["Type"] == "AWS::DynamoDB::Table"} == set(TABLES)


def test_the_stack_says_what_its_tables_are_called(templates: dict[str, Any], stage: str) -> None:
    outputs = {name: output["Value"] for name, output in templates[stage]["Outputs"].items()}
    for name in TABLES:
        assert outputs[f"{name}Name"] == {"Ref": name}


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
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"due", "refunds"}
    assert all(index["Projection"] == {"ProjectionType": "KEYS_ONLY"} for index in indexes.values())
    assert _index_keys(indexes["due"]) == [("shard", "HASH"), ("due_at", "RANGE")]
    assert _index_keys(indexes["refunds"]) == [("refund", "HASH")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_found_by_key_and_by_when_something_is_to_be_done_about_them(
    resources: Resources, name: str
) -> None:
    properties = resources[name]["Properties"]
    assert _keys(properties) == {"pk": ("HASH", "S"), "sk": ("RANGE", "S")}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "delete_after", "Enabled": True}
    (due,) = properties["GlobalSecondaryIndexes"]
    assert (due["IndexName"], due["Projection"]) == ("due", {"ProjectionType": "KEYS_ONLY"})
    assert _index_keys(due) == [("shard", "HASH"), ("due_at", "RANGE")]
    assert "StreamSpecification" not in properties


def test_the_ledger_is_a_sequence_for_each_wallet_with_a_stream_and_no_expiry(resources: Resources) -> None:
    properties = resources["LedgerTable"]["Properties"]
    assert _keys(properties) == {"wallet": ("HASH", "S"), "sequence": ("RANGE", "N")}
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert "TimeToLiveSpecification" not in properties


def test_a_wallets_entries_about_an_order_are_found_strongly_consistent(resources: Resources) -> None:
    """Only a local index can be read so, and one is made with its table or never."""
    (orders,) = resources["LedgerTable"]["Properties"]["LocalSecondaryIndexes"]
    assert orders["IndexName"] == "orders"
    assert orders["Projection"] == {"ProjectionType": "ALL"}
    assert _index_keys(orders) == [("wallet", "HASH"), ("order_id", "RANGE")]


def _index_keys(index: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]]


def _keys(properties: dict[str, Any]) -> dict[str, tuple[str, str]]:
    types = {each["AttributeName"]: each["AttributeType"] for each in properties["AttributeDefinitions"]}
    return {key["AttributeName"]: (key["KeyType"], types[key["AttributeName"]]) for key in properties["KeySchema"]}
