"""The one place that joins the parts: an engine over this function's tables, policy and clock."""

from __future__ import annotations

from functools import cache

from chalicelib.ledger.policy import Policy
from chalicelib.runtime.clock import SystemClock
from chalicelib.runtime.environment import settings
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind

POLICY_VERSION = "1"
"""Of the built-in policy; entries name the version they were made under."""


@cache
def engine() -> Engine:
    """The engine of this process, as its environment says."""
    told = settings()
    tables = bind(told.wallets_table, told.ledger_table)
    store = Store(tables, connect(tables), SystemClock(), test_clock=told.test_clock)
    return Engine(store, Policy(POLICY_VERSION, told.merchant_zone))
