"""The API's description is valid OpenAPI 3.1, covers every call, and says every code that a call is answered with."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from chalicelib.edge import openapi
from chalicelib.edge.answers import REASONS
from chalicelib.edge.call import Route
from chalicelib.edge.problems import STATUS
from chalicelib.edge.routes import ROUTES
from chalicelib.edge.service.settings_bodies import SettingsBody
from chalicelib.ledger.refusals import Refused
from tests.unit.edge.till import Till

DOCUMENT = openapi.description()
OPERATIONS = {operation["operationId"]: operation for path in DOCUMENT["paths"].values() for operation in path.values()}


def walk(node: Any) -> Any:
    yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(each)


def validator(reference: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": reference, "components": DOCUMENT["components"]}, validate_formats=True
    )


def test_it_is_valid_openapi() -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)


def test_every_reference_leads_somewhere() -> None:
    references = {node["$ref"] for node in walk(DOCUMENT) if isinstance(node, dict) and "$ref" in node}
    assert references
    for reference in references:
        place: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_call_is_described() -> None:
    assert set(OPERATIONS) == {route.name for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_examples_are_what_the_schemas_say(route: Route) -> None:
    operation = OPERATIONS[route.name]
    if route.body is not None:
        media = operation["requestBody"]["content"]["application/json"]
        validator(media["schema"]["$ref"]).validate(media["example"])
    media = operation["responses"][str(route.status)]["content"]["application/json"]
    if "example" in media:
        validator(media["schema"]["$ref"]).validate(media["example"])
    for parameter in operation.get("parameters", ()):
        if "example" in parameter:
            schema = parameter["schema"] | {"components": DOCUMENT["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(parameter["example"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_code_of_a_call_stands_at_its_status(route: Route) -> None:
    responses = OPERATIONS[route.name]["responses"]
    for code in openapi.codes_of(route):
        assert f"`{code}`" in responses[str(STATUS[code])]["description"]
    guarded = {"401", "403", "422", "429", "503"}
    assert guarded <= set(responses) or route.open
    assert ({"400", "413", "415"} <= set(responses)) == (route.body is not None)
    assert "500" not in responses


def test_every_code_is_one_that_some_call_is_answered_with() -> None:
    told = {code for route in ROUTES for code in openapi.codes_of(route)}
    assert set(STATUS) - told == {"internal_error"}


def refusals(of: type[Refused] = Refused) -> set[str]:
    """Codes of what the ledger really raises: the leaves of its tree of refusals."""
    below = [each for each in of.__subclasses__() if each.__module__ == Refused.__module__]
    return {code for each in below for code in refusals(each)} if below else {of.code}


def test_the_ledgers_refusals_are_all_described_as_an_answer_or_as_a_reason() -> None:
    told = {code for route in ROUTES for code in openapi.codes_of(route)}
    assert refusals() <= told | set(REASONS)


def test_what_only_an_event_is_refused_for_is_no_answer_to_a_call() -> None:
    assert refusals() - set(STATUS) == {
        "currency_mismatch",
        "order_mismatch",
        "order_not_seen",
        "refund_mismatch",
        "refund_not_seen",
    }


@pytest.mark.parametrize("model", ["EventFate", "Rejection", "Retried"])
def test_the_reasons_of_events_are_told(model: str) -> None:
    told = json.dumps(DOCUMENT["components"]["schemas"][model]["properties"]["code"])
    assert len(set(REASONS)) == len(REASONS)
    assert all(f" {code}" in told for code in REASONS)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_parameters_are_those_of_the_route(route: Route) -> None:
    told = {(each["in"], each["name"]) for each in OPERATIONS[route.name].get("parameters", ())}
    path = {("path", part[1:-1]) for part in route.path.split("/") if part.startswith("{")}
    assert {each for each in told if each[0] == "path"} == path
    assert (("header", "Idempotency-Key") in told) == route.needs_key
    assert (("query", "dry_run") in told) == route.mutates
    assert (("query", "cursor") in told) == route.paged
    assert (("header", "If-Match") in told) == route.needs_version


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_what_has_versions_is_answered_with_an_etag(route: Route) -> None:
    told = OPERATIONS[route.name]["responses"][str(route.status)]["headers"]
    assert ("ETag" in told) == route.versioned
    assert ("`version_conflict`" in str(OPERATIONS[route.name])) == route.needs_version


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_scopes_are_told(route: Route) -> None:
    told = {scope for need in OPERATIONS[route.name]["security"] for scope in need["token"]}
    assert told == route.scopes | ({"self"} if route.own else set())


def test_nothing_tells_where_it_was_made() -> None:
    assert "/work" not in openapi.text(frozenset({"EUR"}))


def test_a_registered_points_code_is_a_currency(till: Till) -> None:
    points = [{"code": "PTS", "exponent": 0}, {"code": "STARS", "exponent": 1}]
    assert till.send("PUT", "/v1/settings", {"points": points}, headers={"If-Match": '"0"'}).status == 200
    described = till.get("/openapi.json").json["components"]["schemas"]["Currency"]["enum"]
    assert set(described) == {*DOCUMENT["components"]["schemas"]["Currency"]["enum"], "STARS"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"mode": "grace"}, {"mode": "grace", "days": 3}),
        ({"mode": "grace", "lifted_to_days": 0, "reinstated_days": 1}, {"mode": "grace", "reinstated_days": 0}),
        ({"mode": "original_expiry"}, {"mode": "original_expiry", "lifted_to_days": 3}),
        ({"mode": "extend", "days": 3}, {"mode": "extend"}),
        ({"mode": "extend", "days": 3, "reinstated_days": None}, {"mode": "extend", "days": 3, "reinstated_days": 3}),
        ({"mode": "no_expiry"}, {"mode": "never"}),
    ],
)
def test_the_schema_of_a_reinstatement_is_as_strict_as_the_model(good: Any, bad: Any) -> None:
    check = validator("#/components/schemas/SettingsBody")
    assert check.is_valid({"reinstatement": good})
    assert not check.is_valid({"reinstatement": bad})
    SettingsBody.model_validate_json(json.dumps({"reinstatement": good}))
    with pytest.raises(ValidationError):
        SettingsBody.model_validate_json(json.dumps({"reinstatement": bad}))


def test_it_is_served_without_a_token(till: Till) -> None:
    till.claims = None
    answered = till.send("GET", "/openapi.json")
    assert (answered.status, answered.headers["Content-Type"]) == (200, "application/json")
    assert answered.json == json.loads(json.dumps(DOCUMENT))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"never": True}, {"never": False}),
        ({"days": 1}, {"days": None}),
        ({"months": 1_200}, {"months": 1, "days": 1}),
        ({"at": "2026-01-01T00:00:00+01:00"}, {"at": "2026-01-01T00:00:00"}),
        ({"at": "2026-01-01T00:00:00.5Z"}, {}),
    ],
)
def test_the_schema_of_an_expiry_is_as_strict_as_the_model(good: Any, bad: Any) -> None:
    check = validator("#/components/schemas/Expires")
    assert check.is_valid(good)
    assert not check.is_valid(bad)
