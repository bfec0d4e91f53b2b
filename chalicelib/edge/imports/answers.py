"""What is answered about imports and exports, as models."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from chalicelib.customers.importing import Kind, Outcome, State
from chalicelib.edge.answer_parts import Part


class ImportRowError(Part):
    """`pointer` is a slash and the column's name; empty where it is about the whole row."""

    pointer: str
    message: str


class ImportRow(Part):
    """A row, numbered from 1 behind the header. `outcome` is null until it was applied; `code` and `detail` say why one
    that was `ok` was refused then."""

    row: int = Field(ge=1)
    customer: str | None
    ok: bool
    errors: list[ImportRowError]
    outcome: Outcome | None
    code: str | None
    detail: str | None


class Import(Part):
    id: str
    kind: Kind
    state: State
    rows: int = Field(ge=1)
    valid: int = Field(ge=0)
    invalid: int = Field(ge=0)
    applied: int = Field(ge=0)
    refused: int = Field(ge=0)
    skipped: int = Field(ge=0)
    created_at: AwareDatetime
    created_by: str
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class CheckedImport(Import):
    """An import with the verdicts of its first rows; `next_cursor` is for its list of rows."""

    verdicts: list[ImportRow]
    next_cursor: str | None


class ImportRowPage(Part):
    data: list[ImportRow]
    next_cursor: str | None


class ExportPage(Part):
    """CSV (RFC 4180, UTF-8), its header in the first page. A cell that a spreadsheet would compute has a quote before
    it; an import takes it off again."""

    data: str
    rows: int = Field(ge=0)
    next_cursor: str | None
