"""Which entries tell something, on which days people are reminded, and whom the guard looks after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Kind, Lot, LotClass
from chalicelib.ledger.model import Entry
from chalicelib.ledger.policy import At, Policy
from chalicelib.notices.guarding import guarded, guarded_short
from chalicelib.notices.model import Channel, Happening, Notice, happening_of, notice_id
from chalicelib.notices.reminding import due_documents, lives_too_short, morning_of, reminder_days
from chalicelib.store.envelope import WalletId
from tests.passbook import Passbook, instant

ANNA = WalletId("anna", "EUR")
POLICY = Policy("1", UTC)


def lot(effective: str, expires: str | None, kind: Kind = Kind.MANUAL, **more: object) -> Lot:
    ends = None if expires is None else instant(expires)
    made = Lot("lot_1", kind, LotClass.PAID, 100, 100, 0, 50, instant(effective), ends)
    return replace(made, **more)  # type: ignore[arg-type]


def days(found: Lot) -> list[str]:
    return [day.isoformat() for day in reminder_days(found, UTC)]


def test_reminders_are_30_7_and_1_days_before_the_last_day() -> None:
    assert days(lot("2027-01-01", "2027-06-01")) == ["2027-05-01", "2027-05-24", "2027-05-30"]


@pytest.mark.parametrize(
    ("life", "reminders"), [(38, 3), (37, 2), (9, 2), (8, 1), (2, 1), (1, 0)], ids=lambda each: str(each)
)
def test_a_reminder_before_a_fifth_of_the_life_is_left_out(life: int, reminders: int) -> None:
    begins = instant("2027-01-01")
    found = replace(lot("2027-01-01", "2027-06-01"), expires_at=begins + life * DAY_MS)
    assert len(reminder_days(found, UTC)) == reminders


def test_credit_without_an_end_has_no_reminders() -> None:
    assert days(lot("2027-01-01", None)) == []


def test_mornings_are_the_merchants() -> None:
    (day,) = [each for each in reminder_days(lot("2027-03-01", "2027-03-29"), UTC) if each.isoformat() == "2027-03-27"]
    assert morning_of(day, ZoneInfo("Europe/Berlin")) == instant("2027-03-27T09:00", ZoneInfo("Europe/Berlin"))


def test_two_lots_that_end_on_one_day_have_one_reminder_a_day() -> None:
    book = Passbook(opened="2027-01-01T12:00")
    for amount in (100, 200):
        book.grant(amount, expires=At(instant("2027-06-01")))
    assert len(due_documents(ANNA, book.entries, UTC)) == 3


def entry_of(book: Passbook) -> Entry:
    return book.entries[-1]


@pytest.mark.parametrize(
    ("told", "happening"), [(True, Happening.ISSUED), (False, None), (None, None)], ids=["true", "false", "unsaid"]
)
def test_issued_credit_is_told_where_the_grant_says_so(told: bool | None, happening: Happening | None) -> None:
    book = Passbook()
    book.grant(100, notify=told)
    assert happening_of(entry_of(book)) is happening


def test_pending_credit_is_told_when_it_is_available() -> None:
    book = Passbook()
    book.grant(100, notify=True, effective_at=book.now + DAY_MS)
    assert happening_of(entry_of(book)) is Happening.AVAILABLE
    (key,) = [key for key in due_documents(ANNA, book.entries, UTC) if key[1].startswith("available-")]
    assert due_documents(ANNA, book.entries, UTC)[key] == book.now + DAY_MS


def test_spending_and_giving_back_are_told() -> None:
    book = Passbook()
    book.grant(100)
    redemption = book.redeem(60)
    assert happening_of(entry_of(book)) is Happening.REDEEMED
    book.reverse(redemption)
    assert happening_of(entry_of(book)) is Happening.REFUNDED


def test_a_key_has_one_document_for_each_channel_and_receiver_in_order_of_time() -> None:
    notice = Notice(ANNA, Happening.ISSUED, "1", 1_000)
    ids = {notice_id(notice, channel) for channel in Channel} | {notice_id(notice, Channel.WEBHOOK, "whk_a")}
    assert len(ids) == 5
    assert max(ids) < min(notice_id(replace(notice, at=1_001), channel) for channel in Channel)


def test_the_guard_looks_after_paid_kinds_on_the_day_of_their_last_reminder() -> None:
    paid, gift = lot("2027-01-01", "2027-06-01", Kind.PURCHASED), lot("2027-01-01", "2027-06-01", Kind.PROMOTION)
    back = lot("2027-01-01", "2027-06-01", Kind.REINSTATED)
    first, *_, last = reminder_days(paid, UTC)
    assert [each.lot for each in guarded([paid, gift, back], last, POLICY)] == [paid, back]
    assert guarded([paid, gift, back], first, POLICY) == []
    assert guarded([paid], last, replace(POLICY, require_notice_kinds=frozenset({Kind.PROMOTION}))) == []


def test_the_guard_looks_before_the_end_of_what_lives_too_short_for_a_reminder() -> None:
    book = Passbook(opened="2027-01-01T23:00")
    book.grant(100, Kind.MIGRATION, expires=At(instant("2027-01-03T00:00")))
    (due,) = due_documents(ANNA, book.entries, UTC).items()
    (short,) = book.wallet.lots
    assert due == (("r#anna/EUR", f"short-{short.id}/{short.expires_at}"), instant("2027-01-02T23:00"))
    assert [each.lot for each in guarded_short([short], short.id, POLICY)] == [short]


def test_what_is_too_short_is_looked_at_when_it_can_be_used_if_that_is_later() -> None:
    book = Passbook(opened="2027-01-01T23:00")
    usable = instant("2027-02-01T11:30")
    book.grant(100, Kind.MIGRATION, expires=At(instant("2027-02-01T12:00")), effective_at=usable)
    assert list(due_documents(ANNA, book.entries, UTC).values()) == [usable]


def test_only_what_was_paid_for_is_looked_after_when_it_lives_too_short() -> None:
    short = lot("2027-01-01", "2027-01-02", Kind.MIGRATION)
    assert lives_too_short(short, UTC)
    assert not lives_too_short(replace(short, lot_class=LotClass.PROMOTIONAL), UTC)
    assert not lives_too_short(replace(short, expires_at=None), UTC)
    assert not lives_too_short(replace(short, from_release=True), UTC)
    assert not lives_too_short(lot("2027-01-01", "2027-01-04", Kind.MIGRATION), UTC)
    nobody = replace(POLICY, require_notice_kinds=frozenset({Kind.PROMOTION}))
    assert guarded_short([short], short.id, nobody) == []
