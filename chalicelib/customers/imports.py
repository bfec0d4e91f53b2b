"""Importing customers and credits in two phases: every row is checked and kept, and then each is applied once.

    checked --- apply ---> applying --- the last chunk is done ---> applied
                              |  a message for each chunk: its rows, one by one, each once for (import, row)
                              `--- apply again: messages for the chunks that are not done yet

A row of credits is a grant whose key is the row's number, kept for ever; a row of customers tells what its columns say,
with such a key too. So a chunk that comes twice, or whose worker died in it, does nothing twice. What became of the
rows is written when the whole chunk is done; who writes the last of them says that the import is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from chalicelib.customers import commands
from chalicelib.customers.happening import PersonTold
from chalicelib.customers.importing import (
    MAX_ROWS,
    ROWS_PER_CHUNK,
    Became,
    Chunk,
    Import,
    ImportHasErrors,
    Kind,
    Outcome,
    Row,
    State,
    chunked,
    load,
    load_chunks,
    saved,
    saved_chunk,
    telling_of,
    without_data,
)
from chalicelib.customers.store import Profiles
from chalicelib.ledger import granting
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.lots import Kind as CreditKind
from chalicelib.ledger.lots import Source
from chalicelib.ledger.policy import At, Days, Expiry
from chalicelib.ledger.refusals import NotFound, Refused
from chalicelib.messaging.queues import Queue
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents, Json
from chalicelib.store.envelope import Answer, Envelope, WalletId, operation_id
from chalicelib.store.items import MAX_KEYS
from chalicelib.store.once import Decide, Deed, once
from chalicelib.store.reading import Store
from chalicelib.store.signals import OutcomeUnknown, Signal
from chalicelib.store.writes import Asked, commit

JOB = "import"
SOURCE = "import"
"""Type of the source of lots that an import made."""
ERASED = "customer_erased"
FINISHING_ATTEMPTS = 4
ROWS_POINTED_AT = 20
"""Rows that are told with the refusal of an import; the others are in the list of its rows."""

assert MAX_ROWS // ROWS_PER_CHUNK <= MAX_KEYS, "all chunks are read in one round trip"


@dataclass(frozen=True)
class Ask:
    """Around one change: who wants it, the request's key (None in a dry run), how long it may take."""

    actor: str
    asked: Asked | None
    deadline: Deadline
    dry_run: bool = False


def documents(store: Store) -> Documents:
    return Documents(store, store.tables.customers_name)


def check(engine: Engine, kind: Kind, rows: Sequence[Row], present: Callable[[Import], str], ask: Ask) -> Answer:
    """Keep checked rows (1 to MAX_ROWS of them), and do nothing else."""
    docs = documents(engine.store)

    def decide() -> Deed:
        import_id = f"imp_{ask.asked.operation if ask.asked else 'dry'}"
        valid = sum(row.valid for row in rows)
        whole = Import(import_id, kind, len(rows), valid, engine.store.now(), ask.actor)
        now = engine.store.clock.now()
        writes = [saved(docs, whole, now), *(saved_chunk(docs, whole.id, chunk, now) for chunk in chunked(rows))]
        return Deed(writes, present(whole))

    return _once(engine, ask, decide)


def apply(
    engine: Engine,
    queue: Callable[[], Queue],
    import_id: str,
    present: Callable[[Import], str],
    ask: Ask,
    *,
    skip_invalid: bool,
) -> Answer:
    """Let the rows be applied. One that is being applied has the messages of its chunks sent again, where one is not
    done: that is right to do at any time.

    :raises NotFound: there is no such import
    :raises ImportHasErrors: rows are not valid, and are not to be left out
    :raises OutcomeUnknown: it may be under way, or half of it; the same request tells
    """
    docs = documents(engine.store)

    def decide() -> Deed:
        whole = load(docs, import_id)
        if whole.state is not State.CHECKED:
            return Deed((), present(whole))
        if whole.invalid and not skip_invalid:
            raise ImportHasErrors(whole, _first_invalid(docs, whole))
        begun = replace(whole, state=State.APPLYING, started_at=engine.store.now(), started_by=ask.actor)
        return Deed([saved(docs, begun, engine.store.clock.now())], present(begun))

    answer = _once(engine, ask, decide)
    if not ask.dry_run:
        _send(docs, queue, import_id)
    return answer


def _first_invalid(docs: Documents, whole: Import) -> list[tuple[int, Row]]:
    """Up to ROWS_POINTED_AT rows that are not valid, in one round trip however many rows there are.

    :raises Unread: DynamoDB could not be read
    """
    chunks = load_chunks(docs, whole.id, range(whole.chunks))
    invalid = ((number, row) for chunk in chunks for number, row in chunk.numbered() if not row.valid)
    return list(islice(invalid, ROWS_POINTED_AT))


def _once(engine: Engine, ask: Ask, decide: Decide) -> Answer:
    store, pause, uniform = engine.store, engine.sleep, engine.uniform
    return once(store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run, sleep=pause, uniform=uniform)


def _send(docs: Documents, queue: Callable[[], Queue], import_id: str) -> None:
    """:raises OutcomeUnknown: the queue did not take them all"""
    whole = load(docs, import_id)
    if whole.state is State.APPLIED:
        return
    left = [chunk.number for chunk in load_chunks(docs, import_id, range(whole.chunks)) if not chunk.done]
    # Where every chunk is done and the import is not, whoever did the last one died: any chunk's message ends it.
    bodies = [json.dumps({"job": JOB, "import": import_id, "chunk": number}) for number in left or [0]]
    if queue().send(bodies):
        raise OutcomeUnknown


