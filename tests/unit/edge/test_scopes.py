"""Who may call what: every route with every role, a scope short on every route, shoppers with others' wallets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.edge.call import Route
from chalicelib.edge.examples import REQUESTS
from chalicelib.edge.routes import ROUTES
from tests.unit.edge.till import ALL_SCOPES, NOW, WALLET, Answered, Till, path_of

ROLES = {
    "shopper": "self",
    "checkout": "wallets:read checkout",
    "support": "wallets:read wallets:write",
    "marketer": "wallets:read campaigns:read campaigns:write",
    "finance": "wallets:read reports:read audit",
    "owner": ALL_SCOPES,
    "nobody": "",
}
STAFF = {"checkout", "support", "marketer", "finance", "owner"}
ALLOWED = {
    "list_wallets": STAFF | {"shopper"},
    "get_wallet": STAFF | {"shopper"},
    "list_entries": STAFF | {"shopper"},
    "explain_wallet": STAFF,
    "get_redemption": STAFF,
    "quote": {"checkout", "owner", "shopper"},
    "redeem": {"checkout", "owner"},
    "hold": {"checkout", "owner"},
    "capture_hold": {"checkout", "owner"},
    "release_hold": {"checkout", "owner"},
    "reverse_redemption": {"checkout", "support", "owner"},
    "issue_credit": {"support", "owner"},
    "debit": {"support", "owner"},
    "revoke_lot": {"support", "owner"},
    "extend_lot": {"support", "owner"},
    "freeze": {"support", "owner"},
    "unfreeze": {"support", "owner"},
    "set_test_clock": {"owner"},
    "reset_test_clock": {"owner"},
    "get_settings": {"owner"},
    "put_settings": {"owner"},
    "waive_debt": {"support", "owner"},
    "quote_refund": {"checkout", "support", "owner"},
    "list_rejected_events": {"finance", "owner"},
    "retry_event": {"finance", "support", "owner"},
    "get_event": STAFF,
    "list_segment_templates": {"marketer", "owner"},
    "preview_segment": {"marketer", "owner"},
    "create_segment": {"marketer", "owner"},
    "list_segments": {"marketer", "owner"},
    "get_segment": {"marketer", "owner"},
    "put_segment": {"marketer", "owner"},
    "delete_segment": {"marketer", "owner"},
    "list_segment_members": {"marketer", "owner"},
    "put_customer": {"owner"},
    "get_customer": {"owner"},
    "erase_customer": {"owner"},
    "merge_customer": {"owner"},
    "check_import": {"owner"},
    "get_import": {"owner"},
    "list_import_rows": {"owner"},
    "apply_import": {"owner"},
    "export_customers": {"owner"},
    "export_credits": STAFF,
    "create_campaign": {"marketer", "owner"},
    "create_campaign_from_template": {"marketer", "owner"},
    "list_campaigns": {"marketer", "owner"},
    "get_campaign": {"marketer", "owner"},
    "put_campaign": {"marketer", "owner"},
    "forecast_campaign": {"marketer", "owner"},
    "schedule_campaign": {"marketer", "owner"},
    "release_now_campaign": {"marketer", "owner"},
    "pause_campaign": {"marketer", "owner"},
    "resume_campaign": {"marketer", "owner"},
    "cancel_campaign": {"marketer", "owner"},
    "copy_campaign": {"marketer", "owner"},
    "get_campaign_progress": {"marketer", "owner"},
    "list_campaign_recipients": {"marketer", "owner"},
    "create_rule": {"marketer", "owner"},
    "list_rules": {"marketer", "owner"},
    "get_rule": {"marketer", "owner"},
    "put_rule": {"marketer", "owner"},
    "pause_rule": {"marketer", "owner"},
    "resume_rule": {"marketer", "owner"},
    "delete_rule": {"marketer", "owner"},
    "get_performance": {"marketer", "owner"},
    "compare_performance": {"marketer", "owner"},
    "list_notice_templates": {"marketer", "owner"},
    "get_notice_template": {"marketer", "owner"},
    "put_notice_template": {"marketer", "owner"},
    "delete_notice_template": {"marketer", "owner"},
    "preview_notice_template": {"marketer", "owner"},
    "create_webhook": {"owner"},
    "list_webhooks": {"owner"},
    "rotate_webhook": {"owner"},
    "delete_webhook": {"owner"},
    "list_notices": STAFF,
}
GUARDED = [route for route in ROUTES if not route.open]


def ask(till: Till, route: Route, customer: str = "alice") -> Answered:
    path = path_of(route, customer)
    body: Any = REQUESTS.get(route.name)
    if body and "customer" in body:
        body = body | {"customer": customer}
    return till.send(route.method, path, body, headers={"Idempotency-Key": "k"} if route.needs_key else {})


def test_the_table_says_of_every_call_who_may() -> None:
    assert {route.name for route in GUARDED} == set(ALLOWED)


def test_nothing_is_open_but_health_and_the_description() -> None:
    assert {route.path for route in ROUTES if route.open} == {"/health", "/openapi.json"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_a_role_may_call_what_its_scopes_allow_and_nothing_else(till: Till, route: Route, role: str) -> None:
    answered = ask(till.but(sub=role, scope=ROLES[role], customer="alice"), route)
    if role in ALLOWED[route.name]:
        assert answered.status not in (401, 403, 500)
    else:
        assert (answered.status, answered.code) == (403, "forbidden")
        assert till.engine.commands == 0


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_all_scopes_but_the_routes_own_are_not_enough(till: Till, route: Route) -> None:
    short = " ".join(scope for scope in ALL_SCOPES.split() if scope not in route.scopes)
    answered = ask(till.but(scope=short), route)
    assert answered.code == "forbidden"
    assert set(route.scopes) <= set(answered.json["needs_one_of"])


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.name)
def test_each_scope_of_a_route_is_enough_alone(till: Till, route: Route) -> None:
    for scope in route.scopes:
        assert ask(till.but(scope=scope), route).status not in (401, 403, 500)


@pytest.mark.parametrize("scope", ["wallets:readx", "xwallets:read", "WALLETS:READ", "wallets:read,checkout", "*"])
def test_a_scope_is_a_whole_word(till: Till, scope: str) -> None:
    assert till.but(scope=scope).get(WALLET).code == "forbidden"


@pytest.mark.parametrize("route", [route for route in GUARDED if route.own], ids=lambda route: route.name)
def test_a_shopper_never_sees_anothers_wallet(till: Till, route: Route) -> None:
    assert ask(till.shopper("alice"), route, "alice").status == 200
    for other in ("bob", "Alice", "alice2", "alic"):
        assert ask(till.shopper("alice"), route, other).code == "forbidden"


def test_an_escaped_name_of_another_is_still_anothers(till: Till) -> None:
    assert till.shopper("alice").get("/v1/customers/b%6Fb/wallets").code == "forbidden"
    assert till.shopper("bob").get("/v1/customers/b%6Fb/wallets").status == 200


def test_a_shopper_without_a_customer_has_no_wallet(till: Till) -> None:
    nobody = till.shopper("")
    assert nobody.get(WALLET).status in (401, 403)
    assert till.but(scope="self").get(WALLET).code == "forbidden"


def test_staff_with_scope_self_as_well_stays_staff(till: Till) -> None:
    till.grant(100, note="internal")
    staff = till.but(scope="self wallets:read", customer="bob")
    assert staff.get(f"{WALLET}/entries").json["data"][0]["note"] == "internal"


def test_a_shopper_sees_neither_note_nor_actor(till: Till) -> None:
    till.grant(100, note="suspected of fraud", customer_text="for you")
    for path in (WALLET, f"{WALLET}/entries", "/v1/customers/alice/wallets"):
        answered = till.shopper().get(path)
        assert answered.status == 200
        assert "suspected" not in answered.text
        assert "actor" not in answered.text
        assert "owner" not in answered.text
    (entry,) = till.shopper().get(f"{WALLET}/entries").json["data"]
    assert entry["customer_text"] == "for you"
    (entry,) = till.get(f"{WALLET}/entries").json["data"]
    assert (entry["note"], entry["actor"]) == ("suspected of fraud", "owner")


@pytest.mark.parametrize("exp", ["", "0", "soon", str(NOW // 1000), "-1", "1e99"])
def test_a_token_that_has_expired_since_is_unauthorized(till: Till, exp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.edge.serving._CLOCK", Standing(NOW))
    answered = till.but(exp=exp).get(WALLET)
    assert (answered.status, answered.code) == (401, "unauthorized")
    assert answered.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_is_good_to_its_last_second(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.edge.serving._CLOCK", Standing(NOW))
    assert till.but(exp=str(NOW // 1000 + 1)).get(WALLET).status == 200


@pytest.mark.parametrize("claims", [None, {}, {"scope": ALL_SCOPES, "exp": "4000000000"}], ids=json.dumps)
def test_without_a_verdict_of_the_authorizer_nobody_gets_in(till: Till, claims: Any) -> None:
    till.claims = claims
    assert till.get(WALLET).code == "unauthorized"


class Standing:
    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        return self._at
