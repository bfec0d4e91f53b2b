"""What an attacker, an odd client or an unlucky moment might try. Each was, or looked like, a way to a wrong answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.ledger.refusals import HoldClosed, NotFound, OverReversal
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import KeyReused
from tests.engine.till import Till, new_key, new_wallet
from tests.engine.trouble import answer
from tests.engine.wire import Request, Wire

# One key for several commands


def test_a_hold_sent_again_with_its_key_gets_its_answer_while_it_is_open(till: Till) -> None:
    wallet, key = new_wallet(), new_key()
    till.issue(wallet, 1_000)
    first = till.hold(wallet, 400, "order-1", key=key)
    again = till.hold(wallet, 400, "order-1", key=key)
    assert again.replayed
    assert again.answer.body == first.answer.body
    assert till.check(wallet).held == 400


@pytest.mark.parametrize("what", ["capture", "release"])
def test_the_key_of_a_hold_does_not_serve_to_end_it(till: Till, what: str) -> None:
    wallet, key = new_wallet(), new_key()
    till.issue(wallet, 1_000)
    hold = till.hold(wallet, 400, key=key).hold
    with pytest.raises(KeyReused):
        getattr(till, what)(wallet, hold, key=key)
    assert till.check(wallet).held == 400


def test_the_key_of_a_redemption_does_not_serve_to_reverse_it(till: Till) -> None:
    wallet, key = new_wallet(), new_key()
    till.issue(wallet, 1_000)
    redemption = till.redeem(wallet, 400, key=key).redemption
    with pytest.raises(KeyReused):
        till.reverse(wallet, redemption, key=key)
    assert till.check(wallet).remaining == 600


def test_a_second_hold_for_the_order_with_the_key_of_the_first_is_another_request(till: Till) -> None:
    wallet, key = new_wallet(), new_key()
    till.issue(wallet, 1_000)
    till.hold(wallet, 400, "order-1", key=key)
    with pytest.raises(KeyReused):
        till.hold(wallet, 500, "order-1", key=key)
    assert till.check(wallet).held == 400


def test_a_key_is_of_one_wallet_even_if_the_request_looks_the_same(till: Till) -> None:
    here, there, key = new_wallet(), new_wallet(), new_key()
    till.issue(here, 1_000)
    till.issue(there, 1_000)
    till.redeem(here, 400, key=key, fingerprint="f" * 64)
    with pytest.raises(KeyReused):
        till.redeem(there, 400, key=key, fingerprint="f" * 64)
    assert till.check(there).remaining == 1_000


def test_a_key_is_of_one_caller(till: Till) -> None:
    wallet, key = new_wallet(), new_key()
    till.issue(wallet, 1_000)
    till.redeem(wallet, 400, key=key, caller="web")
    assert not till.redeem(wallet, 400, key=key, caller="pos").replayed
    assert till.check(wallet).remaining == 200


# Ids that are not what they say


def test_a_redemption_is_only_known_by_its_own_id(till: Till) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    redemption = till.redeem(wallet, 400).redemption
    with pytest.raises(NotFound):
        till.reverse(wallet, redemption.replace("rdm_", "hld_"))
    assert till.check(wallet).remaining == 600


@pytest.mark.parametrize("what", ["capture", "release"])
def test_a_hold_is_only_known_by_its_own_id(till: Till, what: str) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    hold = till.hold(wallet, 400).hold
    with pytest.raises(NotFound):
        getattr(till, what)(wallet, hold.replace("hld_", "rdm_"))
    assert till.check(wallet).held == 400


@pytest.mark.parametrize("redemption", ["", "rdm_", "rdm_x", "#clock", "rdm_" + "a" * 24, "rdm_" + "A" * 24, "r" * 500])
def test_an_id_that_nothing_has_is_not_found(till: Till, redemption: str) -> None:
    with pytest.raises(NotFound):
        till.reverse(new_wallet(), redemption)


def test_what_is_another_wallets_is_not_found(till: Till) -> None:
    here, there = new_wallet(), new_wallet()
    till.fill(here, 1_000)
    till.fill(there, 1_000)
    redemption, hold = till.redeem(here, 100).redemption, till.hold(here, 100).hold
    attempts: list[tuple[Callable[..., Any], str]] = [
        (till.reverse, redemption),
        (till.capture, hold),
        (till.release, hold),
    ]
    for command, record in attempts:
        with pytest.raises(NotFound):
            command(there, record)
        with pytest.raises(NotFound):
            command(WalletId(here.customer, "USD"), record)
    assert till.check(there).remaining == 1_000
    assert till.check(here).held == 100


@pytest.mark.parametrize("customer", ["a", "operation", "clock", "EUR", "a:EUR", "@", "+", "a@b.c", "x" * 128])
def test_a_customer_may_be_called_like_anything_of_ours(till: Till, customer: str) -> None:
    wallet = WalletId(f"{customer[:100]}-{new_key()[:20]}", "EUR")
    till.issue(wallet, 1_000)
    till.redeem(wallet, 400)
    assert till.check(wallet).remaining == 600


# The items of a batch are not read at one moment: the record perhaps before, and the wallet after, somebody moved both


def out_of_step(till: Till, wallet: WalletId, meanwhile: Callable[[], object]) -> Callable[[Request], Any]:
    """The records of a batch as they were before `meanwhile`, the wallet as it is after."""

    def fault(request: Request) -> Any:
        table = till.engine.store.tables.wallets_name
        early = json.loads(request.send().content)["Responses"][table]
        meanwhile()
        late = json.loads(request.send().content)["Responses"][table]
        is_wallet = {"S": wallet.customer}
        items = [item for item in early if item["pk"] != is_wallet] + [item for item in late if item["pk"] == is_wallet]
        return answer(request, {"Responses": {table: items}, "UnprocessedKeys": {}})

    return fault


def test_a_reversal_never_starts_from_a_record_older_than_its_wallet(till: Till, wire: Wire) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    redemption = till.redeem(wallet, 1_000).redemption
    wire.on(("BatchGetItem",), out_of_step(till, wallet, lambda: till.reverse(wallet, redemption, 700)))
    with pytest.raises(OverReversal):
        till.reverse(wallet, redemption, 700)
    assert till.check(wallet).remaining == 700
    assert till.reverse(wallet, redemption).told["redemption"]["reversed"] == 1_000


@pytest.mark.parametrize("ended", ["release", "capture"])
def test_who_loses_a_hold_between_two_reads_is_told_what_became_of_it(till: Till, wire: Wire, ended: str) -> None:
    wallet = new_wallet()
    till.issue(wallet, 1_000)
    hold = till.hold(wallet, 400).hold
    wire.on(("BatchGetItem",), out_of_step(till, wallet, lambda: getattr(till, ended)(wallet, hold)))
    with pytest.raises(HoldClosed):
        till.capture(wallet, hold)
    till.check(wallet)
