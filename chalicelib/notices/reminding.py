"""What is to be told of a wallet at some time: the reminders before its credit expires, credit that becomes available,
and the guard's look at what became of the last reminder.

    r#customer/currency / 2027-03-01      remind of what expires 30, 7 or 1 days after this local day
                        / available-12    entry 12 granted credit that is available from now
                        / guard-…         see `guarding`; the local day of the last reminder; with an entry's number,
                                          of what that entry granted when the reminder had gone out already
                        / short-lot_7/…   the same look at a lot that lives too short for a reminder; its end

Each stands in the table's index of what is due, and leaves when it is done. It says nothing of money: whoever takes it
in hand reads the wallet, and what is no longer so is not told. A reminder's day has one document however many lots it
is about, so a customer gets one message a day for a currency.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from chalicelib.ledger.conditions import BASIS_POINTS, local_time
from chalicelib.ledger.limits import DAY_MS, HOUR_MS
from chalicelib.ledger.lots import Lot, LotClass
from chalicelib.ledger.model import Entry
from chalicelib.notices import store as shelf
from chalicelib.notices.model import Happening, happening_of
from chalicelib.store.documents import Documents, Key
from chalicelib.store.due import SHARDS
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, Signal, Unread
from chalicelib.store.writes import commit

REMINDER_DAYS = (30, 7, 1)
"""Before the last day on which credit is alive."""
LIFE_BASIS_POINTS = 8_000
"""A reminder that would come when less than a fifth of the lot's life is over is left out."""
MORNING = time(9)
"""Of the merchant's day: when people are reminded."""
DUE_PAGE = 500
"""Of one shard that one minute nominates; the others follow."""
KEYS_OF_MESSAGE = 25
PARALLEL_READS = 4
TRIES = 5
DUE_LIST = "notices-"
AVAILABLE = "available-"
GUARD = "guard-"
SHORT = "short-"
LOOK_AFTER_MS = 12 * HOUR_MS
"""The guard looks so long after the last reminder: by then every channel has taken it or has been given up."""
LOOK_BEFORE_MS = HOUR_MS
"""Before the end, if that comes sooner."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


DaysOf = Callable[[Lot], Sequence[int]]
"""How many days before its end the owner of a lot is reminded: REMINDER_DAYS, or what its campaign says."""


class NoticesQueue(Protocol):
    """What is needed of the queue; see `chalicelib.messaging.queues`."""

    def send(self, bodies: Sequence[str]) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Nominated:
    """What one minute handed on. `unread` shards could not be read; what is due there is still in the index."""

    due: int
    lag_ms: int
    not_taken: int
    unread: int


def usual_days(_lot: Lot) -> Sequence[int]:
    return REMINDER_DAYS


def last_day_of(lot: Lot, zone: tzinfo) -> date | None:
    """The last local day on which a lot is alive; None if it never ends."""
    return None if lot.expires_at is None else local_time(lot.expires_at - 1, zone).date()


def reminder_days(lot: Lot, zone: tzinfo, wanted: Iterable[int] = REMINDER_DAYS) -> list[date]:
    """The local days on which its owner is reminded of a lot, in order."""
    last = last_day_of(lot, zone)
    if last is None or lot.expires_at is None:
        return []
    life = lot.expires_at - lot.effective_at
    kept = [
        days for days in sorted(set(wanted), reverse=True) if days * DAY_MS * BASIS_POINTS <= life * LIFE_BASIS_POINTS
    ]
    return [last - timedelta(days=days) for days in kept]


def lives_too_short(lot: Lot, zone: tzinfo) -> bool:
    """Whether a lot that was paid for ends before anybody could be reminded of it. Not so what a hold that lapsed after
    the lot's own end gave back for a while: of that end there were reminders."""
    ends = lot.expires_at is not None and not lot.from_release
    return ends and lot.lot_class is LotClass.PAID and not reminder_days(lot, zone)


def morning_of(day: date, zone: tzinfo) -> int:
    """When people are reminded on a local day (milliseconds)."""
    return (datetime.combine(day, MORNING, zone).astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def due_documents(
    wallet: WalletId, entries: Iterable[Entry], zone: tzinfo, days_of: DaysOf = usual_days
) -> dict[Key, int]:
    """What these entries make due, and when (milliseconds). Of a lot that is extended the earlier days stay due, and
    then find nothing. What came after its last reminder's time is looked at by the guard all the same: the reminder of
    that day may have gone out without it. So is what lives too short for a reminder, shortly before its end."""
    pk = shelf.due_of(wallet)
    found: dict[Key, int] = {}
    for entry in entries:
        if happening_of(entry) is Happening.AVAILABLE:
            found[pk, f"{AVAILABLE}{entry.sequence}"] = max(lot.effective_at for lot in entry.lots)
        for lot in entry.lots:
            days = reminder_days(lot, zone, days_of(lot))
            for day in days:
                if morning_of(day, zone) >= entry.at - DAY_MS:
                    found[pk, day.isoformat()] = morning_of(day, zone)
            if lot.expires_at is None or entry.at >= lot.expires_at:
                continue
            if days and morning_of(days[-1], zone) < entry.at:
                found[pk, f"{GUARD}{days[-1].isoformat()}/{entry.sequence}"] = look_at([lot.expires_at], entry.at)
            if lives_too_short(lot, zone):
                found[pk, f"{SHORT}{lot.id}/{lot.expires_at}"] = max(
                    entry.at, lot.effective_at, lot.expires_at - LOOK_BEFORE_MS
                )
    return found


def look_at(ends: Iterable[int], at: int) -> int:
    """When to look what became of the last reminder of credit with these ends, which was sent at that instant
    (milliseconds)."""
    return max(at, min(at + LOOK_AFTER_MS, *(end - LOOK_BEFORE_MS for end in ends)))


def arrange(store: Store, docs: Documents, wanted: dict[Key, int]) -> None:
    """Put what is not there yet. It is right to do it again.

    :raises Unread: DynamoDB could not be read
    :raises Busy: it is not known to be there
    """
    for _ in range(TRIES):
        there = docs.get_many(wanted)
        missing = [
            docs.save(key, {}, 0, due_at=due_at, due_list=DUE_LIST)
            for key, due_at in wanted.items()
            if key not in there
        ]
        if not missing or (commit(store, missing[:MAX_WRITES]) is Signal.COMMITTED and len(missing) <= MAX_WRITES):
            return
    raise Busy


MAX_WRITES = 90
"""Documents of one transaction."""


def nominate_due(store: Store, docs: Documents, queue: NoticesQueue) -> Nominated:
    """Hand on what is due, longest due first, of each shard at most a page. Nothing is marked: what is handed on twice
    is found done the second time.

    :raises Unread: the present could not be read
    """
    now = store.now()

    def page(shard: str) -> list[Key] | None:
        try:
            return docs.due(DUE_LIST + shard, now, DUE_PAGE)
        except Unread:
            return None

    with ThreadPoolExecutor(PARALLEL_READS) as readers:
        pages = list(readers.map(page, SHARDS))
    keys = [key for found in pages if found is not None for key in found]
    groups = [keys[start : start + KEYS_OF_MESSAGE] for start in range(0, len(keys), KEYS_OF_MESSAGE)]
    left = queue.send([json.dumps({"job": "due", "keys": group}, separators=(",", ":")) for group in groups])
    return Nominated(len(keys), 0, len(left), sum(found is None for found in pages))
