"""The packaged app on a local AWS, deployed once for the tier, and callers of every role."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from chalicelib.settings.source import FRESH_SECONDS
from dev.ministack import free_port
from dev.stack import Stack, running_stack
from dev.tokens import mint

# A function's first call waits until it has started, several at once on few cores for longer.
TIMEOUT_SECONDS = 30.0

AsRole = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of `stack`; for `dev.tokens.mint(data, ...)`."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def stack(data: Path) -> Iterator[Stack]:
    """The running stack, with a test clock. Shared: take a customer of your own, and set the clock back."""
    with running_stack(free_port(), data) as running:
        yield running


@pytest.fixture(scope="session")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """A caller without a token. Paths are relative to the API: `http.get("health")`."""
    with caller(stack) as client:
        yield client


@pytest.fixture(scope="session")
def as_role(stack: Stack, data: Path) -> Iterator[AsRole]:
    """`as_role("support")`, `as_role("shopper", "alice")`: callers with a token of that role, one for each."""
    with ExitStack() as opened:
        known: dict[tuple[str, str | None], httpx.Client] = {}

        def of(role: str, customer: str | None = None) -> httpx.Client:
            if (role, customer) not in known:
                client = caller(stack, mint(data, role, customer))
                known[role, customer] = opened.enter_context(client)
            return known[role, customer]

        yield of


@pytest.fixture
def customer() -> str:
    """A customer that no other test knows."""
    return f"customer-{uuid4().hex[:12]}"


def caller(stack: Stack, token: str | None = None) -> httpx.Client:
    """An HTTP client of a stack's API, with a token or without."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{stack.api}/", headers=headers, timeout=TIMEOUT_SECONDS)


def built_in_settings(owner: httpx.Client) -> None:
    """Set the settings back, points codes apart, which stay; when it returns every function goes by them."""
    now = owner.get("v1/settings")
    body, told = {"points": now.json()["points"]}, ("version", "updated_at", "updated_by")
    after = owner.put("v1/settings", json=body, headers={"If-Match": now.headers["ETag"]}).raise_for_status().json()
    if any(after[name] != value for name, value in now.json().items() if name not in told):
        time.sleep(FRESH_SECONDS)


def fresh_key() -> dict[str, str]:
    """The header that a command needs: an Idempotency-Key that was never used."""
    return {"Idempotency-Key": uuid4().hex}
