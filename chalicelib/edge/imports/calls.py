"""Handlers of the calls about imports and exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib import wiring
from chalicelib.customers import imports
from chalicelib.customers.importing import Became, Import, ImportHasErrors, Kind, Row, load
from chalicelib.customers.imports import Ask
from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.imports import rows as import_rows
from chalicelib.edge.imports.bodies import ApplyBody, ImportBody
from chalicelib.edge.instants import show
from chalicelib.edge.problems import FieldError, Problem
from chalicelib.edge.wallets import presenter

FIRST_VERDICTS = 50
"""Rows that are told when an import is checked."""
_CREDITS_NEED = "wallets:write"


def check(call: Call) -> Reply:
    body, engine = call.body_as(ImportBody), call.engine()
    kind = Kind(body.kind)
    _may(call, kind)
    rows = import_rows.checked(kind, body.csv, engine.policy, engine.store.now())
    return reply(imports.check(engine, kind, rows, lambda whole: checked(whole, rows), _ask(call)))


def one(call: Call) -> Reply:
    whole = load(imports.documents(call.engine().store), call.parameters["import"])
    return Reply(presenter.document(told(whole)))


def rows(call: Call) -> Reply:
    """A page of them, each with its verdict and what became of it."""
    docs = imports.documents(call.engine().store)
    whole = load(docs, call.parameters["import"])
    of = f"{whole.id}/rows"
    after = 0 if call.query.cursor is None else cursors.position(of, call.query.cursor)
    found, more = imports.rows(docs, whole, after, call.query.limit)
    next_cursor = cursors.make(of, found[-1][0]) if found and more else None
    return Reply(presenter.document({"data": [row_told(*each) for each in found], "next_cursor": next_cursor}))


def apply(call: Call) -> Reply:
    engine, name = call.engine(), call.parameters["import"]
    skip_invalid = call.body_as(ApplyBody).skip_invalid is True
    _may(call, load(imports.documents(engine.store), name).kind)

    def present(whole: Import) -> str:
        return presenter.document(told(whole))

    try:
        return reply(imports.apply(engine, wiring.release_queue, name, present, _ask(call), skip_invalid=skip_invalid))
    except ImportHasErrors as refusal:
        raise has_errors(refusal) from None


def checked(whole: Import, found: Sequence[Row]) -> str:
    """An import with the verdicts of its first rows."""
    first = [row_told(number, row, None) for number, row in enumerate(found[:FIRST_VERDICTS], start=1)]
    next_cursor = cursors.make(f"{whole.id}/rows", len(first)) if len(found) > len(first) else None
    return presenter.document({**told(whole), "verdicts": first, "next_cursor": next_cursor})


def told(whole: Import) -> dict[str, Any]:
    return {
        "id": whole.id,
        "kind": whole.kind.value,
        "state": whole.state.value,
        "rows": whole.rows,
        "valid": whole.valid,
        "invalid": whole.invalid,
        "applied": whole.applied,
        "refused": whole.refused,
        "skipped": whole.skipped,
        "created_at": show(whole.created_at),
        "created_by": whole.created_by,
        "started_at": None if whole.started_at is None else show(whole.started_at),
        "finished_at": None if whole.finished_at is None else show(whole.finished_at),
    }


def has_errors(refusal: ImportHasErrors) -> Problem:
    """The refusal with a pointer to all that is wrong with the first rows: /rows/{number}/{column}, or /rows/{number}
    where it is the whole row, with the number and the message of its verdict."""
    errors = [
        FieldError(f"/rows/{number}{fault.pointer}", fault.message)
        for number, row in refusal.first
        for fault in row.faults
    ]
    return Problem(refusal.code, refusal.detail, errors=errors, facts=refusal.facts)


def row_told(number: int, row: Row, became: Became | None) -> dict[str, Any]:
    return {
        "row": number,
        "customer": row.customer,
        "ok": row.valid,
        "errors": [{"pointer": fault.pointer, "message": fault.message} for fault in row.faults],
        "outcome": None if became is None else became.outcome.value,
        "code": None if became is None else became.code,
        "detail": None if became is None else became.detail,
    }


def _may(call: Call, kind: Kind) -> None:
    """:raises Problem: forbidden: credits are granted only by who may grant one"""
    assert call.identity is not None, "nothing is changed without a token"
    if kind is Kind.CREDITS and _CREDITS_NEED not in call.identity.scopes:
        facts = {"needs_one_of": [_CREDITS_NEED]}
        raise Problem("forbidden", "The token lacks the scope that granting credit needs.", facts=facts)


def _ask(call: Call) -> Ask:
    assert call.identity is not None, "nothing is changed without a token"
    return Ask(call.identity.sub, call.asked_document(), call.deadline, dry_run=call.query.dry_run)
