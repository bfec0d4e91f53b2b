"""Rules on a real DynamoDB: what an order earns is granted once, within the cap, and never past a refund."""

from __future__ import annotations

import uuid
from collections import Counter as Count
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At, Days
from chalicelib.ledger.refusals import ConditionNotMet, VersionConflict
from chalicelib.rules import applying, commands
from chalicelib.rules import store as rule_store
from chalicelib.rules.applying import Applied, apply_rules
from chalicelib.rules.commands import Ask
from chalicelib.rules.model import MAX_RULES_OF_ORDER, Base, Rule, State, Terms
from chalicelib.rules.source import FRESH_SECONDS, StoredRules
from chalicelib.runtime.clock import Deadline
from chalicelib.store.envelope import WalletId
from chalicelib.store.reading import Store, Subject
from chalicelib.store.signals import OutcomeUnknown
from chalicelib.store.writes import Asked, commit
from tests.engine.counter import Counter, new_name
from tests.engine.crowd import at_once
from tests.engine.post import Post, cancelled, event, paid, refunded
from tests.engine.till import Till, new_wallet
from tests.engine.trouble import lost_answer, lost_request
from tests.engine.wire import COMMIT, READ, Wire

THREADS = 8
ROUNDS = 5
"""Times that a race is run."""


class Merchant:
    """Makes rules for a site of its own, so that no other test's orders earn by them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.site = new_name("site")
        self.made: list[Rule] = []

    def rule(self, **terms: Any) -> Rule:
        said = {"name": "autumn", "currency": "EUR", "basis_points": 1_000, "base": Base.TOTAL, **terms}
        docs, now = rule_store.documents(self.store), self.store.clock.now()
        rule = Rule(f"rul_{uuid.uuid4().hex[:24]}", Terms(sites=(self.site,), **said), State.ACTIVE, now, now, "me")
        rule = replace(rule, created_at=now - DAY_MS)
        commit(self.store, [rule_store.saved(docs, rule)])
        self.made.append(rule)
        return replace(rule, version=1)

    def order(self, counter: Counter, total: int = 20_000, wallet: WalletId | None = None, **told: Any) -> Order:
        order = Order(wallet or new_wallet(), new_name("order"), total)
        assert counter.send("order.paid", paid(order.wallet, order.id, total, site=self.site, **told)) == "applied"
        return order

    def apply(self, till: Till, order: Order, seconds: float = 8.0) -> Count[str]:
        """Hold the rules as they are stored now against an order; how many did what."""
        told = apply_rules(till.engine, order.id, Deadline.after(seconds), StoredRules(self.store))
        mine = {rule.id for rule in self.made}
        return Count(each.outcome for each in told if each.rule in mine)

    def until_applied(self, till: Till, order: Order) -> Count[str]:
        """As a queue does that hands the order over until it is done."""
        for _ in range(20):
            try:
                return self.apply(till, order)
            except OutcomeUnknown:
                continue
        raise AssertionError("it comes again for ever")

    def clear_away(self) -> None:
        docs = rule_store.documents(self.store)
        left = docs.get_many((rule_store.RULES, rule.id) for rule in self.made)
        for document in left.values():
            commit(self.store, [docs.drop(document.key, document.version)])


class Order:
    def __init__(self, wallet: WalletId, order_id: str, total: int) -> None:
        self.wallet, self.id, self.total = wallet, order_id, total


class NoRules:
    """What the intake knows of the rules here: nothing, so that a test says itself when an order is held to them."""

    def current(self) -> tuple[Rule, ...]:
        return ()


@pytest.fixture
def merchant(store: Store, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Merchant]:
    monkeypatch.setattr(applying, "rules_of", lambda _: NoRules())
    merchant = Merchant(store)
    yield merchant
    wire.mend()
    merchant.clear_away()


def issued(till: Till, wallet: WalletId) -> list[int]:
    return [entry.amount for entry in till.entries(wallet) if entry.reason == "rule"]


# Once


def test_an_order_earns_once_however_often_it_is_told(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(expires=Days(30))
    order = merchant.order(counter)
    assert merchant.apply(counter.till, order) == {"granted": 1}
    for _ in range(3):
        assert merchant.apply(counter.till, order) == {"done_before": 1}
    assert issued(counter.till, order.wallet) == [2_000]
    assert counter.remaining(order.wallet) == 2_000


def test_what_an_order_earned_does_not_pay_for_it(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(expires=Days(30))
    order = merchant.order(counter)
    merchant.apply(counter.till, order)
    with pytest.raises(ConditionNotMet):
        counter.till.redeem(order.wallet, 500, Cart(order.id, 10_000))
    counter.till.redeem(order.wallet, 500, Cart(f"{order.id}-next", 10_000))


def test_an_order_earns_once_by_each_rule(counter: Counter, merchant: Merchant) -> None:
    merchant.rule()
    merchant.rule(basis_points=None, fixed=300)
    merchant.rule(total_over=20_000)
    order = merchant.order(counter)
    assert merchant.apply(counter.till, order) == {"granted": 2}
    assert sorted(issued(counter.till, order.wallet)) == [300, 2_000]
    stored = counter.till.engine.store.order(order.id)
    assert stored is not None
    assert stored.earned == 2


def test_a_changed_rule_does_not_grant_again_for_the_same_order(counter: Counter, merchant: Merchant) -> None:
    rule = merchant.rule()
    order = merchant.order(counter)
    merchant.apply(counter.till, order)
    commands.put(counter.till.engine, rule.id, replace(rule.terms, basis_points=2_000), 1, ask())
    assert merchant.apply(counter.till, order) == {"done_before": 1}
    later = merchant.order(counter)
    merchant.apply(counter.till, later)
    assert issued(counter.till, later.wallet) == [4_000]
    (entry,) = counter.till.entries(later.wallet)
    assert entry.earned is not None
    assert (entry.earned.rule, entry.earned.rule_version, entry.earned.base) == (rule.id, 2, 20_000)


@pytest.mark.parametrize("fault", [lost_answer, lost_request])
def test_a_lost_line_grants_once(counter: Counter, merchant: Merchant, wire: Wire, fault: Callable[[], Any]) -> None:
    merchant.rule(cap_per_customer=5)
    order = merchant.order(counter)
    wire.on(COMMIT, fault())
    outcome = merchant.until_applied(counter.till, order)
    assert sum(outcome.values()) == 1
    assert issued(counter.till, order.wallet) == [2_000]
    assert tally(counter, merchant, order.wallet) == (1, 2_000)


def test_an_answer_lost_for_good_is_found_when_the_order_comes_again(
    counter: Counter, merchant: Merchant, wire: Wire
) -> None:
    merchant.rule(cap_per_customer=1)
    order = merchant.order(counter)
    wire.on(COMMIT, lost_answer(), times=None)
    wire.on(READ, lost_request(), times=None, where=lambda request: request.asks_for_operation)
    with pytest.raises(OutcomeUnknown):
        merchant.apply(counter.till, order)
    wire.mend()
    assert merchant.until_applied(counter.till, order) == {"done_before": 1}
    assert issued(counter.till, order.wallet) == [2_000]


def test_many_workers_at_once_grant_once(busy_counter: Counter, merchant: Merchant) -> None:
    merchant.rule()
    order = merchant.order(busy_counter)
    told = at_once([partial(merchant.until_applied, busy_counter.till, order)] * THREADS)
    assert sum(told, Count()) == {"granted": 1, "done_before": THREADS - 1}
    assert issued(busy_counter.till, order.wallet) == [2_000]


def test_an_order_that_is_paid_earns_by_itself_and_again_only_what_it_has_not_yet(
    counter: Counter, merchant: Merchant, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the intake: the first worker dies before the rule is held to the order, and the message comes again."""
    monkeypatch.setattr(applying, "rules_of", StoredRules)
    merchant.rule()
    wallet, order = new_wallet(), new_name("order")
    body = event("order.paid", paid(wallet, order, 20_000, site=merchant.site, paid_at="2099-01-01T00:00:00Z"))
    wire.on(COMMIT, lost_request(), times=None, where=lambda request: "rule:" in str(request.body))
    assert counter.post.deliver(body) == [0]
    assert issued(counter.till, wallet) == []
    wire.mend()
    for receives in (2, 3):
        assert counter.post.deliver(body, receives=receives) == []
    assert issued(counter.till, wallet) == [2_000]


