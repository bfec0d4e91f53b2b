"""One canonical line for each call, which is its metrics too.

The line is a JSON object on standard output. Its `_aws` member makes it a record of CloudWatch's embedded metric
format, so the numbers in it become metrics without a further call. It names who did what to which wallet and how that
ended; a token, a note or a text for the customer is never in it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from chalicelib.runtime.clock import SystemClock
from chalicelib.runtime.environment import trace_id

NAMESPACE = "StoreCredit"
_UNITS = {
    "Attempts": "Count",
    "Conflicts": "Count",
    "Replays": "Count",
    "UnknownOutcome": "Count",
    "Busy": "Count",
    "OpenLots": "Count",
    "WalletBytes": "Bytes",
    "DurationMs": "Milliseconds",
    "SweepLagSeconds": "Seconds",
    "ReleaseLagSeconds": "Seconds",
    "Nominated": "Count",
    "SettledWallets": "Count",
    "LeftMessages": "Count",
    "Rejected": "Count",
    "Parked": "Count",
    "Published": "Count",
    "PublishFailed": "Count",
    "Observed": "Count",
    "ObserveFailed": "Count",
}


def write_line(
    stage: str,
    operation: str,
    outcome: str,
    request_id: str,
    metrics: Mapping[str, float | None],
    facts: Mapping[str, object],
) -> None:
    """What is known of one call when it is answered. `metrics` are named in `_UNITS`; None says nothing."""
    told = {name: value for name, value in metrics.items() if value is not None}
    _write(
        {
            "_aws": {
                "Timestamp": SystemClock().now(),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["Stage", "Operation", "Outcome"], ["Stage"]],
                        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in told],
                    }
                ],
            },
            "level": "INFO",
            "Stage": stage,
            "Operation": operation,
            "Outcome": outcome,
            **told,
            "request_id": request_id,
            "trace_id": trace_id(),
            **{name: fact for name, fact in facts.items() if fact is not None},
        }
    )


def set_log_level(level: str) -> None:
    """How much libraries say. botocore says no more than INFO: at DEBUG it prints whole requests, notes included."""
    logging.getLogger().setLevel(level)
    logging.getLogger("botocore").setLevel(max(logging.INFO, logging.getLevelName(level)))


def write_fault(request_id: str, operation: str, error: BaseException) -> None:
    """A defect of ours, with where it happened; the message may quote data, and is cut short."""
    _write(
        {
            "level": "ERROR",
            "operation": operation,
            "request_id": request_id,
            "trace_id": trace_id(),
            "error": type(error).__name__,
            "message": str(error)[:500],
            "stack": traceback.format_tb(error.__traceback__)[-12:],
        }
    )


def _write(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()
