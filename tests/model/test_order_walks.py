"""Orders and their refunds against a model on paper: thousands of random steps, and both must agree after each.

`SEEDS` walks of `STEPS` steps (environment). Each walk is a test that has its seed in its name; `--seed N` replays one.
"""

from __future__ import annotations

import os

from tests.model.order_walk import OrderWalk

STEPS = int(os.environ.get("STEPS", "80"))


def test_orders_refunds_and_debts_agree_with_the_paper_after_every_step(seed: int) -> None:
    walk = OrderWalk(seed)
    try:
        walk.run(STEPS)
    finally:
        print("\n".join(walk.log))
