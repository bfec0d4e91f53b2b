"""The API's description: OpenAPI 3.1, made from the table of routes and the models that validate.

Imported and made when somebody asks for it, once in a process for the points codes that are registered. What the
gateway answers by itself (no token, too many requests, an unknown path) is described too: to a caller it is one API.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from chalicelib.edge import answers, etags, examples
from chalicelib.edge.call import Route
from chalicelib.edge.problems import CONTENT_TYPE, STATUS, TYPE_PREFIX, title
from chalicelib.edge.routes import ROUTES
from chalicelib.edge.shapes import EVENT_WORD, IDENTIFIER
from chalicelib.edge.version import VERSION
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.money import EXPONENT, POINTS

Json = dict[str, Any]

_ABOUT = """\
Store credit: wallets of lots, spent, held and given back without losing or inventing a cent.

Amounts are integers of minor units (EUR 12.50 is 1250). Times are RFC 3339; answers are in UTC, with milliseconds only
where they are not zero. A body is JSON in UTF-8, 64 KB at the most; what is not described is refused, in the query
too, and null is the same as left out. Where a name stands twice in an object the last one counts.

Every POST that can change something needs an `Idempotency-Key`. The same key with the same request is answered what it
was answered first, byte for byte, with `Idempotent-Replayed: true`; only success is remembered, for at least 30 days.
With `?dry_run=true` the answer is the same, nothing changes, and no key is needed.

What is answered with an `ETag` is replaced with that in `If-Match`; where it has another version by then, the answer is
409 `version_conflict`, and nothing changed. After `outcome_unknown` of a PUT or DELETE, reading tells.

Errors are RFC 9457 problems; `code` is stable. 503 `busy` means that nothing was done, `outcome_unknown` that the same
request with the same key will tell.
"""
_ANY_CALL = ("rate_limited", "busy")
_WITH_TOKEN = ("unauthorized", "forbidden", "validation_failed", "outcome_unknown")
_LINKS = {
    "issue_credit": ("$response.body#/lot/id", {"revoke_lot": "lot", "extend_lot": "lot"}),
    "redeem": ("$response.body#/redemption/id", {"get_redemption": "id", "reverse_redemption": "id"}),
    "hold": ("$response.body#/hold/id", {"capture_hold": "id", "release_hold": "id"}),
    "capture_hold": ("$response.body#/redemption/id", {"get_redemption": "id", "reverse_redemption": "id"}),
    "list_entries": ("$response.body#/next_cursor", {"list_entries": "query.cursor"}),
}
"""For each call, where in its answer the id is that other calls take as a parameter."""
_CURRENCY = "ISO 4217 code, or a registered points code"
_HASH = "oqfsz2ulu3yd2k6ytwpdkzwt"
_PATHS = {
    "customer": ("The customer's id, percent-encoded", examples.CUSTOMER),
    "currency": (_CURRENCY, examples.CURRENCY),
    "id": ("The id that was answered when it was made", "rdm_oqfsz2ulu3yd2k6ytwpdkzwt"),
    "lot": ("The lot's id", "lot_1"),
    "segment": ("The segment's id", f"seg_{_HASH}"),
    "campaign": ("The campaign's id", f"cmp_{_HASH}"),
    "rule": ("The rule's id", f"rul_{_HASH}"),
    "template": ("The template's name", "credit-issued"),
    "webhook": ("The webhook's id", f"whk_{_HASH}"),
    "import": ("The import's id", f"imp_{_HASH}"),
    "export": ("The export's id", f"exp_{_HASH}"),
    "source": ("The event's source as it was sent, percent-encoded", "shop"),
    "event": ("The event's id as it was sent, percent-encoded", "evt-1"),
}
_EVENT_WORDS = frozenset({"source", "event"})
_FILTERS = {"run": "The run, from 1 to the one that began last, which is meant without it; it is kept for three years"}
"""Parameters of the query that pick something else than items of a list."""


class _Schemas(GenerateJsonSchema):
    """JSON Schemas without titles of fields, and without defaults that say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 pydantic's signature
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        told = super().default_schema(schema)
        if not told.get("default"):
            told.pop("default", None)
        return told


@cache
def text(currencies: frozenset[str]) -> str:
    """The description as JSON."""
    return presenter.document(description(currencies))


def description(currencies: Iterable[str] = EXPONENT | POINTS) -> Json:
    """The description, where these are the currencies that there are."""
    models: list[type[BaseModel]] = [route.model for route in ROUTES if route.model is not None]
    models += [*_answer_models(ROUTES), answers.Problem]
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in dict.fromkeys(models)]
    _, schemas = models_json_schema(
        wanted,
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    answered = examples.answers()
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, answered.get(route.name))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Store credit", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": ".", "description": "Beside this document"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _with_known_currencies(schemas["$defs"], currencies),
            "examples": {code: _problem_example(code) for code in STATUS},
            "securitySchemes": {"token": _TOKEN},
        },
    }


_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A token of the OIDC issuer (RS256 or ES256). Claims: sub, scope, and for a shopper customer.",
}


def _operation(route: Route, answered: Json | None) -> Json:
    told: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "responses": {str(route.status): _success(route, answered), **_failures(route)},
    }
    parameters = [*_path_parameters(route), *_query_parameters(route)]
    if parameters:
        told["parameters"] = parameters
    if (model := route.model) is not None:
        told["requestBody"] = {
            "required": any(field.is_required() for field in model.model_fields.values()),
            "content": {"application/json": {"schema": _schema(model), "example": examples.REQUESTS[route.name]}},
        }
    scopes = [*sorted(route.scopes), *(["self"] if route.own else [])]
    told["security"] = [{"token": [scope]} for scope in scopes]
    return told


