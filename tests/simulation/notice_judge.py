"""18: who was told what. Held against the ledger, against what people agreed to, and against what the post remembers.

each entry that tells something     has an end of its own over every channel that its campaign names, or over all
each reminder                       is of a lot that has it, and every lot that nobody touched had its reminders
email, text messages                went out at most once; what is said to be sent went out
push, webhooks                      came under one id, however often
credit that must not end untold     did not
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING

from chalicelib.ledger.lots import Kind, Lot
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.notices import store as shelf
from chalicelib.notices.guarding import REASON
from chalicelib.notices.model import FINAL, PEOPLE, Channel, Happening, Notice, Status, happening_of
from chalicelib.notices.nominating import CAMPAIGN, notice_of_entry
from chalicelib.notices.reminding import GUARD, REMINDER_DAYS, SHORT, lives_too_short, morning_of, reminder_days
from chalicelib.notices.store import Record
from chalicelib.store.envelope import WalletId
from tests.simulation.channels import Delivered
from tests.simulation.people import address_of
from tests.simulation.telling import mark_of

if TYPE_CHECKING:
    from tests.simulation.stored import Stored
    from tests.simulation.telling import Telling
    from tests.simulation.world import World

PAGE = 500
READ_AGO_MS = 2_000
"""A letter that goes out rests on what was read no longer ago than this."""
PROMPT_MS = 120_000
"""In which a notice reaches a channel that is not in trouble, when nothing else is."""
KILLED = "notifier killed"
"""With all that its batch had."""
ONCE = (Channel.EMAIL, Channel.SMS)
Letters = dict[tuple[str, Channel], list[Delivered]]


def judge_notices(world: World, stored: Stored) -> None:
    """:raises AssertionError: 18: somebody was told twice, or without consent, or not at all"""
    telling = world.telling
    if telling is None:
        return
    late = {key for key, due_at in telling.due.items() if due_at <= telling.done_until}
    assert not late, f"18: due, and not done: {late}"
    letters: Letters = defaultdict(list)
    for letter in telling.post.taken:
        letters[letter.mark, letter.channel].append(letter)
    records = list(_records(world))
    known = {(mark_of(each.notice), each.channel) for each in records}
    assert letters.keys() <= known, f"18: told, and not known: {letters.keys() - known}"
    for record in records:
        _is_as_told(world, telling, record, letters[mark_of(record.notice), record.channel])
    _everybody_was_told(world, telling, stored, records)
    _reminders_are_of_lots(world, telling, stored, records)
    _nothing_ended_unannounced(telling, stored, letters)
    if not (world.weather.rate or world.weather.message_rate or world.weather.met[KILLED]):
        _nobody_waited(telling, records, letters)
    for record in records:
        world.marketed[f"notice {record.status}"] += 1


def _records(world: World) -> Iterator[Record]:
    docs = shelf.documents(world.processes[0].store)
    for customer in world.people:
        after: str | None = None
        while True:
            page, after = docs.page(shelf.notices_of(customer), PAGE, after=after)
            yield from map(shelf.record_of, page)
            if after is None:
                break


def _is_as_told(world: World, telling: Telling, record: Record, letters: list[Delivered]) -> None:
    """What is known of a notice over one channel is what the channel remembers."""
    customer, told = record.notice.wallet.customer, f"{record.notice.key} {record.channel} {record.status}"
    assert record.status in FINAL, f"18: without an end: {told}"
    assert letters or record.status is not Status.SENT, f"18: never sent: {told}"
    if record.channel in ONCE:
        assert len(letters) <= 1, f"18: told {len(letters)} times: {told}"
        assert not letters or record.status in (Status.SENT, Status.UNKNOWN), f"18: sent, and told otherwise: {told}"
    else:
        assert {each.id for each in letters} <= {record.id}, f"18: under several names: {told}"
        assert record.status is not Status.UNKNOWN, f"18: left alone: {told}"
    if record.channel is Channel.WEBHOOK:
        return
    address = {Channel.EMAIL: address_of(customer)[0], Channel.SMS: address_of(customer)[1]}
    for letter in letters:
        assert letter.to == address.get(record.channel, customer), f"18: told somebody else: {letter}"
        agreed = {getattr(each, record.channel) for each in _said(telling, customer, letter.asked_ms - READ_AGO_MS)}
        assert True in agreed, f"18: told without consent: {letter}"
    if record.status is Status.NOT_SENT and record.reason in ("no_consent", "no_address"):
        agreed = {getattr(each, record.channel) for each in _said(telling, customer, 0)}
        assert agreed != {True}, f"18: not told, and agreed all the time: {told}"


def _said(telling: Telling, customer: str, from_ms: int) -> set[object]:
    """All that a customer may have agreed to since an instant, or, with one, about then."""
    said = telling.said[customer]
    until_ms = from_ms + READ_AGO_MS if from_ms else telling.world.now
    ends = [began for began, _ in said[1:]] + [telling.world.now + 1]
    return {
        each
        for (began, sets), end in zip(said, ends, strict=True)
        if began <= until_ms and end >= from_ms
        for each in sets
    }


def _everybody_was_told(world: World, telling: Telling, stored: Stored, records: list[Record]) -> None:
    """Each entry that tells something has an end over each channel; and nothing else is told."""
    found: dict[str, set[Channel]] = defaultdict(set)
    for record in records:
        found[mark_of(record.notice)].add(record.channel)
    expected = set()
    for name, entries in stored.entries.items():
        wallet = WalletId(*name.rsplit("/", 1))
        touched = {part.lot for each in entries if each.type is not EntryType.ISSUED for part in each.allocations}
        for entry in entries:
            happening = happening_of(entry)
            notice = notice_of_entry(wallet, entry)
            if happening is Happening.AVAILABLE:
                at = max(lot.effective_at for lot in entry.lots)
                notice = Notice(wallet, happening, str(entry.sequence), at)
                expected.add(mark_of(notice))
                if at > telling.done_until or touched & {lot.id for lot in entry.lots}:
                    continue
            if notice is not None:
                expected.add(mark_of(notice))
                wanted = _channels(world, entry, notice.happening)
                there = found[mark_of(notice)] - {Channel.WEBHOOK}
                assert there == wanted, f"18: told over {there} instead of {wanted}: {notice}"
    told = {mark_of(each.notice) for each in records if each.notice.happening is not Happening.EXPIRING}
    assert told <= expected, f"18: told of nothing: {told - expected}"


def _channels(world: World, entry: Entry, happening: Happening) -> set[Channel]:
    if happening in (Happening.ISSUED, Happening.AVAILABLE) and entry.source and entry.source.type == CAMPAIGN:
        channels = world.campaigns[entry.source.id].channels
        assert channels is not None, f"18: a campaign that tells nobody told of {entry}"
        return {Channel(each) for each in channels} or set(PEOPLE)
    return set(PEOPLE)


def _reminders_are_of_lots(world: World, telling: Telling, stored: Stored, records: list[Record]) -> None:
    """A reminder is of a lot that has that day; and what nobody touched was reminded of on each of its days."""
    told = {each.notice.key for each in records if each.notice.happening is Happening.EXPIRING}
    days: set[str] = set()
    for name, entries in stored.entries.items():
        changed: dict[str, int] = {}
        for entry in entries:
            for lot in entry.lots:
                changed[lot.id] = entry.at
                days |= {f"{name}/{day}" for day in reminder_days(lot, UTC, _days(world, lot))}
        touched = {part.lot for each in entries if each.type is not EntryType.ISSUED for part in each.allocations}
        for lot in stored.wallets[name].lots:
            if lot.id in touched or not lot.active(world.now):
                continue
            for day in reminder_days(lot, UTC, _days(world, lot)):
                if changed[lot.id] < morning_of(day, UTC) <= telling.done_until:
                    assert f"{name}/{day}" in told, f"18: {name} was not reminded of {lot} on {day}"
    assert told <= days, f"18: reminded of nothing: {told - days}"


def _days(world: World, lot: Lot) -> tuple[int, ...]:
    made = world.campaigns.get(lot.source.id) if lot.source else None
    return REMINDER_DAYS if made is None or made.reminders is None else made.reminders


def _nothing_ended_unannounced(telling: Telling, stored: Stored, letters: Letters) -> None:
    """What must not end untold, and nobody touched, did not end before a reminder of its end was taken; unless nothing
    came to its last reminder, or to the guard's look, before it ended."""
    for name, entries in stored.entries.items():
        terms: dict[str, Lot] = {}
        touched: set[str] = set()
        for entry in entries:
            terms |= {lot.id: lot for lot in entry.lots}
            ended = entry.type is EntryType.EXPIRED
            for part in entry.allocations if ended else ():
                lot = terms[part.lot]
                days = reminder_days(lot, UTC)
                about = days[-1].isoformat() if days else f"{SHORT}{lot.id}/{lot.expires_at}"
                if lot.kind is not Kind.MIGRATION or lot.id in touched or not (days or lives_too_short(lot, UTC)):
                    continue
                if _came_too_late(telling, name, about, lot.expires_at or 0):
                    continue
                marks = [f"{name}/{day} {Happening.EXPIRING}" for day in days]
                told = [each for mark in marks for channel in PEOPLE for each in letters.get((mark, channel), ())]
                assert told, f"18: {name}: {lot} ended, and nobody could be told"
            if not ended and entry.type is not EntryType.ISSUED:
                touched |= {part.lot for part in entry.allocations}
            if entry.reason == REASON:
                assert entry.type is EntryType.EXTENDED, f"18: {entry}"


def _came_too_late(telling: Telling, wallet: str, what: str, end: int) -> bool:
    done = {key: telling.done.get(key, end) for key in telling.done.keys() | telling.due.keys()}
    about = [at for (pk, sk), at in done.items() if pk == f"r#{wallet}" and what in sk.removeprefix(GUARD)]
    return any(at >= end for at in about)


def _nobody_waited(telling: Telling, records: list[Record], letters: Letters) -> None:
    """A channel that is down delays its own notices: the others come at once."""
    for record in records:
        office, place = telling.post.offices[record.channel], record.notice.place
        came = telling.reader.came.get((str(record.notice.wallet), int(place))) if place.isdigit() else None
        if came is None or record.notice.happening is Happening.AVAILABLE or office.rate:
            continue
        if office.is_down(came, came + PROMPT_MS):
            continue
        for letter in letters[mark_of(record.notice), record.channel]:
            waited = letter.at_ms - came
            assert waited <= PROMPT_MS, f"18: {letter} waited {waited} ms for others"
