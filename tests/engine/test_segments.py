"""Segments on a real engine: kept once, replaced on the version that was seen; counted and listed within bounds."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import pytest

from chalicelib.customers import distribution
from chalicelib.customers.activity import with_orders
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import SHARDS, Profiles
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.refusals import NotFound, VersionConflict
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import commands, matching, members, preview, queries
from chalicelib.segments.commands import Ask
from chalicelib.segments.drafting import drafted
from chalicelib.segments.evaluation import evaluate, facts_for
from chalicelib.segments.members import Place
from chalicelib.segments.preview import Preview
from chalicelib.segments.store import Segment
from chalicelib.segments.where import parse
from chalicelib.store.commit import Engine
from chalicelib.store.connections import connect
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.reading import Store
from chalicelib.store.signals import Busy, KeyReused, Signal
from chalicelib.store.tables import bind
from chalicelib.store.writes import Asked, commit
from dev.engine import create_tables, delete_tables
from tests.engine.conftest import POLICY
from tests.engine.night import Time
from tests.engine.till import Till
from tests.engine.trouble import lost_answer
from tests.engine.wire import COMMIT, Wire
from tests.passbook import instant

NOW = instant("2026-09-21T12:00")
CUSTOMERS = [f"customer-{number:03}" for number in range(330)]
BUYERS = CUSTOMERS[::3]
"""Each has one order, worth 1,000 more than the one before; the others did nothing."""
EVERYBODY = {"field": "orders.count", "op": ">=", "value": 0}
HAS_BOUGHT = {"field": "orders.count", "op": ">", "value": 0}
SPENT_MOST = {"field": "spend.percentile", "op": ">=", "value": 80}
HAS_CREDIT = {"field": "wallet.available", "op": ">=", "value": 500, "of": "EUR"}
PATIENCE = 60.0


@dataclass(frozen=True)
class Town:
    """Customers in tables in which nobody else is."""

    store: Store
    wire: Wire

    @property
    def engine(self) -> Engine:
        return Engine(self.store, POLICY, sleep=lambda _: None)

    def count(self, tree: Any, profiles: int = preview.PREVIEW_PROFILES) -> Preview:
        facts = facts_for(self.store, UTC, NOW)
        return preview.preview(self.store, parse(tree), facts, Deadline.after(PATIENCE), profiles)

    def members(self, tree: Any, limit: int) -> Iterator[list[str]]:
        """Page by page."""
        place: Place | None = Place()
        while place is not None:
            facts = facts_for(self.store, UTC, NOW)
            page, place = members.members(self.store, parse(tree), facts, place, limit, Deadline.after(PATIENCE))
            yield page


@pytest.fixture(scope="module")
def settled(endpoint: str) -> Iterator[Town]:
    suffix = uuid.uuid4().hex[:12]
    wallets, ledger, customers, campaigns = (
        f"{table}-{suffix}" for table in ("wallets", "ledger", "customers", "campaigns")
    )
    create_tables(endpoint, wallets, ledger, customers=customers, campaigns=campaigns)
    tables = bind(wallets, ledger, customers, campaigns)
    store = Store(tables, connect(tables, pool_connections=64), Time(NOW), test_clock=False)
    _move_in(store)
    yield Town(store, Wire(store.connections))
    delete_tables(endpoint, wallets, ledger, customers, campaigns)


@pytest.fixture
def town(settled: Town) -> Iterator[Town]:
    settled.wire.sent.clear()
    yield settled
    settled.wire.mend()
    settled.wire.check_reads()


def _move_in(store: Store) -> None:
    source = Profiles(store)
    nobodies = [Profile(customer) for customer in CUSTOMERS]
    people = list(nobodies)
    for number, customer in enumerate(BUYERS, 1):
        place = CUSTOMERS.index(customer)
        activity = with_orders(people[place].activity, NOW // DAY_MS - 5, "EUR", 1, 1_000 * number)
        people[place] = replace(people[place], activity=activity)
    for start in range(0, len(people), 60):
        stretch = slice(start, start + 60)
        counted = distribution.moved(source.documents, zip(nobodies[stretch], people[stretch], strict=True))
        written = [source.write(profile) for profile in people[stretch]]
        assert commit(store, [*written, *counted]) is Signal.COMMITTED


# Counting


def test_a_preview_that_reads_everybody_is_exact(town: Town) -> None:
    told = town.count(HAS_BOUGHT)
    assert (told.matched, told.total, told.exact, told.error) == (len(BUYERS), len(CUSTOMERS), True, 0)
    assert told.evaluated_at == NOW
    assert len(set(told.sample)) == 20
    assert set(told.sample) <= set(BUYERS)


def test_a_preview_reads_no_more_than_it_may_and_says_how_far_off_it_can_be(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    page = Profiles.looked_at

    def seen(self: Profiles, shard: str, after: str | None, limit: int) -> tuple[Iterator[Profile], str | None]:
        found, behind = page(self, shard, after, limit)
        profiles = list(found)
        read.extend(profile.customer for profile in profiles)
        return iter(profiles), behind

    monkeypatch.setattr(Profiles, "looked_at", seen)
    # One shard after the other: which of them there is room for is then no matter of luck, which one interval in twenty
    # of those that hold 19 times in 20 would lack.
    monkeypatch.setattr(preview, "THREADS", 1)
    told = town.count(HAS_BOUGHT, profiles=120)
    assert len(set(read)) == len(read) <= 120
    assert told.exact is False
    assert told.error is not None
    assert abs(told.matched - len(BUYERS)) <= told.error
    assert abs(told.total - len(CUSTOMERS)) < len(CUSTOMERS) // 2
    assert set(told.sample) <= set(BUYERS)


@pytest.mark.parametrize("page", [7, 50, 500])
def test_a_preview_is_exact_where_there_is_room_for_everybody(
    town: Town, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Also where every thread takes more than it needs, and some shard is larger than the first."""
    monkeypatch.setattr(preview, "PAGE_PROFILES", page)
    told = town.count(HAS_BOUGHT, profiles=len(CUSTOMERS) + 1)
    assert (told.matched, told.total, told.exact) == (len(BUYERS), len(CUSTOMERS), True)


