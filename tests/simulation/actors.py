"""Who acts: checkouts and support staff. Each is a function of the world, its dice and the number of its step.

A caller sends a command under one key until it knows the outcome, or loses patience. Sometimes it sends it twice at the
same time, or sends another request under a key that it used before.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from chalicelib.expiry.messages import Group, written
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.conditions import Conditions
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At
from chalicelib.ledger.refusals import Refused
from chalicelib.store.connections import READ_SECONDS
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.signals import Busy, KeyReused, OutcomeUnknown, Unread
from chalicelib.wallets import queries
from tests.engine.till import Receipt
from tests.simulation import functions
from tests.simulation.history import Asked, Outcome
from tests.simulation.line import LATEST_SECONDS
from tests.simulation.weather import Killed
from tests.simulation.world import CALLER, World

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
CALLS = 4
"""Times that a caller sends a command before it gives up; the judge asks once more for what is open then."""
AGAIN_SHARE = 0.1
"""Of the commands that are sent once more, by a client that forgot, or by two at the same time."""


def ask(world: World, dice: random.Random, step: int, wallet: WalletId, command: str, *what: Any, **how: Any) -> Any:
    """Send a command until its outcome is known or patience is over; the receipt if it was done."""
    key = f"key-{step}-{len(world.history.asked)}"
    asked = world.history.add(
        Asked(
            step=step,
            actor=world.weaver.actor,
            wallet=wallet,
            command=command,
            what=(*what, *how.items()),
            key=key,
            operation=operation_id(CALLER, key),
            send=lambda till: getattr(till, command)(wallet, *what, key=key, **how),
        )
    )
    if dice.random() < AGAIN_SHARE:
        twin = random.Random(f"{world.seed} twin {key}")
        world.weaver.start(f"{asked.actor} again", lambda: _call(world, twin, asked), dice.random() * 2)
    receipt = _call(world, dice, asked)
    if receipt is not None and dice.random() < AGAIN_SHARE:
        _reuse_key(world, dice, asked)
    return receipt


def call_once(world: World, dice: random.Random, asked: Asked) -> Receipt | None:
    """One call, and what it told."""
    began = world.history.moment()
    try:
        receipt = asked.send(world.till(dice))
    except Refused as refused:
        world.history.tell(asked, Outcome.REFUSED, refused.code, began)
    except (Busy, Unread):
        world.history.tell(asked, Outcome.BUSY, "", began)
    except (OutcomeUnknown, Killed) as unknown:
        # A process that is gone took its doubt along: only when nothing of it can land any more is a refusal final.
        world.weaver.pause(READ_SECONDS + LATEST_SECONDS)
        world.history.tell(asked, Outcome.UNKNOWN, type(unknown).__name__, began)
    else:
        world.history.tell(asked, Outcome.OK, receipt.answer.body, began)
        return receipt
    return None


def _call(world: World, dice: random.Random, asked: Asked) -> Receipt | None:
    for _ in range(CALLS):
        receipt = call_once(world, dice, asked)
        if receipt is not None:
            _learn(world, asked, receipt)
            return receipt
        if asked.calls[-1].outcome is Outcome.REFUSED:
            return None
        world.weaver.pause(dice.choice([0.01, 0.3, 1, 5]))
    return None


def _reuse_key(world: World, dice: random.Random, asked: Asked) -> None:
    """Another request under a key that did something: a conflict, whatever else is the matter."""
    try:
        world.till(dice).issue(asked.wallet, 7_777, key=asked.key)
    except (KeyReused, Busy, Unread, OutcomeUnknown, Killed):
        return
    raise AssertionError(f"a key stood for two requests: {asked}")


def _learn(world: World, asked: Asked, receipt: Receipt) -> None:
    known, told = world.known[asked.wallet], receipt.told
    for name, place in (("lot", known.lots), ("redemption", known.redemptions), ("hold", known.holds)):
        if name in told and told[name]["id"] not in place:
            place.append(told[name]["id"])


# Support


def grants(world: World, dice: random.Random, step: int) -> None:
    kind = dice.choice([Kind.PROMOTION, Kind.LOYALTY, Kind.REFUND, Kind.COMPENSATION, Kind.CASHBACK])
    soon = dice.choice([2_000, MINUTE, 20 * MINUTE, 5 * HOUR, 3 * DAY])
    terms: dict[str, Any] = {
        "expires": None if kind is Kind.REFUND else dice.choice([None, At(world.now + soon), At(world.now + soon)]),
        "priority": dice.choice([50, 50, 10]),
        "conditions": dice.choice([None, None, None, Conditions(min_order=200), Conditions(max_per_order=90)]),
        "effective_at": dice.choice([None, None, None, world.now + 15 * MINUTE]),
    }
    ask(world, dice, step, dice.choice(world.wallets), "issue", dice.randint(1, 400), kind, **terms)


def revokes(world: World, dice: random.Random, step: int) -> None:
    wallet = dice.choice(world.wallets)
    ask(world, dice, step, wallet, "revoke", _lot(world, dice, wallet), dice.choice([None, 20, 100]))


def extends(world: World, dice: random.Random, step: int) -> None:
    wallet = dice.choice(world.wallets)
    later = At(world.now + dice.choice([HOUR, 9 * DAY]))
    ask(world, dice, step, wallet, "extend", _lot(world, dice, wallet), later)


def debits(world: World, dice: random.Random, step: int) -> None:
    ask(world, dice, step, dice.choice(world.wallets), "debit", dice.randint(1, 150))


def freezes_for_a_while(world: World, dice: random.Random, step: int) -> None:
    wallet = dice.choice(world.wallets)
    ask(world, dice, step, wallet, "freeze")
    world.weaver.pause(dice.choice([0, 1, 600]))
    ask(world, dice, step, wallet, "unfreeze")


# Checkouts


def buys(world: World, dice: random.Random, step: int) -> None:
    """Spends at once."""
    cart = Cart(dice.choice(world.orders), total=dice.choice([None, 100, 300, 1_000]))
    ask(world, dice, step, dice.choice(world.wallets), "redeem", dice.randint(1, 300), cart, dice.random() < 0.5)


def checks_out(world: World, dice: random.Random, step: int) -> None:
    """Looks what there is, sets it aside, and pays, changes their mind, or walks away."""
    wallet = dice.choice(world.wallets)
    cart = Cart(dice.choice(world.orders), total=dice.choice([None, 100, 300, 1_000]))
    offered = _quote(world, dice, wallet, cart)
    amount = dice.choice([offered or 50, dice.randint(1, 300)])
    receipt = ask(world, dice, step, wallet, "hold", amount, cart, dice.choice([60, 1_800, 36_000]))
    if receipt is None:
        return
    hold = receipt.hold
    for _ in range(dice.randint(0, 3)):
        world.weaver.pause(dice.choice([0, 0.02, 3, 90, 4_000]))
        if dice.random() < 0.7:
            part = dice.choice([None, dice.randint(1, 100)])
            ask(world, dice, step, wallet, "capture", hold, part, dice.random() < 0.6)
        else:
            ask(world, dice, step, wallet, "release", hold)


def captures_an_old_hold(world: World, dice: random.Random, step: int) -> None:
    wallet = dice.choice(world.wallets)
    if world.known[wallet].holds:
        hold = dice.choice(world.known[wallet].holds[-4:])
        ask(world, dice, step, wallet, *dice.choice([("capture", hold), ("release", hold)]))


def gives_back(world: World, dice: random.Random, step: int) -> None:
    """A refund: all or part of what a redemption took."""
    wallet = dice.choice(world.wallets)
    if world.known[wallet].redemptions:
        redemption = dice.choice(world.known[wallet].redemptions[-4:])
        ask(world, dice, step, wallet, "reverse", redemption, dice.choice([None, 10, 60]))


def gives_back_twice(world: World, dice: random.Random, step: int) -> None:
    """Two refunds of the same redemption at the same time: by a till, and by a dispute or two."""
    wallet = dice.choice(world.wallets)
    if not world.known[wallet].redemptions:
        return
    redemption = dice.choice(world.known[wallet].redemptions[-2:])

    def disputes(number: int) -> None:
        other = random.Random(f"{world.seed} dispute {step} {number}")
        ask(world, other, step, wallet, "reverse", redemption, other.choice([None, None, 40]))

    for number in range(dice.choice([1, 2])):
        world.weaver.start(f"{step} disputes", partial(disputes, number), dice.choice([0, 0.005, 0.05, 0.3]))
    ask(world, dice, step, wallet, "reverse", redemption, dice.choice([None, None, 40]))


def spends_at_the_last_moment(world: World, dice: random.Random, step: int) -> None:
    """Credit that ends in a few seconds, and an order in its very last milliseconds, or its first too late."""
    wallet = dice.choice(world.wallets)
    seconds = dice.choice([1, 3])
    ends = world.now + 1_000 * seconds
    if ask(world, dice, step, wallet, "issue", dice.randint(50, 90), Kind.PROMOTION, expires=At(ends)) is None:
        return
    for command in (("redeem", 40, None, False), ("hold", 30)):
        aimed_ms = ends - world.now - dice.randint(0, 6)
        world.weaver.pause(max(0, aimed_ms) / 1_000)
        ask(world, dice, step, wallet, *command)


def _lot(world: World, dice: random.Random, wallet: WalletId) -> str:
    return dice.choice([*world.known[wallet].lots[-5:], f"lot_{dice.randint(1, 9)}"])


def _quote(world: World, dice: random.Random, wallet: WalletId, cart: Cart) -> int:
    """What the shop is told that the order can use; 0 where it is told nothing."""
    try:
        quoted, _ = queries.quote(dice.choice(world.processes), wallet, cart)
    except (Unread, Killed):
        return 0
    return quoted.applicable


# Time and messages


def is_swept_while_in_use(world: World, dice: random.Random, step: int) -> None:
    """Credit ends, and the wallet is settled in the very moment in which somebody moves it."""
    wallet = dice.choice(world.wallets)
    ends = world.now + 1_000
    if ask(world, dice, step, wallet, "issue", dice.randint(5, 50), Kind.PROMOTION, expires=At(ends)) is None:
        return
    world.weaver.pause(max(0, ends - world.now) / 1_000)
    others = [each for each in world.wallets if each != wallet]
    together = Group((wallet, *others, WalletId("customer-nobody", "EUR")))
    world.weaver.start(f"{step} nominates", lambda: _nominate(world, together))
    world.weaver.pause(dice.random() * dice.choice([0.03, 0.3, 0.6]))
    ask(world, dice, step, wallet, "issue", 10, Kind.COMPENSATION)


def _nominate(world: World, wallets: Group) -> None:
    world.settle_queue.send([written(wallets)])


def sweeps(world: World, dice: random.Random, step: int) -> None:
    """The sweep of some minute; most minutes go without, so it is often late."""
    functions.sweep(world, dice, step)


def poisons(world: World, dice: random.Random, step: int) -> None:
    """Somebody sends the settle queue what nobody can do anything with, or wallets that are not due."""
    wallet = dice.choice(world.wallets)
    body = dice.choice(functions.POISON)
    world.settle_queue.send([written(Group((wallet, WalletId("customer-nobody", "EUR")))), body])
