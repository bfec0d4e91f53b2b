"""The engine under test: the store and its commit loop on a real DynamoDB, with a wire that can be cut.

MiniStack is started for the run, or what DYNAMODB_ENDPOINT names is used; the two tables have names of their own and
are gone at the end. Every test takes wallets of its own, so nothing is emptied between tests.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from chalicelib.edge.functions import intake
from chalicelib.expiry import handlers
from chalicelib.ledger.policy import Policy
from chalicelib.runtime import clock
from chalicelib.runtime.clock import SystemClock
from chalicelib.runtime.environment import Settings
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.tables import Tables, bind
from dev.engine import create_tables, delete_tables, dynamodb
from dev.engine import engine as running_engine
from dev.ministack import CREDENTIALS, CannotStart
from tests.engine.counter import Counter
from tests.engine.night import Night, Time
from tests.engine.till import Till
from tests.engine.wire import Wire
from tests.passbook import instant
from tests.seeds import first_seed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

POLICY = Policy("1", UTC)
WALKS = int(os.environ.get("WALKS", "6"))
"""Seeds that each random test of this tier is run with."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that rolls dice runs with several seeds, which stand in its name; --seed N, or SEED=N, replays one."""
    if "dice" in metafunc.fixturenames:
        given = metafunc.config.getoption("--seed") or os.environ.get("SEED")
        first = first_seed()
        seeds = [int(given)] if given else range(first, first + WALKS)
        metafunc.parametrize("dice", seeds, indirect=True, ids=[f"seed-{seed}" for seed in seeds])


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    print(f"seed {request.param}")
    return random.Random(request.param)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    try:
        with running_engine() as address:
            os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL_DYNAMODB=address)
            yield address
    except CannotStart as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"THE ENGINE CANNOT START: {reason}")
        pytest.skip(f"THE ENGINE CANNOT START: {reason}")


@pytest.fixture(scope="session")
def tables(endpoint: str) -> Iterator[Tables]:
    name = uuid.uuid4().hex[:12]
    wallets, ledger = f"wallets-{name}", f"ledger-{name}"
    customers, campaigns = f"customers-{name}", f"campaigns-{name}"
    create_tables(endpoint, wallets, ledger, customers=customers, campaigns=campaigns)
    yield bind(wallets, ledger, customers, campaigns)
    delete_tables(endpoint, wallets, ledger, customers, campaigns)


@pytest.fixture(scope="session")
def plain(endpoint: str) -> DynamoDBClient:
    """A client that knows nothing of wallets: it sees and damages items as they are stored."""
    return dynamodb(endpoint)


@pytest.fixture(scope="session")
def store(tables: Tables) -> Store:
    return Store(tables, connect(tables, pool_connections=64), SystemClock(), test_clock=False)


@pytest.fixture(scope="session")
def clocked_store(tables: Tables) -> Store:
    return Store(tables, connect(tables, pool_connections=64), SystemClock(), test_clock=True)


@pytest.fixture(scope="session")
def session_wire(store: Store) -> Wire:
    return Wire(store.connections)


@pytest.fixture
def wire(session_wire: Wire) -> Iterator[Wire]:
    """The wire of `store`, whole at the beginning and at the end of each test."""
    session_wire.sent.clear()
    yield session_wire
    session_wire.mend()
    session_wire.check_reads()


@pytest.fixture(scope="session")
def clocked_session_wire(clocked_store: Store) -> Wire:
    return Wire(clocked_store.connections)


@pytest.fixture
def clocked_wire(clocked_session_wire: Wire) -> Iterator[Wire]:
    """The wire of `clocked_store`."""
    clocked_session_wire.sent.clear()
    yield clocked_session_wire
    clocked_session_wire.mend()
    clocked_session_wire.check_reads()


@pytest.fixture
def till(store: Store, wire: Wire) -> Till:
    """A till whose engine pauses between attempts as in production."""
    return Till(Engine(store, POLICY))


@pytest.fixture
def hasty(store: Store, wire: Wire) -> Till:
    """A till whose engine does not pause between attempts: for faults that do not need time to pass."""
    return Till(Engine(store, POLICY, sleep=lambda _: None))


class Stopwatch:
    """Time that passes only when a test says so, or when the engine pauses."""

    def __init__(self) -> None:
        self.reading = 1_000.0

    def __call__(self) -> float:
        return self.reading

    def pass_(self, seconds: float) -> None:
        self.reading += seconds


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    """The stopwatch that deadlines are measured by, in the test's hand."""
    watch = Stopwatch()
    monkeypatch.setattr(clock, "stopwatch", watch)
    return watch


@pytest.fixture
def timed(store: Store, wire: Wire, stopwatch: Stopwatch) -> Till:
    """A till whose engine's pauses pass on the test's stopwatch, in no time."""
    return Till(Engine(store, POLICY, sleep=stopwatch.pass_))


@pytest.fixture
def intake_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake's environment, as far as its log lines need one."""
    told = Settings("local", "wallets", "ledger", test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(intake, "settings", lambda: told)


@pytest.fixture
def counter(hasty: Till, intake_stage: None) -> Counter:
    """A shop whose events are dealt with at once."""
    return Counter(hasty)


@pytest.fixture
def busy_counter(till: Till, intake_stage: None) -> Counter:
    """A shop among others: its engine pauses between attempts as in production."""
    return Counter(till)


@pytest.fixture
def night(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """Sweep and settlers on tables of their own, where nothing else is due."""
    name = uuid.uuid4().hex[:12]
    wallets, ledger = f"wallets-{name}", f"ledger-{name}"
    create_tables(endpoint, wallets, ledger)
    bound = bind(wallets, ledger)
    told = Settings("local", wallets, ledger, test_clock=False, merchant_zone=ZoneInfo("UTC"), log_level="INFO")
    monkeypatch.setattr(handlers, "settings", lambda: told)
    time = Time(instant("2027-03-01T12:00"))
    store = Store(bound, connect(bound, pool_connections=64), time, test_clock=False)
    wire = Wire(store.connections)
    yield Night(Engine(store, POLICY, sleep=lambda _: None), wire, time)
    wire.mend()
    wire.check_reads()
    delete_tables(endpoint, wallets, ledger)
