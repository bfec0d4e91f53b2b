"""Profiles on the engine: each event counts once whatever breaks, in any order, and merging loses no cent."""

from __future__ import annotations

import json
import random
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.customers import commands, distribution, figures
from chalicelib.customers.activity import WalletFigures
from chalicelib.customers.commands import Merging
from chalicelib.customers.daily import DayEmail, DayOrders
from chalicelib.customers.happening import EmailSeen, PersonTold
from chalicelib.customers.profile import Profile
from chalicelib.customers.refusals import CustomerMerged
from chalicelib.customers.store import Profiles, ReadAhead
from chalicelib.ledger.lots import Kind, Source
from chalicelib.ledger.merging import MERGE
from chalicelib.ledger.refusals import HoldOpen, InsufficientCredit, LotLimitExceeded, WalletFrozen
from chalicelib.runtime.clock import Deadline, SystemClock
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import Answer, WalletId, operation_id
from chalicelib.store.packing import inflate
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, KeyReused, OutcomeUnknown
from chalicelib.store.tables import bind
from chalicelib.store.writes import Asked
from dev.audit import survey
from dev.engine import create_tables, delete_tables
from tests.engine.conftest import POLICY
from tests.engine.counter import Counter, new_name
from tests.engine.crowd import at_once, outcomes
from tests.engine.post import cancelled, paid, refunded
from tests.engine.test_event_races import together
from tests.engine.till import Till, new_key, new_wallet, until_known
from tests.engine.trouble import answer, lost_answer, lost_request
from tests.engine.weather import DONE_UNHEARD, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire

MAY = 20_574
"""1 May 2026, in days."""


def told(type_: str, data: dict[str, Any], name: str | None = None, time: str = "2026-05-01T10:00:00Z") -> str:
    name = name or new_name()
    return json.dumps({"specversion": "1.0", "id": name, "source": "shop", "type": type_, "time": time, "data": data})


def profile(counter: Counter, customer: str) -> Profile:
    found = Profiles(counter.till.engine.store).get(customer)
    assert found is not None
    return found


def known(till: Till, customer: str) -> Profile:
    found = Profiles(till.engine.store).get(customer)
    assert found is not None
    return found


def orders(counter: Counter, customer: str) -> tuple[int, int]:
    ever = profile(counter, customer).activity.orders_ever("EUR")
    return ever.count, ever.total


def merge(till: Till, source: str, into: str, key: str | None = None, **how: Any) -> Answer:
    operation = operation_id("tester", key or new_key())
    deadline = Deadline.after(8.0)
    return commands.merge_into(till.engine, source, into, "tester", Asked(operation, into), deadline, shown, **how)


def shown(merging: Merging) -> str:
    return json.dumps({currency: moved.amount for currency, moved in merging.moved.items()})


def until_merged(till: Till, source: str, into: str) -> Answer:
    key = new_key()
    for _ in range(50):
        try:
            return merge(till, source, into, key)
        except (Busy, OutcomeUnknown):
            continue
    raise AssertionError("no outcome")


# What is told of a customer


CUSTOMER_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("customer.updated", {"email": "a@example.com", "tags": ["tea"]}),
    ("email.opened", {}),
    ("email.clicked", {}),
    ("email.subscribed", {}),
    ("product.viewed", {"product": "hat", "collections": ["summer"], "tags": ["new"]}),
    ("collection.viewed", {"collection": "summer"}),
    ("checkout.started", {}),
    ("checkout.abandoned", {"total": 900, "currency": "EUR"}),
]


def test_every_event_of_a_customer_is_applied_and_told_of(counter: Counter) -> None:
    customer, names = new_name("customer"), []
    for type_, data in CUSTOMER_EVENTS:
        names.append(new_name())
        assert counter.post.deliver(told(type_, {"customer": customer, **data}, names[-1])) == []
    found = profile(counter, customer)
    assert (found.person.email, found.person.consents.email, found.version) == ("a@example.com", True, 8)
    assert found.activity.email.cells() == {MAY: DayEmail(opens=1, clicks=1)}
    assert [recent.id for recent in found.activity.recently_viewed] == ["hat"]
    assert found.activity.abandoned is not None and found.activity.checkout_started_at is not None
    fate = counter.post.fate(names[0])
    assert (fate["status"], fate["type"], fate["customer"]) == ("applied", "customer.updated", customer)