def _path_parameters(route: Route) -> Iterable[Json]:
    for name, (about, example) in _PATHS.items():
        if f"{{{name}}}" in route.path:
            schema: Json = {"type": "string", "pattern": EVENT_WORD if name in _EVENT_WORDS else IDENTIFIER}
            if name == "currency":
                schema = {"$ref": "#/components/schemas/Currency"}
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": about,
                "schema": schema,
                "example": example,
            }


def _query_parameters(route: Route) -> Iterable[Json]:
    if route.mutates:
        yield {
            "name": "dry_run",
            "in": "query",
            "description": "Answer the same and change nothing",
            "schema": {"type": "boolean", "default": False},
        }
    if route.needs_key:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Names the operation: a retry with it is answered what was answered first. "
            "Not needed with dry_run.",
            "schema": {"type": "string", "pattern": r"^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$"},
            "example": f"{route.name}-{uuid5(NAMESPACE_URL, route.name)}",
        }
    if route.needs_version:
        yield {
            "name": etags.IF_MATCH,
            "in": "header",
            "required": not route.if_match_optional,
            "description": "The ETag that the caller has seen; with dry_run too",
            "schema": {"type": "string", "pattern": etags.ETAG},
            "example": etags.show(0),
        }
    for name, shape in route.filters:
        yield {
            "name": name,
            "in": "query",
            "required": route.needs_filters,
            "description": _FILTERS.get(name, "Only those that have this value"),
            "schema": {"type": "string", "pattern": f"^(?:{shape})$"},
        }
    if route.paged:
        limit = {"type": "integer", "minimum": 1, "maximum": 250, "default": 50}
        yield {"name": "limit", "in": "query", "description": "Items of a page", "schema": limit}
        yield {
            "name": "cursor",
            "in": "query",
            "description": "The next_cursor of the page before; opaque",
            "schema": {"type": "string"},
        }


def _success(route: Route, answered: Json | None) -> Json:
    media: Json = {"schema": _schema(answers.model(route.answer))}
    if answered is not None:
        media["example"] = answered
    headers = {"X-Request-Id": {"schema": {"type": "string"}, "description": "Names this request"}}
    if route.needs_key:
        headers["Idempotent-Replayed"] = {
            "schema": {"type": "string", "enum": ["true"]},
            "description": "There where an earlier request with the same key got this answer first",
        }
    if route.versioned:
        headers["ETag"] = {
            "schema": {"type": "string", "pattern": etags.ETAG},
            "description": "The version, for If-Match",
        }
    told: Json = {"description": "As asked", "headers": headers, "content": {"application/json": media}}
    if route.name in _LINKS:
        told["links"] = _links(*_LINKS[route.name])
    return told


def _links(found_at: str, takers: dict[str, str]) -> Json:
    wallet = {name: f"$request.path.{name}" for name in ("customer", "currency")}
    return {
        f"then_{name}": {"operationId": name, "parameters": {**wallet, parameter: found_at}}
        for name, parameter in takers.items()
    }


def codes_of(route: Route) -> tuple[str, ...]:
    """Every code that a call of the route can be answered with."""
    codes = [*_ANY_CALL, *route.refusals]
    if not route.open:
        codes += _WITH_TOKEN
    if "{" in route.path:
        codes.append("not_found")
    if "{currency}" in route.path:
        codes.append("currency_unknown")
    if route.body is not None:
        codes += ["invalid_json", "amount_out_of_range"]
    if route.needs_key:
        codes += ["idempotency_key_required", "idempotency_key_reused"]
    return tuple(code for code in STATUS if code in codes)


def _failures(route: Route) -> dict[str, Json]:
    by_status: dict[int, list[str]] = {}
    for code in codes_of(route):
        by_status.setdefault(STATUS[code], []).append(code)
    if route.body is not None:
        by_status[413] = ["validation_failed"]
        by_status[415] = ["validation_failed"]
    return {str(status): _failure(status, codes) for status, codes in sorted(by_status.items())}


def _failure(status: int, codes: list[str]) -> Json:
    headers: Json = {"X-Request-Id": {"schema": {"type": "string"}, "description": "Names this request"}}
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}, "description": "Seconds"}
    return {
        "description": " · ".join(f"`{code}`" for code in codes),
        "headers": headers,
        "content": {
            CONTENT_TYPE: {
                "schema": _schema(answers.Problem),
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _problem_example(code: str) -> Json:
    value = {
        "type": TYPE_PREFIX + code,
        "title": title(code),
        "status": STATUS[code],
        "detail": "One sentence for a person.",
        "code": code,
        "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    }
    return {"summary": title(code), "value": value}


def _answer_models(routes: Iterable[Route]) -> list[type[BaseModel]]:
    return [answers.model(name) for name in sorted({route.answer for route in routes})]


def _with_known_currencies(schemas: Json, currencies: Iterable[str]) -> Json:
    """A currency is one of those that there are, where a model only knows what one looks like."""
    reference = {"$ref": "#/components/schemas/Currency"}
    for schema in schemas.values():
        if "currency" in schema.get("properties", {}):
            schema["properties"]["currency"] = reference
    return {**schemas, "Currency": {"type": "string", "enum": sorted(currencies), "description": _CURRENCY}}


def _schema(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