def test_what_cannot_be_scaled_up_is_the_least_that_it_can_be(town: Town) -> None:
    told = town.count(EVERYBODY, profiles=3)
    assert (told.matched, told.total, told.exact, told.error) == (3, 3, False, None)


def test_the_top_fifth_is_a_fifth_of_those_who_spent_and_the_same_for_a_release(town: Town) -> None:
    told = town.count(SPENT_MOST)
    assert told.matched == len(BUYERS) // 5
    facts = facts_for(town.store, UTC, NOW, "EUR")
    matcher = matching.compile(parse(SPENT_MOST), facts)
    people = list(Profiles(town.store).get_many(CUSTOMERS).values())
    richest = evaluate(town.store, people, [matcher], lambda person, _: person.customer).matched
    assert set(richest) == set(BUYERS[-len(BUYERS) // 5 :])


def test_wallets_are_read_for_those_only_whom_nothing_else_decides_about(town: Town) -> None:
    till = Till(town.engine)
    for customer, amount in ((BUYERS[0], 500), (BUYERS[1], 499), (CUSTOMERS[1], 900)):
        till.issue(WalletId(customer, "EUR"), amount)
    facts = facts_for(town.store, UTC, NOW)
    trees = ({"all": [HAS_BOUGHT, HAS_CREDIT]}, {"field": "orders.count", "op": "=", "value": 0})
    matchers = [matching.compile(parse(tree), facts) for tree in trees]
    people = [Profiles(town.store).get_many(CUSTOMERS[:5])[customer] for customer in CUSTOMERS[:5]]
    with town.wire.listen() as heard:
        evaluated = evaluate(town.store, people, matchers, lambda person, first: (person.customer, first))
    assert evaluated.matched == [(people[place].customer, first) for place, first in ((0, 0), (1, 1), (2, 1), (4, 1))]
    (read,) = heard
    assert {pk for pk, _ in read.keys} == set(BUYERS[:2])
    assert town.count(HAS_CREDIT).matched == 2


# Members


@pytest.mark.parametrize("limit", [1, 7, 250])
def test_every_member_is_listed_once_page_by_page(town: Town, limit: int) -> None:
    pages = list(town.members(HAS_BOUGHT, limit))
    assert max(map(len, pages)) <= limit
    found = [customer for page in pages for customer in page]
    assert len(found) == len(set(found))
    assert set(found) == set(BUYERS)


def test_a_page_of_members_looks_through_no_more_than_it_may(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "PAGE_QUERIES", 5)
    with town.wire.listen() as heard:
        pages = list(town.members({"not": EVERYBODY}, 250))
    assert pages == [[]] * 7, "thirty-two shards, five a page"
    assert sum(request.operation == "Query" for request in heard) == len(SHARDS)


def test_a_page_without_time_says_so_and_moves_nowhere(town: Town) -> None:
    with pytest.raises(Busy):
        members.members(town.store, parse(EVERYBODY), facts_for(town.store, UTC, NOW), Place(), 9, Deadline.after(0))


# Segments themselves


def shown(segment: Segment) -> str:
    return json.dumps([segment.id, segment.name, segment.version])


def asked(request: str = "request") -> Asked:
    return Asked(operation_id("marketer", uuid.uuid4().hex), request)


def ask(key: Asked | None) -> Ask:
    return Ask(key, Deadline.after(PATIENCE), shown)


BOUGHT = drafted(HAS_BOUGHT, None, None)


def test_a_segment_is_made_once_for_its_key_whatever_becomes_of_the_answer(town: Town) -> None:
    key = asked()
    town.wire.on(COMMIT, lost_answer())
    first = commands.create(town.engine, "Buyers", BOUGHT, ask(key))
    again = commands.create(town.engine, "Buyers", BOUGHT, ask(key))
    assert again.replayed
    assert again.body == first.body == json.dumps([f"seg_{key.operation}", "Buyers", 1])
    with pytest.raises(KeyReused):
        commands.create(town.engine, "Others", BOUGHT, ask(replace(key, fingerprint="another")))
    docs = queries.documents(town.store)
    assert (queries.one(docs, f"seg_{key.operation}").where, _rows(town)) == (HAS_BOUGHT, 1)


def _rows(town: Town) -> int:
    return sum(1 for _ in queries.documents(town.store).all("#segments"))


def test_of_puts_on_the_same_version_one_wins(town: Town) -> None:
    key = asked()
    commands.create(town.engine, "Buyers", BOUGHT, ask(key))
    segment, told = f"seg_{key.operation}", list[str]()
    start = threading.Barrier(4)

    def marketer(number: int) -> None:
        start.wait()
        try:
            told.append(commands.put(town.engine, segment, f"name-{number}", BOUGHT, 1, ask(None)).body)
        except VersionConflict as conflict:
            told.append(f"conflict {conflict.facts['current_version']}")

    everyone = [threading.Thread(target=marketer, args=(number,)) for number in range(4)]
    for each in everyone:
        each.start()
    for each in everyone:
        each.join()
    assert sorted(told)[1:] == ["conflict 2"] * 3
    assert json.loads(sorted(told)[0])[1] == queries.one(queries.documents(town.store), segment).name


def test_a_put_without_a_version_replaces_whatever_is_there_and_its_lost_answer_is_found(town: Town) -> None:
    key = asked()
    commands.create(town.engine, "Buyers", BOUGHT, ask(key))
    segment = f"seg_{key.operation}"
    town.wire.on(COMMIT, lost_answer())
    assert json.loads(commands.put(town.engine, segment, "New", BOUGHT, None, ask(None)).body) == [segment, "New", 2]
    town.wire.on(COMMIT, lost_answer())
    assert commands.delete(town.engine, segment, ask(None)).body
    with pytest.raises(NotFound):
        commands.delete(town.engine, segment, ask(None))
