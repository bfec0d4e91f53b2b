"""Who makes campaigns and rules: a marketer, who changes their mind, and a merchant.

Each command is sent under one key until its outcome is known, or patience is over. What was asked for is kept with what
was told of it, for the judge.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chalicelib.campaigns import commands
from chalicelib.campaigns.model import Campaign, Fixed, Group, Notify
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.policy import Days
from chalicelib.ledger.refusals import Refused
from chalicelib.rules import commands as rule_commands
from chalicelib.rules.model import Base, Terms
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.converging import converge
from chalicelib.store.envelope import operation_id
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread
from chalicelib.store.writes import Asked, Write
from tests.simulation import functions
from tests.simulation.weather import Killed
from tests.simulation.world import CALLER, CURRENCY, MadeCampaign, MadeRule, World

CALLS = 5
SECONDS = 8.0
MINUTE = 60_000
TAG = "fair"
WHERE: dict[str, Any] = {"field": "profile.tags", "op": "contains", "value": TAG}
MOST_RULES = 3
COMMANDS: dict[str, Callable[[Engine, str, commands.Ask], Any]] = {
    "schedule": commands.schedule,
    "release_now": commands.release_now,
    "pause": commands.pause,
    "resume": commands.resume,
    "cancel": commands.cancel,
}


def markets(world: World, dice: random.Random, step: int) -> None:
    """A campaign, from its draft to its end, or to the marketer's next thought."""
    made = _draft(world, dice, step)
    if made is None:
        return
    if not does(world, dice, made, dice.choice(["schedule", "schedule", "release_now"]), f"{step} begins"):
        return
    for look in range(dice.randint(1, 3)):
        world.weaver.pause(dice.choice([0, 1, 130]))
        world.weaver.start(f"{step} look", lambda: functions.look(world, dice, step))
        if dice.random() < 0.5:
            # Who comes in while the audience is made is in it, or not; nobody else is lost over it.
            world.weaver.start(f"{step} tags", lambda: _tag(world, dice), dice.choice([0.02, 0.1, 1, 5]))
        world.weaver.pause(dice.choice([0.1, 1, 2, 4, 6, 8, 900]))
        if dice.random() < 0.5:
            thought = dice.choice(["pause", "pause", "cancel", "release_now"])
            if does(world, dice, made, thought, f"{step} {look} {thought}") and thought == "pause":
                world.weaver.pause(dice.choice([0, 0.5, 10, 300]))
                if dice.random() < 0.7:
                    does(world, dice, made, dice.choice(["resume", "resume", "cancel"]), f"{step} {look} then")


def looks(world: World, dice: random.Random, step: int) -> None:
    """The minute job of some minute; most minutes go without, so it is often late."""
    functions.look(world, dice, step)


def does(world: World, dice: random.Random, made: MadeCampaign, command: str, key: str) -> bool:
    """Whether a marketer was told that a command is done."""

    def send(engine: Engine, asked: Asked) -> None:
        COMMANDS[command](engine, made.id, commands.Ask("me", asked, Deadline.after(SECONDS), _shown))

    done = _sent(world, dice, key, command, send)
    if done:
        made.told.append(command)
    return done


def makes_a_rule(world: World, dice: random.Random, step: int) -> None:
    """Orders earn by it from now on; sometimes it is paused again."""
    if len(world.rules) >= MOST_RULES:
        return
    fixed = dice.choice([None, 15])
    terms = Terms(
        "autumn",
        CURRENCY,
        fixed=fixed,
        basis_points=None if fixed else 1_000,
        base=dice.choice([Base.TOTAL, Base.TOTAL_LESS_CREDIT]),
        cap_per_customer=dice.choice([None, 1, 2]),
        delay_days=dice.choice([0, 0, 1]),
    )
    key = f"{step} rule"
    made = MadeRule(f"rul_{_operation(key)}", terms)
    world.rules[made.id] = made

    def create(engine: Engine, asked: Asked) -> None:
        rule_commands.create(engine, terms, rule_commands.Ask("me", asked, Deadline.after(SECONDS), lambda _: "rule"))

    def pause(engine: Engine, asked: Asked) -> None:
        rule_commands.pause(engine, made.id, rule_commands.Ask("me", asked, Deadline.after(SECONDS), lambda _: "rule"))

    if _sent(world, dice, key, "rule", create):
        made.told_at = world.now
        if dice.random() < 0.3:
            made.touched = True
            world.weaver.pause(dice.choice([1, 100, 10_000]))
            _sent(world, dice, f"{key} paused", "pause", pause)