def test_an_event_costs_one_read_and_one_write_and_a_duplicate_the_one_read(counter: Counter, wire: Wire) -> None:
    customer = new_name("customer")
    body = told("email.opened", {"customer": customer})
    with wire.listen() as heard:
        assert counter.post.deliver(body) == []
    assert [request.operation for request in heard] == ["BatchGetItem", "TransactWriteItems"]
    assert len(heard[0].keys) == 2, "whether it was applied, and the profile"
    with wire.listen() as heard:
        assert counter.post.deliver(body) == []
        assert counter.post.deliver(body, receives=3) == []
    assert [request.operation for request in heard] == ["BatchGetItem", "BatchGetItem"]
    assert profile(counter, customer).activity.email.cells()[MAY].opens == 1


def test_a_batch_of_ten_customers_costs_one_read_and_a_write_each(counter: Counter, wire: Wire) -> None:
    bodies = [told("email.opened", {"customer": new_name("customer")}) for _ in range(10)]
    with wire.listen() as heard:
        assert counter.post.deliver(*bodies) == []
    assert [request.operation for request in heard] == ["BatchGetItem", *["TransactWriteItems"] * 10]
    assert len(heard[0].keys) == 20


def test_a_profile_that_cannot_be_read_ahead_holds_up_no_message(counter: Counter, wire: Wire) -> None:
    """DynamoDB leaves the keys of a shard unprocessed while it throttles; each message then reads by itself."""
    customer, other = new_name("customer"), new_name("customer")

    def of_profiles(request: Request) -> bool:
        return Profiles(counter.till.engine.store).place(customer).table in request.body["RequestItems"]

    wire.on(("BatchGetItem",), unprocessed, times=None, where=of_profiles)
    bodies = [told("email.opened", {"customer": each}) for each in (customer, other)]
    assert counter.post.deliver(*bodies) == []
    assert [profile(counter, each).activity.email.cells()[MAY].opens for each in (customer, other)] == [1, 1]
    wire.mend()
    assert counter.post.deliver(*bodies) == []
    assert profile(counter, customer).activity.email.cells()[MAY].opens == 1


def unprocessed(request: Request) -> AWSResponse:
    return answer(request, {"Responses": {}, "UnprocessedKeys": request.body["RequestItems"]})


def test_events_of_one_customer_in_one_batch_count_each(counter: Counter, wire: Wire) -> None:
    """The second finds that what was read ahead is used, and reads anew; it loses no race for it."""
    customer = new_name("customer")
    opened = [told("email.opened", {"customer": customer}) for _ in range(3)]
    assert counter.post.deliver(opened[0]) == []
    with wire.listen() as heard:
        assert counter.post.deliver(*opened) == []
    assert [each.operation for each in heard] == ["BatchGetItem", "TransactWriteItems", "GetItem", "TransactWriteItems"]
    assert profile(counter, customer).activity.email.cells()[MAY].opens == 3


def test_what_was_read_ahead_and_has_changed_since_is_not_written_over(counter: Counter, wire: Wire) -> None:
    customer = new_name("customer")
    other = list[str]()

    def meanwhile(_: Request) -> None:
        if not other:
            other.append(told("email.opened", {"customer": customer}))
            assert counter.post.deliver(*other) == []

    wire.on(COMMIT, meanwhile, times=None)
    counter.until_done(told("email.clicked", {"customer": customer}))
    found = profile(counter, customer)
    assert (found.activity.email.cells(), found.version) == ({MAY: DayEmail(opens=1, clicks=1)}, 2)


def test_that_nothing_changes_is_not_said_of_a_profile_that_was_read_ahead(counter: Counter, wire: Wire) -> None:
    """As read ahead the customer was erased, and nothing was to be taken in; since then the shop knows them again."""
    customer, engine, deadline = new_name("customer"), counter.till.engine, Deadline.after(60)
    commands.erase(engine, customer, deadline, lambda told: str(told.version), dry_run=False)
    profiles = Profiles(engine.store)
    place = profiles.place(customer)
    erased = ReadAhead(dict(engine.store.items_at([place]))[place])
    commands.put(engine, customer, {}, None, deadline, lambda told: str(told.version), dry_run=False)
    asked = Asked(new_name(), "", kept_for_ever=True)
    commands.tell(engine, EmailSeen(customer, opens=1), MAY * 86_400_000, asked, deadline, "{}", ahead=erased)
    assert profile(counter, customer).activity.email.cells()[MAY].opens == 1


def test_an_event_of_a_customer_who_was_merged_reads_on_from_what_was_read_ahead(counter: Counter, wire: Wire) -> None:
    customer, into = new_name("customer"), new_name("customer")
    merge(counter.till, customer, into)
    with wire.listen() as heard:
        assert counter.post.deliver(told("email.opened", {"customer": customer})) == []
    assert [request.operation for request in heard] == ["BatchGetItem", "GetItem", "TransactWriteItems"]
    assert profile(counter, into).activity.email.cells()[MAY].opens == 1


