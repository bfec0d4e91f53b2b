"""Bearer tokens: JWTs of one OIDC issuer, checked against its published keys. Imported by the authorizer alone."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKSet
from jwt.exceptions import PyJWTError

from chalicelib.edge.shapes import IDENTIFIER_SHAPE
from chalicelib.runtime.clock import stopwatch
from chalicelib.runtime.environment import Oidc, oidc

ALGORITHMS = ("RS256", "ES256")
"""Signatures with a private key only: with HS256 among them, anybody could sign with the published key."""
REQUIRED_CLAIMS = ("iss", "aud", "exp", "nbf", "sub")
LEEWAY_SECONDS = 5
"""How far the issuer's clock may be ahead of ours. A token's end is held to the second when it is used."""
KEYS_LIFE_SECONDS = 600
FETCH_PAUSE_SECONDS = 60
"""Between two fetches of the keys, whatever key ids strangers make up."""
FETCH_TIMEOUT_SECONDS = 2
OUTAGE_SECONDS = 24 * 3600
"""How long keys that were fetched are good for when their issuer cannot be reached."""
MAX_TOKEN_CHARACTERS = 8_192
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9_.=-]+)")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,255}")


class BadToken(Exception):
    """Not a token that this API accepts. Why is nobody's business who sends one."""


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had, so nothing can be said about a token."""


class Claims(NamedTuple):
    """What a good token says. `scope` is space-separated; `customer` is empty where the token names none."""

    sub: str
    scope: str
    customer: str
    expires_at_seconds: int


class PublishedKeys(PyJWKClient):
    """The issuer's keys: fetched at most once a minute, failures included, and kept through an outage of the issuer."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            lifespan=KEYS_LIFE_SECONDS,
            timeout=FETCH_TIMEOUT_SECONDS,
            cooldown_duration=FETCH_PAUSE_SECONDS,
        )
        self._failed_at: float | None = None
        self._known: tuple[float, PyJWKSet] | None = None

    def fetch_data(self) -> Any:
        if self._failed_at is not None and stopwatch() - self._failed_at < FETCH_PAUSE_SECONDS:
            raise KeysUnavailable("the keys could not be fetched a moment ago")
        try:
            fetched = super().fetch_data()
        except (PyJWTError, ValueError) as error:
            self._failed_at = stopwatch()
            raise KeysUnavailable(str(error)) from error
        self._failed_at = None
        return fetched

    def get_jwk_set(self, refresh: bool = False) -> PyJWKSet:
        try:
            keys = super().get_jwk_set(refresh)
        except KeysUnavailable:
            if self._known is None or stopwatch() - self._known[0] > OUTAGE_SECONDS:
                raise
            return self._known[1]
        self._known = (stopwatch(), keys)
        return keys


class Verifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, expected: Oidc, keys: PyJWKClient) -> None:
        self._expected = expected
        self._keys = keys

    def claims_of(self, header: str) -> Claims:
        """The claims of an Authorization header's token.

        :raises BadToken: see there
        :raises KeysUnavailable: see there
        """
        bearer = _BEARER.fullmatch(header.strip()) if len(header) <= MAX_TOKEN_CHARACTERS else None
        if bearer is None:
            raise BadToken
        try:
            payload = jwt.decode(
                bearer.group(1),
                self._key_of(bearer.group(1)),
                algorithms=list(ALGORITHMS),
                issuer=self._expected.issuer,
                audience=self._expected.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except (PyJWTError, ValueError) as error:
            raise BadToken from error
        return _claims(payload)

    def _key_of(self, token: str) -> PyJWK:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(kid, str) or not kid:
            raise BadToken
        return self._keys.get_signing_key(kid)


def _claims(payload: dict[str, Any]) -> Claims:
    sub, scope, customer = payload["sub"], payload.get("scope", ""), payload.get("customer", "")
    if not isinstance(sub, str) or not _PRINTABLE.fullmatch(sub) or not isinstance(scope, str):
        raise BadToken
    named = isinstance(customer, str) and IDENTIFIER_SHAPE.fullmatch(customer)
    return Claims(sub, scope, customer if named else "", int(payload["exp"]))


@cache
def verifier() -> Verifier:
    """The verifier of this process, with its keys."""
    return Verifier(oidc(), PublishedKeys(oidc().jwks_url))
