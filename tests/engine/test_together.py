"""What is bought together on the engine: each order counts once whatever breaks, and holds nothing up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from chalicelib.customers.store import Profiles
from chalicelib.customers.together import FADE_AT, MOST_PARTNERS, Partners, partners_body, partners_of
from chalicelib.customers.together_store import (
    MARK,
    MAX_ATTEMPTS,
    SHARDS,
    bought_together_with,
    count_together,
    shard_of,
)
from chalicelib.runtime.clock import Deadline
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit
from tests.engine.counter import Counter, new_name
from tests.engine.post import cancelled, event, paid
from tests.engine.test_event_races import together
from tests.engine.till import new_wallet
from tests.engine.trouble import Kept, lost_request
from tests.engine.trouble import cancelled as refused
from tests.engine.weather import DONE_UNHEARD, NOT_DONE_KNOWN, NOT_DONE_UNKNOWN, READ_FAULTS, faults
from tests.engine.wire import COMMIT, READ, Fault, Request, Wire


def names(count: int = 3) -> list[str]:
    """Products that no other test sells."""
    return [new_name("product") for _ in range(count)]


def sold(products: list[str], order: str | None = None, name: str | None = None) -> str:
    """The event of an order with these products."""
    lines = [{"product": product, "quantity": 1, "unit_price": 100} for product in products]
    data = paid(new_wallet(), order or new_name("order"), 100 * len(products), lines=lines)
    return event("order.paid", data, name)


def counted(counter: Counter, product: str) -> dict[str, int]:
    return dict(bought_together_with(counter.till.engine.store, [product]))


def of_together(request: Request) -> bool:
    """Whether a request reads or writes what is bought together."""
    return f'"{MARK}"' in json.dumps(request.body)


def counted_now(store: Store, products: list[str], order: str) -> bool:
    return count_together(store, order, products, Deadline.after(8), sleep=lambda _: None)


# Once for each order


def test_each_product_of_an_order_is_counted_with_each_other_one(counter: Counter) -> None:
    tea, pot, cup = names()
    for products in ([tea, pot, cup], [tea, pot, tea], [cup]):
        assert counter.post.deliver(sold(products)) == []
    assert counted(counter, tea) == {pot: 2, cup: 1}
    assert counted(counter, pot) == {tea: 2, cup: 1}
    assert counted(counter, cup) == {tea: 1, pot: 1}


def test_an_order_counts_once_however_often_it_is_told(counter: Counter) -> None:
    (tea, pot), order = names(2), new_name("order")
    wallet = new_wallet()
    lines = [{"product": product, "quantity": 1, "unit_price": 100} for product in (tea, pot)]
    data = paid(wallet, order, 200, lines=lines)
    for name in ("once", "again"):
        for receives in (1, 2, 1, 3):
            assert counter.post.deliver(event("order.paid", data, f"{order}-{name}"), receives=receives) == []
    counter.send("order.cancelled", cancelled(wallet, order))
    assert counted(counter, tea) == {pot: 1}


@faults(DONE_UNHEARD | NOT_DONE_UNKNOWN | NOT_DONE_KNOWN)
def test_an_order_counts_once_whatever_becomes_of_the_answer(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    tea, pot = names(2)
    body = sold([tea, pot])
    wire.on(COMMIT, fault(), where=of_together)
    assert counter.post.deliver(body) == []
    assert counter.post.deliver(body, receives=2) == []
    assert counted(counter, tea) == {pot: 1}


def test_a_request_that_lands_late_counts_nothing_twice(counter: Counter, wire: Wire) -> None:
    tea, pot = names(2)
    late = Kept()
    wire.on(COMMIT, late, where=of_together)
    assert counter.post.deliver(sold([tea, pot])) == []
    late.deliver()
    assert counted(counter, tea) == {pot: 1}


def test_two_workers_with_one_order_count_it_once(busy_counter: Counter) -> None:
    tea, pot = names(2)
    together(busy_counter, [sold([tea, pot], new_name("order"), new_name())] * 2)
    assert counted(busy_counter, tea) == {pot: 1}


def test_of_many_orders_at_once_each_is_counted_whole_or_not_at_all(busy_counter: Counter) -> None:
    tea, pot, cup = names()
    orders = [new_name("order") for _ in range(12)]
    together(busy_counter, [sold([tea, pot, cup], order) for order in orders])
    documents = Profiles(busy_counter.till.engine.store).documents
    marked = len(documents.get_many((f"o#{order}", MARK) for order in orders))
    assert 0 < marked <= len(orders)
    for one, other, third in ((tea, pot, cup), (pot, cup, tea), (cup, tea, pot)):
        assert counted(busy_counter, one) == {other: marked, third: marked}


# It holds nothing up


@faults({"conflict": lambda: refused("TransactionConflict"), "request lost": lost_request})
def test_what_cannot_be_written_is_left_and_the_order_is_done(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    tea, pot = names(2)
    body = sold([tea, pot])
    wire.on(COMMIT, fault(), times=None, where=of_together)
    with wire.listen() as heard:
        assert counter.post.deliver(body) == []
    assert sum(of_together(request) for request in heard if request.operation in COMMIT) == MAX_ATTEMPTS
    assert counted(counter, tea) == {}
    wire.mend()
    assert counter.post.deliver(body, receives=2) == []
    assert counted(counter, tea) == {pot: 1}


@faults(READ_FAULTS)
def test_what_cannot_be_read_is_left_and_the_order_is_done(
    counter: Counter, wire: Wire, fault: Callable[[], Fault]
) -> None:
    tea, pot = names(2)
    wire.on(READ, fault(), times=None, where=of_together)
    assert counter.post.deliver(sold([tea, pot])) == []
    wire.mend()
    assert counted(counter, tea) == {}


def test_without_time_nothing_is_begun(counter: Counter, wire: Wire) -> None:
    with wire.listen() as heard:
        assert not count_together(counter.till.engine.store, new_name("order"), names(2), Deadline.after(0.5))
    assert heard == []


# What it costs


@pytest.mark.parametrize(("products", "items"), [(0, 0), (1, 0), (2, 3), (5, 6), (40, 6)])
def test_an_order_of_two_products_or_more_costs_one_read_and_one_write(
    counter: Counter, wire: Wire, products: int, items: int
) -> None:
    store, sold_together = counter.till.engine.store, names(products)
    with wire.listen() as heard:
        assert counted_now(store, sold_together, new_name("order"))
    expected = ["BatchGetItem", "TransactWriteItems"] if items else []
    assert [request.operation for request in heard] == expected
    assert [len(request.keys) for request in heard if request.operation in READ] == [items] * bool(items)
    assert [len(request.actions) for request in heard if request.operation in COMMIT] == [items] * bool(items)


def test_what_follows_from_any_other_order_costs_what_it_did(counter: Counter, wire: Wire) -> None:
    told = []
    for products in ([], names(1), names(1) * 3, names(2)):
        body = sold(products)
        with wire.listen() as heard:
            assert counter.post.deliver(body) == []
        told.append([request.operation for request in heard])
    without, one, same, two = told
    assert without == one == same
    assert two == [*one, "BatchGetItem", "TransactWriteItems"]


def test_an_order_that_was_counted_costs_one_read(counter: Counter, wire: Wire) -> None:
    store, products, order = counter.till.engine.store, names(3), new_name("order")
    assert counted_now(store, products, order)
    with wire.listen() as heard:
        assert counted_now(store, products, order)
    assert [request.operation for request in heard] == ["BatchGetItem"]


def test_partners_of_three_products_are_read_at_once_from_all_shards(counter: Counter, wire: Wire) -> None:
    store, (tea, pot, cup, jar) = counter.till.engine.store, names(4)
    orders = {shard_of(order): order for order in (f"{tea}-{number}" for number in range(64))}
    assert len(orders) == SHARDS
    for order in orders.values():
        assert counted_now(store, [tea, pot], order)
        assert counted_now(store, [cup, pot], f"{order}-more")
    with wire.listen() as heard:
        found = bought_together_with(store, [tea, tea, cup, jar, pot])
    assert found == {pot: 2 * SHARDS}
    assert [(request.operation, len(request.keys)) for request in heard] == [("BatchGetItem", 3 * SHARDS)]
    with wire.listen() as heard:
        assert bought_together_with(store, []) == {}
    assert heard == []


def test_a_table_that_is_full_stays_as_large_as_it_is(counter: Counter) -> None:
    store, (tea, pot), order = counter.till.engine.store, names(2), new_name("order")
    documents = Documents(store, store.tables.customers_name)
    key = (f"t#{tea}", str(shard_of(order)))
    full = Partners({f"{place:02}" * 32: FADE_AT // 50 for place in range(MOST_PARTNERS)}, FADE_AT - 1)
    assert commit(store, [documents.save(key, partners_body(full), 0)]) is Signal.COMMITTED
    assert counted_now(store, [tea, pot], order)
    found = documents.get(key)
    assert found is not None
    after = partners_of(found.body)
    assert (after.told, after.lost, len(after.counts)) == (FADE_AT // 2, 1, MOST_PARTNERS)
