"""One history from its seed: steps begin one after another, many of them before the earlier ones are over; then it is
judged."""

from __future__ import annotations

import os
import random
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from dev.ministack import REGION
from tests.simulation import people
from tests.simulation.cast import chosen
from tests.simulation.functions import deployed
from tests.simulation.judge import judge
from tests.simulation.telling import DAYS_AFTER_SECONDS
from tests.simulation.world import Actor, World, fake_world

# (share, least, most): seconds between the beginnings of two steps.
_GAPS = (
    (0.62, 0.0, 0.03),
    (0.20, 0.03, 4.0),
    (0.10, 60.0, 2_400.0),
    (0.05, 3_600.0, 30_000.0),
    (0.03, 86_400.0, 300_000.0),
)


@dataclass
class Played:
    """What became of one seed. `broken` tells what does not hold, with the last requests; empty when all does."""

    seed: int
    steps: int
    requests: int = 0
    messages: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """Commands that were done, by name."""
    told: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    marketed: Counter[str] = field(default_factory=Counter)
    """What was done for campaigns and rules, and what they granted."""
    broken: str = ""


def run(world: World, steps: int) -> None:
    """All that happens, to the end of the last consequence."""
    at = 0.0
    if world.telling is not None:
        people.begin(world, world.telling)
    for step in range(steps):
        at += _gap(world.dice)
        dice = world.dice_for(step)
        actor = chosen(dice, observed=world.telling is not None)
        world.weaver.start(f"{step} {actor.__name__}", _begins(world, actor, dice, step), at)
    if world.telling is not None:
        world.telling.ends_ms = world.now + round(1_000 * (at + DAYS_AFTER_SECONDS))
    world.weaver.run()


def play(seed: int, steps: int, tell: Callable[[str], None] | None = None) -> Played:
    """Run a seed on the fake engine and judge it; `tell` is given every request as it is made."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    world, _ = fake_world(seed)
    world.line.tell = tell
    played = Played(seed, steps)
    with world.weaver.measuring(), deployed(world):
        try:
            run(world, steps)
            judge(world)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told with its seed
            played.broken = _told(world, steps, error)
    played.requests = world.line.requests
    played.messages = sum(len(queue.messages) for queue in world.queues)
    played.told = world.history.told
    played.done = Counter(asked.command for asked in world.history.asked.values() if asked.bodies)
    played.met = world.weather.met
    played.marketed = world.marketed
    return played


def _begins(world: World, actor: Actor, dice: random.Random, step: int) -> Callable[[], None]:
    return lambda: actor(world, dice, step)


def _gap(dice: random.Random) -> float:
    chance = dice.random()
    for share, least, most in _GAPS:
        if chance < share:
            return least + dice.random() * (most - least)
        chance -= share
    return 0.0


def _told(world: World, steps: int, error: Exception) -> str:
    where = "".join(traceback.format_exception(error)[-6:])
    weather = world.weather
    return "\n".join(
        [
            f"seed {world.seed}: {type(error).__name__}: {error}",
            f"replay it: make simulate SEED={world.seed} STEPS={steps}",
            f"faults at {weather.rate:.0%}, clocks {weather.skews_ms}, index lag {weather.index_lag_ms} ms",
            f"the last requests, up to {world.weaver.now_ms} ms:",
            *world.line.events(),
            where,
        ]
    )