def rows(docs: Documents, whole: Import, after: int, limit: int) -> tuple[list[tuple[int, Row, Became | None]], bool]:
    """Rows behind row `after` (0: from the first), each with its number from 1 and what became of it; and whether there
    are more."""
    last = min(after + limit, whole.rows)
    numbers = range(after // ROWS_PER_CHUNK, -(-last // ROWS_PER_CHUNK))
    found = [
        (number, row, chunk.became[place] if chunk.done else None)
        for chunk in load_chunks(docs, whole.id, numbers)
        for place, (number, row) in enumerate(chunk.numbered())
    ]
    return [each for each in found if after < each[0] <= last], last < whole.rows


def apply_chunk(engine: Engine, message: Json, deadline: Deadline) -> bool:
    """Apply the rows of one chunk, each exactly once however often this is done; whether nothing is left of it to do.

    :raises Busy, OutcomeUnknown, Unread: to be done again
    """
    docs = documents(engine.store)
    try:
        whole = load(docs, str(message["import"]))
    except NotFound:
        return True  # it has been deleted since
    chunk = next(iter(load_chunks(docs, whole.id, [int(message["chunk"])])), None)
    if whole.state is not State.APPLYING or chunk is None:
        return True
    if not chunk.done:
        became = _apply_rows(engine, whole, chunk, deadline)
        kept = without_data(chunk) if whole.kind is Kind.CUSTOMERS else chunk
        kept = replace(kept, became=became)
        signal = commit(engine.store, [saved_chunk(docs, whole.id, kept, engine.store.clock.now())])
        if signal is not Signal.COMMITTED:
            return False
    return _finish(engine, docs, whole.id)


def _apply_rows(engine: Engine, whole: Import, chunk: Chunk, deadline: Deadline) -> tuple[Became, ...]:
    erased: frozenset[str] = frozenset()
    if whole.kind is Kind.CUSTOMERS:
        named = [row.customer for row in chunk.rows if row.customer is not None]
        profiles = Profiles(engine.store).get_many(named)
        erased = frozenset(customer for customer, profile in profiles.items() if profile.erased)
    return tuple(_apply_row(engine, whole, number, row, erased, deadline) for number, row in chunk.numbered())


def _apply_row(
    engine: Engine, whole: Import, number: int, row: Row, erased: frozenset[str], deadline: Deadline
) -> Became:
    if not row.valid or row.customer is None or row.told is None:
        return Became(Outcome.SKIPPED)
    if row.customer in erased:
        return Became(Outcome.REFUSED, ERASED, "The customer's data were erased.")
    try:
        if whole.kind is Kind.CUSTOMERS:
            _tell(engine, whole, number, row.customer, row.told, deadline)
        else:
            _issue(engine, whole, number, row.customer, row.told, deadline)
    except Refused as refusal:
        return Became(Outcome.REFUSED, refusal.code, refusal.detail)
    return Became(Outcome.APPLIED)


def _tell(engine: Engine, whole: Import, number: int, customer: str, told: Json, deadline: Deadline) -> None:
    assert whole.started_at is not None, "an import is applied from some instant on"
    operation = operation_id(_caller(whole), str(number))
    asked = Asked(operation, _fingerprint(customer, told), kept_for_ever=True)
    what = PersonTold(customer, telling_of(told))
    commands.tell(engine, what, whole.started_at, asked, deadline, json.dumps({"import": whole.id, "row": number}))


def _issue(engine: Engine, whole: Import, number: int, customer: str, told: Json, deadline: Deadline) -> None:
    grant = Grant(
        told["amount"],
        CreditKind(told["kind"]),
        told["reason"],
        note=told.get("note"),
        source=Source(SOURCE, whole.id),
        expires=_expiry(told),
    )
    envelope = Envelope(
        caller=_caller(whole),
        actor=whole.started_by or whole.created_by,
        key=str(number),
        fingerprint=_fingerprint(customer, told),
        deadline=deadline,
        present=lambda plan: json.dumps({"import": whole.id, "row": number, "lot": plan.lots[0].id}),
        kept_for_ever=True,
    )
    engine.execute(
        WalletId(customer, told["currency"]),
        envelope,
        lambda seen, act, policy: granting.issue(seen.wallet, grant, act, policy),
    )


def _finish(engine: Engine, docs: Documents, import_id: str) -> bool:
    """Say that the import is applied, if every chunk is: whoever finishes the last one finds them all done."""
    for _ in range(FINISHING_ATTEMPTS):
        whole = load(docs, import_id)
        chunks = load_chunks(docs, import_id, range(whole.chunks))
        if whole.state is not State.APPLYING or not all(chunk.done for chunk in chunks):
            return True
        count = Counter(each.outcome for chunk in chunks for each in chunk.became)
        done = replace(
            whole,
            state=State.APPLIED,
            finished_at=engine.store.now(),
            applied=count[Outcome.APPLIED],
            refused=count[Outcome.REFUSED],
            skipped=count[Outcome.SKIPPED],
        )
        if commit(engine.store, [saved(docs, done, engine.store.clock.now())]) is Signal.COMMITTED:
            return True
    return False


def _expiry(told: Json) -> Expiry | None:
    if "expires_at" in told:
        return At(told["expires_at"])
    return Days(told["expires_days"]) if "expires_days" in told else None


def _caller(whole: Import) -> str:
    """Whose keys the numbers of its rows are. No token has such a subject."""
    return f"\0import\0{whole.id}"


def _fingerprint(customer: str, told: Any) -> str:
    said = json.dumps([customer, told], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()
