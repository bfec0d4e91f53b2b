"""A process of its own that redeems from one wallet with several threads: `python -m tests.engine.other_process …`.

Prints how many were done, and how many ended with which refusal.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC

from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.tables import bind
from tests.engine.till import Till, until_known


def main(wallets_name: str, ledger_name: str, customer: str, currency: str, clients: int, amount: int) -> None:
    tables = bind(wallets_name, ledger_name)
    store = Store(tables, connect(tables, pool_connections=clients), SystemClock(), test_clock=False)
    till = Till(Engine(store, Policy("1", UTC)))
    wallet = WalletId(customer, currency)
    store.read(wallet)

    def redeem(_: int) -> str:
        try:
            until_known(till.redeem, wallet, amount)
        except Refused as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(clients) as crowd:
        print(json.dumps(Counter(crowd.map(redeem, range(clients)))))


if __name__ == "__main__":
    _, wallets, ledger, customer, currency, clients, amount = sys.argv
    main(wallets, ledger, customer, currency, int(clients), int(amount))
