"""Handlers of the calls about events: what became of one, which were rejected, and trying one again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.refusals import NotFound
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread

if TYPE_CHECKING:
    from chalicelib.events.model import Outcome
    from chalicelib.events.receiving import Received, Told
    from chalicelib.store.inbox import Inbox
    from chalicelib.store.tables import RejectionRow

Json = dict[str, Any]
_REJECTED = "events/rejected"
MAX_SHOWN_CHARACTERS = 4_000
"""Of a rejected message in a list; a page of them must fit into an answer."""


def event(call: Call) -> Reply:
    from chalicelib.events import receiving
    from chalicelib.store.inbox import Inbox

    source, event_id = call.parameters["source"], call.parameters["event"]
    told = receiving.fate_of(Inbox(call.engine().store), source, event_id)
    if told is None:
        raise NotFound("No such event has come, or it is on its way for the first time.", source=source, event=event_id)
    return Reply(presenter.document(fate(source, event_id, told)))


def rejected(call: Call) -> Reply:
    from chalicelib.store.inbox import Inbox

    cursor, limit = call.query.cursor, call.query.limit
    before = None if cursor is None else cursors.key(_REJECTED, cursor)
    page, older = Inbox(call.engine().store).rejections(before, limit)
    next_cursor = None if older is None else cursors.make_key(_REJECTED, older)
    return Reply(presenter.document({"data": [_rejection(row) for row in page], "next_cursor": next_cursor}))


def retry(call: Call) -> Reply:
    from chalicelib.store.inbox import Inbox

    inbox, rejection, asked = Inbox(call.engine().store), call.parameters["id"], call.asked()
    answer = inbox.remembered(*asked) if asked else None
    if answer is not None:
        call.trace.replayed = True
        return Reply(answer, replayed=True)
    row = inbox.rejection(rejection)
    if row is None:
        raise NotFound("There is no such rejected event.", rejection=rejection)
    outcome = _again(call, inbox, row)
    return Reply(_answered(call, inbox, row, outcome, asked))


def _answered(call: Call, inbox: Inbox, row: RejectionRow, outcome: Outcome, asked: tuple[str, str] | None) -> str:
    """The answer about a retry. That of an applied event is remembered, and the rejection settled.

    :raises OutcomeUnknown: the event is applied, and that could not be noted; the next retry notes it
    """
    from chalicelib.events.model import Status

    answer = presenter.document(_retried(row, outcome))
    if asked is not None and outcome.status is Status.APPLIED:
        now = call.engine().store.clock.now()
        try:
            _refuse_late(call)
            inbox.settle(row, now)
            _refuse_late(call)
            inbox.remember(*asked, answer, now)
        except Unread as error:
            raise OutcomeUnknown from error
    return answer


def _refuse_late(call: Call) -> None:
    """Nothing is begun that the function may not live to finish."""
    if call.deadline.remaining_seconds <= 0:
        raise OutcomeUnknown


def _again(call: Call, inbox: Inbox, row: RejectionRow) -> Outcome:
    """What becomes of a rejected message this time; applied by now, however it came to be, is applied."""
    from chalicelib.edge.events.parsing import received
    from chalicelib.events import receiving
    from chalicelib.events.model import Outcome, Status
    from chalicelib.store.inbox import body_of

    engine, dry_run = call.engine(), call.query.dry_run
    message = received(row.queue, body_of(row), row.sk.partition("-")[2])
    outcome = receiving.receive(engine, inbox, message, call.deadline, call.trace, last_try=True, dry_run=dry_run)
    if not dry_run:
        _do_what_follows(call, message, outcome)
    return outcome if outcome.status is Status.REJECTED else Outcome(Status.APPLIED)


def _do_what_follows(call: Call, message: Received, outcome: Outcome) -> None:
    """:raises OutcomeUnknown: the event is applied, and not all is done that follows; the next retry does it"""
    from chalicelib.events.following import follow_up
    from chalicelib.events.model import Event

    try:
        if isinstance(message.read, Event):
            follow_up(call.engine(), message.read, outcome, call.deadline)
    except (Busy, Unread) as error:
        raise OutcomeUnknown from error


def _retried(row: RejectionRow, outcome: Outcome) -> Json:
    return {
        "id": row.sk,
        "status": outcome.status.value,
        "source": row.source,
        "event": row.event,
        "code": outcome.code,
        "detail": outcome.detail,
    }


def fate(source: str, event_id: str, told: Told) -> Json:
    """What is answered about one event."""
    found: Json = {"source": source, "id": event_id, "status": told.status.value, "at": show(told.at)}
    if told.reason is not None:
        found |= {"code": told.reason.code, "detail": told.reason.detail, "tries": told.tries}
        found |= {"rejection": told.rejection} if told.rejection else {}
    found |= {name: value for name, value in told.record.items() if name not in found and value is not None}
    return found


def _rejection(row: RejectionRow) -> Json:
    from chalicelib.store.inbox import body_of

    message = body_of(row)
    return {
        "id": row.sk,
        "queue": row.queue,
        "status": row.status,
        "code": row.code,
        "detail": row.detail,
        "at": show(int(row.at)),
        "tries": int(row.tries),
        "source": row.source,
        "event": row.event,
        "type": row.type,
        "message": message[:MAX_SHOWN_CHARACTERS],
        "truncated": len(message) > MAX_SHOWN_CHARACTERS,
    }
