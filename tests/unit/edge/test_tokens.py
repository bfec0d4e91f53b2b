"""What the authorizer lets in: tokens of one issuer for one audience, signed with a published key, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWKClientConnectionError

from chalicelib.edge import tokens
from chalicelib.edge.authorizer import authorize
from chalicelib.edge.tokens import BadToken, Claims, KeysUnavailable, PublishedKeys, Verifier
from chalicelib.runtime.environment import Oidc

EXPECTED = Oidc("https://issuer.example", "store-credit", "https://issuer.example/jwks.json")
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef/local/GET/v1/customers/alice/wallets"


def jwks(*more: dict[str, Any]) -> dict[str, Any]:
    return {
        "keys": [
            {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "use": "sig", "alg": "RS256"},
            {**json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())), "kid": "ec", "use": "sig", "alg": "ES256"},
            *more,
        ]
    }


class Issuer:
    """Publishes keys, and counts how often it is asked for them."""

    def __init__(self) -> None:
        self.published: Any = jwks()
        self.asked = 0
        self.down = False
        self.seconds = 1_000.0

    def fetch(self, _: Any) -> Any:
        self.asked += 1
        if self.down:
            raise PyJWKClientConnectionError("no route to host")
        return self.published


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """Its clock stands still, and what it publishes is had without a network."""
    issuer = Issuer()

    def fetch(self: Any) -> Any:
        keys = self._as_jwk_set_payload(issuer.fetch(self))
        self.jwk_set_cache.put(keys)
        self._last_successful_fetch = issuer.seconds
        return keys

    monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", fetch)
    monkeypatch.setattr(tokens, "stopwatch", lambda: issuer.seconds)
    for module in ("jwt.jwks_client.time", "jwt.jwk_set_cache.time"):
        monkeypatch.setattr(f"{module}.monotonic", lambda: issuer.seconds)
    return issuer


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    return Verifier(EXPECTED, PublishedKeys(EXPECTED.jwks_url))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {
        "iss": EXPECTED.issuer,
        "aud": EXPECTED.audience,
        "sub": "checkout-1",
        "scope": "wallets:read checkout",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def signed(key: Any = RSA_KEY, algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any) -> str:
    return "Bearer " + jwt.encode(
        claims(**changes), key, algorithm=algorithm, headers={"kid": kid} if kid is not None else {}
    )


def pieced_together(header: dict[str, Any], payload: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token as an attacker makes one, whatever a library would refuse to make."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = base64.urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return "Bearer " + b".".join([*parts, signature]).decode()


def test_a_good_token_says_who_it_is(verifier: Verifier) -> None:
    end = int(time.time()) + 600
    told = verifier.claims_of(signed(exp=end, customer="alice"))
    assert told == Claims("checkout-1", "wallets:read checkout", "alice", end)


def test_es256_is_good_as_well(verifier: Verifier) -> None:
    assert verifier.claims_of(signed(EC_KEY, "ES256", "ec")).sub == "checkout-1"


def test_an_audience_may_be_one_of_several(verifier: Verifier) -> None:
    assert verifier.claims_of(signed(aud=["other", EXPECTED.audience])).sub == "checkout-1"


def test_bearer_is_written_in_any_case(verifier: Verifier) -> None:
    assert verifier.claims_of("bEaReR " + signed().split()[1]).sub == "checkout-1"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 600},
        {"nbf": None},
        {"iat": int(time.time()) + 600},
        {"aud": "another-api"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": EXPECTED.issuer + "/"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "with space"},
        {"sub": "line\nbreak"},
        {"sub": "s" * 256},
        {"scope": ["wallets:read"]},
        {"scope": 5},
    ],
    ids=json.dumps,
)
def test_a_claim_that_is_wrong_or_missing_makes_a_token_bad(verifier: Verifier, changes: dict[str, Any]) -> None:
    if isinstance(changes.get("sub"), int) or changes.get("exp") == "tomorrow" or isinstance(changes.get("scope"), int):
        header = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
        token = pieced_together(
            header, claims(**changes), lambda data: RSAAlgorithm(RSAAlgorithm.SHA256).sign(data, RSA_KEY)
        )
    else:
        token = signed(**changes)
    with pytest.raises(BadToken):
        verifier.claims_of(token)


def test_a_token_without_scope_is_good_for_nothing_but_good(verifier: Verifier) -> None:
    assert verifier.claims_of(signed(scope=None)).scope == ""


@pytest.mark.parametrize("customer", ["", "../bob", "a b", 5, ["alice"], "c" * 129])
def test_a_customer_that_is_no_id_is_none(verifier: Verifier, customer: Any) -> None:
    assert verifier.claims_of(signed(customer=customer)).customer == ""


def test_a_token_signed_with_another_key_is_bad(verifier: Verifier) -> None:
    with pytest.raises(BadToken):
        verifier.claims_of(signed(OTHER_KEY))
    with pytest.raises(BadToken):
        verifier.claims_of(signed(kid="ec"))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_a_token_without_a_signature_is_bad(verifier: Verifier, alg: str) -> None:
    for signature in (b"", b"x"):
        with pytest.raises(BadToken):
            verifier.claims_of(pieced_together({"alg": alg, "kid": "rsa"}, claims(), lambda _, s=signature: s))  # type: ignore[misc]


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_token_signed_with_the_public_key_as_a_secret_is_bad(verifier: Verifier, alg: str) -> None:
    public = RSA_KEY.public_key()
    for secret in (
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwks()["keys"][0]).encode(),
    ):
        digest = getattr(hashlib, f"sha{alg[2:]}")
        token = pieced_together(
            {"alg": alg, "kid": "rsa"},
            claims(),
            lambda data, s=secret, d=digest: hmac.new(s, data, d).digest(),  # type: ignore[misc]
        )
        with pytest.raises(BadToken):
            verifier.claims_of(token)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_other_algorithms_are_bad_even_with_the_right_key(verifier: Verifier, algorithm: str) -> None:
    with pytest.raises(BadToken):
        verifier.claims_of(signed(algorithm=algorithm))


def test_a_key_set_with_a_secret_in_it_does_not_make_secrets_good(issuer: Issuer, verifier: Verifier) -> None:
    secret = b"s" * 32
    encoded = base64.urlsafe_b64encode(secret).rstrip(b"=").decode()
    issuer.published = jwks({"kty": "oct", "k": encoded, "kid": "oct", "use": "sig"})
    with pytest.raises(BadToken):
        verifier.claims_of(signed(secret, "HS256", "oct"))


@pytest.mark.parametrize("kid", [None, "", "unknown"])
def test_a_token_names_its_key(verifier: Verifier, kid: str | None) -> None:
    with pytest.raises(BadToken):
        verifier.claims_of(signed(kid=kid))


def test_a_token_may_not_bring_its_own_key(verifier: Verifier) -> None:
    own = json.loads(RSAAlgorithm.to_jwk(OTHER_KEY.public_key()))
    header = {"alg": "RS256", "kid": "rsa", "jwk": own, "jku": "https://evil.example/jwks.json"}
    token = pieced_together(header, claims(), lambda data: RSAAlgorithm(RSAAlgorithm.SHA256).sign(data, OTHER_KEY))
    with pytest.raises(BadToken):
        verifier.claims_of(token)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ...",
        "Token x",
        "Bearer " + "a" * 10_000,
        "Bearer \0",
        "Bearer é.é.é",
        signed().split()[1],
        signed() + " x",
        signed() + ".",
    ],
    ids=lambda header: header[:20],
)
def test_what_is_no_bearer_token_is_bad(verifier: Verifier, header: str) -> None:
    with pytest.raises(BadToken):
        verifier.claims_of(header)


# The keys


def test_keys_are_fetched_once(issuer: Issuer, verifier: Verifier) -> None:
    for _ in range(5):
        verifier.claims_of(signed())
        verifier.claims_of(signed(EC_KEY, "ES256", "ec"))
    assert issuer.asked == 1


def test_made_up_key_ids_fetch_at_most_once_a_minute(issuer: Issuer, verifier: Verifier) -> None:
    verifier.claims_of(signed())
    for second in range(180):
        issuer.seconds += 1
        with pytest.raises(BadToken):
            verifier.claims_of(signed(OTHER_KEY, kid=f"made-up-{second}"))
    assert issuer.asked <= 1 + 3


def test_a_new_key_is_found_within_a_minute(issuer: Issuer, verifier: Verifier) -> None:
    verifier.claims_of(signed())
    new = {**json.loads(RSAAlgorithm.to_jwk(OTHER_KEY.public_key())), "kid": "new", "use": "sig", "alg": "RS256"}
    issuer.published = jwks(new)
    with pytest.raises(BadToken):
        verifier.claims_of(signed(OTHER_KEY, kid="new"))
    issuer.seconds += 61
    assert verifier.claims_of(signed(OTHER_KEY, kid="new")).sub == "checkout-1"


def test_a_withdrawn_key_is_bad_after_ten_minutes(issuer: Issuer, verifier: Verifier) -> None:
    verifier.claims_of(signed())
    issuer.published = {"keys": [jwks()["keys"][1]]}
    issuer.seconds += 601
    with pytest.raises(BadToken):
        verifier.claims_of(signed())


def test_keys_that_cannot_be_had_are_no_verdict_about_the_token(issuer: Issuer, verifier: Verifier) -> None:
    issuer.down = True
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            verifier.claims_of(signed())
    assert issuer.asked == 1
    issuer.down = False
    issuer.seconds += 61
    assert verifier.claims_of(signed()).sub == "checkout-1"


def test_known_keys_live_through_an_outage_of_their_issuer_for_a_day(issuer: Issuer, verifier: Verifier) -> None:
    verifier.claims_of(signed())
    issuer.down = True
    for _ in range(30):
        issuer.seconds += 1_200
        assert verifier.claims_of(signed()).sub == "checkout-1"
    issuer.seconds += 24 * 3600
    with pytest.raises(KeysUnavailable):
        verifier.claims_of(signed())


def test_a_broken_key_set_is_no_verdict_about_the_token(issuer: Issuer, verifier: Verifier) -> None:
    broken: Any
    for broken in ({"keys": []}, {}, "keys", None):
        issuer.published = broken
        issuer.seconds += 61
        with pytest.raises(KeysUnavailable):
            verifier.claims_of(signed())


# The authorizer function


@pytest.fixture
def authorizer(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    monkeypatch.setattr(tokens, "verifier", lambda: verifier)
    return lambda token: authorize({"type": "TOKEN", "authorizationToken": token, "methodArn": ARN}, None)


def test_a_good_token_is_allowed_everywhere_and_its_claims_are_passed_on(authorizer: Callable[[str], Any]) -> None:
    end = int(time.time()) + 600
    verdict = authorizer(signed(exp=end, customer="alice", scope="self"))
    assert verdict["context"] == {"sub": "checkout-1", "scope": "self", "customer": "alice", "exp": str(end)}
    (statement,) = verdict["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == ["arn:aws:execute-api:us-east-1:123456789012:abcdef/local/*/*"]


@pytest.mark.parametrize("token", ["", "Bearer x.y.z", signed(exp=1)], ids=["none", "nonsense", "expired"])
def test_a_bad_token_is_denied_everywhere_and_nothing_is_passed_on(
    authorizer: Callable[[str], Any], token: str
) -> None:
    verdict = authorizer(token)
    (statement,) = verdict["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == ["arn:aws:execute-api:us-east-1:123456789012:abcdef/local/*/*"]
    assert verdict["context"] == {}


def test_an_outage_is_not_a_401(authorizer: Callable[[str], Any], issuer: Issuer) -> None:
    issuer.down = True
    with pytest.raises(KeysUnavailable):
        authorizer(signed())
