"""How long to wait before the next attempt: full jitter under a ceiling that depends on what went wrong.

After a lost race (the wallet moved, a conflict) the ceiling starts wide, many times what an attempt takes, and
shrinks: a newcomer waits for those who came before it, and who has lost often waits least. The usual growing ceiling
does the opposite: under 16 writers in a closed loop the latest winner keeps winning, and the unlucky wait for
seconds.

After trouble (throttling, 5xx, no answer) the ceiling grows, as usual: the other side needs room.

Figures and what else was tried: docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable

RACE_FIRST_CEILING_SECONDS = 0.6
RACE_SHRINK = 0.8
RACE_LEAST_CEILING_SECONDS = 0.1

TROUBLE_FIRST_CEILING_SECONDS = 0.05
TROUBLE_GROWTH = 2.0
TROUBLE_LAST_CEILING_SECONDS = 1.0


def after_lost_race(failed_attempts: int, uniform: Callable[[], float]) -> float:
    """The wait (seconds) after that many failed attempts (1, 2, …). `uniform` draws from [0, 1)."""
    ceiling = RACE_FIRST_CEILING_SECONDS * RACE_SHRINK ** (failed_attempts - 1)
    return uniform() * max(RACE_LEAST_CEILING_SECONDS, ceiling)


def after_trouble(failed_attempts: int, uniform: Callable[[], float]) -> float:
    """The wait (seconds) after that many failed attempts (1, 2, …). `uniform` draws from [0, 1)."""
    ceiling = TROUBLE_FIRST_CEILING_SECONDS * TROUBLE_GROWTH ** (failed_attempts - 1)
    return uniform() * min(TROUBLE_LAST_CEILING_SECONDS, ceiling)
