"""What the release queue may carry: anything, and what is no message of ours is told as a fault."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.messages import Job
from chalicelib.edge.functions import releasing
from chalicelib.runtime.environment import Settings

ENGINE: Any = None
"""Nothing is asked of it."""


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(releasing, "settings", lambda: told)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        "{}",
        '{"job": "bake"}',
        '{"job": ["grant"]}',
        '{"job": "start", "campaign": 1}',
        '{"job": "start", "campaign": "#clock"}',
        '{"job": "plan", "campaign": "cmp_a", "run": true, "sent": 0}',
        '{"job": "plan", "campaign": "cmp_a", "run": 1.5, "sent": 0}',
        '{"job": "plan", "campaign": "cmp_a", "run": 1, "sent": -1}',
        '{"job": "evaluate", "campaign": "cmp_a", "run": 1, "shard": "p32"}',
        '{"job": "evaluate", "campaign": "cmp_a", "run": 1, "shard": ["p01"]}',
        '{"job": "grant", "campaign": "cmp_a", "run": 1, "shard": "p01", "piece": 1, "more": 1}',
        '{"job": "grant", "campaign": "cmp_a", "run": 1, "shard": "p01"}',
    ],
    ids=range(16),
)
def test_a_poison_message_is_reported_and_told_as_a_fault(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    event = {"Records": [{"messageId": "m-1", "body": body}]}
    context: Any = SimpleNamespace(aws_request_id="r-1", get_remaining_time_in_millis=lambda: 30_000)
    told = releasing.release_batch(ENGINE, SimpleNamespace(send=lambda bodies: []), event, context)
    assert told == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert "Poison" in capsys.readouterr().out


@pytest.mark.parametrize(
    "job",
    [
        Job(messages.START, "cmp_a"),
        Job(messages.EVALUATE, "cmp_a", 1, "p31"),
        Job(messages.PLAN, "cmp_a", 2, sent=100),
        Job(messages.GRANT, "cmp_a", 2, "list", 7),
        Job(messages.REVOKE, "cmp_a", 2, "p00", 1),
    ],
    ids=lambda job: job.job,
)
def test_what_is_written_is_read(job: Job) -> None:
    assert messages.read(releasing._read(messages.written(job))) == job
