"""The one place that joins the parts: an engine over this function's tables, policy and clock."""

from __future__ import annotations

import os
from functools import cache
from zoneinfo import ZoneInfo

from chalicelib.ledger.policy import Policy
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind

POLICY_VERSION = "1"
"""Of the built-in policy; entries name the version they were made under."""


@cache
def engine() -> Engine:
    """The engine of this process. It reads the environment once; the first call makes the connections."""
    tables = bind(os.environ["WALLETS_TABLE"], os.environ["LEDGER_TABLE"])
    store = Store(tables, connect(tables), SystemClock(), test_clock=os.environ.get("TEST_CLOCK", "off") == "on")
    return Engine(store, Policy(POLICY_VERSION, ZoneInfo(os.environ.get("MERCHANT_ZONE", "UTC"))))