def _draft(world: World, dice: random.Random, step: int) -> MadeCampaign | None:
    amount = dice.randint(1, 60)
    wheres = dice.random() < 0.5
    named = frozenset(dice.sample(world.people, dice.randint(0 if wheres else 1, len(world.people))))
    if wheres:
        _tag(world, dice)
    ends = dice.choice([None, Days(30)])
    telling = random.Random(f"{world.seed} telling {step}")
    groups = [Group(Fixed(amount), customers=tuple(sorted(named)), expires=ends)]
    groups = [*(groups if named else []), *([Group(Fixed(amount), where=WHERE)] if wheres else [])]
    key = f"{step} campaign"
    made = MadeCampaign(
        f"cmp_{_operation(key)}",
        amount,
        budget=dice.choice([None, amount * len(world.people), amount * 2, amount * 3 + amount // 2]),
        holdout_basis_points=dice.choice([0, 0, 3_000]),
        least=named | (frozenset(world.tagged) if wheres else frozenset()),
        most=named | (frozenset(world.people) if wheres else frozenset()),
        channels=telling.choice([None, (), ("email",), ("sms", "push")]),
        reminders=telling.choice([None, None, (), (12, 2)]),
    )
    wanted = Campaign(
        id="",
        name="Spring",
        currency=CURRENCY,
        groups=tuple(groups),
        available_at=dice.choice([None, None, world.now + 10 * MINUTE, world.now + 180 * MINUTE]),
        budget=made.budget,
        holdout_basis_points=made.holdout_basis_points,
        notify=None if made.channels is None else Notify(made.channels),
        reminders=made.reminders,
    )
    world.campaigns[made.id] = made

    def create(engine: Engine, asked: Asked) -> None:
        commands.create(engine, wanted, commands.Ask("me", asked, Deadline.after(SECONDS), _shown))

    return made if _sent(world, dice, key, "create", create) else None


def _tag(world: World, dice: random.Random) -> None:
    """Give some people a profile with the tag, or let theirs have it."""
    for customer in dice.sample(world.people, dice.randint(1, 3)):
        engine = dice.choice(world.processes)
        profiles = Profiles(engine.store)

        def tagged(customer: str = customer, profiles: Profiles = profiles) -> list[Write]:
            found = profiles.get(customer) or Profile(customer)
            if TAG in found.person.tags:
                return []
            return [profiles.write(_with_tag(found))]

        try:
            converge(engine.store, Deadline.after(SECONDS), tagged)
            world.tagged.add(customer)
        except (Busy, Unread, Killed):
            continue


def _with_tag(profile: Profile) -> Profile:
    return replace(profile, person=replace(profile.person, tags=(TAG,)))


def _operation(key: str) -> str:
    return operation_id(CALLER, key)


def _shown(campaign: Campaign) -> str:
    return f"{campaign.id} {campaign.state} {campaign.version}"


def _sent(world: World, dice: random.Random, key: str, command: str, send: Callable[[Engine, Asked], None]) -> bool:
    asked = Asked(_operation(key), command)
    for _ in range(CALLS):
        try:
            send(dice.choice(world.processes), asked)
        except Refused:
            return False
        except (Busy, Unread, OutcomeUnknown, Killed):
            world.weaver.pause(dice.choice([0.01, 0.3, 1, 5]))
        else:
            world.marketed[command] += 1
            return True
    return False
