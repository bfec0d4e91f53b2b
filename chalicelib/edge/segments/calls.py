"""Handlers of the calls about segments."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.customers.store import SHARDS
from chalicelib.edge import cursors
from chalicelib.edge.call import Call, Reply, reply
from chalicelib.edge.cursors import InvalidCursor
from chalicelib.edge.instants import show
from chalicelib.edge.segments.bodies import SegmentBody, SelectionBody
from chalicelib.edge.wallets import presenter
from chalicelib.segments import commands, queries
from chalicelib.segments.blueprint import Parameter, Template
from chalicelib.segments.commands import PREFIX, Ask
from chalicelib.segments.drafting import Drafted, drafted
from chalicelib.segments.members import Place
from chalicelib.segments.preview import Preview
from chalicelib.segments.store import Segment
from chalicelib.segments.templates import templates as library
from chalicelib.store.envelope import Answer

Json = dict[str, Any]
_LIST = "segments"
MAX_LIST_CHARACTERS = 1_500_000
"""Of the segments in one page of the list: an answer has six megabytes at the most."""


def templates(_call: Call) -> Reply:
    return Reply(presenter.document({"data": [template_told(template) for template in library()]}))


def create(call: Call) -> Reply:
    body = call.body_as(SegmentBody)
    return reply(commands.create(call.engine(), body.name, _drafted(body), _ask(call)))


def every(call: Call) -> Reply:
    """A page of them by id; a short one where their trees are large."""
    cursor = call.query.cursor
    after = None if cursor is None else PREFIX + cursors.key(_LIST, cursor)
    found, last = queries.every(call.engine(), call.query.limit, after)
    data: list[Json] = []
    room = MAX_LIST_CHARACTERS
    for segment in found:
        data.append(segment_told(segment))
        room -= len(presenter.document(data[-1]))
        if room <= 0 and segment is not found[-1]:
            last = segment.id
            break
    next_cursor = None if last is None else cursors.make_key(_LIST, last.removeprefix(PREFIX))
    return Reply(presenter.document({"data": data, "next_cursor": next_cursor}))


def one(call: Call) -> Reply:
    found = queries.one(queries.documents(call.engine().store), call.parameters["segment"])
    return Reply(shown(found), version=found.version)


def put(call: Call) -> Reply:
    body, segment = call.body_as(SegmentBody), call.parameters["segment"]
    expected = call.expected_version if call.if_match else None
    return _versioned(commands.put(call.engine(), segment, body.name, _drafted(body), expected, _ask(call)))


def delete(call: Call) -> Reply:
    segment = call.parameters["segment"]
    answered = presenter.document({"id": segment, "deleted": True})
    ask = Ask(call.asked_document(), call.deadline, lambda _: answered, call.query.dry_run)
    return reply(commands.delete(call.engine(), segment, ask))


def preview(call: Call) -> Reply:
    body = call.body_as(SelectionBody)
    return Reply(presenter.document(preview_told(queries.count(call.engine(), _drafted(body), call.deadline))))


def members(call: Call) -> Reply:
    segment = call.parameters["segment"]
    of = f"segments/{segment}/members"
    place = Place() if call.query.cursor is None else _place(cursors.key(of, call.query.cursor))
    found, following = queries.members_of(call.engine(), segment, place, call.query.limit, call.deadline)
    next_cursor = None if following is None else cursors.make_key(of, _position(following))
    return Reply(presenter.document({"data": [{"customer": each} for each in found], "next_cursor": next_cursor}))


def shown(segment: Segment) -> str:
    return presenter.document(segment_told(segment))


def segment_told(segment: Segment) -> Json:
    return {
        "id": segment.id,
        "name": segment.name,
        "where": segment.where,
        "template": segment.template,
        "parameters": segment.parameters,
        "version": segment.version,
        "created_at": show(segment.created_at),
        "updated_at": show(segment.updated_at),
    }


def template_told(template: Template) -> Json:
    recommended = template.recommended
    return {
        "id": template.id,
        "name": template.name,
        "description": template.description,
        "goal": template.goal,
        "parameters": [_parameter(parameter) for parameter in template.parameters],
        "recommended": {
            "amount": recommended.amount,
            "expires": recommended.expires,
            "conditions": recommended.conditions,
            "message": recommended.message,
        },
    }


def preview_told(seen: Preview) -> Json:
    return {
        "matched": seen.matched,
        "total": seen.total,
        "sample": list(seen.sample),
        "evaluated_at": show(seen.evaluated_at),
        "exact": seen.exact,
        "error": seen.error,
        "percentile_error_basis_points": seen.percentile_error,
    }


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "type": parameter.type.value,
        "default": parameter.default,
        "required": parameter.default is None,
        "description": parameter.description,
    }


def _drafted(body: SelectionBody) -> Drafted:
    return drafted(body.where, body.template, body.parameters)


def _ask(call: Call) -> Ask:
    return Ask(call.asked_document(), call.deadline, shown, call.query.dry_run)


def _versioned(answer: Answer) -> Reply:
    return Reply(answer.body, answer.replayed, json.loads(answer.body)["version"])


def _position(place: Place) -> str:
    """A shard, and the customer behind whom it goes on, in letters that a cursor has."""
    return place.shard if place.after is None else f"{place.shard}-{place.after.encode().hex()}"


def _place(position: str) -> Place:
    shard, _, after = position.partition("-")
    try:
        found = Place(shard, bytes.fromhex(after).decode() or None)
    except ValueError:
        raise InvalidCursor from None
    if shard not in SHARDS:
        raise InvalidCursor
    return found
