"""Who gets in, on the packaged stack: through the gateway, its authorizer and the guard behind them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from dev.stack import Stack
from dev.tokens import AUDIENCE, ISSUER, SCOPES, mint, public_pem
from tests.system.conftest import AsRole, caller, fresh_key

WALLETS = "v1/customers/alice/wallets"
WALLET = f"{WALLETS}/EUR"
ORDER = {"amount": 1, "order": {"id": "o"}}
REASON = {"reason": "test"}
CALLS: dict[tuple[str, str], tuple[set[str], Any]] = {
    ("GET", WALLETS): ({"wallets:read"}, None),
    ("GET", WALLET): ({"wallets:read"}, None),
    ("GET", f"{WALLET}/entries"): ({"wallets:read"}, None),
    ("GET", f"{WALLET}/explanation"): ({"wallets:read", "audit"}, None),
    ("GET", f"{WALLET}/redemptions/x"): ({"wallets:read"}, None),
    ("POST", f"{WALLET}/credits"): ({"wallets:write"}, {"amount": 1, "kind": "manual", "reason": "test"}),
    ("POST", f"{WALLET}/debits"): ({"wallets:write"}, {"amount": 1, "reason": "test"}),
    ("POST", f"{WALLET}/redemptions"): ({"checkout"}, ORDER),
    ("POST", f"{WALLET}/redemptions/x/reversals"): ({"checkout", "wallets:write"}, {}),
    ("POST", f"{WALLET}/holds"): ({"checkout"}, ORDER),
    ("POST", f"{WALLET}/holds/x/captures"): ({"checkout"}, {}),
    ("POST", f"{WALLET}/holds/x/release"): ({"checkout"}, {}),
    ("POST", f"{WALLET}/lots/lot_1/revoke"): ({"wallets:write"}, REASON),
    ("POST", f"{WALLET}/lots/lot_1/extend"): ({"wallets:write"}, {"expires": {"days": 1}, **REASON}),
    ("POST", f"{WALLET}/freeze"): ({"wallets:write"}, REASON),
    ("POST", f"{WALLET}/unfreeze"): ({"wallets:write"}, REASON),
    ("POST", "v1/checkout/quotes"): ({"checkout"}, {"customer": "alice", "currency": "EUR", "order": {}}),
    ("PUT", "v1/test-clock"): ({"settings:write"}, {"now": "2030-01-01T00:00:00Z"}),
    ("DELETE", "v1/test-clock"): ({"settings:write"}, None),
}
"""Every call that needs a token, with the scopes that open it and a body that is good."""
ALL_SCOPES = set(SCOPES["owner"].split())

Ask = Callable[[str], httpx.Response]


@pytest.fixture(scope="module")
def ask(stack: Stack) -> Ask:
    """The wallet of alice, asked for with an Authorization header as it is."""

    def get(authorization: str) -> httpx.Response:
        with caller(stack) as http:
            return http.get(WALLET, headers={"Authorization": authorization})

    return get


def assert_unauthorized(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def pieced_together(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token of the owner as an attacker makes one, whatever a library would refuse to make."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "evil", "scope": SCOPES["owner"], "nbf": now, "exp": now + 600}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def kid(data: Path) -> str:
    return str(jwt.get_unverified_header(mint(data, "owner"))["kid"])


def test_a_good_token_gets_in(ask: Ask, data: Path) -> None:
    assert ask(f"Bearer {mint(data, 'owner')}").status_code == 200


def test_without_a_token_nobody_gets_in(http: httpx.Client) -> None:
    for (method, path), (_, body) in CALLS.items():
        assert_unauthorized(http.request(method, path, json=body, headers=fresh_key()))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"nbf": int(time.time()) + 600},
        {"aud": "another-api"},
        {"iss": "https://evil.example"},
        {"exp": None},
        {"nbf": None},
        {"aud": None},
        {"sub": None},
    ],
    ids=json.dumps,
)
def test_a_token_with_a_wrong_claim_does_not_get_in(ask: Ask, data: Path, claims: dict[str, Any]) -> None:
    assert_unauthorized(ask(f"Bearer {mint(data, 'owner', **claims)}"))


def test_a_token_without_a_signature_does_not_get_in(ask: Ask, data: Path) -> None:
    for alg in ("none", "None", "NONE"):
        assert_unauthorized(ask("Bearer " + pieced_together({"alg": alg, "kid": kid(data)}, lambda _: b"")))


def test_a_token_signed_with_the_public_key_as_a_secret_does_not_get_in(ask: Ask, data: Path) -> None:
    secret = public_pem(data)
    header = {"alg": "HS256", "typ": "JWT", "kid": kid(data)}
    token = pieced_together(header, lambda signed: hmac.new(secret, signed, hashlib.sha256).digest())
    assert_unauthorized(ask(f"Bearer {token}"))


def test_a_token_signed_with_another_key_does_not_get_in(ask: Ask, data: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(mint(data, "owner"), options={"verify_signature": False})
    for named in (kid(data), "made-up", ""):
        assert_unauthorized(ask("Bearer " + jwt.encode(claims, other, "RS256", headers={"kid": named})))


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer x.y.z", "Basic b3duZXI6b3duZXI=", "none", "Bearer a b"])
def test_what_is_no_token_does_not_get_in(ask: Ask, authorization: str) -> None:
    assert_unauthorized(ask(authorization))


def test_a_token_that_expires_is_out_although_the_gateway_remembers_it(ask: Ask, data: Path) -> None:
    assert ask(f"Bearer {mint(data, 'owner')}").status_code == 200  # whatever had to start has started
    ends = int(time.time()) + 5
    token = f"Bearer {mint(data, 'owner', exp=ends)}"
    assert ask(token).status_code == 200
    time.sleep(ends - time.time() + 0.1)
    assert_unauthorized(ask(token))


def test_a_scope_short_is_refused_on_every_route(stack: Stack, data: Path) -> None:
    for (method, path), (scopes, body) in CALLS.items():
        short = " ".join(sorted(ALL_SCOPES - scopes))
        with caller(stack, mint(data, "owner", scope=short)) as http:
            answer = http.request(method, path, json=body, headers=fresh_key())
        assert (method, path, answer.status_code, answer.json()["code"]) == (method, path, 403, "forbidden")


def test_the_routes_own_scope_is_enough_alone(stack: Stack, data: Path) -> None:
    for (method, path), (scopes, body) in CALLS.items():
        for scope in scopes:
            with caller(stack, mint(data, "owner", scope=scope)) as http:
                dry = {"dry_run": "true"} if method != "GET" and "quotes" not in path else {}
                answer = http.request(method, path, json=body, params=dry)
            assert answer.status_code in (200, 201, 404, 409), (method, path, answer.text)


def test_a_shopper_sees_its_own_wallet_and_nobody_elses(as_role: AsRole, customer: str) -> None:
    shopper, support = as_role("shopper", customer), as_role("support")
    own, others = f"v1/customers/{customer}/wallets", "v1/customers/somebody/wallets"
    body = {"amount": 5, "kind": "manual", "reason": "test", "note": "suspected", "customer_text": "sorry"}
    assert support.post(f"{own}/EUR/credits", json=body, headers=fresh_key()).status_code == 201
    for path in ("", "/EUR", "/EUR/entries"):
        answer = shopper.get(own + path)
        assert answer.status_code == 200
        assert "suspected" not in answer.text
        assert "actor" not in answer.text
        assert shopper.get(others + path).status_code == 403
    assert shopper.get(f"{own}/EUR/entries").json()["data"][0]["customer_text"] == "sorry"
    for of, status in ((customer, 200), ("somebody", 403)):
        quote = {"customer": of, "currency": "EUR", "order": {"total": 100}}
        assert shopper.post("v1/checkout/quotes", json=quote).status_code == status
    for (method, path), (_, asked) in CALLS.items():
        if method != "GET" and "quotes" not in path:
            mine = path.replace("alice", customer)
            assert shopper.request(method, mine, json=asked, headers=fresh_key()).status_code == 403
    assert shopper.get(f"{own}/EUR/explanation").status_code == 403
