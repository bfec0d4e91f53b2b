"""Who sends events: the shop's order system and its refund system, and somebody who sends rubbish.

An event is sent twice at times, under its own id or under another, and a refund may overtake its order. What was sent
is kept, so that the judge can ask after every one.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.ledger.cart import Cart
from chalicelib.ledger.granting import ORDER
from chalicelib.ledger.lots import Kind, Source
from chalicelib.store.envelope import WalletId
from tests.simulation.actors import ask
from tests.simulation.world import World

SHOP = "/shop/orders"
REFUNDS = "/shop/refunds"
ORDER_EVENTS, REFUND_EVENTS = "order-events", "refund-events"
AGAIN_SHARE = 0.15
POISON: tuple[dict[str, Any], ...] = (
    {"data": {"amount": 10**40}},
    {"type": "order.painted"},
    {"specversion": "0.3"},
    {"data": {"order_id": 7}},
    {"data": {"currency": "USD"}},
    {"data": {"amount": -1}},
)
"""What is changed in an event that makes it one that cannot be applied."""
RUBBISH = ("", "{", "[1]", "null", "x" * 1_000)
"""Messages that are no events."""


@dataclass(frozen=True)
class Sent:
    """One event as it was sent. `asks` is its data; `poisoned` ones can never be applied."""

    queue: str
    source: str
    id: str
    type: str
    asks: dict[str, Any]
    poisoned: bool = False

    @property
    def body(self) -> str:
        return json.dumps(
            {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type, "data": self.asks}
        )


def lives_through_an_order(world: World, dice: random.Random, step: int) -> None:
    """An order is paid, partly with credit, earns some, and is refunded in parts, or cancelled."""
    wallet = dice.choice(world.wallets)
    order = f"shop-{step}"
    total = dice.choice([30, 100, 500])
    events = _events_of(dice, step, wallet, order, total)
    if dice.random() < 0.2:
        dice.shuffle(events)
    _pays(world, dice, step, wallet, order, total)
    for event in events:
        _send(world, dice, event)
        world.weaver.pause(dice.choice([0, 0.02, 2, 90, 40_000]))
        if dice.random() < AGAIN_SHARE:
            again = Sent(event.queue, event.source, f"{event.id}-again", event.type, event.asks)
            _send(world, dice, dice.choice([event, again]))


def sends_rubbish(world: World, dice: random.Random, step: int) -> None:
    """An event that cannot be applied, or a message that is none, between good ones."""
    wallet = dice.choice(world.wallets)
    good = _refund(dice, step, wallet, f"shop-{dice.randint(0, step)}", 30, 0)
    change = dice.choice(POISON)
    if "data" in change:
        _send(world, dice, replace(good, id=f"bad-{step}", asks={**good.asks, **change["data"]}, poisoned=True))
    elif "type" in change:
        _send(world, dice, replace(good, id=f"bad-{step}", type=change["type"], poisoned=True))
    else:
        no_event = json.dumps({**json.loads(good.body), **change, "id": f"bad-{step}"})
        _until_taken(world, REFUND_EVENTS, dice.choice([*RUBBISH, no_event]))


def _pays(world: World, dice: random.Random, step: int, wallet: WalletId, order: str, total: int) -> None:
    """Credit is used for it, at once or by way of a hold, once or twice; or none is. Never more than the order is."""
    for share in dice.choice([[], [1], [1], [2, 2], [3, 2]]):
        amount = dice.randint(1, total // share)
        if dice.random() < 0.6:
            ask(world, dice, step, wallet, "redeem", amount, Cart(order, total=total), True)
        else:
            receipt = ask(world, dice, step, wallet, "hold", amount, Cart(order, total=total), 3_600)
            if receipt is not None and dice.random() < 0.7:
                ask(world, dice, step, wallet, "capture", receipt.hold, None, True)
    if dice.random() < 0.4:
        earned = dice.randint(1, total)
        ask(world, dice, step, wallet, "issue", earned, Kind.CASHBACK, source=Source(ORDER, order))


def _events_of(dice: random.Random, step: int, wallet: WalletId, order: str, total: int) -> list[Sent]:
    about = {"customer": wallet.customer, "currency": wallet.currency}
    paid = Sent(ORDER_EVENTS, SHOP, f"paid-{step}", "order.paid", {"id": order, "total": total, **about})
    events = [paid, *(_refund(dice, step, wallet, order, total, number) for number in range(dice.randint(0, 3)))]
    for refund in events[1:]:
        if dice.random() < 0.3:
            told = {"refund_id": refund.asks["refund_id"]}
            events.append(Sent(REFUND_EVENTS, REFUNDS, f"undo-{refund.id}", "refund.reversed", told))
    if dice.random() < 0.25:
        events.append(Sent(ORDER_EVENTS, SHOP, f"cancel-{step}", "order.cancelled", {"order_id": order, **about}))
    return events


def _refund(dice: random.Random, step: int, wallet: WalletId, order: str, total: int, number: int) -> Sent:
    asks: dict[str, Any] = {
        "refund_id": f"refund-{step}-{number}",
        "order_id": order,
        "customer": wallet.customer,
        "currency": wallet.currency,
        "amount": dice.choice([total, dice.randint(1, total), dice.randint(1, total)]),
        "method": dice.choice(["original", "store_credit"]),
        "split": dice.choice([None, "proportional", "credit_first", "other_first", {"credit": dice.randint(0, total)}]),
    }
    if asks["method"] == "store_credit":
        asks["bonus_basis_points"] = dice.choice([None, 1_000])
    return Sent(REFUND_EVENTS, REFUNDS, f"refund-{step}-{number}", "refund.created", asks)


def _send(world: World, dice: random.Random, event: Sent) -> None:
    world.sent[event.source, event.id] = event
    world.first_sent.setdefault((event.source, event.id), world.now)
    _until_taken(world, event.queue, event.body)


def _until_taken(world: World, queue: str, body: str) -> None:
    """A producer sends until its queue says that it took it; so at times it takes it twice."""
    while world.event_queues[queue].send([body]):
        world.weaver.pause(1)
