"""The people whom notices are for: they agree to be told, change their minds, and spend what they were given."""

from __future__ import annotations

import random
from dataclasses import replace

from chalicelib.customers.profile import Consents, Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.cart import Cart
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At
from chalicelib.notices import store as shelf
from chalicelib.notices.store import Secret, Webhook
from chalicelib.runtime.clock import Deadline
from chalicelib.store.connections import READ_SECONDS
from chalicelib.store.converging import converge
from chalicelib.store.envelope import WalletId
from chalicelib.store.signals import Busy, Signal, Unread
from chalicelib.store.writes import Write, commit
from tests.simulation.actors import DAY, HOUR, ask
from tests.simulation.line import LATEST_SECONDS
from tests.simulation.telling import Telling
from tests.simulation.weather import Killed
from tests.simulation.world import CURRENCY, World

SECONDS = 8.0
URL = "https://shop.example.com/credit"


def begin(world: World, telling: Telling) -> None:
    """People who say at the beginning what they agree to, and perhaps a webhook."""
    dice = random.Random(f"{world.seed} agrees")
    for customer in world.people:
        world.weaver.start(f"{customer} agrees", lambda customer=customer: _agrees(world, dice, telling, customer))  # type: ignore[misc]
    if dice.random() < 0.5:
        world.weaver.start("webhook", lambda: _listens(world, dice))


def changes_their_mind(world: World, dice: random.Random, step: int) -> None:
    """Somebody agrees to be told, or does not any more."""
    if world.telling is not None:
        _agrees(world, dice, world.telling, dice.choice(world.people))


def takes_over(world: World, dice: random.Random, step: int) -> None:
    """Credit from before, somewhere else: it must not end before its owner was told."""
    ends = At(world.now + dice.choice([40 * HOUR, 2 * DAY, 3 * DAY, 9 * DAY]))
    wallet = WalletId(dice.choice(world.people), CURRENCY)
    ask(world, dice, step, wallet, "issue", dice.randint(1, 90), Kind.MIGRATION, expires=ends)


def spends_a_gift(world: World, dice: random.Random, step: int) -> None:
    """Somebody spends what a campaign gave them, and perhaps gives some of it back."""
    wallet = WalletId(dice.choice(world.people), CURRENCY)
    cart = Cart(dice.choice(world.orders), total=dice.choice([None, 100, 300]))
    if dice.random() < 0.7:
        receipt = ask(world, dice, step, wallet, "redeem", dice.randint(5, 60), cart, True)
    else:
        hold = ask(world, dice, step, wallet, "hold", dice.randint(1, 20), cart, 1_800)
        receipt = hold and ask(world, dice, step, wallet, "capture", hold.hold, None, True)
    for _ in range(dice.choice([0, 0, 1, 2])):
        if receipt is not None:
            world.weaver.pause(dice.choice([0.1, 60, 90_000]))
            ask(world, dice, step, wallet, "reverse", receipt.redemption, dice.choice([None, 5]))


def address_of(customer: str) -> tuple[str, str]:
    """Where a customer's email and text messages go."""
    return f"{customer}@example.com", f"+49{customer.rpartition('-')[2]:0>9}"


def _agrees(world: World, dice: random.Random, telling: Telling, customer: str) -> None:
    wanted = Consents(*(dice.choice([True, True, False]) for _ in range(3))) if dice.random() < 0.7 else Consents()
    engine = dice.choice(world.processes)
    profiles = Profiles(engine.store)
    email, phone = address_of(customer)

    def decide() -> list[Write]:
        found = profiles.get(customer) or Profile(customer)
        after = replace(found, person=replace(found.person, email=email, phone=phone, consents=wanted))
        return [] if after == found else [profiles.write(after)]

    said = telling.said[customer]
    said.append((world.now, said[-1][1] | {wanted}))
    telling.changing[customer] += 1
    mine = len(said)
    try:
        converge(engine.store, Deadline.after(SECONDS), decide)
    except (Busy, Unread, Killed):
        # It may still land: what holds is not known until a change is made that begins after that.
        world.weaver.pause(READ_SECONDS + LATEST_SECONDS)
        telling.changing[customer] -= 1
        return
    if telling.changing[customer] == 1 and len(said) == mine:
        said.append((world.now, frozenset([wanted])))
    telling.changing[customer] -= 1


def _listens(world: World, dice: random.Random) -> None:
    """A machine of the merchant's that wants to hear of everything."""
    engine = dice.choice(world.processes)
    webhook = Webhook("whk_1", URL, (), (Secret("whsec_c2VjcmV0"),), world.now)
    try:
        if commit(engine.store, [shelf.webhook_saved(shelf.documents(engine.store), webhook, 0)]) is Signal.COMMITTED:
            world.weather.met["webhook"] += 1
    except Killed:
        return
