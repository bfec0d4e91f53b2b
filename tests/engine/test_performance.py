"""Counters of campaigns on a real DynamoDB: each entry and each order counts once, whoever tells it how often."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import Entry
from chalicelib.ledger.policy import Days
from chalicelib.performance import attribution, queries
from chalicelib.performance.attribution import outstanding
from chalicelib.performance.memberships import enrol
from chalicelib.performance.model import CAMPAIGN, PEOPLE, Purchase, Standing
from chalicelib.performance.observing import observe, order_paid
from chalicelib.performance.queries import Measured
from chalicelib.performance.standing import observed
from chalicelib.performance.store import LANES, MAX_COUNTERS, Standings
from chalicelib.store.codec import entry_attributes
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import WalletId
from chalicelib.store.packing import item_of
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy
from tests.engine.counter import Counter, new_name
from tests.engine.crowd import at_once
from tests.engine.post import cancelled as cancellation
from tests.engine.post import paid
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import cancelled, error, lost_answer, lost_request, throttled
from tests.engine.wire import COMMIT, Fault, Request, Wire
from tests.passbook import Passbook
from tests.unit.performance.life import Life, of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STEPS = 30
NOON = 1_800_000_000_000


def new_campaign() -> str:
    return f"cmp_{uuid.uuid4().hex[:16]}"


def money(store: Store, campaign: str, part: str = "EUR") -> Mapping[str, int]:
    return Standings(store).counts([(campaign, part)]).get((campaign, part), {})


def people(store: Store, campaign: str) -> Mapping[str, int]:
    return money(store, campaign, PEOPLE)


def booked(plain: DynamoDBClient, store: Store, wallet: WalletId, entries: Sequence[Entry]) -> None:
    """These entries in the ledger, as the engine would have written them."""
    for entry in entries:
        plain.put_item(TableName=store.tables.ledger_name, Item=item_of(entry_attributes(wallet, entry)))


def pieces(dice: random.Random, entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """The entries in batches as they may come: some told again, some not at all, but the last."""
    told: list[Sequence[Entry]] = []
    place = 0
    while place < len(entries):
        piece = entries[max(0, place - dice.randrange(3)) : place + dice.randint(1, 9)]
        place = piece[-1].sequence
        told += [piece] * dice.choice([0, 1, 1, 2])
    return [*told, entries[-1:]]


def persistently(told: Callable[[], None]) -> Callable[[], None]:
    """As Lambda does it: told again until it is taken."""

    def until_taken() -> None:
        for _ in range(20):
            try:
                return told()
            except Busy:
                continue
        raise AssertionError("never taken")

    return until_taken


def test_told_twice_by_two_workers_at_once_counters_tie_with_the_ledger(
    store: Store, wire: Wire, plain: DynamoDBClient, dice: random.Random
) -> None:
    campaigns, wallet = (new_campaign(), new_campaign()), new_wallet()
    life = Life(dice, campaigns).run(STEPS)
    booked(plain, store, wallet, life.entries)

    def worker(batches: list[Sequence[Entry]]) -> Callable[[], None]:
        def work() -> None:
            for batch in batches:
                persistently(partial(observe, store, wallet, batch))()

        return work

    at_once([worker(pieces(dice, life.entries)), worker(pieces(dice, life.entries))])
    expected, _ = observed(Standing(wallet.customer), "EUR", life.entries, {})
    for campaign in campaigns:
        assert dict(money(store, campaign)) == dict(expected.owed.get((campaign, "EUR"), {}))
        assert outstanding(money(store, campaign)) == life.remaining().get(campaign, 0)
        assert people(store, campaign).get("recipients", 0) == int((campaign, PEOPLE) in expected.owed)


def test_what_was_never_told_is_read_from_the_ledger(store: Store, wire: Wire, plain: DynamoDBClient) -> None:
    campaign, wallet, book = new_campaign(), new_wallet(), Passbook()
    for number in range(20):
        book.grant(100, source=of(campaign))
        book.redeem(50, f"order-{number}")
    booked(plain, store, wallet, book.entries)
    observe(store, wallet, book.entries[-1:])
    assert money(store, campaign)["issues"] == 20
    assert outstanding(money(store, campaign)) == 1_000


FAULTS = [lost_answer(), lost_request(), throttled(), error(500, after=True), cancelled("TransactionConflict")]


@pytest.mark.parametrize("fault", FAULTS, ids=["lost-answer", "lost-request", "throttled", "500-after", "conflict"])
def test_whatever_happens_to_a_commit_an_entry_counts_once(store: Store, wire: Wire, fault: Fault) -> None:
    campaign, book = new_campaign(), Passbook()
    book.grant(500, source=of(campaign))
    wire.on(COMMIT, fault)
    observe(store, new_wallet(), book.entries)
    assert money(store, campaign) == {"issued": 500, "issues": 1}
    assert people(store, campaign) == {"recipients": 1}


def many_that_expire() -> tuple[list[str], WalletId, Passbook]:
    """More campaigns than one transaction counts, whose credit expires in the last entry of a wallet."""
    campaigns, book = [new_campaign() for _ in range(MAX_COUNTERS + 10)], Passbook()
    for campaign in campaigns:
        book.grant(10, source=of(campaign), expires=Days(3))
    book.later(days=5)
    book.sweep()
    return campaigns, new_wallet(), book


def test_one_entry_may_concern_more_campaigns_than_one_transaction_counts(store: Store, wire: Wire) -> None:
    campaigns, wallet, book = many_that_expire()
    observe(store, wallet, book.entries[:-1])
    wire.on(COMMIT, lost_answer())
    observe(store, wallet, book.entries[-1:])
    assert all(outstanding(money(store, campaign)) == 0 for campaign in campaigns)
    assert all(money(store, campaign)["expired"] == 10 for campaign in campaigns)
    assert not Standings(store).read(wallet.customer).owed


def test_a_worker_that_dies_between_two_transactions_leaves_what_the_next_one_finishes(
    store: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaigns, wallet, book = many_that_expire()
    observe(store, wallet, book.entries[:-1])
    monkeypatch.setattr("chalicelib.performance.store.CHANGE_SECONDS", 2.0)
    sent = wire.count(*COMMIT)
    wire.on(COMMIT, lost_request(), times=None, where=lambda _: wire.count(*COMMIT) > sent + 1)
    with pytest.raises(Busy):
        observe(store, wallet, book.entries[-1:])
    assert Standings(store).read(wallet.customer).owed
    wire.mend()
    observe(store, wallet, book.entries[-1:])
    assert all(outstanding(money(store, campaign)) == 0 for campaign in campaigns)


# Orders


def sold(counter: Counter, campaign: str) -> tuple[WalletId, str]:
    """An order over 30.00 of which 12.00 are credit of the campaign; nobody has said yet that it was paid."""
    wallet, order = new_wallet(), new_name("order")
    counter.till.issue(wallet, 1_500, source=Source(CAMPAIGN, campaign))
    counter.till.redeem(wallet, 1_200, order)
    return wallet, order


def tell_entries(counter: Counter, wallet: WalletId, order: str) -> None:
    observe(counter.till.engine.store, wallet, counter.till.entries(wallet))


def tell_order(counter: Counter, wallet: WalletId, order: str) -> None:
    counter.send("order.paid", paid(wallet, order, 3_000))
    order_paid(counter.till.engine.store, order)


@pytest.mark.parametrize("steps", [[tell_entries, tell_order], [tell_order, tell_entries]], ids=["entries", "order"])
def test_an_order_and_its_redemption_count_once_whichever_is_told_first(
    counter: Counter, steps: list[Callable[[Counter, WalletId, str], None]]
) -> None:
    campaign, store = new_campaign(), counter.till.engine.store
    wallet, order = sold(counter, campaign)
    for _ in range(2):
        for step in steps:
            step(counter, wallet, order)
        told = money(store, campaign)
        assert (told["orders"], told["revenue"], told["overspend"]) == (1, 3_000, 1_800)
        assert people(store, campaign) == {"recipients": 1, "recipients_bought": 1}


def test_an_order_that_is_cancelled_counts_out_again(counter: Counter) -> None:
    campaign, store = new_campaign(), counter.till.engine.store
    wallet, order = sold(counter, campaign)
    tell_entries(counter, wallet, order)
    tell_order(counter, wallet, order)
    counter.send("order.cancelled", cancellation(wallet, order))
    for _ in range(2):
        tell_entries(counter, wallet, order)
        order_paid(store, order)
        told = money(store, campaign)
        assert (told["redeemed"], told["given_back"], outstanding(told)) == (1_200, 1_200, 1_500)
        assert not told.keys() & {"orders", "revenue", "overspend"}
        assert people(store, campaign) == {"recipients": 1}


def test_an_order_that_is_cancelled_while_it_is_counted_does_not_count(counter: Counter, wire: Wire) -> None:
    """Whoever cancels it finds nothing counted yet; and who counts it has read it as it was."""
    campaign, store = new_campaign(), counter.till.engine.store
    wallet, order = sold(counter, campaign)
    tell_entries(counter, wallet, order)
    cancelled_at = list[str]()

    def meanwhile(request: Request) -> None:
        cancelled_at.append(request.operation)
        counter.send("order.cancelled", cancellation(wallet, order))

    wire.on(COMMIT, meanwhile, where=lambda request: store.tables.campaigns_name in str(request.body))
    counter.send("order.paid", paid(wallet, order, 3_000))
    assert len(cancelled_at) == 1
    tell_entries(counter, wallet, order)
    told = money(store, campaign)
    assert (told["redeemed"], told["given_back"]) == (1_200, 1_200)
    assert people(store, campaign) == {"recipients": 1}


def test_an_order_and_its_redemption_count_once_when_both_are_told_at_once(busy_counter: Counter) -> None:
    store = busy_counter.till.engine.store
    for _ in range(5):
        campaign = new_campaign()
        wallet, order = sold(busy_counter, campaign)
        at_once([persistently(partial(step, busy_counter, wallet, order)) for step in (tell_entries, tell_order)])
        told = money(store, campaign)
        assert (told["orders"], told["revenue"], told["overspend"]) == (1, 3_000, 1_800)
        assert people(store, campaign) == {"recipients": 1, "recipients_bought": 1}


def test_an_order_that_is_not_remembered_says_nothing(store: Store, wire: Wire) -> None:
    order_paid(store, new_name("order"))
    assert wire.count(*COMMIT) == 0


def test_the_holdout_is_enrolled_once_by_whomever(store: Store, wire: Wire) -> None:
    campaign, customers = new_campaign(), [new_wallet().customer for _ in range(95)]
    docs = Documents(store, store.tables.campaigns_name)
    workers = [persistently(lambda: enrol(docs, campaign, customers, True, NOON)) for _ in range(2)]
    at_once(workers)
    workers[0]()
    assert people(store, campaign) == {"holdout": 95}


def test_an_order_of_the_holdout_is_one_without_credit(counter: Counter) -> None:
    campaign, wallet, order = new_campaign(), new_wallet(), new_name("order")
    store = counter.till.engine.store
    docs = Documents(store, store.tables.campaigns_name)
    counter.send("order.paid", paid(wallet, order, 3_000, paid_at="2027-03-02T12:00:00Z"))
    order_paid(store, order)
    enrol(docs, campaign, [wallet.customer], True, NOON)
    assert people(store, campaign) == {"holdout": 1, "holdout_bought": 1}
    assert money(store, campaign) == {}


# What it costs


def test_a_grant_is_counted_with_one_read_and_one_write(store: Store, wire: Wire) -> None:
    book = Passbook()
    book.grant(500, source=of(new_campaign()))
    with wire.listen() as heard:
        observe(store, new_wallet(), book.entries)
    assert [request.operation for request in heard] == ["GetItem", "TransactWriteItems"]
    assert len(heard[1].actions) == 3  # the standing, the campaign's money, its people


def test_told_again_an_entry_costs_one_read(store: Store, wire: Wire) -> None:
    wallet, book = new_wallet(), Passbook()
    book.grant(500, source=of(new_campaign()))
    observe(store, wallet, book.entries)
    with wire.listen() as heard:
        observe(store, wallet, book.entries)
    assert [request.operation for request in heard] == ["GetItem"]


def test_workers_at_once_add_to_different_counters(store: Store, wire: Wire) -> None:
    campaign, book = new_campaign(), Passbook()
    book.grant(500, source=of(campaign))
    with wire.listen() as heard:
        at_once([partial(observe, store, new_wallet(), book.entries) for _ in range(8)])
    added = [action["Key"]["sk"]["S"] for request in heard for kind, action in written(request) if kind == "Update"]
    assert len(added) == len(set(added)) == 2 * 8
    assert people(store, campaign) == {"recipients": 8}


def written(request: Request) -> list[tuple[str, dict[str, Any]]]:
    return request.actions if request.operation in COMMIT else []


def test_a_campaigns_figures_are_one_batch_however_many_customers_it_has(store: Store, wire: Wire) -> None:
    campaign, book = new_campaign(), Passbook()
    book.grant(500, source=of(campaign))
    for _ in range(10):
        observe(store, new_wallet(), book.entries)
    with wire.listen() as heard:
        (found,) = queries.performance(store, [Measured(campaign, "EUR", begun=True)])
    assert (found.money[attribution.ISSUED], found.recipients.customers) == (5_000, 10)
    assert [request.operation for request in heard] == ["BatchGetItem"]
    assert len(heard[0].keys) == 2 * LANES


def test_documents_stay_small_in_a_long_life(store: Store, wire: Wire, plain: DynamoDBClient, till: Till) -> None:
    wallet, book, purchases = new_wallet(), Passbook(), dict[str, Purchase]()
    for number in range(90):
        book.grant(10, source=of(f"cmp_{number:024}"))
    after, purchases = observed(Standing(wallet.customer), "EUR", book.entries, purchases)
    observe(store, wallet, book.entries)
    item = plain.get_item(
        TableName=store.tables.campaigns_name,
        Key={"pk": {"S": f"m#{wallet.customer}"}, "sk": {"S": "standing"}},
        ConsistentRead=True,
    )["Item"]
    assert len(after.followed("EUR").lots) == 90
    assert len(item["body"]["B"]) < 4_000