@faults(DONE_UNHEARD)
def test_an_answer_lost_after_the_commit_counts_once(counter: Counter, wire: Wire, fault: Callable[[], Fault]) -> None:
    customer = new_name("customer")
    body = told("email.opened", {"customer": customer})
    wire.on(COMMIT, fault())
    counter.until_done(body)
    assert profile(counter, customer).activity.email.cells()[MAY].opens == 1


def test_a_request_that_never_arrived_is_made_again(counter: Counter, wire: Wire) -> None:
    customer = new_name("customer")
    wire.on(COMMIT, lost_request())
    counter.until_done(told("email.clicked", {"customer": customer}))
    assert profile(counter, customer).activity.email.cells()[MAY].clicks == 1


def test_many_workers_at_once_count_every_event_once(busy_counter: Counter) -> None:
    customer = new_name("customer")
    bodies = [told("email.opened", {"customer": customer}) for _ in range(6)]
    together(busy_counter, bodies * 2)
    assert profile(busy_counter, customer).activity.email.cells()[MAY].opens == 6


def test_the_same_event_with_other_data_is_rejected(counter: Counter) -> None:
    name = new_name()
    counter.post.deliver(told("product.viewed", {"customer": new_name("customer"), "product": "hat"}, name))
    assert (
        counter.post.deliver(told("product.viewed", {"customer": new_name("customer"), "product": "cap"}, name)) == []
    )
    (copy,) = counter.post.dead_letters.copies
    assert copy[1]["reason"] == "event_id_reused"


def test_whoever_was_erased_is_not_known_again_by_a_late_event(counter: Counter) -> None:
    customer, engine = new_name("customer"), counter.till.engine
    counter.post.deliver(told("customer.updated", {"customer": customer, "email": "a@example.com"}))
    wallet = WalletId(customer, "EUR")
    counter.send("order.paid", paid(wallet, new_name("order"), 3_000, lines=[LINE]))
    first = commands.erase(engine, customer, Deadline.after(8), lambda told: str(told.version), dry_run=False)
    again = commands.erase(engine, customer, Deadline.after(8), lambda told: str(told.version), dry_run=False)
    assert first.body == again.body
    for type_, data in CUSTOMER_EVENTS:
        counter.post.deliver(told(type_, {"customer": customer, **data}, time="2027-01-01T00:00:00Z"))
    counter.send("order.paid", paid(wallet, new_name("order"), 1_000, lines=[LINE]))
    found = profile(counter, customer)
    assert (found.person.email, found.person.told_at, found.activity.email.days) == (None, {}, ())
    assert (found.activity.bought.cells, found.activity.recently_bought) == ({}, ())
    assert orders(counter, customer) == (2, 4_000)


# What an order counts for


LINE = {"product": "hat", "tags": ["new"], "quantity": 1, "unit_price": 3_000}


def test_an_order_counts_once_and_what_is_refunded_or_cancelled_no_longer(counter: Counter) -> None:
    wallet, order = new_wallet(), new_name("order")
    body = told("order.paid", paid(wallet, order, 3_000, paid_at="2026-05-01T10:00:00Z", lines=[LINE]))
    for receives in (1, 2, 1, 3):
        assert counter.post.deliver(body, receives=receives) == []
    assert orders(counter, wallet.customer) == (1, 3_000)
    refund = new_name("refund")
    counter.send("refund.created", refunded(wallet, order, 1_000, refund))
    assert orders(counter, wallet.customer) == (1, 2_000)
    counter.send("refund.reversed", {"refund_id": refund})
    assert orders(counter, wallet.customer) == (1, 3_000)


def counts_an_order(request: Request) -> bool:
    puts = (each["Put"]["Item"] for each in request.body["TransactItems"] if "Put" in each)
    return any(item.get("sk") == {"S": "contribution"} for item in puts)


@pytest.mark.parametrize("then", ["refunded", "cancelled"])
def test_what_becomes_of_an_order_while_it_begins_to_count_is_not_lost(counter: Counter, wire: Wire, then: str) -> None:
    """Whoever comes meanwhile finds nothing that counts yet, and has nothing to correct: so who counts it must not
    count it as it was."""
    wallet, order = new_wallet(), new_name("order")

    def meanwhile(_: Request) -> None:
        if then == "refunded":
            counter.send("refund.created", refunded(wallet, order, 1_000, new_name("refund")))
        else:
            counter.send("order.cancelled", cancelled(wallet, order))

    wire.on(COMMIT, meanwhile, where=counts_an_order)
    counter.until_done(told("order.paid", paid(wallet, order, 3_000, paid_at="2026-05-01T10:00:00Z")))
    assert orders(counter, wallet.customer) == ((1, 2_000) if then == "refunded" else (0, 0))


