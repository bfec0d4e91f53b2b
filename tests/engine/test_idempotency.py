"""One key, one effect: a command sent again gets the answer that it got first, and another command is turned away."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.ledger.refusals import InsufficientCredit, Refused
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import KeyReused
from tests.engine.movements import MOVEMENTS, Movement, named
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import lost_request
from tests.engine.wire import COMMIT, READ, Wire

every_movement = pytest.mark.parametrize("movement", MOVEMENTS, ids=named)


@every_movement
def test_a_replay_is_the_first_answer_byte_for_byte(hasty: Till, movement: Callable[[Till], Movement]) -> None:
    asked, key = movement(hasty), new_key()
    first = asked.send(key=key)
    hasty.issue(asked.wallet, 77)
    again = asked.send(key=key)
    assert not first.replayed
    assert again.replayed
    assert again.answer.body == first.answer.body
    assert hasty.effects(asked.wallet, first.operation) == asked.entries
    hasty.check(asked.wallet)


@every_movement
def test_a_dry_run_answers_the_same_and_writes_nothing(
    hasty: Till, wire: Wire, movement: Callable[[Till], Movement]
) -> None:
    asked, key = movement(hasty), new_key()
    before, entries = hasty.stored(asked.wallet), hasty.entries(asked.wallet)
    with wire.listen() as heard:
        tried = asked.send(key=key, dry_run=True)
    assert [request.operation for request in heard if request.operation not in READ] == []
    assert len(heard) == 1
    assert hasty.stored(asked.wallet) == before
    assert hasty.entries(asked.wallet) == entries
    done = asked.send(key=key)
    assert not done.replayed
    assert done.told.keys() == tried.told.keys()
    assert done.told.get("balance") == tried.told.get("balance")


def test_a_dry_run_is_refused_as_the_command_would_be(hasty: Till, wire: Wire) -> None:
    wallet = new_wallet()
    hasty.issue(wallet, 100)
    with wire.listen() as heard, pytest.raises(InsufficientCredit):
        hasty.redeem(wallet, 200, dry_run=True)
    assert len(heard) == 1


@every_movement
def test_many_threads_with_one_key_have_one_effect_and_one_answer(
    till: Till, movement: Callable[[Till], Movement]
) -> None:
    asked, key = movement(till), new_key()
    with ThreadPoolExecutor(16) as crowd:
        receipts = list(crowd.map(lambda _: asked.send(key=key), range(16)))
    assert len({receipt.answer.body for receipt in receipts}) == 1
    assert sum(not receipt.replayed for receipt in receipts) == 1
    assert till.effects(asked.wallet, receipts[0].operation) == asked.entries
    till.check(asked.wallet)


def test_a_success_is_replayed_when_the_balance_is_by_now_too_small(hasty: Till) -> None:
    wallet, key = new_wallet(), new_key()
    hasty.issue(wallet, 1_000)
    first = hasty.redeem(wallet, 600, "order-1", key=key)
    hasty.redeem(wallet, 400, "order-2")
    assert hasty.redeem(wallet, 600, "order-1", key=key).answer.body == first.answer.body
    assert hasty.check(wallet).remaining == 0


def test_a_success_is_replayed_whatever_became_of_the_wallet(hasty: Till) -> None:
    wallet, key = new_wallet(), new_key()
    hasty.issue(wallet, 1_000)
    first = hasty.hold(wallet, 400, "order-1", key=key)
    hasty.release(wallet, first.hold)
    hasty.freeze(wallet)
    assert hasty.hold(wallet, 400, "order-1", key=key).answer.body == first.answer.body
    assert hasty.check(wallet).held == 0


def test_a_reversal_of_all_that_is_left_is_replayed_though_nothing_is_left(hasty: Till) -> None:
    wallet, key = new_wallet(), new_key()
    hasty.issue(wallet, 1_000)
    redemption = hasty.redeem(wallet, 600).redemption
    first = hasty.reverse(wallet, redemption, key=key)
    assert hasty.reverse(wallet, redemption, key=key).answer.body == first.answer.body
    assert hasty.check(wallet).remaining == 1_000


OTHERS: dict[str, Callable[[Till, WalletId, str], object]] = {
    "amount": lambda till, wallet, key: till.redeem(wallet, 401, "order-1", key=key),
    "order": lambda till, wallet, key: till.redeem(wallet, 400, "order-2", key=key),
    "command": lambda till, wallet, key: till.debit(wallet, 400, key=key),
    "wallet": lambda till, wallet, key: till.redeem(_filled(till), 400, "order-1", key=key),
    "currency": lambda till, wallet, key: till.redeem(
        _filled(till, WalletId(wallet.customer, "USD")), 400, "order-1", key=key
    ),
    "amount, and too much": lambda till, wallet, key: till.redeem(wallet, 10_000, "order-1", key=key),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_the_same_key_for_another_request_is_turned_away_without_effect(
    hasty: Till, other: Callable[[Till, WalletId, str], object]
) -> None:
    wallet, key = _filled(hasty), new_key()
    first = hasty.redeem(wallet, 400, "order-1", key=key)
    version = hasty.stored(wallet).version
    with pytest.raises(KeyReused):
        other(hasty, wallet, key)
    assert hasty.check(wallet).version == version
    assert hasty.effects(wallet, first.operation) == ["redeemed"]
    assert hasty.stored(WalletId(wallet.customer, "USD")).version in (0, 1)


def test_a_refusal_is_not_remembered(hasty: Till) -> None:
    wallet, key = new_wallet(), new_key()
    hasty.issue(wallet, 100)
    for _ in range(2):
        with pytest.raises(InsufficientCredit):
            hasty.redeem(wallet, 300, "order-1", key=key)
    hasty.issue(wallet, 200)
    assert not hasty.redeem(wallet, 300, "order-1", key=key).replayed
    assert hasty.check(wallet).remaining == 0


def test_the_ids_of_what_a_command_makes_are_the_same_on_its_retry(hasty: Till, wire: Wire) -> None:
    """Also when the first attempt never arrived, and the second makes it."""
    wallet, keys = new_wallet(), [new_key() for _ in range(3)]
    tried = hasty.issue(wallet, 1_000, key=keys[0], dry_run=True).lot
    wire.on(COMMIT, lost_request())
    assert hasty.issue(wallet, 1_000, key=keys[0]).lot == tried
    tried = hasty.redeem(wallet, 100, "order-1", key=keys[1], dry_run=True).redemption
    wire.on(COMMIT, lost_request())
    assert hasty.redeem(wallet, 100, "order-1", key=keys[1]).redemption == tried
    tried = hasty.hold(wallet, 100, "order-2", key=keys[2], dry_run=True).hold
    wire.on(COMMIT, lost_request())
    assert hasty.hold(wallet, 100, "order-2", key=keys[2]).hold == tried
    hasty.check(wallet)


@pytest.mark.parametrize("sides", [2, 16])
def test_the_first_movement_of_a_wallet_that_does_not_exist_may_come_from_many_sides(till: Till, sides: int) -> None:
    wallet = new_wallet()
    with ThreadPoolExecutor(sides) as crowd:
        lots = list(crowd.map(lambda side: till.issue(wallet, 100 + side).lot, range(sides)))
    assert len(set(lots)) == sides
    stored = till.check(wallet)
    assert stored.version == sides
    assert stored.remaining == sum(range(100, 100 + sides))


def test_what_is_refused_on_a_wallet_that_does_not_exist_leaves_no_wallet(hasty: Till, wire: Wire) -> None:
    wallet = new_wallet()
    commands: tuple[Callable[[], object], ...] = (
        lambda: hasty.redeem(wallet, 1),
        lambda: hasty.hold(wallet, 1),
        lambda: hasty.debit(wallet, 1),
        lambda: hasty.revoke(wallet, "lot_1"),
    )
    for command in commands:
        with wire.listen() as heard, pytest.raises(Refused):
            command()
        assert all(request.operation in READ for request in heard)
    assert hasty.stored(wallet).version == 0


def _filled(till: Till, wallet: WalletId | None = None) -> WalletId:
    wallet = wallet or new_wallet()
    till.issue(wallet, 1_000)
    return wallet
