"""The settings on the packaged stack: a PUT is what every function goes by, seconds later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chalicelib.settings.source import FRESH_SECONDS
from tests.system.conftest import AsRole, built_in_settings, fresh_key

PATIENCE_SECONDS = 3 * FRESH_SECONDS


@pytest.fixture
def owner(as_role: AsRole) -> Iterator[httpx.Client]:
    """Who may change the settings; they are as built in before and afterwards."""
    client = as_role("owner")
    built_in_settings(client)
    yield client
    built_in_settings(client)


def change(owner: httpx.Client, **document: Any) -> httpx.Response:
    """Put a document that keeps the points codes there are in the place of the present one."""
    now = owner.get("v1/settings")
    body = {"points": now.json()["points"], **document}
    return owner.put("v1/settings", json=body, headers={"If-Match": now.headers["ETag"]})


def test_a_new_points_code_can_be_granted_within_seconds(owner: httpx.Client, as_role: AsRole, customer: str) -> None:
    code = f"S{uuid4().hex[:6].upper()}"
    support, path = as_role("support"), f"v1/customers/{customer}/wallets/{code}"
    credit = {"amount": 1_250, "kind": "loyalty", "reason": "test"}
    refused = support.post(f"{path}/credits", json=credit, headers=fresh_key())
    assert (refused.status_code, refused.json()["code"]) == (422, "currency_unknown")

    points = owner.get("v1/settings").json()["points"]
    assert change(owner, points=[*points, {"code": code, "exponent": 2}]).status_code == 200
    ends = time.monotonic() + PATIENCE_SECONDS
    while (granted := support.post(f"{path}/credits", json=credit, headers=fresh_key())).status_code == 422:
        assert time.monotonic() < ends, "the settings are not gone by"
        time.sleep(0.2)
    assert granted.status_code == 201
    assert support.get(path).json()["display"]["available"] == f"12.50 {code}"


def test_a_change_of_what_is_given_back_is_gone_by_within_seconds(
    owner: httpx.Client, as_role: AsRole, customer: str
) -> None:
    support, checkout, path = as_role("support"), as_role("checkout"), f"v1/customers/{customer}/wallets/EUR"

    def given_back() -> Any:
        """When credit ends that is spent and given back in full."""
        credit = {"amount": 100, "kind": "promotion", "reason": "test", "expires": {"days": 100}}
        support.post(f"{path}/credits", json=credit, headers=fresh_key()).raise_for_status()
        order = {"amount": 100, "order": {"id": f"order-{uuid4().hex}"}}
        spent = checkout.post(f"{path}/redemptions", json=order, headers=fresh_key()).raise_for_status().json()
        reversal = f"{path}/redemptions/{spent['redemption']['id']}/reversals"
        checkout.post(reversal, json={}, headers=fresh_key()).raise_for_status()
        (lot,) = support.get(path).json()["lots"]
        support.post(f"{path}/lots/{lot['id']}/revoke", json={"reason": "test"}, headers=fresh_key()).raise_for_status()
        return lot["expires_at"]

    assert given_back() is not None
    assert change(owner, reinstatement={"mode": "no_expiry"}).status_code == 200
    ends = time.monotonic() + PATIENCE_SECONDS
    while given_back() is not None:
        assert time.monotonic() < ends, "the settings are not gone by"
        time.sleep(0.2)


def test_who_has_not_seen_the_present_version_changes_nothing(owner: httpx.Client) -> None:
    before = owner.get("v1/settings")
    assert change(owner, released_grace_hours=25).status_code == 200
    late = owner.put("v1/settings", json={}, headers={"If-Match": before.headers["ETag"]})
    assert (late.status_code, late.json()["code"]) == (409, "version_conflict")
    assert late.json()["current_version"] == before.json()["version"] + 1
    blind = owner.put("v1/settings", json={})
    assert (blind.status_code, blind.json()["errors"][0]["pointer"]) == (422, "/header/If-Match")
    assert owner.get("v1/settings").json()["released_grace_hours"] == 25


def test_only_the_owner_sees_and_changes_settings(as_role: AsRole) -> None:
    for role in ("support", "checkout", "marketer", "finance"):
        assert as_role(role).get("v1/settings").status_code == 403
        assert as_role(role).put("v1/settings", json={}, headers={"If-Match": '"0"'}).status_code == 403