def test_a_refund_that_is_undone_while_it_is_counted_counts_no_longer(counter: Counter, wire: Wire) -> None:
    wallet, order, refund = new_wallet(), new_name("order"), new_name("refund")
    counter.until_done(told("order.paid", paid(wallet, order, 3_000, paid_at="2026-05-01T10:00:00Z")))

    def meanwhile(_: Request) -> None:
        counter.send("refund.reversed", {"refund_id": refund})

    wire.on(COMMIT, meanwhile, where=counts_an_order)
    counter.until_done(told("refund.created", refunded(wallet, order, 1_000, refund)))
    assert orders(counter, wallet.customer) == (1, 3_000)
    assert profile(counter, wallet.customer).activity.orders["EUR"].between(MAY, MAY) == DayOrders(1, 3_000)
    counter.send("order.cancelled", cancelled(wallet, order))
    found = profile(counter, wallet.customer).activity
    assert orders(counter, wallet.customer) == (0, 0)
    assert (found.last_order(), found.last_order_day(), list(found.bought.occurrences())) == (None, None, [])


def test_a_fresh_duplicate_of_an_order_costs_one_read(counter: Counter, wire: Wire) -> None:
    body = told("order.paid", paid(new_wallet(), new_name("order"), 3_000))
    assert counter.post.deliver(body) == []
    with wire.listen() as heard:
        assert counter.post.deliver(body) == []
    assert [request.operation for request in heard] == ["GetItem"]


def test_an_order_that_was_applied_and_not_counted_is_counted_when_it_comes_again(counter: Counter, wire: Wire) -> None:
    wallet = new_wallet()
    body = told("order.paid", paid(wallet, new_name("order"), 3_000))
    customers = counter.till.engine.store.tables.customers_name
    wire.on(READ, lost_request(), times=None, where=lambda request: customers in json.dumps(request.body))
    assert counter.post.deliver(body) == [0]
    wire.mend()
    assert Profiles(counter.till.engine.store).get(wallet.customer) is None
    assert counter.post.deliver(body, receives=2) == []
    assert orders(counter, wallet.customer) == (1, 3_000)


@faults(DONE_UNHEARD)
def test_an_order_counts_once_when_no_answer_is_heard(counter: Counter, wire: Wire, fault: Callable[[], Fault]) -> None:
    wallet = new_wallet()
    wire.on(COMMIT, fault(), times=3)
    counter.until_done(told("order.paid", paid(wallet, new_name("order"), 3_000)))
    assert orders(counter, wallet.customer) == (1, 3_000)


def test_orders_of_one_customer_at_once_all_count(busy_counter: Counter) -> None:
    wallet = new_wallet()
    bodies = [told("order.paid", paid(wallet, new_name("order"), 100 * n)) for n in range(1, 7)]
    together(busy_counter, bodies + bodies[:3])
    assert orders(busy_counter, wallet.customer) == (6, 2_100)


def test_in_whatever_order_it_is_told_the_profile_is_the_same(counter: Counter, dice: random.Random) -> None:
    """Payments, refunds, cancellations and what a customer does besides, shuffled and partly told twice."""
    found = []
    names = [new_name("order") for _ in range(3)]
    for _ in range(2):
        wallet, suffix = new_wallet(), new_name("s")
        bodies = [
            told(type_, {"customer": wallet.customer, **data}, time=f"2026-05-0{day}T10:00:00Z")
            for day, (type_, data) in enumerate([*CUSTOMER_EVENTS[:4], ("email.unsubscribed", {})], start=1)
        ]
        for day, name in enumerate(names, start=1):
            at = f"2026-04-1{day}T10:00:00Z"
            order = f"{name}-{suffix}"
            lines = [{**LINE, "product": f"hat-{day}"}]
            bodies.append(told("order.paid", paid(wallet, order, 1_000 * day, paid_at=at, lines=lines)))
        bodies.append(told("order.cancelled", cancelled(wallet, f"{names[0]}-{suffix}")))
        bodies.append(told("refund.created", refunded(wallet, f"{names[1]}-{suffix}", 500)))
        bodies += dice.sample(bodies, 4)
        dice.shuffle(bodies)
        counter.until_done(*bodies)
        told_of = profile(counter, wallet.customer)
        recent = [(order.at, order.total, order.counts) for order in told_of.activity.recent_orders]
        activity = told_of.activity
        found.append((told_of.person, activity.orders, activity.lifetime, recent, activity.bought, activity.email))
    assert found[0] == found[1]


