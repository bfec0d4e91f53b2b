"""What the README tells a stranger to type works as it stands; the demo holds; the audit names what is damaged."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.audit import Report, store_of, survey
from dev.deploy import client
from dev.ministack import CREDENTIALS
from dev.places import ROOT
from dev.stack import Stack
from tests.system.conftest import AsRole, fresh_key

MINUTES_SECONDS = 120


@pytest.fixture
def environment(stack: Stack, data: Path) -> dict[str, str]:
    """What a person's shell would have, with this tier's stack in DATA."""
    return {**os.environ, "DATA": str(data), "PYTHON": sys.executable}


def commands_of(document: str) -> str:
    """The shell commands that a document tells to type."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(), re.DOTALL))


def test_the_readme_leads_from_clone_to_a_redeemed_credit(environment: dict[str, str], customer: str) -> None:
    granted, redeemed, wallet, entries = _answers(commands_of("README.md").replace("alice", customer), environment)
    assert granted["balance"]["available"] == 1000
    assert redeemed["redemption"]["amount"] == 400
    assert wallet["available"] == 600
    assert [entry["type"] for entry in entries["data"]] == ["redeemed", "issued"]


def test_the_campaigns_page_leads_from_a_group_to_what_it_earned(environment: dict[str, str]) -> None:
    address = commands_of("README.md").splitlines()[0]
    typed = f"{address}\n{commands_of('docs/campaigns.md')}"
    preview, forecast, scheduled, progress, performance = _answers(typed, environment)
    assert preview["matched"] <= preview["total"]
    assert forecast["holdout"] == 0
    assert scheduled["state"] == "scheduled"
    assert progress["failed"] == 0
    assert performance["campaign"] == scheduled["id"]


def _answers(typed: str, environment: dict[str, str]) -> list[Any]:
    """What these commands print: one JSON document after the other."""
    done = subprocess.run(
        ["bash", "-euc", typed],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MINUTES_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    decoder, text, answers = json.JSONDecoder(), done.stdout, []
    while text.strip():
        answer, end = decoder.raw_decode(text.strip())
        answers.append(answer)
        text = text.strip()[end:]
    return answers


def test_the_demo_holds_what_it_tells(environment: dict[str, str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "dev.demo"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=MINUTES_SECONDS,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "replayed give the stored wallet" in told.stdout


def audited(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Report:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": stack.aws}.items():
        monkeypatch.setenv(name, value)
    return survey(store_of(stack.tables["wallets"], stack.tables["ledger"]))


def named(report: Report, customer: str) -> list[tuple[str, str]]:
    return [(each.code, each.where) for wallet, each in report.differences if wallet.customer == customer]


def spent_wallet(as_role: AsRole, customer: str) -> str:
    """A wallet with 6.00 of 10.00 left; the redemption's id."""
    wallet = f"v1/customers/{customer}/wallets/EUR"
    grant = {"amount": 1000, "kind": "refund", "reason": "return"}
    assert as_role("support").post(f"{wallet}/credits", json=grant, headers=fresh_key()).status_code == 201
    order = {"amount": 400, "order": {"id": f"order-{customer}"}}
    answer = as_role("checkout").post(f"{wallet}/redemptions", json=order, headers=fresh_key())
    assert answer.status_code == 201, answer.text
    redemption: str = answer.json()["redemption"]["id"]
    return redemption


def test_an_undamaged_wallet_ties(
    stack: Stack, as_role: AsRole, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent_wallet(as_role, customer)
    report = audited(stack, monkeypatch)
    assert named(report, customer) == []
    assert report.wallets >= 1
    assert report.outstanding["EUR"] >= 600


def explained(as_role: AsRole, customer: str) -> Any:
    answer = as_role("finance").get(f"v1/customers/{customer}/wallets/EUR/explanation")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_damaged_wallet_is_named_exactly(
    stack: Stack, as_role: AsRole, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent_wallet(as_role, customer)
    dynamodb = client("dynamodb", stack.aws)
    key = {"pk": {"S": customer}, "sk": {"S": "EUR"}}
    set_frozen = {"UpdateExpression": "SET frozen = :yes", "ExpressionAttributeValues": {":yes": {"BOOL": True}}}
    dynamodb.update_item(TableName=stack.tables["wallets"], Key=key, **set_frozen)
    assert named(audited(stack, monkeypatch), customer) == [("wallet_differs", "frozen")]
    told = explained(as_role, customer)
    assert told["consistent"] is False
    dynamodb.update_item(TableName=stack.tables["wallets"], Key=key, UpdateExpression="REMOVE frozen")
    assert named(audited(stack, monkeypatch), customer) == []


def test_a_missing_entry_is_named_exactly(
    stack: Stack, as_role: AsRole, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent_wallet(as_role, customer)
    dynamodb = client("dynamodb", stack.aws)
    key = {"wallet": {"S": f"{customer}/EUR"}, "sequence": {"N": "1"}}
    entry = dynamodb.get_item(TableName=stack.tables["ledger"], Key=key)["Item"]
    dynamodb.delete_item(TableName=stack.tables["ledger"], Key=key)
    assert named(audited(stack, monkeypatch), customer) == [("entry_missing", "entry 1")]
    assert explained(as_role, customer)["consistent"] is False
    dynamodb.put_item(TableName=stack.tables["ledger"], Item=entry)
    assert named(audited(stack, monkeypatch), customer) == []


def test_a_lost_redemption_record_is_named_exactly(
    stack: Stack, as_role: AsRole, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption = spent_wallet(as_role, customer)
    dynamodb = client("dynamodb", stack.aws)
    key = {"pk": {"S": f"#{redemption[4:]}"}, "sk": {"S": "operation"}}
    record = dynamodb.get_item(TableName=stack.tables["wallets"], Key=key)["Item"]
    dynamodb.delete_item(TableName=stack.tables["wallets"], Key=key)
    assert named(audited(stack, monkeypatch), customer) == [("redemption_missing", redemption)]
    dynamodb.put_item(TableName=stack.tables["wallets"], Item=record)


def test_make_audit_says_it_by_its_exit_code(environment: dict[str, str]) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "dev.audit"], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "everything ties" in told.stdout