# The cap


def tally(counter: Counter, merchant: Merchant, wallet: WalletId) -> tuple[int, int]:
    (rule,) = merchant.made
    seen = counter.till.engine.store.read(wallet, Subject(tally=f"rule/{rule.id}")).tally
    return seen.times, seen.amount


def test_a_customer_gets_as_many_grants_as_the_cap_says(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(cap_per_customer=2)
    wallet = new_wallet()
    orders = [merchant.order(counter, 10_000, wallet) for _ in range(4)]
    told = [merchant.apply(counter.till, order) for order in orders]
    assert told == [{"granted": 1}, {"granted": 1}, {"not_earned": 1}, {"not_earned": 1}]
    assert tally(counter, merchant, wallet) == (2, 2_000)
    assert merchant.apply(counter.till, orders[0]) == {"done_before": 1}
    assert merchant.apply(counter.till, merchant.order(counter, 10_000)) == {"granted": 1}


@pytest.mark.parametrize("_", range(ROUNDS))
def test_two_orders_at_once_and_a_cap_of_one_are_one_grant(busy_counter: Counter, merchant: Merchant, _: int) -> None:
    merchant.rule(cap_per_customer=1)
    wallet = new_wallet()
    orders = [merchant.order(busy_counter, 10_000, wallet) for _ in range(2)]
    told = at_once([partial(merchant.until_applied, busy_counter.till, order) for order in orders])
    assert sum(told, Count()) == {"granted": 1, "not_earned": 1}
    assert issued(busy_counter.till, wallet) == [1_000]
    assert tally(busy_counter, merchant, wallet) == (1, 1_000)


def test_the_tally_is_only_replaced_as_it_was_read(counter: Counter, merchant: Merchant, wire: Wire) -> None:
    merchant.rule(cap_per_customer=2)
    wallet = new_wallet()
    conditions = []
    for _ in range(2):
        order = merchant.order(counter, 10_000, wallet)
        with wire.listen() as heard:
            merchant.apply(counter.till, order)
        (granting,) = (request for request in heard if request.operation in COMMIT)
        (put,) = (put for _, put in granting.actions if put["Item"].get("sk") == {"S": "tally"})
        conditions.append(put["ConditionExpression"])
    assert conditions[0].startswith("attribute_not_exists")
    assert "=" in conditions[1]


def test_a_rule_without_a_cap_reads_and_writes_no_tally(counter: Counter, merchant: Merchant, wire: Wire) -> None:
    merchant.rule()
    order = merchant.order(counter)
    with wire.listen() as heard:
        merchant.apply(counter.till, order)
    assert "#tally" not in str([request.body for request in heard])


# Refunds


def test_a_refund_below_the_threshold_takes_all_of_it_back(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(total_over=15_000)
    order = merchant.order(counter)
    merchant.apply(counter.till, order)
    assert counter.send("refund.created", refunded(order.wallet, order.id, 4_000)) == "applied"
    assert counter.remaining(order.wallet) == 1_600
    assert counter.send("refund.created", refunded(order.wallet, order.id, 1_000)) == "applied"
    assert counter.remaining(order.wallet) == 0


def test_a_deleted_rule_grants_nothing_and_what_it_granted_is_still_taken_back(
    counter: Counter, merchant: Merchant
) -> None:
    rule = merchant.rule(total_over=15_000)
    order = merchant.order(counter)
    merchant.apply(counter.till, order)
    commands.delete(counter.till.engine, rule.id, ask())
    assert merchant.apply(counter.till, merchant.order(counter)) == {}
    assert counter.remaining(order.wallet) == 2_000
    counter.send("refund.created", refunded(order.wallet, order.id, 5_000))
    assert counter.remaining(order.wallet) == 0


def test_an_order_refunded_before_its_grant_earns_on_what_is_left(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(total_over=15_000)
    order = merchant.order(counter)
    counter.send("refund.created", refunded(order.wallet, order.id, 4_000))
    merchant.apply(counter.till, order)
    assert issued(counter.till, order.wallet) == [1_600]
    below = merchant.order(counter)
    counter.send("refund.created", refunded(below.wallet, below.id, 5_000))
    assert merchant.apply(counter.till, below) == {}


def test_a_cancelled_order_earns_nothing(counter: Counter, merchant: Merchant) -> None:
    merchant.rule()
    order = merchant.order(counter)
    counter.send("order.cancelled", cancelled(order.wallet, order.id))
    assert merchant.apply(counter.till, order) == {}


def deliver(engine_of: Counter, body: str) -> None:
    worker = Post(engine_of.till.engine)
    for receives in range(1, 40):
        if not worker.deliver(body, receives=min(receives, 4)):
            return
    raise AssertionError("it comes again for ever")


@pytest.mark.parametrize("funded", [True, False], ids=["wallet", "no wallet yet"])
@pytest.mark.parametrize("_", range(ROUNDS))
def test_a_grant_and_a_refund_at_once_end_as_if_one_came_first(
    busy_counter: Counter, merchant: Merchant, funded: bool, _: int
) -> None:
    """Whichever does: below the threshold nothing is left."""
    merchant.rule(total_over=15_000)
    wallet = new_wallet()
    if funded:
        busy_counter.till.fill(wallet, 700, kind=Kind.COMPENSATION)
    order = merchant.order(busy_counter, wallet=wallet)
    body = event("refund.created", refunded(order.wallet, order.id, 5_000))
    at_once([partial(deliver, busy_counter, body), partial(merchant.until_applied, busy_counter.till, order)])
    assert busy_counter.remaining(wallet) == (700 if funded else 0)


@pytest.mark.parametrize("funded", [True, False], ids=["wallet", "no wallet yet"])
def test_a_grant_committed_between_the_reads_and_the_commit_of_a_refund_is_taken_back(
    counter: Counter, merchant: Merchant, wire: Wire, funded: bool
) -> None:
    """The refund has decided without the grant: only the order's version tells it."""
    merchant.rule(total_over=15_000)
    wallet = new_wallet()
    if funded:
        counter.till.fill(wallet, 700, kind=Kind.COMPENSATION)
    order = merchant.order(counter, wallet=wallet)

    def grant_meanwhile(_: object) -> None:
        assert merchant.apply(counter.till, order) == {"granted": 1}

    wire.on(COMMIT, grant_meanwhile)
    deliver(counter, event("refund.created", refunded(order.wallet, order.id, 5_000)))
    assert issued(counter.till, wallet) == [2_000]
    assert counter.remaining(wallet) == (700 if funded else 0)


@pytest.mark.parametrize("funded", [True, False], ids=["wallet", "no wallet yet"])
def test_a_grant_committed_while_a_refund_reads_is_taken_back(
    counter: Counter, merchant: Merchant, wire: Wire, store: Store, monkeypatch: pytest.MonkeyPatch, funded: bool
) -> None:
    """A batch is not read at one moment: the wallet is of before the grant, the order of after it."""
    merchant.rule(total_over=15_000)
    wallet = new_wallet()
    if funded:
        counter.till.fill(wallet, 700, kind=Kind.COMPENSATION)
    order = merchant.order(counter, wallet=wallet)
    items = store.items
    torn: list[object] = []

    def torn_read(keys: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        if torn or len(keys) < 2 or keys[0] != (wallet.customer, wallet.currency):
            return items(keys)
        torn.append(keys)
        wallet_then = items(keys[:1])
        assert merchant.apply(counter.till, order) == {"granted": 1}
        return {**items(keys[1:]), **wallet_then}

    monkeypatch.setattr(store, "items", torn_read)
    deliver(counter, event("refund.created", refunded(order.wallet, order.id, 5_000)))
    assert torn
    assert counter.remaining(wallet) == (700 if funded else 0)


def test_a_refund_committed_between_the_reads_and_the_commit_of_a_grant_is_seen(
    counter: Counter, merchant: Merchant, wire: Wire
) -> None:
    """It gives nothing to the wallet, which therefore does not move."""
    merchant.rule(total_over=15_000)
    order = merchant.order(counter)
    body = event("refund.created", refunded(order.wallet, order.id, 5_000))
    wire.on(COMMIT, lambda _: deliver(counter, body))
    assert merchant.apply(counter.till, order) == {"not_earned": 1}
    assert counter.till.entries(order.wallet) == []


# What a wallet cannot take, and what an order costs


def test_a_rule_that_cannot_grant_keeps_no_other_from_it(counter: Counter, merchant: Merchant) -> None:
    merchant.rule(expires=At(1))
    merchant.rule()
    order = merchant.order(counter)
    assert merchant.apply(counter.till, order) == {"expires_in_past": 1, "granted": 1}


def test_an_order_earns_by_at_most_so_many_rules(counter: Counter, merchant: Merchant) -> None:
    for _ in range(MAX_RULES_OF_ORDER + 2):
        merchant.rule(basis_points=None, fixed=100)
    order = merchant.order(counter)
    assert merchant.apply(counter.till, order) == {"granted": MAX_RULES_OF_ORDER, "not_earned": 2}
    assert counter.send("refund.created", refunded(order.wallet, order.id, 20_000)) == "applied"
    assert counter.remaining(order.wallet) == 0


def test_an_order_that_no_rule_is_about_costs_one_read(counter: Counter, merchant: Merchant, wire: Wire) -> None:
    merchant.rule(total_over=30_000)
    order = merchant.order(counter)
    source = StoredRules(merchant.store)
    source.current()
    with wire.listen() as heard:
        assert apply_rules(counter.till.engine, order.id, Deadline.after(8), source) == ()
    assert [request.operation for request in heard] == ["GetItem"]


# The rules themselves


def ask(operation: str | None = None) -> Ask:
    asked = Asked(operation, "request") if operation else None
    return Ask("marketer", asked, Deadline.after(8), lambda rule: f"{rule.id} {rule.state} {rule.version}")


def test_a_rule_is_made_once_for_its_key(counter: Counter, merchant: Merchant) -> None:
    operation = uuid.uuid4().hex[:24]
    terms = Terms("autumn", "EUR", fixed=100, sites=(merchant.site,))
    told = [commands.create(counter.till.engine, terms, ask(operation)) for _ in range(2)]
    assert [answer.replayed for answer in told] == [False, True]
    assert {answer.body for answer in told} == {f"rul_{operation} active 1"}
    commands.delete(counter.till.engine, f"rul_{operation}", ask())


def test_of_two_changes_from_one_version_one_is_refused(counter: Counter, merchant: Merchant) -> None:
    rule = merchant.rule()
    assert commands.put(counter.till.engine, rule.id, replace(rule.terms, name="a"), 1, ask()).body.endswith("2")
    with pytest.raises(VersionConflict):
        commands.put(counter.till.engine, rule.id, replace(rule.terms, name="b"), 1, ask())


def test_a_rule_is_paused_and_resumed_and_orders_of_meanwhile_earn_nothing(
    counter: Counter, merchant: Merchant
) -> None:
    rule, engine = merchant.rule(), counter.till.engine
    commands.pause(engine, rule.id, ask(uuid.uuid4().hex[:24]))
    assert merchant.apply(counter.till, merchant.order(counter)) == {}
    commands.resume(engine, rule.id, ask(uuid.uuid4().hex[:24]))
    assert merchant.apply(counter.till, merchant.order(counter)) == {"granted": 1}


def test_what_a_process_knows_of_the_rules_is_seconds_old(counter: Counter, merchant: Merchant, wire: Wire) -> None:
    time = [0.0]
    source = StoredRules(merchant.store, lambda: time[0])
    assert source.current() == ()
    rule = merchant.rule()
    assert source.current() == ()
    source.look_again()
    assert [each.id for each in source.current()] == [rule.id], "who has received an order goes by the rules of now"
    other = merchant.rule()
    time[0] = FRESH_SECONDS
    assert {each.id for each in source.current()} == {rule.id, other.id}
    wire.on(("Query",), lost_request(), times=None)
    time[0] += FRESH_SECONDS
    assert {each.id for each in source.current()} == {rule.id, other.id}


def test_the_outcome_says_what_was_granted(counter: Counter, merchant: Merchant) -> None:
    rule = merchant.rule()
    order = merchant.order(counter)
    told = apply_rules(counter.till.engine, order.id, Deadline.after(8), StoredRules(merchant.store))
    assert Applied(rule.id, "granted", 2_000) in told