def test_percentiles_are_of_what_customers_spent(counter: Counter) -> None:
    """The counters of a currency that no other test uses."""
    documents = Profiles(counter.till.engine.store).documents
    spent = [n * 10_000 for n in range(1, 11)]
    for total in spent:
        wallet = new_wallet("ISK")
        assert counter.send("order.paid", paid(wallet, new_name("order"), total)) == "applied"
    gone = new_wallet("ISK")
    order = new_name("order")
    counter.send("order.paid", paid(gone, order, 990_000))
    counter.send("order.cancelled", cancelled(gone, order))
    top = distribution.threshold(documents, "ISK", 80)
    assert top is not None
    assert 90_000 * 0.98 <= top <= 90_000
    assert distribution.threshold(documents, "XAF", 80) is None


# Wallets in numbers


def test_entries_count_once_in_the_figures_of_their_wallet(till: Till) -> None:
    wallet = new_wallet()
    till.fill(wallet, 1_000, 500)
    redemption = till.redeem(wallet, 1_200, "o1").redemption
    till.reverse(wallet, redemption, 200)
    entries = till.entries(wallet)
    for part in (entries[:2], entries[:2], entries, entries[1:], entries[-1:]):
        figures.observe_entries(till.engine.store, wallet, part)
    found = known(till, wallet.customer)
    seen = found.activity.wallets["EUR"]
    assert (seen.issued, seen.redemptions, seen.redeemed, seen.sequence) == (1_500, 1, 1_000, entries[-1].sequence)
    assert (seen.first_issued_at, seen.last_redeemed_at) == (entries[0].at, entries[2].at)


def test_late_entries_of_a_merged_customer_count_for_the_other(till: Till) -> None:
    one, other = new_wallet(), new_wallet()
    till.fill(one, 1_000)
    till.fill(other, 300)
    early = till.entries(one)
    figures.observe_entries(till.engine.store, other, till.entries(other))
    merge(till, one.customer, other.customer)
    for wallet, entries in ((one, early), (one, till.entries(one)), (other, till.entries(other)), (one, early)):
        figures.observe_entries(till.engine.store, wallet, entries)
    seen = known(till, other.customer).activity.wallets["EUR"]
    assert seen == WalletFigures(1, 1_300, 0, 0, None, early[0].at)


# Two customers who are one


def test_merging_moves_every_lot_with_its_terms_by_linked_entries(till: Till) -> None:
    one, other = new_wallet(), new_wallet()
    till.issue(one, 1_000, Kind.COMPENSATION, source=Source("ticket", "t-1"), priority=7)
    till.issue(one, 500, Kind.PROMOTION, effective_at=till.engine.store.now() + 3_600_000)
    till.redeem(one, 400, "o1")
    till.fill(other, 200)
    before = till.stored(one)
    answer = merge(till, one.customer, other.customer)
    assert json.loads(answer.body) == {"EUR": 1_100}
    emptied, full = till.check(one), till.check(other)
    assert (emptied.lots, full.remaining) == ((), 1_300)
    kept = ("kind", "lot_class", "remaining", "priority", "effective_at", "expires_at", "conditions", "source")
    for lot, moved in zip(before.lots, full.lots[1:], strict=True):
        assert [getattr(moved, name) for name in kept] == [getattr(lot, name) for name in kept]
    *_, debited, revoked = till.entries(one)
    issued = till.entries(other)[-1]
    assert [each.type for each in (debited, revoked, issued)] == ["debited", "revoked", "issued"]
    assert {debited.source, revoked.source} == {Source(MERGE, other.customer)}
    assert issued.source == Source(MERGE, one.customer)
    assert {each.operation for each in (debited, revoked)} == {issued.operation}
    assert debited.amount + revoked.amount == -issued.amount
    till.redeem(other, 800, "o2")
    till.check(other)


def test_all_currencies_move_at_once(till: Till) -> None:
    one, other = new_name("customer"), new_name("customer")
    for currency in ("EUR", "JPY", "USD"):
        till.fill(WalletId(one, currency), 100)
    assert json.loads(merge(till, one, other).body) == {"EUR": 100, "JPY": 100, "USD": 100}
    for currency in ("EUR", "JPY", "USD"):
        assert till.check(WalletId(one, currency)).remaining == 0
        assert till.check(WalletId(other, currency)).remaining == 100


