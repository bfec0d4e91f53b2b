"""An engine with two fresh tables, and the application over them: what every benchmark starts from."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from types import SimpleNamespace
from typing import Any

from chalicelib.edge.wallets import presenter
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.policy import Days, Policy
from chalicelib.ledger.redeeming import Spending
from chalicelib.runtime.clock import Deadline, SystemClock
from chalicelib.store.commit import API_DEADLINE_SECONDS, Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import Envelope, Trace, WalletId
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind
from chalicelib.wallets import commands, support
from dev.engine import create_tables, engine
from dev.ministack import CREDENTIALS

CURRENCY = "EUR"
LAMBDA_CONTEXT = SimpleNamespace(function_name="api", aws_request_id="bench", memory_limit_in_mb=1024)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the tables are."""

    endpoint: str
    wallets: str
    ledger: str
    customers: str
    campaigns: str

    def aside(self) -> Bench:
        """Tables on the same engine where nobody has been."""
        return _with_tables(self.endpoint)

    def use(self) -> None:
        """Point this process at them, as a function's environment would."""
        os.environ.update(environment(self))

    def engine(self) -> Engine:
        tables = bind(self.wallets, self.ledger, self.customers, self.campaigns)
        return Engine(Store(tables, connect(tables), SystemClock(), test_clock=False), Policy("1", UTC))


@contextmanager
def bench() -> Iterator[Bench]:
    """Tables of their own on an engine of their own, or on DYNAMODB_ENDPOINT."""
    with engine() as endpoint:
        made = _with_tables(endpoint)
        made.use()
        yield made


def _with_tables(endpoint: str) -> Bench:
    suffix = uuid.uuid4().hex[:8]
    made = Bench(endpoint, *(f"bench-{table}-{suffix}" for table in ("wallets", "ledger", "customers", "campaigns")))
    create_tables(endpoint, made.wallets, made.ledger, customers=made.customers, campaigns=made.campaigns)
    return made


def environment(made: Bench) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL_DYNAMODB": made.endpoint,
        "STAGE": "local",
        "WALLETS_TABLE": made.wallets,
        "LEDGER_TABLE": made.ledger,
        "CUSTOMERS_TABLE": made.customers,
        "CAMPAIGNS_TABLE": made.campaigns,
        "OIDC_ISSUER": "https://issuer.invalid",
        "OIDC_AUDIENCE": "store-credit",
        "OIDC_JWKS_URL": "https://issuer.invalid/jwks.json",
        "TEST_CLOCK": "off",
        "MERCHANT_ZONE": "UTC",
        "LOG_LEVEL": "INFO",
    }


def envelope(present: Any = presenter.redeemed) -> Envelope:
    return Envelope(
        caller="bench",
        actor="bench",
        key=uuid.uuid4().hex,
        fingerprint="0" * 64,
        deadline=Deadline.after(API_DEADLINE_SECONDS),
        present=present,
        trace=Trace(),
    )


def grant(app: Engine, wallet: WalletId, lots: int, amount: int = 1_000_000) -> None:
    """Fill a wallet: lots of a promotion, each with its source and an expiry of its own day."""
    for number in range(lots):
        one = Grant(
            amount, Kind.PROMOTION, "welcome", source=Source("campaign", f"spring-{number}"), expires=Days(30 + number)
        )
        support.issue(app, wallet, one, envelope(presenter.lot_changed))


def redeem(app: Engine, wallet: WalletId, amount: int) -> str:
    """One redemption; its id."""
    around = envelope()
    commands.redeem(app, wallet, Spending(amount, Cart("order-1000017", 10**9)), around)
    return f"rdm_{around.operation}"


def event(customer: str, amount: int) -> dict[str, Any]:
    """A redemption as API Gateway hands it to the function."""
    resource = "/v1/customers/{customer}/wallets/{currency}/redemptions"
    body = {"amount": amount, "order": {"id": "order-1000017", "total": 10**9}}
    headers = {"content-type": "application/json", "idempotency-key": uuid.uuid4().hex}
    return {
        "resource": resource,
        "path": f"/v1/customers/{customer}/wallets/{CURRENCY}/redemptions",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"customer": customer, "currency": CURRENCY},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": "POST",
            "requestId": uuid.uuid4().hex,
            "identity": {"sourceIp": "127.0.0.1"},
            "authorizer": {
                "principalId": "bench",
                "sub": "bench",
                "scope": "wallets:read checkout",
                "exp": "4102444800",
            },
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
