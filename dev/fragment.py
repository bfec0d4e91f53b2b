"""The CloudFormation fragment in infra/: joined for a stage, and read for the tables' key schemas.

infra/*.yaml holds what every stage has; infra/stages/<stage>.yaml what one stage adds or sets otherwise.
Stage files rather than CloudFormation conditions: a template packaged for prod then *is* prod, whatever
parameters it is given.
"""

from typing import Any

import yaml

from dev.places import INFRA

TABLES = {
    "wallets": "WalletsTable",
    "ledger": "LedgerTable",
    "customers": "CustomersTable",
    "campaigns": "CampaignsTable",
}
_CREATE_KEYS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "BillingMode")


def fragment(stage: str) -> dict[str, Any]:
    """All of infra/ for one stage, as `chalice package --merge-template` takes it."""
    joined: dict[str, Any] = {}
    for path in [*sorted(INFRA.glob("*.yaml")), INFRA / "stages" / f"{stage}.yaml"]:
        _merge(joined, yaml.safe_load(path.read_text()))
    return joined


def table_definitions() -> dict[str, dict[str, Any]]:
    """For each of our tables by its short name, what DynamoDB's CreateTable takes, the name left out."""
    resources = yaml.safe_load((INFRA / "tables.yaml").read_text())["Resources"]
    definitions = {}
    for name, logical_id in TABLES.items():
        properties = resources[logical_id]["Properties"]
        definition = {key: properties[key] for key in _CREATE_KEYS if key in properties}
        if "StreamSpecification" in properties:
            definition["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
        definitions[name] = definition
    return definitions


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
