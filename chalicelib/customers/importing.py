"""An import as it is kept: what was checked of each row, and what became of it. Amounts are minor units, instants
milliseconds UTC.

document   "#imports" / imp_…             the import: its kind, its state, its numbers
document   "#import/imp_…" / number       a chunk of ROWS_PER_CHUNK rows: verdicts, and once it is applied the outcomes

They name people, and are deleted RETENTION_DAYS after they were written; what a row said of a customer is forgotten as
soon as it is applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from chalicelib.customers.profile import Address, Telling
from chalicelib.ledger.limits import MAX_TRANSACTION_ITEMS, SECOND_MS
from chalicelib.ledger.refusals import NotFound, Refused
from chalicelib.store.documents import Document, Documents, Key
from chalicelib.store.writes import Write

Json = dict[str, Any]

IMPORTS = "#imports"
ROWS_PER_CHUNK = 50
"""Applied by one message; a few seconds of work. Imports that are kept count on it: another number, another layout."""
MAX_ROWS = 4_000
"""Of one import. A body of 64 KB has no more that are of any use."""
RETENTION_DAYS = 30
_RETENTION_SECONDS = RETENTION_DAYS * 24 * 3600

assert MAX_ROWS // ROWS_PER_CHUNK + 2 <= MAX_TRANSACTION_ITEMS, "the import, its chunks, the operation"


class Kind(StrEnum):
    CUSTOMERS = "customers"
    CREDITS = "credits"


class State(StrEnum):
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"


class Outcome(StrEnum):
    """What became of a row."""

    APPLIED = "applied"
    REFUSED = "refused"
    """It was valid and could not be done, and says why."""
    SKIPPED = "skipped"
    """It was not valid."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row: a pointer to the column, or an empty one for the whole row."""

    pointer: str
    message: str


@dataclass(frozen=True)
class Row:
    """A row as it was checked. `told` is what it asks for, in plain JSON; nothing for one that is not valid, or that a
    customer's data were taken from."""

    customer: str | None
    told: Json | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def valid(self) -> bool:
        return not self.faults


class ImportHasErrors(Refused):
    """Rows are not valid, and nobody said that those are to be left out: the first of them, by their numbers."""

    code = "import_has_errors"

    def __init__(self, whole: Import, first: Sequence[tuple[int, Row]]) -> None:
        super().__init__("Rows of the import are not valid.", invalid=whole.invalid, rows=whole.rows)
        self.first = first


@dataclass(frozen=True)
class Became:
    """What became of a row; `code` and `detail` of one that was refused."""

    outcome: Outcome
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Chunk:
    number: int
    rows: tuple[Row, ...]
    became: tuple[Became, ...] = ()
    """Of each row, once it was applied."""
    version: int = 0

    @property
    def done(self) -> bool:
        return bool(self.became)

    def numbered(self) -> Iterator[tuple[int, Row]]:
        """Its rows by their numbers in the whole import, from 1."""
        return enumerate(self.rows, start=self.number * ROWS_PER_CHUNK + 1)


@dataclass(frozen=True)
class Import:
    """`started_at` and `started_by` are of when it was applied."""

    id: str
    kind: Kind
    rows: int
    valid: int
    created_at: int
    created_by: str
    state: State = State.CHECKED
    started_at: int | None = None
    started_by: str | None = None
    finished_at: int | None = None
    applied: int = 0
    refused: int = 0
    skipped: int = 0
    version: int = 0

    @property
    def invalid(self) -> int:
        return self.rows - self.valid

    @property
    def chunks(self) -> int:
        return -(-self.rows // ROWS_PER_CHUNK)


def chunked(rows: Sequence[Row]) -> list[Chunk]:
    starts = range(0, len(rows), ROWS_PER_CHUNK)
    return [Chunk(number, tuple(rows[start : start + ROWS_PER_CHUNK])) for number, start in enumerate(starts)]


def load(docs: Documents, import_id: str) -> Import:
    """:raises NotFound: there is no such import, or no more
    :raises Unread: DynamoDB could not be read
    """
    found = docs.get((IMPORTS, import_id))
    if found is None:
        raise NotFound("There is no such import.", id=import_id)
    body = found.body
    told = {**body, "kind": Kind(body["kind"]), "state": State(body["state"])}
    return Import(import_id, version=found.version, **told)


def load_chunks(docs: Documents, import_id: str, numbers: Sequence[int]) -> list[Chunk]:
    """These chunks, as far as they are there, by their numbers.

    :raises Unread: DynamoDB could not be read
    """
    found = docs.get_many(_chunk_key(import_id, number) for number in numbers)
    return sorted((_chunk_of(document) for document in found.values()), key=lambda chunk: chunk.number)


def saved(docs: Documents, whole: Import, now: int) -> Write:
    """`now` is the machine's time (milliseconds), by which it is deleted some day."""
    told = {name: value for name, value in asdict(whole).items() if name not in ("id", "version")}
    return docs.save((IMPORTS, whole.id), told, whole.version, delete_after=_delete_after(now))


def saved_chunk(docs: Documents, import_id: str, chunk: Chunk, now: int) -> Write:
    told: Json = {"rows": [_row_told(row) for row in chunk.rows]}
    if chunk.became:
        told["became"] = [[each.outcome.value, each.code, each.detail] for each in chunk.became]
    key = _chunk_key(import_id, chunk.number)
    return docs.save(key, told, chunk.version, delete_after=_delete_after(now))


def without_data(chunk: Chunk) -> Chunk:
    """The chunk without what its rows said of customers."""
    return replace(chunk, rows=tuple(replace(row, told=None) for row in chunk.rows))


def telling_told(telling: Telling) -> Json:
    """What a row tells of a customer, as plain JSON."""
    told = dict(telling)
    if "birth_date" in told:
        told["birth_date"] = told["birth_date"].isoformat()
    if "address" in told:
        told["address"] = asdict(told["address"])
    return told


def telling_of(told: Json) -> Telling:
    telling = dict(told)
    if "birth_date" in told:
        telling["birth_date"] = date.fromisoformat(told["birth_date"])
    if "address" in told:
        telling["address"] = Address(**told["address"])
    if "tags" in told:
        telling["tags"] = tuple(told["tags"])
    return telling


def _chunk_key(import_id: str, number: int) -> Key:
    return f"#import/{import_id}", f"{number:04}"


def _chunk_of(document: Document) -> Chunk:
    rows = tuple(
        Row(customer, told, tuple(Fault(*fault) for fault in faults))
        for customer, told, faults in document.body["rows"]
    )
    became = tuple(Became(Outcome(outcome), *why) for outcome, *why in document.body.get("became", ()))
    return Chunk(int(document.key[1]), rows, became, document.version)


def _row_told(row: Row) -> list[Any]:
    return [row.customer, row.told, [[fault.pointer, fault.message] for fault in row.faults]]


def _delete_after(now: int) -> int:
    return now // SECOND_MS + _RETENTION_SECONDS
