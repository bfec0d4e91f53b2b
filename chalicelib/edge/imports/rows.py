"""The rows of an imported table, each checked as the call is that would do the same singly; nothing is changed here.

    customers   customer, email, phone, locale, birth_date, consent_email, consent_sms, consent_push, tags (`a|b`),
                attributes (a JSON object), country, region, city, postal_code, predicted_spend_tier, has_account
    credits     customer, currency, amount (minor units), kind, reason, expires_at or expires_days, note

An empty cell says nothing. What is wrong is told with a pointer to the column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from chalicelib.customers.days import day_of, day_of_date
from chalicelib.customers.importing import MAX_ROWS, Fault, Kind, Row, telling_told
from chalicelib.edge.imports import csv_text
from chalicelib.edge.imports.bodies import CreditRow, CustomerRow
from chalicelib.edge.imports.csv_text import NotCsv
from chalicelib.edge.problems import Problem, invalid
from chalicelib.ledger.lots import CLASS_OF_KIND
from chalicelib.ledger.lots import Kind as CreditKind
from chalicelib.ledger.policy import At, Days, Policy, expires_at
from chalicelib.ledger.refusals import Refused

Json = dict[str, Any]
Location = tuple[int | str, ...]

CONSENTS = {f"consent_{channel}": channel for channel in ("email", "sms", "push")}
ADDRESS = ("country", "region", "city", "postal_code")
CUSTOMER_COLUMNS = (
    "customer",
    "email",
    "phone",
    "locale",
    "birth_date",
    *CONSENTS,
    "tags",
    "attributes",
    *ADDRESS,
    "predicted_spend_tier",
    "has_account",
)
CREDIT_COLUMNS = ("customer", "currency", "amount", "kind", "reason", "expires_at", "expires_days", "note")
REQUIRED = {Kind.CUSTOMERS: ("customer",), Kind.CREDITS: ("customer", "currency", "amount", "kind", "reason")}
COLUMNS = {Kind.CUSTOMERS: CUSTOMER_COLUMNS, Kind.CREDITS: CREDIT_COLUMNS}
TAGS_BETWEEN = "|"
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def checked(kind: Kind, text: str, policy: Policy, now: int) -> list[Row]:
    """Every row with its verdict, by the policy and at the present (milliseconds).

    :raises Problem: validation_failed: it is no table, has other columns, or too many rows, or none
    """
    try:
        header, lines = csv_text.read(text)
    except NotCsv as error:
        raise invalid("/csv", str(error)) from None
    _check_header(kind, header)
    if not 1 <= len(lines) <= MAX_ROWS:
        raise invalid("/csv", f"must have 1 to {MAX_ROWS} rows behind its header")
    seen: dict[str, int] = {}
    read = _customer if kind is Kind.CUSTOMERS else _credit
    return [_row(read, header, cells, number, seen, policy, now) for number, cells in enumerate(lines, start=1)]


Read = Callable[[Json, Policy, int, dict[str, int], int], Row]


def _row(
    read: Read, header: list[str], cells: list[str], number: int, seen: dict[str, int], policy: Policy, now: int
) -> Row:
    if len(cells) != len(header):
        return Row(None, None, (Fault("", f"has {len(cells)} cells, where the header has {len(header)}"),))
    said = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    try:
        return read(said, policy, number, seen, now)
    except ValidationError as error:
        faults = [Fault(_pointer(each["loc"]), each["msg"]) for each in error.errors(include_url=False)]
    except Problem as problem:
        faults = [Fault(each.pointer, each.message) for each in problem.errors]
    except Refused as refusal:
        faults = [Fault(_pointer_of(said, refusal.field), refusal.detail)]
    return Row(said.get("customer", "")[:128] or None, None, tuple(dict.fromkeys(faults)))


def _customer(said: Json, policy: Policy, number: int, seen: dict[str, int], now: int) -> Row:
    told: Json = {name: cell for name, cell in said.items() if name not in CONSENTS and name not in ADDRESS}
    if "has_account" in told:
        told["has_account"] = _boolean(told["has_account"])
    if "tags" in told:
        told["tags"] = [tag.strip() for tag in told["tags"].split(TAGS_BETWEEN) if tag.strip()]
    if "attributes" in told:
        told["attributes"] = _json(told["attributes"])
    consents = {channel: _boolean(said[name]) for name, channel in CONSENTS.items() if name in said}
    address = {name: said[name] for name in ADDRESS if name in said}
    told |= ({"consents": consents} if consents else {}) | ({"address": address} if address else {})
    row = CustomerRow.model_validate_json(json.dumps(told))
    if row.birth_date is not None and day_of_date(row.birth_date) > day_of(now, policy.zone):
        raise invalid("/birth_date", "is in the future")
    before = seen.setdefault(row.customer, number)
    if before != number:
        raise invalid("/customer", f"stands in row {before} already")
    return Row(row.customer, telling_told(row.telling()))


def _credit(said: Json, policy: Policy, _number: int, _seen: dict[str, int], now: int) -> Row:
    told: Json = {name: cell for name, cell in said.items() if name not in ("expires_at", "expires_days")}
    told |= {name: _integer(told[name]) for name in ("amount",) if name in told}
    expires: Json = {}
    if "expires_at" in said:
        expires["at"] = said["expires_at"]
    if "expires_days" in said:
        expires["days"] = _integer(said["expires_days"])
    row = CreditRow.model_validate_json(json.dumps(told | ({"expires": expires} if expires else {})))
    if row.currency not in policy.currencies:
        raise invalid("/currency", "is neither an ISO 4217 code nor a registered points code")
    grant = row.grant()
    expires_at(grant.expires, grant.kind, CLASS_OF_KIND[CreditKind(row.kind)], now, now, policy)
    kept: Json = {"currency": row.currency, "amount": row.amount, "kind": row.kind, "reason": row.reason}
    match grant.expires:
        case At(instant):
            kept["expires_at"] = instant
        case Days(days):
            kept["expires_days"] = days
    return Row(row.customer, kept if row.note is None else {**kept, "note": row.note})


def _check_header(kind: Kind, header: list[str]) -> None:
    known = COLUMNS[kind]
    for name in header:
        if name not in known:
            raise invalid("/csv", f"has a column {name[:64]!r}; columns of {kind} are {', '.join(known)}")
        if header.count(name) > 1:
            raise invalid("/csv", f"has the column {name} twice")
    missing = [name for name in REQUIRED[kind] if name not in header]
    if missing:
        raise invalid("/csv", f"must have the columns {', '.join(missing)}")


def _pointer(location: Location) -> str:
    """The column that a validator complains of."""
    match location:
        case ("address", str(name), *_) if name in ADDRESS:
            return f"/{name}"
        case ("consents", str(channel), *_):
            return f"/consent_{channel}"
        case ("expires", "at" | "days" as which, *_):
            return f"/expires_{which}"
        case ("expires", *_):
            return "/expires_at"
        case (name, *_):
            return f"/{name}"
    return ""


def _pointer_of(said: Json, field: str | None) -> str:
    """The column that a refusal is about: an expiry is said in one of two, or follows from the kind."""
    if field != "/expires":
        return field or ""
    return next((f"/{name}" for name in ("expires_at", "expires_days") if name in said), "/kind")


def _integer(cell: str) -> int | str:
    return int(cell) if _INTEGER.fullmatch(cell) else cell


def _boolean(cell: str) -> bool | str:
    return _BOOLEANS.get(cell.lower(), cell)


def _json(cell: str) -> Any:
    """What a cell says in JSON; what is no object of plain values is left for the model to refuse."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    plain = isinstance(found, dict) and all(not isinstance(value, dict | list) for value in found.values())
    return found if plain else cell
