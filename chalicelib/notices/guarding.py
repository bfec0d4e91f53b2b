"""The guard `require_notice`: credit of some kinds does not expire on somebody who could not be told.

After the last reminder of a lot the guard looks at all of its reminders. If none was taken by any channel to the
customer, the lot's end is put off by EXTENSION_DAYS through the ledger, once for that end; the entry says `no_notice`.
The new end has reminders of its own, and the guard looks again. Paid credit that lives too short to be reminded of is
put off likewise, shortly before its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from chalicelib.ledger import correcting
from chalicelib.ledger.conditions import local_time
from chalicelib.ledger.correcting import Extension
from chalicelib.ledger.lots import CLASS_OF_KIND, Kind, Lot
from chalicelib.ledger.plans import Act, Plan
from chalicelib.ledger.policy import At, Policy
from chalicelib.ledger.refusals import ExpiresEarlier, Refused
from chalicelib.ledger.settling import SYSTEM
from chalicelib.notices import store as shelf
from chalicelib.notices.model import PEOPLE, Happening, Notice, Status, notice_id
from chalicelib.notices.reminding import DaysOf, lives_too_short, morning_of, reminder_days, usual_days
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import Envelope, WalletId
from chalicelib.store.reading import Seen, Subject

EXTENSION_DAYS = 14
REASON = "no_notice"
CALLER = "\0notices"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A lot that must not expire unannounced, and the end that it has now (milliseconds)."""

    lot: Lot
    expires_at: int


def guarded(lots: Iterable[Lot], day: date, policy: Policy, days_of: DaysOf = usual_days) -> list[Guarded]:
    """Those of these lots that must be announced, and whose last reminder is on this local day."""
    return [
        each
        for each in _to_be_announced(lots, policy)
        if reminder_days(each.lot, policy.zone, days_of(each.lot))[-1:] == [day]
    ]


def guarded_short(lots: Iterable[Lot], lot_id: str, policy: Policy) -> list[Guarded]:
    """That one of these lots, if it must be announced and lives too short to be."""
    return [
        each
        for each in _to_be_announced(lots, policy)
        if each.lot.id == lot_id and lives_too_short(each.lot, policy.zone)
    ]


def _to_be_announced(lots: Iterable[Lot], policy: Policy) -> Iterator[Guarded]:
    kinds = policy.require_notice_kinds
    classes = {CLASS_OF_KIND[kind] for kind in kinds if kind in CLASS_OF_KIND}
    for lot in lots:
        required = lot.lot_class in classes if lot.kind is Kind.REINSTATED else lot.kind in kinds
        if required and lot.expires_at is not None:
            yield Guarded(lot, lot.expires_at)


def announced(docs: Documents, wallet: WalletId, lot: Lot, zone: tzinfo, days: Iterable[int]) -> bool:
    """Whether a channel to the customer took any reminder of this lot's present end. One that went out before the
    customer had the lot did not tell of it.

    :raises Unread: DynamoDB could not be read
    """
    reminders = [
        Notice(wallet, Happening.EXPIRING, day.isoformat(), morning_of(day, zone))
        for day in reminder_days(lot, zone, days)
    ]
    pk = shelf.notices_of(wallet.customer)
    keys = [(pk, notice_id(reminder, channel)) for reminder in reminders for channel in PEOPLE]
    told = shelf.records(docs, keys).values()
    return any(record.status is Status.SENT and record.since >= lot.effective_at for record in told)


def put_off(engine: Engine, wallet: WalletId, guarded: Guarded, deadline: Deadline) -> None:
    """Put off the end of a lot, once for the end that it has. What has another end by now, or is gone, is left alone.

    :raises Busy, OutcomeUnknown, Unread: it is not known to be done; do it again
    """
    lot, old = guarded.lot.id, guarded.expires_at
    command = Extension(lot, At(_later(old, engine.policy.zone)), REASON)

    def decide(seen: Seen, act: Act, policy: Policy) -> Plan:
        present = seen.wallet.lot(lot)
        if present is not None and present.expires_at != old:
            raise ExpiresEarlier("The lot has another end by now.")
        return correcting.extend(seen.wallet, command, act, policy, lot_was_issued=seen.lot_was_issued)

    envelope = Envelope(
        caller=CALLER,
        actor=SYSTEM,
        key=f"{wallet}/{lot}/{REASON}/{old}",
        fingerprint=REASON,
        deadline=deadline,
        present=lambda _: "",
        kept_for_ever=True,
    )
    try:
        engine.execute(wallet, envelope, decide, Subject(lot=lot))
    except Refused:
        return


def _later(instant: int, zone: tzinfo) -> int:
    """The same time of the merchant's day, EXTENSION_DAYS on."""
    local = local_time(instant, zone) + timedelta(days=EXTENSION_DAYS)
    return (local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
