"""A message, read as an event of ours, or as the reason why it is none."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from chalicelib.edge.events.bodies import DATA, NEEDS_TIME, CloudEvent
from chalicelib.edge.parsing import MAX_ERRORS_TOLD, pointer_of
from chalicelib.events.model import Event
from chalicelib.events.receiving import Received
from chalicelib.store.inbox import Message, Reason

MAX_EVENT_BYTES = 256 * 1024
MAX_DETAIL_CHARACTERS = 1_000
"""What is told of why an event is none: a producer's own words stand in it, and are cut short."""


def received(queue: str, body: str, stands_for: str) -> Received:
    """What a message says. `stands_for` is what it is kept under when it does not say whose event it is."""
    raw = body.encode("utf-8", "replace")  # half of a surrogate pair is no text, and could not be kept
    body, size = raw.decode(), len(raw)
    if size > MAX_EVENT_BYTES:
        reason = Reason("too_large", f"The message has {size} bytes, more than {MAX_EVENT_BYTES}.")
        return Received(Message(queue, body), reason, stands_for)
    try:
        envelope = CloudEvent.model_validate_json(body)
    except ValidationError as error:
        return Received(Message(queue, body), _reason(error, "The message is not a CloudEvent 1.0"), stands_for)
    message = Message(queue, body, envelope.source, envelope.id, envelope.type)
    model = DATA.get(envelope.type)
    if model is None:
        reason = Reason("unknown_type", f"No event of this type is known here; known are {', '.join(sorted(DATA))}.")
        return Received(message, reason, stands_for)
    try:
        data = model.model_validate_json(json.dumps(envelope.data))
    except ValidationError as error:
        return Received(message, _reason(error, f"The data are not those of {envelope.type}", "/data"), stands_for)
    said = data.model_dump_json(exclude_defaults=True, exclude_none=True)
    fingerprint = hashlib.sha256(f"{envelope.type}\0{said}".encode()).hexdigest()
    if envelope.type in NEEDS_TIME and envelope.time is None:
        reason = Reason("validation_failed", f"The message is not a {envelope.type}: /time: Field required.")
        return Received(message, reason, stands_for)
    event = Event(envelope.source, envelope.id, envelope.type, fingerprint, data.wanted(), envelope.time)
    return Received(message, event, stands_for)


def _reason(error: ValidationError, what: str, prefix: str = "") -> Reason:
    errors = error.errors(include_url=False, include_input=False)[:MAX_ERRORS_TOLD]
    if errors[0]["type"] == "json_invalid":
        why = errors[0].get("ctx", {}).get("error", "")
        return Reason("invalid_json", f"The message is not JSON: {why}."[:MAX_DETAIL_CHARACTERS])
    told = "; ".join(f"{prefix}{pointer_of(each['loc'])}: {each['msg']}" for each in errors)
    return Reason("validation_failed", f"{what}: {told}."[:MAX_DETAIL_CHARACTERS])
