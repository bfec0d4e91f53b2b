"""The ledger against a small model on paper: thousands of random steps, and both must agree after each.

`SEEDS` walks of `STEPS` steps (environment). Each walk is a test that has its seed in its name; `--seed N` replays one.
What was done before a failure is printed with it.
"""

from __future__ import annotations

import os

from tests.model.walk import Walk

STEPS = int(os.environ.get("STEPS", "80"))


def test_the_ledger_and_the_paper_agree_after_every_step(seed: int) -> None:
    walk = Walk(seed)
    try:
        walk.run(STEPS)
    finally:
        print("\n".join(walk.log))
