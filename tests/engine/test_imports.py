"""Imports on a real DynamoDB: each row is applied once, however often its chunk comes and wherever a worker dies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.customers import importing, imports
from chalicelib.customers.importing import (
    Fault,
    Import,
    ImportHasErrors,
    Kind,
    Outcome,
    Row,
    State,
    load,
    load_chunks,
)
from chalicelib.customers.imports import Ask, apply_chunk
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.lots import Kind as CreditKind
from chalicelib.runtime.clock import Deadline
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread
from chalicelib.store.writes import Asked, commit
from tests.engine.crowd import at_once
from tests.engine.till import Till
from tests.engine.trouble import error, lost_answer, lost_request
from tests.engine.wire import COMMIT, READ, Wire

CHUNK = 5
"""Rows of a chunk here."""


class Killed(BaseException):
    """The worker is gone."""


class Belt:
    """The queue, as a list."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, bodies: Sequence[str]) -> list[int]:
        self.messages += map(json.loads, bodies)
        return []


class Clerk:
    """Imports credits of customers that nobody else has."""

    def __init__(self, till: Till) -> None:
        self.till, self.engine = till, till.engine
        self.belt = Belt()
        self.name = f"customer-{uuid.uuid4().hex[:12]}"

    @property
    def documents(self) -> Documents:
        return imports.documents(self.engine.store)

    def ask(self) -> Ask:
        return Ask("clerk", Asked(uuid.uuid4().hex[:24], "request"), Deadline.after(8))

    def check(self, kind: Kind, rows: list[Row]) -> Import:
        name = imports.check(self.engine, kind, rows, lambda whole: whole.id, self.ask()).body
        return load(self.documents, name)

    def credits(self, count: int) -> Import:
        told = {"currency": "EUR", "amount": 100, "kind": "promotion", "reason": "spring", "expires_days": 30}
        return self.check(Kind.CREDITS, [Row(self.wallet(number).customer, told) for number in range(count)])

    def wallet(self, number: int) -> WalletId:
        return WalletId(f"{self.name}-{number}", "EUR")

    def begin(self, whole: Import, *, skip_invalid: bool = False) -> list[dict[str, Any]]:
        """The messages of its chunks."""
        self.belt.messages.clear()
        imports.apply(
            self.engine,
            lambda: self.belt,  # type: ignore[arg-type, return-value]
            whole.id,
            lambda _: "",
            self.ask(),
            skip_invalid=skip_invalid,
        )
        return list(self.belt.messages)

    def deliver(self, message: dict[str, Any], seconds: float = 8.0) -> None:
        """As the queue does: again until it is done."""
        for _ in range(20):
            try:
                if apply_chunk(self.engine, message, Deadline.after(seconds)):
                    return
            except (Busy, OutcomeUnknown, Unread, Killed):
                continue
        raise AssertionError("it comes again for ever")

    def granted(self, count: int) -> list[list[int]]:
        return [[entry.amount for entry in self.till.entries(self.wallet(number))] for number in range(count)]


@pytest.fixture
def clerk(hasty: Till, monkeypatch: pytest.MonkeyPatch) -> Clerk:
    for module in (importing, imports):
        monkeypatch.setattr(module, "ROWS_PER_CHUNK", CHUNK)
    return Clerk(hasty)


def test_every_row_is_applied_once_however_often_its_chunk_comes(clerk: Clerk) -> None:
    count = CHUNK + 3
    whole = clerk.credits(count)
    messages = clerk.begin(whole)
    assert [message["chunk"] for message in messages] == [0, 1]
    for message in (messages[1], messages[0], messages[0], messages[1]):
        clerk.deliver(message)
    assert clerk.granted(count) == [[100]] * count
    done = load(clerk.documents, whole.id)
    assert (done.state, done.applied, done.refused, done.skipped) == (State.APPLIED, count, 0, 0)
    lot = clerk.till.stored(clerk.wallet(0)).lots[0]
    assert (lot.kind, lot.source and lot.source.id) == (CreditKind.PROMOTION, whole.id)


@pytest.mark.parametrize("at", [1, 2, 5, 7])
def test_a_worker_that_dies_in_a_chunk_leaves_nothing_half_done(clerk: Clerk, wire: Wire, at: int) -> None:
    """The last commits are the chunk's outcomes and the end of the import."""
    (message,) = clerk.begin(whole := clerk.credits(5))
    commits: list[object] = []

    def die(request: Any) -> None:
        commits.append(request)
        if len(commits) == at:
            request.send()
            raise Killed

    wire.on(COMMIT, die, times=None)
    clerk.deliver(message)
    assert len(commits) >= at
    assert clerk.granted(5) == [[100]] * 5
    assert load(clerk.documents, whole.id).state is State.APPLIED


