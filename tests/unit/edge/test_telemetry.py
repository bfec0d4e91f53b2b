"""One line for each call, which is its metrics too, and in which no secret and no free text stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.store.signals import Busy, OutcomeUnknown
from tests.unit.edge.till import WALLET, Till

METRICS = {"Attempts", "Conflicts", "Replays", "UnknownOutcome", "Busy", "DurationMs"}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_command_is_one_line_that_says_who_did_what_to_what(
    till: Till, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5e1b4151-5ac6c58f5b3daa5e4b3cf1a6")
    body = till.grant(100).json
    (line,) = lines(capsys)
    assert line["Operation"] == "issue_credit"
    assert line["Outcome"] == "ok"
    assert line["Stage"] == "local"
    assert (line["caller"], line["customer"], line["currency"]) == ("owner", "alice", "EUR")
    assert line["operation_id"] == body["entries"][0]["operation"]
    assert line["request_id"] == "request-1"
    assert line["trace_id"].startswith("Root=1-")


def test_the_line_is_a_record_of_the_embedded_metric_format(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    till.grant(100)
    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "StoreCredit"
    assert directive["Dimensions"] == [["Stage", "Operation", "Outcome"], ["Stage"]]
    named = {metric["Name"] for metric in directive["Metrics"]}
    assert named == METRICS
    assert all(isinstance(line[name], int | float) for name in named)
    assert all(isinstance(line[name], str) for name in directive["Dimensions"][0])
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000


def test_what_the_store_measured_is_in_it(
    till: Till, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = till.engine.execute

    def measured(wallet_id: Any, envelope: Any, decide: Any, *about: Any) -> Any:
        envelope.trace.open_lots, envelope.trace.wallet_bytes, envelope.trace.conflicts = 3, 512, 2
        return execute(wallet_id, envelope, decide, *about)

    monkeypatch.setattr(till.engine, "execute", measured)
    till.grant(100)
    (line,) = lines(capsys)
    assert (line["OpenLots"], line["WalletBytes"], line["Conflicts"], line["Attempts"]) == (3, 512, 2, 1)


@pytest.mark.parametrize(
    ("error", "busy", "unknown"), [(Busy(), 1, 0), (OutcomeUnknown(), 0, 1)], ids=["busy", "unknown"]
)
def test_what_callers_were_told_is_counted(
    till: Till, capsys: pytest.CaptureFixture[str], error: Exception, busy: int, unknown: int
) -> None:
    till.engine.fails = error
    till.grant(100)
    (line,) = lines(capsys)
    assert (line["Busy"], line["UnknownOutcome"]) == (busy, unknown)


def test_a_replay_is_counted_and_a_refusal_is_an_outcome(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"amount": 100, "kind": "manual", "reason": "x"}
    till.post(f"{WALLET}/credits", body, key="k")
    till.post(f"{WALLET}/credits", body, key="k")
    till.redeem(500)
    till.but(scope="").get(WALLET)
    till.get(WALLET)
    told = [(line["Operation"], line["Outcome"], line.get("Replays")) for line in lines(capsys)]
    assert told == [
        ("issue_credit", "ok", 0),
        ("issue_credit", "ok", 1),
        ("redeem", "insufficient_credit", 0),
        ("get_wallet", "forbidden", None),
        ("get_wallet", "ok", None),
    ]


def test_no_free_text_and_no_token_is_in_it(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    headers = {"Authorization": "Bearer very.secret.token"}
    body = {"amount": 1, "kind": "manual", "reason": "x", "note": "internal!", "customer_text": "for you!"}
    till.post(f"{WALLET}/credits", body, headers=headers)
    till.post(f"{WALLET}/credits", body | {"amount": 0}, headers=headers)
    told = capsys.readouterr().out
    for secret in ("secret", "internal!", "for you!"):
        assert secret not in told
