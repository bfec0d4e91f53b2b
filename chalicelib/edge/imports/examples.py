"""Examples about imports and exports, by the names of their routes: a table with a row that is not valid."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from typing import Any

from chalicelib.customers.importing import Became, Import, Kind, Outcome, State
from chalicelib.edge.imports import csv_text
from chalicelib.edge.imports.calls import checked, row_told, told
from chalicelib.edge.imports.exports import CREDIT_COLUMNS
from chalicelib.edge.imports.rows import CUSTOMER_COLUMNS
from chalicelib.edge.imports.rows import checked as checked_rows
from chalicelib.edge.instants import parse
from chalicelib.ledger.policy import Policy

_HEADER = ["customer", "email", "consent_email", "country", "tags"]
_CSV = csv_text.written(
    [_HEADER, ["alice", "alice@example.com", "true", "DE", "vip|tea"], ["bob", "bob at home", "true", "DE", ""]]
)
REQUESTS: dict[str, Any] = {
    "check_import": {"kind": "customers", "csv": _CSV},
    "apply_import": {"skip_invalid": True},
}

_AT = parse("2026-09-01T09:00:00Z")
_ROWS = checked_rows(Kind.CUSTOMERS, _CSV, Policy("1", UTC), _AT)
_WHOLE = Import("imp_oqfsz2ulu3yd2k6ytwpdkzwt", Kind.CUSTOMERS, 2, 1, _AT, "marketer")
_BEGUN = replace(_WHOLE, state=State.APPLYING, started_at=_AT + 60_000, started_by="marketer")
_DONE = replace(_BEGUN, state=State.APPLIED, finished_at=_AT + 61_000, applied=1, skipped=1)
_BECAME = (Became(Outcome.APPLIED), Became(Outcome.SKIPPED))
_ALICE = ["alice", "alice@example.com", *[""] * (len(CUSTOMER_COLUMNS) - 3), "true"]
_LOT = ["alice", "EUR", "lot_1", "promotion", "2500", "1200", "0", "2026-03-02T09:01:00Z", "2026-06-03T00:00:00Z"]

ANSWERS: dict[str, Any] = {
    "check_import": json.loads(checked(_WHOLE, _ROWS)),
    "get_import": told(_DONE),
    "list_import_rows": {
        "data": [row_told(number + 1, _ROWS[number], _BECAME[number]) for number in range(2)],
        "next_cursor": None,
    },
    "apply_import": told(_BEGUN),
    "export_customers": {"data": csv_text.written([CUSTOMER_COLUMNS, _ALICE]), "rows": 1, "next_cursor": None},
    "export_credits": {"data": csv_text.written([CREDIT_COLUMNS, _LOT]), "rows": 1, "next_cursor": None},
}
