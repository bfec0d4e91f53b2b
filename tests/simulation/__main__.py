"""`make simulate`: random histories of the application on the fake engine.

    make simulate SEEDS=5000 STEPS=200       so many, on all cores, from a first seed that is drawn and told
    make simulate SEED=12345 STEPS=200       one, told in full; a seed is the same history only with the same STEPS

Exit code 1: some history broke an invariant.
"""

from __future__ import annotations

import os
import random
import sys
import time

from tests.simulation.many import Summary, cores, play_many
from tests.simulation.playing import play

STEPS = 200
SEEDS = 1_000
PROGRESS_SECONDS = 10.0


def main() -> int:
    steps = int(os.environ.get("STEPS") or STEPS)
    if seed := os.environ.get("SEED"):
        played = play(int(seed), steps, tell=print)
        print(played.broken or f"seed {seed} broke nothing in {steps} steps, {played.requests} requests")
        return int(bool(played.broken))
    count = int(os.environ.get("SEEDS") or SEEDS)
    first = random.SystemRandom().randrange(10**8)
    print(f"seeds {first} to {first + count - 1}, {steps} steps each, on {cores()} cores", flush=True)
    began = told_at = time.monotonic()

    def progress(summary: Summary) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= PROGRESS_SECONDS:
            told_at = time.monotonic()
            print(f"  {summary.histories} after {told_at - began:.0f} s, {summary.breaks} broken", flush=True)

    summary = play_many(range(first, first + count), steps, progress)
    for played in summary.broken:
        print(f"\n{played.broken}")
    print(f"\n{summary} in {time.monotonic() - began:.0f} s")
    return int(summary.breaks > 0)


if __name__ == "__main__":
    sys.exit(main())
