"""Clients in a closed loop, each a process of its own as on Lambda: one wallet and a thousand, ours and a bare loop."""

from __future__ import annotations

import io
import json
import multiprocessing
import random
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from bench.bare import Bare, copied
from bench.workload import CURRENCY, LAMBDA_CONTEXT, Bench, event, grant, redeem
from chalicelib.store.envelope import WalletId

SECONDS = 8.0
CLIENTS = 16
WALLETS = 1_000
READY_SECONDS = 120


@dataclass(slots=True)
class Run:
    """What clients did together: redemptions a second, attempts for each (mean, most), latency, refusals."""

    name: str
    clients: int
    per_second: float
    attempts_mean: float
    attempts_most: int
    p50_ms: float
    p99_ms: float
    busy: int
    failed: int


@dataclass(slots=True)
class _Tally:
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    busy: int = 0
    failed: int = 0


def load(made: Bench) -> list[Run]:
    """One client on one wallet, then 16; then 16 on 1,000 wallets, ours and bare in turns."""
    app = made.engine()
    for customer in ("load-one", "load-many", "load-copied"):
        grant(app, WalletId(customer, CURRENCY), 1)
    for number in range(WALLETS):
        grant(app, WalletId(f"load-{number}", CURRENCY), 1)
    redemption = redeem(app, WalletId("load-copied", CURRENCY), 10)
    entry, operation = copied(made, "load-copied", redemption, 2)
    spread = [f"load-{number}" for number in range(WALLETS)]
    return [
        _run("one wallet, ours", made, 1, ["load-one"], None),
        _run("one wallet, ours", made, CLIENTS, ["load-many"], None),
        _run("1,000 wallets, bare", made, CLIENTS, spread, (entry, operation)),
        _run("1,000 wallets, ours", made, CLIENTS, spread, None),
        _run("1,000 wallets, bare", made, CLIENTS, spread, (entry, operation)),
        _run("1,000 wallets, ours", made, CLIENTS, spread, None),
    ]


def _run(name: str, made: Bench, clients: int, customers: list[str], items: Any) -> Run:
    spawn = multiprocessing.get_context("spawn")
    queue, barrier = spawn.Queue(), spawn.Barrier(clients)
    arguments = (made, customers, items, barrier, queue)
    processes = [spawn.Process(target=_client, args=(number, *arguments)) for number in range(clients)]
    for process in processes:
        process.start()
    tallies: list[_Tally] = [queue.get(timeout=READY_SECONDS) for _ in processes]
    for process in processes:
        process.join()
    latencies = sorted(latency for tally in tallies for latency in tally.latencies_ms)
    attempts = [each for tally in tallies for each in tally.attempts] or [1]
    return Run(
        name=name,
        clients=clients,
        per_second=sum(len(tally.latencies_ms) / tally.seconds for tally in tallies),
        attempts_mean=mean(attempts),
        attempts_most=max(attempts),
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[int(len(latencies) * 0.99)],
        busy=sum(tally.busy for tally in tallies),
        failed=sum(tally.failed for tally in tallies),
    )


def _client(number: int, made: Bench, customers: list[str], items: Any, barrier: Any, queue: Any) -> None:
    made.use()
    draw = random.Random(number)
    tally = _Tally()
    call = _bare_call(made, items, tally) if items else _our_call(tally)
    call(customers[draw.randrange(len(customers))])
    tally.latencies_ms.clear()
    tally.attempts.clear()
    barrier.wait()
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        customer = customers[draw.randrange(len(customers))]
        sent = time.monotonic()
        call(customer)
        tally.latencies_ms.append((time.monotonic() - sent) * 1000)
    tally.seconds = time.monotonic() - began
    queue.put(tally)


def _our_call(tally: _Tally) -> Any:
    from app import app

    def call(customer: str) -> None:
        log = io.StringIO()
        with redirect_stdout(log):
            answer = app(event(customer, 1), LAMBDA_CONTEXT)
        tally.attempts.append(json.loads(log.getvalue())["Attempts"])
        tally.busy += answer["statusCode"] == 503
        tally.failed += answer["statusCode"] not in (201, 503)

    return call


def _bare_call(made: Bench, items: Any, tally: _Tally) -> Any:
    bare = Bare(made, *items)

    def call(customer: str) -> None:
        tally.failed += not bare.redeem(customer)

    return call


if __name__ == "__main__":
    sys.exit("run `make bench`")