def test_debt_moves_too(counter: Counter) -> None:
    till = counter.till
    wallet, other, order = new_wallet(), new_wallet(), new_name("order")
    counter.send("order.paid", paid(wallet, order, 3_000))
    till.issue(wallet, 300, Kind.CASHBACK, source=Source("order", order))
    till.redeem(wallet, 300, "another")
    counter.send("refund.created", refunded(wallet, order, 3_000))
    assert till.check(wallet).debt == 300
    merge(till, wallet.customer, other.customer)
    assert (till.check(wallet).debt, till.check(other).debt) == (0, 300)
    till.issue(other, 500, Kind.PROMOTION)
    assert (till.check(other).debt, till.check(other).remaining) == (0, 200)


def test_debt_that_moved_is_given_back_when_its_refund_is_undone(counter: Counter) -> None:
    till = counter.till
    wallet, other, order = new_wallet(), new_wallet(), new_name("order")
    counter.send("order.paid", paid(wallet, order, 3_000))
    till.issue(wallet, 300, Kind.CASHBACK, source=Source("order", order))
    till.redeem(wallet, 300, "another")
    refund = refunded(wallet, order, 3_000)
    counter.send("refund.created", refund)
    merge(till, wallet.customer, other.customer)
    till.issue(other, 500, Kind.PROMOTION)
    assert (till.check(other).debt, till.check(other).remaining) == (0, 200)
    counter.send("refund.reversed", {"refund_id": refund["refund_id"]})
    merge(till, wallet.customer, other.customer)
    assert (till.check(wallet).remaining, till.check(other).remaining) == (0, 500)


@faults(DONE_UNHEARD)
def test_a_merge_whose_answer_was_lost_is_done_once(till: Till, wire: Wire, fault: Callable[[], Fault]) -> None:
    one, other, key = new_wallet(), new_wallet(), new_key()
    till.fill(one, 100, 200)
    wire.on(COMMIT, fault())
    first = merge(till, one.customer, other.customer, key)
    again = merge(till, one.customer, other.customer, key)
    assert (first.body, again.body, again.replayed) == ('{"EUR": 300}', '{"EUR": 300}', True)
    assert (till.check(one).remaining, till.check(other).remaining) == (0, 300)


def test_a_merge_that_dies_unheard_is_told_by_its_key(hasty: Till, wire: Wire) -> None:
    one, other, key = new_wallet(), new_wallet(), new_key()
    hasty.fill(one, 100)
    commits = wire.count(*COMMIT)
    wire.on(COMMIT, lost_answer(), times=None)
    wire.on(READ, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > commits)
    with pytest.raises((OutcomeUnknown, Busy)):
        merge(hasty, one.customer, other.customer, key)
    wire.mend()
    assert merge(hasty, one.customer, other.customer, key).replayed
    assert (hasty.check(one).remaining, hasty.check(other).remaining) == (0, 100)


def test_a_key_stands_for_one_merge(till: Till) -> None:
    one, key = new_wallet(), new_key()
    till.fill(one, 100)
    merge(till, one.customer, new_name("customer"), key)
    with pytest.raises(KeyReused):
        merge(till, one.customer, new_name("customer"), key)


def test_a_merge_and_a_redemption_at_once_lose_no_cent(till: Till) -> None:
    for _ in range(4):
        one, other = new_wallet(), new_wallet()
        till.fill(one, 1_000)
        spent, done = at_once(
            [
                partial(until_known, till.redeem, one, 400, "o1"),
                partial(until_merged, till, one.customer, other.customer),
            ]
        )
        taken = 0 if isinstance(spent, InsufficientCredit) else 400
        assert isinstance(done, Answer)
        assert (till.check(one).remaining, till.check(other).remaining) == (0, 1_000 - taken)


def test_of_two_merges_at_once_one_takes_it_all(till: Till) -> None:
    for _ in range(3):
        one, left, right = new_wallet(), new_wallet(), new_wallet()
        till.fill(one, 700)
        told_of = at_once(partial(until_merged, till, one.customer, into.customer) for into in (left, right))
        assert sorted(outcomes(told_of)) == ["Answer", "CustomerMerged"]
        assert sorted(till.check(each).remaining for each in (one, left, right)) == [0, 0, 700]


