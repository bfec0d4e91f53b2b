"""Server CPU of a redemption: our whole function, from Chalice to the log line, against a bare handler.

Both run in this process, in turns, on wallets alike; only this process's own CPU counts, not the engine's.
"""

from __future__ import annotations

import io
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import median

from bench.bare import Bare, copied
from bench.workload import CURRENCY, LAMBDA_CONTEXT, Bench, event, grant, redeem
from chalicelib.store.envelope import WalletId

ROUNDS = 15
CALLS = 40
LOTS = 5


@dataclass(frozen=True, slots=True)
class Cpu:
    """Milliseconds of CPU for one redemption: medians over the rounds, and the median of their ratios."""

    ours_ms: float
    bare_ms: float
    ratio: float


def cpu(made: Bench) -> Cpu:
    from app import app as ours

    application = made.engine()
    for customer in ("cpu-ours", "cpu-bare"):
        grant(application, WalletId(customer, CURRENCY), LOTS)
    redemption = redeem(application, WalletId("cpu-bare", CURRENCY), 10)
    bare = Bare(made, *copied(made, "cpu-bare", redemption, LOTS + 1))
    pairs = []
    for number in range(ROUNDS + 1):
        ours_ms = _per_call_ms(ours, "cpu-ours")
        bare_ms = _per_call_ms(bare.handler, "cpu-bare")
        if number:  # the first round warms both up
            pairs.append((ours_ms, bare_ms))
    return Cpu(
        ours_ms=median(ours_ms for ours_ms, _ in pairs),
        bare_ms=median(bare_ms for _, bare_ms in pairs),
        ratio=median(ours_ms / bare_ms for ours_ms, bare_ms in pairs),
    )


def _per_call_ms(handler, customer: str) -> float:  # type: ignore[no-untyped-def]
    events = [event(customer, 1) for _ in range(CALLS)]
    with redirect_stdout(io.StringIO()):
        began = time.process_time()
        answers = [handler(each, LAMBDA_CONTEXT) for each in events]
        spent = time.process_time() - began
    assert all(answer["statusCode"] == 201 for answer in answers), answers[0]
    return spent / CALLS * 1000
