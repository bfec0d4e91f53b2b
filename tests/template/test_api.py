"""The API: where it stands, how much it lets in, and what it answers by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.edge.problems import CONTENT_TYPE, STATUS, TYPE_PREFIX, title

Resources = dict[str, Any]

# status and code of each answer that API Gateway gives without asking a function
ANSWERS = {
    "UNAUTHORIZED": (401, "unauthorized"),
    "EXPIRED_TOKEN": (401, "unauthorized"),
    "INVALID_SIGNATURE": (401, "unauthorized"),
    "ACCESS_DENIED": (401, "unauthorized"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not_found"),
    "RESOURCE_NOT_FOUND": (404, "not_found"),
    "REQUEST_TOO_LARGE": (413, "validation_failed"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "validation_failed"),
    "THROTTLED": (429, "rate_limited"),
    "QUOTA_EXCEEDED": (429, "rate_limited"),
    "AUTHORIZER_FAILURE": (503, "busy"),
    "AUTHORIZER_CONFIGURATION_ERROR": (503, "busy"),
    "INTEGRATION_FAILURE": (503, "outcome_unknown"),
    "INTEGRATION_TIMEOUT": (503, "outcome_unknown"),
    "API_CONFIGURATION_ERROR": (503, "outcome_unknown"),
    "DEFAULT_4XX": (400, "validation_failed"),
    "DEFAULT_5XX": (503, "outcome_unknown"),
}


@pytest.fixture
def api(resources: Resources) -> dict[str, Any]:
    found: dict[str, Any] = resources["RestAPI"]["Properties"]
    return found


def test_the_api_is_regional_and_traced(api: dict[str, Any], stage: str) -> None:
    assert api["EndpointConfiguration"] == {"Type": "REGIONAL"}
    assert api["TracingEnabled"] is True
    assert api["StageName"] == stage


def test_every_method_is_throttled_and_measured(api: dict[str, Any]) -> None:
    (settings,) = api["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingRateLimit"] > 0
    assert settings["ThrottlingBurstLimit"] > 0
    assert settings["MetricsEnabled"] is True


def test_only_health_and_the_description_are_open(api: dict[str, Any]) -> None:
    open_calls = {
        (method, path)
        for path, methods in api["DefinitionBody"]["paths"].items()
        for method, operation in methods.items()
        if method != "options" and {"authorize": []} not in operation.get("security", [])
    }
    assert open_calls <= {("get", "/health"), ("get", "/openapi.json")}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_gateways_own_answers_are_problems_like_the_apps(api: dict[str, Any], kind: str) -> None:
    status, code = ANSWERS[kind]
    response = api["GatewayResponses"][kind]
    headers = response["ResponseParameters"]["Headers"]
    body = json.loads(response["ResponseTemplates"]["application/json"])
    assert response["StatusCode"] == body["status"] == status
    assert body["code"] == code
    assert body["type"] == TYPE_PREFIX + code
    assert body["title"] == title(code)
    assert body["detail"]
    assert body["request_id"] == "$context.requestId"
    assert code in STATUS
    assert headers["Content-Type"] == f"'{CONTENT_TYPE}'"
    assert headers["X-Request-Id"] == "context.requestId"
    assert ("Retry-After" in headers) == (status in (429, 503))


def test_no_answer_of_the_gateway_is_left_as_it_comes(api: dict[str, Any]) -> None:
    assert set(api["GatewayResponses"]) == set(ANSWERS)


def test_a_domain_of_ones_own_is_an_option(resources: Resources, templates: dict[str, Any], stage: str) -> None:
    for name in ("ApiDomain", "ApiDomainMapping"):
        assert resources[name]["Condition"] == "HasDomain"
    assert resources["ApiDomain"]["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert templates[stage]["Parameters"]["ApiDomainName"]["Default"] == ""