def test_two_customers_merged_into_each_other_at_once_are_merged_one_way(till: Till) -> None:
    for _ in range(3):
        one, other = new_wallet(), new_wallet()
        till.fill(one, 100)
        till.fill(other, 50)
        pairs = ((one, other), (other, one))
        told_of = at_once(partial(until_merged, till, source.customer, into.customer) for source, into in pairs)
        assert sorted(outcomes(told_of)) == ["Answer", "CustomerMerged"]
        assert sorted(till.check(each).remaining for each in (one, other)) == [0, 150]


def test_what_stands_in_the_way_of_a_merge_changes_nothing(till: Till) -> None:
    held, frozen, crowded, full = new_wallet(), new_wallet(), new_wallet(), new_wallet()
    for wallet in (held, frozen):
        till.fill(wallet, 100)
    till.hold(held, 60, "o1")
    till.freeze(frozen)
    till.fill(crowded, *[10] * 3)
    till.fill(full, *[10] * 98)
    for source, into, refusal in (
        (held, new_wallet(), HoldOpen),
        (frozen, new_wallet(), WalletFrozen),
        (crowded, frozen, WalletFrozen),
        (crowded, full, LotLimitExceeded),
    ):
        before = till.stored(source), till.stored(into)
        with pytest.raises(refusal):
            merge(till, source.customer, into.customer)
        assert Profiles(till.engine.store).get(source.customer) is None
        assert (till.stored(source), till.stored(into)) == before


def test_a_dry_merge_tells_and_moves_nothing(till: Till) -> None:
    one, other = new_wallet(), new_wallet()
    till.fill(one, 100)
    assert json.loads(merge(till, one.customer, other.customer, dry_run=True).body) == {"EUR": 100}
    assert (till.check(one).remaining, till.stored(other).version) == (100, 0)
    assert Profiles(till.engine.store).get(one.customer) is None


def test_what_is_told_of_a_merged_customer_is_the_others(counter: Counter) -> None:
    one, other = new_wallet(), new_wallet()
    order = new_name("order")
    counter.send("order.paid", paid(one, order, 3_000))
    counter.post.deliver(told("email.opened", {"customer": one.customer}))
    counter.post.deliver(told("email.opened", {"customer": other.customer}))
    counter.post.deliver(told("customer.updated", {"customer": one.customer, "phone": "+4930123456"}))
    name = new_name()
    body = told("customer.merged", {"customer": one.customer, "into": other.customer}, name)
    assert [counter.post.deliver(body), counter.post.deliver(body)] == [[], []]
    assert counter.post.fate(name)["status"] == "applied"
    counter.post.deliver(told("email.opened", {"customer": one.customer}))
    counter.send("refund.created", refunded(one, order, 1_000))
    counter.send("order.paid", paid(one, new_name("order"), 500))
    found = profile(counter, other.customer)
    assert (found.activity.email.cells()[MAY].opens, found.person.phone) == (3, "+4930123456")
    assert orders(counter, other.customer) == (2, 2_500)
    left = profile(counter, one.customer)
    assert (left.merged_into, left.activity.lifetime, left.person.phone) == (other.customer, {}, None)


def test_a_merged_customer_is_neither_merged_elsewhere_nor_written(till: Till) -> None:
    one, other, third = new_wallet(), new_wallet(), new_wallet()
    till.fill(one, 100)
    merge(till, one.customer, other.customer)
    with pytest.raises(CustomerMerged):
        merge(till, one.customer, third.customer)
    with pytest.raises(CustomerMerged):
        merge(till, third.customer, one.customer)
    with pytest.raises(CustomerMerged):
        commands.put(till.engine, one.customer, {}, None, Deadline.after(8), lambda _: "", dry_run=False)
    till.fill(one, 40)
    assert json.loads(merge(till, one.customer, other.customer).body) == {"EUR": 40}
    assert till.check(other).remaining == 140


def test_a_customer_behind_two_merges_is_found(till: Till) -> None:
    first, second, third = (new_name("customer") for _ in range(3))
    merge(till, first, second)
    merge(till, second, third)
    asked, what = Asked(operation_id("shop", new_key()), "f"), PersonTold(first, {"locale": "de-DE"})
    commands.tell(till.engine, what, 1, asked, Deadline.after(8), "{}")
    assert known(till, third).person.locale == "de-DE"


def test_late_credit_of_a_customer_behind_two_merges_goes_to_the_last(till: Till) -> None:
    first, second, third = new_wallet(), new_wallet(), new_wallet()
    merge(till, first.customer, second.customer)
    merge(till, second.customer, third.customer)
    till.fill(first, 70)
    with pytest.raises(CustomerMerged):
        merge(till, first.customer, second.customer)
    with pytest.raises(CustomerMerged):
        merge(till, first.customer, new_name("customer"))
    assert json.loads(merge(till, first.customer, third.customer).body) == {"EUR": 70}
    assert (till.check(first).remaining, till.check(third).remaining) == (0, 70)
    found = Profiles(till.engine.store).get(first.customer)
    assert found is not None
    assert found.merged_into == second.customer


