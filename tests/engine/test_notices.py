"""Notices on a real table: told once whatever happens, over the channels that were agreed to, and not told to death."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.campaigns import store as campaigns
from chalicelib.campaigns.model import Campaign, Fixed, Group
from chalicelib.customers.activity import Activity, Recent
from chalicelib.customers.together_store import count_together
from chalicelib.ledger.limits import DAY_MS, HOUR_MS
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.model import EntryType
from chalicelib.ledger.policy import At
from chalicelib.messaging.delivery import Delivery, Outcome
from chalicelib.notices import commands, erasing, saying
from chalicelib.notices.guarding import EXTENSION_DAYS, Guarded, put_off
from chalicelib.notices.model import PEOPLE, Recommend
from chalicelib.notices.post import Terms
from chalicelib.notices.sending import IN_HAND_SECONDS, PAUSES_SECONDS
from chalicelib.notices.store import Template
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal
from chalicelib.store.tables import Tables
from chalicelib.store.writes import Asked, commit
from tests.engine.conftest import POLICY
from tests.engine.mailroom import DOWN, EVERYTHING, NO_ANSWER, ONLY_EMAIL, Mailroom
from tests.engine.night import Time
from tests.engine.till import new_key, new_wallet
from tests.engine.trouble import lost_answer
from tests.engine.wire import COMMIT, Request, Wire
from tests.passbook import instant

NOON = instant("2027-03-01T12:00")


class Crash(BaseException):
    """The worker is gone, with all that it wanted to do."""


@pytest.fixture
def room(tables: Tables) -> Mailroom:
    time = Time(NOON)
    store = Store(tables, connect(tables, pool_connections=64), time, test_clock=False)
    return Mailroom(Engine(store, POLICY, sleep=lambda _: None), time)


@pytest.fixture
def wire(room: Mailroom) -> Iterator[Wire]:
    made = Wire(room.engine.store.connections)
    yield made
    made.mend()
    made.check_reads()


@pytest.fixture
def anna(room: Mailroom) -> WalletId:
    """A customer who agreed to every channel."""
    wallet = new_wallet()
    room.knows(wallet)
    return wallet


def issued(room: Mailroom, wallet: WalletId, amount: int = 2_500) -> None:
    """Credit that is told, as far as the queue."""
    room.till.issue(wallet, amount, notify=True)
    room.told(wallet)


def to_be_sent(room: Mailroom, channel: str) -> str:
    """The message of one channel, the fan-out being done."""
    room.take(room.queue.bodies.pop(0))
    (body,) = room.queue.all_of(channel)
    return body


def webhook(room: Mailroom, *happenings: str) -> str:
    asked = Asked(operation_id("test", new_key()), "")
    answer = commands.create_webhook(
        room.engine.store,
        "https://hooks.example.com/credit",
        happenings,
        asked,
        Deadline.after(8),
        lambda made: made.id,
        resolve=lambda host, port: ["93.184.216.34"],
    )
    return answer.body


# Whom, over what, in which words


def test_credit_is_told_over_every_channel_that_was_agreed_to(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    room.deal()
    ((address, subject, text, html),) = room.email.taken
    assert (address, subject, html) == ("anna@example.com", "You have received €25.00 credit", None)
    assert "valid until 30 May 2027" in text
    assert room.sms.taken == [("+491700000000", "You have received €25.00 credit")]
    assert json.loads(room.push.taken[0][0]["Detail"])["title"] == "You have received €25.00 credit"
    assert room.became(anna) == {"email": ("sent", None), "sms": ("sent", None), "push": ("sent", None)}


def test_a_customer_is_told_in_its_language(room: Mailroom, anna: WalletId) -> None:
    room.knows(anna, locale="de-AT")
    issued(room, anna, 123_450)
    room.deal()
    assert room.email.taken[0][1] == "Sie haben 1.234,50 € Guthaben erhalten"
    assert "gültig bis 30. Mai 2027" in room.email.taken[0][2]


def test_a_grant_that_says_nothing_of_telling_is_not_told(room: Mailroom, anna: WalletId) -> None:
    room.till.issue(anna, 2_500)
    room.told(anna)
    assert room.queue.bodies == []


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"consents": ONLY_EMAIL, "email": None}, "no_address"),
        ({"consents": EVERYTHING, "erased": True}, "customer_erased"),
        ({"consents": EVERYTHING, "merged_into": "bert"}, "customer_merged"),
    ],
)
def test_a_notice_that_cannot_be_sent_says_why(
    room: Mailroom, anna: WalletId, how: dict[str, object], reason: str
) -> None:
    room.knows(anna, **how)  # type: ignore[arg-type]
    issued(room, anna)
    room.deal()
    assert room.became(anna)["email"] == ("not_sent", reason)
    assert room.email.taken == []


def test_without_consent_nothing_goes_out(room: Mailroom, anna: WalletId) -> None:
    room.knows(anna, ONLY_EMAIL)
    issued(room, anna)
    room.deal()
    became = room.became(anna)
    assert became == {"email": ("sent", None), "sms": ("not_sent", "no_consent"), "push": ("not_sent", "no_consent")}
    assert (room.sms.taken, room.push.taken) == ([], [])


def test_of_a_customer_whom_nobody_knows_nothing_was_agreed_to(room: Mailroom) -> None:
    wallet = new_wallet()
    issued(room, wallet)
    room.deal()
    assert set(room.became(wallet).values()) == {("not_sent", "no_consent")}


def test_a_campaign_says_which_channels_and_which_template(room: Mailroom, anna: WalletId) -> None:
    name = f"spring-{new_key()[:12]}"
    parts = {"subject": "Spring: {{ amount }}", "text": "{{ products|join(' and ') }}"}
    commands.put_template(
        room.engine.store, Template(name, {"en": parts}), None, Deadline.after(8), lambda made: made.name
    )
    room.campaigns.told["cmp_1"] = Terms(("email",), name, ("tea", "cup"))
    room.till.issue(anna, 2_500, notify=True, source=Source("campaign", "cmp_1"))
    room.told(anna)
    room.deal()
    assert room.email.taken == [("anna@example.com", "Spring: €25.00", "tea and cup", None)]
    assert (room.sms.taken, room.push.taken) == ([], [])


def test_without_a_list_what_was_seen_last_is_recommended(room: Mailroom, anna: WalletId) -> None:
    activity = Activity(recently_viewed=(Recent(5, "cup"), Recent(3, "tea")), recently_bought=(Recent(4, "tea"),))
    room.knows(anna, activity=activity)
    issued(room, anna)
    room.deal()
    assert "You might like: cup, tea." in room.email.taken[0][2]


def test_what_is_bought_together_with_what_was_seen_last_is_recommended(
    room: Mailroom, wire: Wire, anna: WalletId
) -> None:
    tea, pot, cup, chance = (f"{what}-{new_key()[:12]}" for what in ("tea", "pot", "cup", "chance"))
    for products in ([tea, pot], [tea, pot], [tea, cup, pot], [tea, cup], [tea, chance]):
        assert count_together(room.engine.store, new_key(), products, Deadline.after(8))
    room.knows(anna, activity=Activity(recently_viewed=(Recent(5, tea),)))
    issued(room, anna)
    with wire.listen() as heard:
        room.deal()
    assert f"You might like: {pot}, {cup}." in room.email.taken[0][2]
    customers = room.engine.store.tables.customers_name
    assert sum(customers in json.dumps(request.body) for request in heard) == len(PEOPLE)
    room.knows(anna, activity=Activity(recently_viewed=(Recent(5, tea),), recently_bought=(Recent(4, pot),)))
    issued(room, anna)
    room.deal()
    assert f"You might like: {cup}, {tea}." in room.email.taken[-1][2]


def test_a_template_that_shows_no_products_reads_nothing_about_them(room: Mailroom, wire: Wire, anna: WalletId) -> None:
    name = f"spring-{new_key()[:12]}"
    made = Template(name, {"en": {"subject": "{{ amount }}", "text": "x"}}, recommend=Recommend.BOUGHT_TOGETHER)
    commands.put_template(room.engine.store, made, None, Deadline.after(8), lambda made: made.name)
    room.campaigns.told["cmp_2"] = Terms(("email",), name)
    room.knows(anna, activity=Activity(recently_viewed=(Recent(5, "tea"),)))
    room.till.issue(anna, 2_500, notify=True, source=Source("campaign", "cmp_2"))
    room.told(anna)
    with wire.listen() as heard:
        room.deal()
    assert len(room.email.taken) == 1
    customers = room.engine.store.tables.customers_name
    assert not any(customers in json.dumps(request.body) for request in heard)


def test_pending_credit_is_told_when_it_is_available(room: Mailroom, anna: WalletId) -> None:
    room.till.issue(anna, 2_500, notify=True, effective_at=NOON + HOUR_MS)
    room.told(anna)
    room.day(anna)
    assert room.email.taken == []
    room.time.at += HOUR_MS
    room.day(anna)
    room.day(anna)
    assert [letter[1] for letter in room.email.taken] == ["Your €25.00 credit is available"]


def test_pending_credit_that_was_revoked_is_never_told(room: Mailroom, anna: WalletId) -> None:
    receipt = room.till.issue(anna, 2_500, notify=True, effective_at=NOON + HOUR_MS)
    room.till.revoke(anna, receipt.lot)
    room.told(anna)
    room.time.at += HOUR_MS
    room.day(anna)
    assert (room.email.taken, room.history(anna)) == ([], [])


# At most once


def test_entries_that_the_stream_tells_again_are_told_once(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    room.told(anna)
    room.deal()
    room.told(anna)
    room.deal()
    assert [len(each.taken) for each in (room.email, room.sms, room.push)] == [1, 1, 1]


@pytest.mark.parametrize("channel", ["email", "sms", "push"])
def test_of_several_workers_with_one_message_one_sends(room: Mailroom, anna: WalletId, channel: str) -> None:
    issued(room, anna)
    body = to_be_sent(room, channel)
    letters = {"email": room.email, "sms": room.sms, "push": room.push}[channel]
    for _ in range(5):
        room.at_once(body)
    assert len(letters.taken) == 1
    assert room.became(anna)[channel] == ("sent", None)


@pytest.mark.parametrize("which", [1, 2], ids=["before sending", "after sending"])
def test_a_lost_answer_of_the_table_sends_nothing_twice(room: Mailroom, wire: Wire, anna: WalletId, which: int) -> None:
    issued(room, anna)
    body = to_be_sent(room, "email")
    seen: list[Request] = []

    def nth(request: Request) -> bool:
        seen.append(request)
        return len(seen) == which

    wire.on(COMMIT, lost_answer(), where=nth)
    assert room.take(body) is None
    assert room.take(body) is None
    assert len(room.email.taken) == 1
    assert room.became(anna)["email"] == ("sent", None)


def test_a_worker_that_died_while_it_sent_leaves_unknown_and_nobody_sends_again(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    body = to_be_sent(room, "email")

    def die() -> None:
        raise Crash

    room.email.before = die
    with pytest.raises(Crash):
        room.take(body)
    room.email.before = lambda: None
    assert room.take(body) == IN_HAND_SECONDS
    room.time.at += IN_HAND_SECONDS * 1_000
    assert room.take(body) is None
    assert room.take(body) is None
    assert room.became(anna)["email"] == ("unknown", "interrupted")
    assert len(room.email.taken) == 1


def test_what_had_no_answer_is_unknown_and_not_sent_again(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    body = to_be_sent(room, "sms")
    room.sms.says = [NO_ANSWER]
    assert (room.take(body), room.take(body)) == (None, None)
    assert (len(room.sms.taken), room.became(anna)["sms"]) == (1, ("unknown", "no_answer"))


# A channel that is down


def test_a_channel_that_is_down_delays_its_own_notice_and_nothing_else(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    room.email.says = [DOWN, DOWN]
    email = to_be_sent(room, "email")
    room.deal()
    assert room.became(anna) == {"email": ("waiting", "channel_down"), "sms": ("sent", None), "push": ("sent", None)}
    assert room.pauses == [PAUSES_SECONDS[0]]
    assert room.take(email) == PAUSES_SECONDS[1]
    assert room.take(email) is None
    assert room.became(anna)["email"] == ("sent", None)


def test_what_is_never_taken_fails_at_the_last_try_and_says_why(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    body = to_be_sent(room, "email")
    room.email.says = [DOWN] * (len(PAUSES_SECONDS) + 1)
    pauses = [room.take(body) for _ in range(len(PAUSES_SECONDS) + 1)]
    assert pauses == [*PAUSES_SECONDS, None]
    assert room.became(anna)["email"] == ("failed", "channel_down")


def test_a_refused_address_fails_at_once(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    room.email.says = [Delivery(Outcome.REFUSED, "email_refused")]
    room.deal()
    assert room.became(anna)["email"] == ("failed", "email_refused")


def test_a_webhook_that_did_not_answer_hears_of_it_again_under_the_same_id(room: Mailroom, anna: WalletId) -> None:
    hook = webhook(room, "issued")
    issued(room, anna)
    room.web.says = [NO_ANSWER]
    room.take(room.queue.bodies.pop(0))
    body = next(each for each in room.queue.all_of("webhook") if json.loads(each)["receiver"] == hook)
    assert room.take(body) == PAUSES_SECONDS[0]
    assert room.take(body) is None
    first, second = room.web.taken
    assert first[2] == second[2]
    told = json.loads(second[4])
    assert (told["type"], told["data"]["amount"], told["data"]["customer"]) == ("credit.issued", 2_500, anna.customer)
    commands.delete_webhook(room.engine.store, hook, Deadline.after(8))


# Reminders


def test_reminders_come_30_7_and_1_days_before_one_for_each_day(room: Mailroom, anna: WalletId) -> None:
    room.till.fill(anna, 1_000, 2_000, expires=At(instant("2027-06-01")))
    room.told(anna)
    for day in ("2027-05-01", "2027-05-24", "2027-05-30"):
        room.time.at = instant(f"{day}T08:59")
        room.day(anna)
        before = len(room.email.taken)
        room.time.at = instant(f"{day}T09:00")
        room.day(anna)
        room.day(anna)
        assert [letter[1] for letter in room.email.taken[before:]] == ["€30.00 of your credit is about to expire"]
        assert "until 31 May 2027" in room.email.taken[-1][2]
    room.time.at = instant("2027-05-31T12:00")
    room.day(anna)
    assert len(room.email.taken) == 3


def test_a_reminder_that_would_come_early_in_a_lots_life_is_left_out(room: Mailroom, anna: WalletId) -> None:
    """35 days: 30 before is more than four fifths of its life."""
    room.till.issue(anna, 1_000, expires=At(NOON + 35 * DAY_MS))
    room.told(anna)
    room.time.at = NOON + 34 * DAY_MS
    room.day(anna)
    assert [each.notice.place for each in room.history(anna) if each.channel == "email"] == ["2027-04-04", "2027-03-29"]


def test_a_campaign_says_on_which_days_it_reminds(room: Mailroom, anna: WalletId) -> None:
    named = f"cmp_{new_key()[:24]}"
    groups = (Group(Fixed(1_000), customers=(anna.customer,)),)
    campaign = Campaign(id=named, name="Spring", currency="EUR", groups=groups, reminders=(14, 3))
    assert commit(room.engine.store, [campaigns.saved(room.docs, campaign, 0)]) is Signal.COMMITTED
    room.campaigns.told[campaign.id] = Terms(reminders=campaign.reminders)
    source = Source("campaign", campaign.id)
    room.till.issue(anna, 1_000, expires=At(instant("2027-06-01")), source=source)
    room.told(anna)
    room.time.at = instant("2027-05-31T09:00")
    room.day(anna)
    reminded = sorted(each.notice.place for each in room.history(anna) if each.channel == "email")
    assert reminded == ["2027-05-17", "2027-05-28"]


def test_credit_that_was_spent_meanwhile_is_no_reason_to_remind(room: Mailroom, anna: WalletId) -> None:
    room.till.issue(anna, 1_000, expires=At(instant("2027-04-01")))
    room.told(anna)
    room.time.at = instant("2027-03-24T09:00")
    room.due(anna)
    room.take(room.queue.bodies.pop(0))
    room.till.redeem(anna, 1_000)
    room.deal()
    assert room.became(anna)["email"] == ("not_sent", "nothing_left")
    assert room.email.taken == []


# The guard


def no_notice(room: Mailroom, wallet: WalletId) -> list[str]:
    return [entry.reason for entry in room.till.entries(wallet) if entry.type is EntryType.EXTENDED]


def paid(room: Mailroom, wallet: WalletId, kind: Kind = Kind.MIGRATION) -> None:
    room.till.issue(wallet, 1_000, kind, expires=At(instant("2027-04-01")))
    room.told(wallet)
    room.time.at = instant("2027-03-30T09:00")


def test_paid_credit_does_not_expire_on_somebody_who_cannot_be_told(room: Mailroom) -> None:
    wallet = new_wallet()
    paid(room, wallet)
    room.day(wallet)
    assert no_notice(room, wallet) == ["no_notice"]
    (lot,) = room.till.stored(wallet).lots
    assert lot.expires_at == instant("2027-04-15") == instant("2027-04-01") + EXTENSION_DAYS * DAY_MS


def test_the_guard_waits_what_becomes_of_the_last_reminder(room: Mailroom, anna: WalletId) -> None:
    room.knows(anna, ONLY_EMAIL)
    paid(room, anna)
    room.email.says = [DOWN] * 50
    room.day(anna)
    assert no_notice(room, anna) == []
    room.time.at += 12 * HOUR_MS
    room.day(anna)
    assert no_notice(room, anna) == ["no_notice"]


def test_credit_whose_reminder_was_taken_expires_as_it_was_told(room: Mailroom, anna: WalletId) -> None:
    paid(room, anna)
    room.day(anna)
    room.time.at += 12 * HOUR_MS
    room.day(anna)
    assert no_notice(room, anna) == []


def test_other_kinds_expire_whether_it_was_told_or_not(room: Mailroom) -> None:
    wallet = new_wallet()
    paid(room, wallet, Kind.PROMOTION)
    room.day(wallet)
    assert no_notice(room, wallet) == []


def test_of_several_workers_the_guard_puts_off_once(room: Mailroom) -> None:
    wallet = new_wallet()
    paid(room, wallet)
    room.due(wallet)
    (body,) = room.queue.bodies
    barrier = threading.Barrier(4)
    real = room.book.get

    def together(customer: str) -> None:
        barrier.wait(10)
        real(customer)

    room.book.get = together  # type: ignore[method-assign]
    room.at_once(body, 4)
    assert no_notice(room, wallet) == ["no_notice"]


def test_credit_that_came_after_the_last_reminder_of_its_day_is_guarded_too(room: Mailroom, anna: WalletId) -> None:
    """Also where that reminder went out: it told of other credit."""
    for wallet in (anna, new_wallet()):
        room.time.at = instant("2027-03-01T09:00")
        paid(room, wallet, Kind.PROMOTION)
        room.day(wallet)
        room.time.at = instant("2027-03-30T10:00")
        room.till.issue(wallet, 700, Kind.MIGRATION, expires=At(instant("2027-04-01")))
        room.told(wallet)
        room.day(wallet)
        assert no_notice(room, wallet) == []
        room.time.at += 12 * HOUR_MS
        room.day(wallet)
        assert no_notice(room, wallet) == ["no_notice"]
        ends = {lot.kind: lot.expires_at for lot in room.till.stored(wallet).lots}
        assert ends == {Kind.PROMOTION: instant("2027-04-01"), Kind.MIGRATION: instant("2027-04-15")}


def test_credit_that_lives_too_short_to_be_reminded_of_does_not_expire_untold(room: Mailroom, anna: WalletId) -> None:
    """It is put off shortly before its end, once; nothing else that ends about then is touched."""
    room.time.at = instant("2027-03-30T12:00")
    room.till.issue(anna, 5_000, Kind.MIGRATION, expires=At(instant("2027-04-03")))
    room.told(anna)
    room.time.at = instant("2027-03-31T20:00")
    for kind in (Kind.MIGRATION, Kind.PROMOTION):
        room.till.issue(anna, 700, kind, expires=At(instant("2027-04-01T12:00")))
        room.told(anna)
    for now, times in (("04-01T08:00", 0), ("04-01T11:00", 1), ("04-01T11:30", 1)):
        room.time.at = instant(f"2027-{now}")
        room.day(anna)
        assert len(no_notice(room, anna)) == times
    ends = [lot.expires_at for lot in room.till.stored(anna).lots]
    assert ends == [instant(f"2027-{end}") for end in ("04-03", "04-15T12:00", "04-01T12:00")]


def test_what_a_lapsed_hold_gives_back_for_a_day_is_not_put_off(room: Mailroom, anna: WalletId) -> None:
    """Its owner had been reminded of the end that it outlived."""
    paid(room, anna)
    room.day(anna)
    room.time.at = instant("2027-03-31T23:00")
    room.till.hold(anna, 1_000, ttl_seconds=7_200)
    room.time.at = instant("2027-04-01T02:00")
    room.till.issue(anna, 1, Kind.PROMOTION)
    (back,) = [lot for lot in room.till.stored(anna).lots if lot.from_release]
    room.told(anna)
    room.time.at = (back.expires_at or 0) - HOUR_MS // 2
    room.day(anna)
    assert no_notice(room, anna) == []


def test_an_end_that_somebody_else_moved_meanwhile_is_left_alone(room: Mailroom, anna: WalletId) -> None:
    paid(room, anna)
    (lot,) = room.till.stored(anna).lots
    stale = Guarded(lot, instant("2027-04-01"))
    room.till.extend(anna, lot.id, At(instant("2027-04-03")))
    put_off(room.engine, anna, stale, Deadline.after(8))
    (lot,) = room.till.stored(anna).lots
    assert lot.expires_at == instant("2027-04-03")


def test_after_it_was_put_off_the_new_end_has_reminders_of_its_own(room: Mailroom, anna: WalletId) -> None:
    room.knows(anna, ONLY_EMAIL, email=None)
    paid(room, anna)
    room.day(anna)
    room.knows(anna, ONLY_EMAIL)
    room.told(anna, since=1)
    room.time.at = instant("2027-04-13T09:00")
    room.day(anna)
    room.time.at += 12 * HOUR_MS
    room.day(anna)
    assert "until 14 April 2027" in room.email.taken[-1][2]
    assert no_notice(room, anna) == ["no_notice"]


# The history


def test_what_was_said_can_be_read_until_the_customer_is_erased(room: Mailroom, anna: WalletId) -> None:
    issued(room, anna)
    room.deal()
    email = next(each for each in room.history(anna) if each.channel == "email")
    assert email.content is not None
    assert email.content["subject"] == "You have received €25.00 credit"
    erasing.erase(room.engine.store, room.docs, anna.customer)
    assert [(each.status.value, each.content, each.reference) for each in room.history(anna)] == [
        ("sent", None, None)
    ] * 3


def test_who_is_erased_while_a_notice_is_being_written_is_told_nothing_and_no_text_stays(
    room: Mailroom, anna: WalletId, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = saying.values_of

    def erased_meanwhile(*facts: Any) -> Any:
        room.knows(anna, erased=True)
        erasing.erase(room.engine.store, room.docs, anna.customer)
        return told(*facts)

    monkeypatch.setattr(saying, "values_of", erased_meanwhile)
    issued(room, anna)
    room.deal()
    assert (room.email.taken, room.sms.taken, room.push.taken) == ([], [], [])
    assert {(each.status.value, each.reason, each.content) for each in room.history(anna)} == {
        ("not_sent", "customer_erased", None)
    }
