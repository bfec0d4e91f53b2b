"""Reads that fail, or give less than was asked for: nothing is decided from what was not read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import READ_RETRIES, connect
from chalicelib.store.items import BATCH_READS
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy
from chalicelib.store.tables import Tables
from tests.engine.conftest import POLICY
from tests.engine.movements import no_effect, one_effect, redeem
from tests.engine.till import Till
from tests.engine.trouble import answer
from tests.engine.weather import READ_FAULTS, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire


@pytest.fixture
def fresh(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> tuple[Till, Wire]:
    """A till on connections of its own, with all the retries that an SDK begins with, and whose SDK does not pause."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    store = Store(tables, connect(tables), SystemClock(), test_clock=False)
    return Till(Engine(store, POLICY, sleep=lambda _: None)), Wire(store.connections)


@faults(READ_FAULTS)
def test_a_read_that_fails_once_is_read_again(fresh: tuple[Till, Wire], fault: Callable[[], Fault]) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault())
    receipt = asked.send()
    assert receipt.trace.attempts == 1, "the SDK did"
    one_effect(till, asked, receipt.operation)


@faults(READ_FAULTS)
def test_reads_that_fail_for_long_are_read_again_by_the_loop(
    fresh: tuple[Till, Wire], fault: Callable[[], Fault]
) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault(), times=2 * (1 + READ_RETRIES))
    receipt = asked.send()
    assert receipt.trace.attempts == 3
    one_effect(till, asked, receipt.operation)


@faults(READ_FAULTS)
def test_reads_that_always_fail_end_busy_with_nothing_sent(
    fresh: tuple[Till, Wire], fault: Callable[[], Fault]
) -> None:
    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, fault(), times=None)
    with wire.listen() as heard, pytest.raises(Busy):
        asked.send()
    assert not any(request.operation in COMMIT for request in heard)


def test_a_read_whose_answer_is_cut_short_is_read_again(fresh: tuple[Till, Wire]) -> None:
    """Cut short, it would look like an item that is not there; DynamoDB's checksum gives it away."""

    def cut_short(request: Request) -> AWSResponse:
        whole = request.send().content
        short = answer(request, {})
        short.headers["x-amz-crc32"] = str(zlib.crc32(whole))
        return short

    till, wire = fresh
    asked = redeem(till)
    wire.on(READ, cut_short)
    one_effect(till, asked, asked.send().operation)


def test_keys_left_unprocessed_are_read_again(clocked: Till, clocked_wire: Wire) -> None:
    asked = redeem(clocked)
    clocked_wire.on(("BatchGetItem",), unprocessed(1), times=BATCH_READS - 2)
    receipt = asked.send()
    assert receipt.trace.attempts == 1
    one_effect(clocked, asked, receipt.operation)


def test_keys_always_left_unprocessed_end_busy(clocked: Till, clocked_wire: Wire) -> None:
    asked = redeem(clocked)
    version = clocked.stored(asked.wallet).version
    clocked_wire.on(("BatchGetItem",), unprocessed(0), times=None)
    with pytest.raises(Busy):
        asked.send()
    clocked_wire.mend()
    no_effect(clocked, asked, version)


def unprocessed(processed: int) -> Fault:
    """DynamoDB reads so many of a batch's keys and leaves the rest."""

    def fault(request: Request) -> AWSResponse:
        ((table, wanted),) = request.body["RequestItems"].items()
        done, left = wanted["Keys"][:processed], wanted["Keys"][processed:]
        read = json.loads(request.send().content)["Responses"][table] if done else []
        items = [item for item in read if {"pk": item["pk"], "sk": item["sk"]} in done]
        told = {"Responses": {table: items}, "UnprocessedKeys": {table: {**wanted, "Keys": left}} if left else {}}
        return answer(request, told)

    return fault


@pytest.fixture
def clocked(clocked_store: Store, clocked_wire: Wire) -> Till:
    return Till(Engine(clocked_store, POLICY, sleep=lambda _: None))
