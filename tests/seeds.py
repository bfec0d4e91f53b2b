"""Where the seeds of random tests come from."""

from __future__ import annotations

import os
import random


def first_seed() -> int:
    """Drawn anew for each run, and the same in all processes of one: they must find the same tests."""
    return random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID")).randrange(10**8)
