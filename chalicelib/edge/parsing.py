"""A request's parts, read strictly: path, query, idempotency key, body. What is wrong is told with a pointer to it.

Nothing here knows a route by name; what a route accepts stands in its line of the table.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.edge.call import Query
from chalicelib.edge.fields import MONEY_FIELDS
from chalicelib.edge.problems import TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, FieldError, Problem, invalid
from chalicelib.edge.shapes import CURRENCY_SHAPE, EVENT_WORD_SHAPE, IDENTIFIER_SHAPE, KEY_SHAPE

MAX_BODY_BYTES = 64 * 1024
MAX_PAGE = 250
MAX_ERRORS_TOLD = 20
MAX_POINTER_CHARACTERS = 300
"""A caller's own unknown field name stands in a pointer; it is not echoed at any length."""
REPLACED = "\ufffd"
"""What API Gateway puts in the place of bytes that are not UTF-8: money is not moved on a text that was changed."""
_EVENT_WORDS = frozenset({"source", "event"})
_RANGE_ERRORS = frozenset({"greater_than_equal", "less_than_equal"})

M = TypeVar("M", bound=BaseModel)


def path_parameters(raw: Mapping[str, str] | None) -> dict[str, str]:
    """The parameters, decoded once and checked.

    :raises Problem: validation_failed, currency_unknown
    """
    found = {}
    for name, value in (raw or {}).items():
        # API Gateway passes them as they were sent, a local one decoded; no legal character is lost either way.
        text = unquote(value) if "%" in value else value
        if name == "currency":
            known_shape(text, "/path/currency")
        elif name in _EVENT_WORDS:
            if not EVENT_WORD_SHAPE.fullmatch(text):
                raise invalid(f"/path/{name}", "must be 1-255 characters of printable ASCII without spaces")
        elif not IDENTIFIER_SHAPE.fullmatch(text):
            raise invalid(f"/path/{name}", "must be 1-128 characters of A-Z a-z 0-9 . _ : @ + -")
        found[name] = text
    return found


def known_shape(currency: str, pointer: str) -> None:
    """:raises Problem: currency_unknown: no currency looks like that"""
    if not CURRENCY_SHAPE.fullmatch(currency):
        raise Problem(
            "currency_unknown",
            "The currency is not known.",
            errors=(FieldError(pointer, "must be 3-10 characters of A-Z 0-9"),),
        )


def query(
    raw: Mapping[str, Sequence[str]] | None, *, dry_run: bool, paged: bool, filters: Sequence[tuple[str, str]] = ()
) -> Query:
    """The query string of a call that may be tried dry, or has pages, or filters: names with the shape of their values.

    What the call does not know is refused: a misspelt dry_run that was ignored would move money.

    :raises Problem: validation_failed
    """
    if not raw:
        return Query()
    allowed = {*(("dry_run",) if dry_run else ("limit", "cursor") if paged else ()), *(name for name, _ in filters)}
    told: dict[str, str] = {}
    for name, values in raw.items():
        if name not in allowed:
            raise invalid(f"/query/{_token(name)}", "is not a parameter of this call")
        if len(values) != 1:
            raise invalid(f"/query/{name}", "must be given once")
        told[name] = values[0]
    if told.get("dry_run", "true") not in ("true", "false"):
        raise invalid("/query/dry_run", "must be true or false")
    for name, shape in filters:
        if name in told and not re.fullmatch(shape, told[name], re.ASCII):
            raise invalid(f"/query/{name}", "is not a value that this parameter has")
    limit = told.get("limit", "50")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= 3 and 1 <= int(limit) <= MAX_PAGE):
        raise invalid("/query/limit", f"must be an integer from 1 to {MAX_PAGE}")
    return Query(
        dry_run=told.get("dry_run") == "true",
        limit=int(limit),
        cursor=told.get("cursor"),
        filters=tuple((name, told[name]) for name, _ in filters if name in told),
    )


def idempotency_key(header: str | None, *, required: bool) -> str | None:
    """:raises Problem: idempotency_key_required, validation_failed"""
    if not header:
        if required:
            raise Problem(
                "idempotency_key_required",
                "A call that changes something needs an Idempotency-Key.",
                errors=(FieldError("/header/Idempotency-Key", "is missing"),),
            )
        return None
    if not KEY_SHAPE.fullmatch(header):
        raise invalid("/header/Idempotency-Key", "must be 1-255 characters of printable ASCII")
    return header


def body(model: type[M], event: Mapping[str, Any], content_type: str | None) -> M:
    """The body of an API Gateway event as the model; an absent one counts as `{}`.

    :raises Problem: validation_failed (also 413, 415), amount_out_of_range, invalid_json
    """
    raw = _raw(event)
    if raw:
        _check_content_type(content_type)
    if len(raw) > MAX_BODY_BYTES:
        raise Problem("validation_failed", f"The body is larger than {MAX_BODY_BYTES} bytes.", status=TOO_LARGE)
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise _problem(error.errors(include_url=False, include_input=False)) from None


def _raw(event: Mapping[str, Any]) -> bytes:
    told = event.get("body")
    if not told:
        return b""
    if event.get("isBase64Encoded"):
        try:
            return b64decode(told, validate=True)
        except binascii.Error:
            raise Problem("invalid_json", "The body is not JSON.") from None
    if REPLACED in told:
        raise Problem("invalid_json", "The body is not UTF-8.")
    raw: bytes = told.encode("utf-8", "surrogatepass")
    return raw


def _check_content_type(header: str | None) -> None:
    media_type, *parameters = (header or "").lower().split(";")
    named = [parameter.partition("=") for parameter in parameters]
    charsets = {value.strip(' "') for name, _, value in named if name.strip() == "charset"}
    if media_type.strip() != "application/json" or not charsets <= {"utf-8", "utf8"}:
        raise Problem(
            "validation_failed",
            "The body must be application/json in UTF-8.",
            status=UNSUPPORTED_MEDIA_TYPE,
            errors=(FieldError("/header/Content-Type", "must be application/json"),),
        )


def _problem(errors: list[ErrorDetails]) -> Problem:
    if errors[0]["type"] == "json_invalid":
        reason = str(errors[0].get("ctx", {}).get("error", ""))
        if reason.startswith(("recursion limit", "number out of range")):
            return invalid("", f"is JSON, but beyond what is read: {reason}")
        return Problem("invalid_json", f"The body is not JSON: {reason}.")
    told = tuple(FieldError(pointer_of(each["loc"]), each["msg"]) for each in errors[:MAX_ERRORS_TOLD])
    if all(_is_amount_out_of_range(each) for each in errors):
        return Problem("amount_out_of_range", "An amount is outside what is possible.", errors=told)
    return Problem("validation_failed", "The request is not valid.", errors=told)


def _is_amount_out_of_range(error: ErrorDetails) -> bool:
    return error["type"] in _RANGE_ERRORS and error["loc"][-1] in MONEY_FIELDS


def pointer_of(location: tuple[int | str, ...]) -> str:
    """The JSON Pointer to what a validator complains of."""
    return "".join(f"/{_token(str(part))}" for part in location)[:MAX_POINTER_CHARACTERS]


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:MAX_POINTER_CHARACTERS]