@pytest.mark.parametrize("fault", [lost_answer, lost_request, partial(error, 500)])
def test_a_line_that_fails_applies_every_row_once(
    clerk: Clerk, wire: Wire, fault: Callable[[], Callable[[Any], Any]]
) -> None:
    (message,) = clerk.begin(whole := clerk.credits(3))
    for _ in range(4):
        wire.on(COMMIT, fault())
        wire.on(READ, lost_request())
    clerk.deliver(message)
    assert clerk.granted(3) == [[100]] * 3
    assert load(clerk.documents, whole.id).state is State.APPLIED


def test_chunks_that_end_at_the_same_moment_end_the_import(clerk: Clerk) -> None:
    whole = clerk.check(Kind.CREDITS, [Row(None, None, (Fault("/amount", "is missing"),))] * (4 * CHUNK))
    messages = clerk.begin(whole, skip_invalid=True)
    at_once([partial(clerk.deliver, message) for message in messages for _ in range(2)])
    done = load(clerk.documents, whole.id)
    assert (done.state, done.skipped) == (State.APPLIED, 4 * CHUNK)


def test_an_import_that_got_stuck_goes_on_with_the_chunks_that_are_not_done(clerk: Clerk) -> None:
    whole = clerk.credits(CHUNK + 1)
    clerk.deliver(clerk.begin(whole)[0])
    assert [message["chunk"] for message in clerk.begin(whole)] == [1]
    clerk.deliver(clerk.belt.messages[0])
    assert load(clerk.documents, whole.id).state is State.APPLIED
    assert clerk.begin(whole) == []


def test_customers_are_told_of_once_and_one_who_was_erased_is_left_alone(clerk: Clerk) -> None:
    store = clerk.engine.store
    names = [f"{clerk.name}-{number}" for number in range(3)]
    profiles = Profiles(store)
    commit(store, [profiles.write(replace(Profile(names[2]), erased=True))])
    whole = clerk.check(
        Kind.CUSTOMERS, [Row(name, {"email": "a@example.com", "consents.email": True}) for name in names]
    )
    (message,) = clerk.begin(whole)
    for _ in range(3):
        clerk.deliver(message)
    found = profiles.get_many(names)
    assert [found[name].version for name in names] == [1, 1, 1]
    assert [found[name].person.email for name in names] == ["a@example.com", "a@example.com", None]
    (chunk,) = load_chunks(clerk.documents, whole.id, [0])
    assert [each.outcome for each in chunk.became] == [Outcome.APPLIED, Outcome.APPLIED, Outcome.REFUSED]
    assert chunk.became[2].code == "customer_erased"


def test_nothing_is_done_for_an_import_that_nobody_asked_to_apply(clerk: Clerk) -> None:
    whole = clerk.credits(1)
    clerk.deliver({"job": "import", "import": whole.id, "chunk": 0})
    clerk.deliver({"job": "import", "import": "imp_nothing", "chunk": 0})
    assert clerk.granted(1) == [[]]
    assert load(clerk.documents, whole.id).state is State.CHECKED


def test_a_refusal_finds_the_rows_that_are_not_valid_in_one_read_however_many_rows_there_are(
    hasty: Till, wire: Wire
) -> None:
    """Of an import as large as there may be only the last row is not valid."""
    clerk = Clerk(hasty)
    fault = Fault("/amount", "should be an integer")
    good = [Row("anna", {"amount": 100})] * (importing.MAX_ROWS - 1)
    whole = clerk.check(Kind.CREDITS, [*good, Row("bert", None, (fault,))])
    with wire.listen() as heard, pytest.raises(ImportHasErrors) as refused:
        clerk.begin(whole)
    assert [(number, row.faults) for number, row in refused.value.first] == [(importing.MAX_ROWS, (fault,))]
    chunks = [each for each in heard if "#import/" in json.dumps(each.body)]
    assert [each.operation for each in chunks] == ["BatchGetItem"]
    assert {each.operation for each in heard} <= {*READ}, "nothing is written, and no list is gone through"
    assert load(clerk.documents, whole.id) == whole


def test_a_chunk_without_time_left_comes_again(clerk: Clerk) -> None:
    (message,) = clerk.begin(clerk.credits(1))
    with pytest.raises(Busy):
        apply_chunk(clerk.engine, message, Deadline.after(0.5))
    clerk.deliver(message)
    assert clerk.granted(1) == [[100]]