def test_late_credit_does_not_go_to_who_is_merged_in_the_meantime(till: Till, wire: Wire) -> None:
    first, second, third = new_wallet(), new_wallet(), new_wallet()
    merge(till, first.customer, second.customer)
    till.fill(first, 70)

    def meanwhile(_: Request) -> None:
        until_merged(till, second.customer, third.customer)

    wire.on(COMMIT, meanwhile)
    with pytest.raises(CustomerMerged):
        merge(till, first.customer, second.customer)
    assert (till.check(first).remaining, till.stored(second).remaining) == (70, 0)
    merge(till, first.customer, third.customer)
    assert till.check(third).remaining == 70


def test_spend_of_two_customers_is_counted_as_one_after_a_merge(counter: Counter) -> None:
    """The counters of a currency that no other test uses."""
    documents = Profiles(counter.till.engine.store).documents
    one, other = new_wallet("PLN"), new_wallet("PLN")
    for wallet in (one, other):
        counter.send("order.paid", paid(wallet, new_name("order"), 1_000))
    merge(counter.till, one.customer, other.customer)
    counts: dict[str, int] = {}
    for document in documents.get_many((f"d#p{number:02}", "PLN") for number in range(32)).values():
        for bucket, number in document.counts.items():
            counts[bucket] = counts.get(bucket, 0) + number
    assert {bucket: number for bucket, number in counts.items() if number} == {str(distribution.bucket_of(2_000)): 1}


def test_the_audit_of_everything_ties_after_merges(endpoint: str, intake_stage: None) -> None:
    """Merged by a call and by an event, with debt and what is pending. On tables of its own, since all is read."""
    names = [f"{what}-{new_key()[:12]}" for what in ("wallets", "ledger", "customers", "campaigns")]
    create_tables(endpoint, names[0], names[1], customers=names[2], campaigns=names[3])
    bound = bind(*names)
    counter = Counter(Till(Engine(Store(bound, connect(bound), SystemClock(), test_clock=False), POLICY)))
    till, (one, other, third) = counter.till, (new_wallet() for _ in range(3))
    till.fill(one, 1_000, 500)
    till.issue(one, 300, effective_at=till.engine.store.now() + 3_600_000)
    order = new_name("order")
    counter.send("order.paid", paid(one, order, 3_000))
    till.issue(one, 250, Kind.CASHBACK, source=Source("order", order), priority=0)
    till.redeem(one, 1_700, "another")
    refund = refunded(one, order, 3_000)
    counter.send("refund.created", refund)
    merge(till, one.customer, other.customer)
    body = {"customer": other.customer, "into": third.customer}
    assert counter.post.deliver(told("customer.merged", body)) == []
    counter.send("refund.created", refunded(one, order, 1))
    counter.send("refund.reversed", {"refund_id": refund["refund_id"]})
    assert till.check(one).remaining == 0
    report = survey(till.engine.store)
    assert (report.differences, report.unbalanced, report.wallets) == ([], [], 3)
    assert till.check(third).remaining == report.outstanding["EUR"] > 0
    delete_tables(endpoint, *names)


# Put and erased


@faults(DONE_UNHEARD)
def test_a_put_whose_answer_was_lost_is_one_version_and_keeps_no_copy_of_the_person(
    till: Till, wire: Wire, fault: Callable[[], Fault]
) -> None:
    """Also where the version was named that the put itself has moved on."""
    customer, deadline = new_name("customer"), Deadline.after(8.0)
    telling = {"email": "secret@example.com"}
    commands.put(till.engine, customer, telling, 0, deadline, lambda told: str(told.version), dry_run=False)
    wire.on(COMMIT, fault())
    with wire.listen() as heard:
        told_of = commands.put(till.engine, customer, telling, 1, deadline, _with_email, dry_run=False)
    assert (told_of.body, known(till, customer).version) == ("secret@example.com 2", 2)
    puts = [what for request in heard if request.operation in COMMIT for _, what in request.actions]
    kept = [inflate(b64decode(put["Item"]["answer"]["B"])) for put in puts if "answer" in put["Item"]]
    assert kept and not any("secret" in answer for answer in kept)


def _with_email(told: Profile) -> str:
    return f"{told.person.email} {told.version}"
