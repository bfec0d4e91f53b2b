"""The local OIDC issuer: a key pair made on the first run, and tokens signed with it.

`make -s token ROLE=checkout`, or from a test: `mint(data, "shopper", customer="alice", exp=0)`.
"""

import base64
import contextlib
import hashlib
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dev.places import data_folder

# Names nothing that listens: the keys are where OIDC_JWKS_URL says. The same on every port, so that a token
# outlives a move to another one.
ISSUER = "https://issuer.store-credit.invalid"
AUDIENCE = "store-credit"
LIFETIME_SECONDS = 12 * 3600
SHOPPER = "alice"
SCOPES = {
    "shopper": "self",
    "checkout": "wallets:read checkout",
    "support": "wallets:read wallets:write customers:read customers:write",
    "marketer": "wallets:read campaigns:read campaigns:write customers:read customers:write",
    "finance": "wallets:read reports:read audit",
    "owner": "wallets:read wallets:write checkout campaigns:read campaigns:write customers:read customers:write"
    " reports:read audit settings:write",
}


def mint(data: Path, role: str, customer: str | None = None, **claims: Any) -> str:
    """A signed token of a role of SCOPES, good for twelve hours from now.

    A shopper's names its customer ("alice" if none is said). `claims` replaces claims by name; None leaves
    one out.
    """
    now = int(time.time())
    said: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"local-{role}",
        "scope": SCOPES[role],
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": uuid.uuid4().hex,
    }
    if role == "shopper":
        said["sub"] = said["customer"] = customer or SHOPPER
    said = {name: value for name, value in (said | claims).items() if value is not None}
    key = signing_key(data)
    return jwt.encode(said, key, algorithm="RS256", headers={"kid": _key_id(key)})


def signing_key(data: Path) -> rsa.RSAPrivateKey:
    """The issuer's private key, data/issuer.pem, readable by its owner only; made at the first call."""
    path = data / "issuer.pem"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = fresh.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        draft = path.with_name(f"issuer.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
        # Not a rename: of two that start at once, the second must take the first one's key.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path} holds no RSA key")
    return key


def public_pem(data: Path) -> bytes:
    """The public key as anybody could write it down; for tests of tokens that abuse it."""
    return (
        signing_key(data)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def jwks(data: Path) -> dict[str, Any]:
    """The JSON Web Key Set that the issuer publishes."""
    key = signing_key(data)
    return {"keys": [{**_public_jwk(key), "kid": _key_id(key), "use": "sig", "alg": "RS256"}]}


def _public_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {name: jwk[name] for name in ("e", "kty", "n")}


def _key_id(key: rsa.RSAPrivateKey) -> str:
    """The key's thumbprint, RFC 7638."""
    canonical = json.dumps(_public_jwk(key), sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).decode().rstrip("=")


if __name__ == "__main__":
    role, customer = [*sys.argv[1:], "", ""][:2]
    if role not in SCOPES:
        raise SystemExit(f"which role? ROLE={'|'.join(SCOPES)}")
    print(mint(data_folder(), role, customer or None))
