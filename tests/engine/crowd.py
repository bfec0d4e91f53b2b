"""Many clients at once, and how they fared."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.ledger.refusals import Refused
from chalicelib.store.signals import Busy, OutcomeUnknown
from tests.engine.till import Receipt


def at_once(commands: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each command gave or raised; all start together."""
    commands = list(commands)
    start = threading.Barrier(len(commands))

    def run(command: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return command()
        except (Refused, Busy, OutcomeUnknown) as told:
            return told

    with ThreadPoolExecutor(len(commands)) as crowd:
        return list(crowd.map(run, commands))


def outcomes(told: Iterable[Any]) -> Counter[str]:
    return Counter("done" if isinstance(each, Receipt) else type(each).__name__ for each in told)
