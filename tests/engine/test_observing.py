"""The ledger's stream followed: one batch of records reaches profiles, performance and the queue of notices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.customers.store import Profiles
from chalicelib.edge.functions.observing import observe_batch
from chalicelib.edge.functions.publishing import BatchBlocked
from chalicelib.ledger.lots import Source
from chalicelib.performance.attribution import outstanding
from chalicelib.performance.model import CAMPAIGN
from chalicelib.performance.store import Standings
from chalicelib.store.tables import Tables
from tests.engine.crowd import at_once
from tests.engine.test_announcements import streamed
from tests.engine.till import Till, new_wallet

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class PaperQueue:
    """Takes everything."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> list[int]:
        self.bodies += bodies
        return []


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tables: Tables, till: Till) -> PaperQueue:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("WALLETS_TABLE", tables.wallets_name)
    monkeypatch.setenv("LEDGER_TABLE", tables.ledger_name)
    monkeypatch.setenv("CUSTOMERS_TABLE", tables.customers_name)
    monkeypatch.setenv("CAMPAIGNS_TABLE", tables.campaigns_name)
    monkeypatch.setattr("chalicelib.wiring.engine", lambda: till.engine)
    queue = PaperQueue()
    monkeypatch.setattr("chalicelib.wiring.notices_queue", lambda: queue)
    return queue


def test_a_batch_told_twice_and_at_once_counts_once_everywhere(
    till: Till, plain: DynamoDBClient, tables: Tables, queue: PaperQueue
) -> None:
    wallets = [new_wallet() for _ in range(6)]
    campaign = f"cmp_{wallets[0].customer}"
    for wallet in wallets:
        till.issue(wallet, 500, source=Source(CAMPAIGN, campaign))
        till.redeem(wallet, 200)
    records = [record for wallet in wallets for record in streamed(plain, tables, wallet)["Records"]]
    for place, record in enumerate(records):
        record["dynamodb"]["SequenceNumber"] = str(place)

    def told_until_taken() -> None:
        left: list[dict[str, Any]] = records
        while left:
            try:
                failures = observe_batch({"Records": left})["batchItemFailures"]
            except BatchBlocked:
                continue
            again = [failure["itemIdentifier"] for failure in failures]
            left = next((left[n:] for n, each in enumerate(left) if each["dynamodb"]["SequenceNumber"] in again), [])

    at_once([partial(told_until_taken) for _ in range(2)])
    told_until_taken()
    counts = Standings(till.engine.store).counts([(campaign, "EUR")])[campaign, "EUR"]
    assert (counts["issues"], counts["redeemed"], outstanding(counts)) == (6, 1_200, 1_800)
    for wallet in wallets:
        profile = Profiles(till.engine.store).get(wallet.customer)
        assert profile is not None
        figures = profile.activity.wallets["EUR"]
        assert (figures.sequence, figures.issued, figures.redeemed, figures.redemptions) == (2, 500, 200, 1)
    assert queue.bodies
