"""Everybody who acts, and how often."""

from __future__ import annotations

import random

from tests.simulation.actors import (
    buys,
    captures_an_old_hold,
    checks_out,
    debits,
    extends,
    freezes_for_a_while,
    gives_back,
    gives_back_twice,
    grants,
    is_swept_while_in_use,
    poisons,
    revokes,
    spends_at_the_last_moment,
    sweeps,
)
from tests.simulation.marketing import looks, makes_a_rule, markets
from tests.simulation.people import changes_their_mind, spends_a_gift, takes_over
from tests.simulation.producers import lives_through_an_order, sends_rubbish
from tests.simulation.world import Actor

ACTORS: tuple[tuple[int, Actor], ...] = (
    (6, grants),
    (5, buys),
    (5, checks_out),
    (4, gives_back),
    (2, gives_back_twice),
    (1, spends_at_the_last_moment),
    (2, captures_an_old_hold),
    (1, revokes),
    (1, extends),
    (2, debits),
    (1, freezes_for_a_while),
    (2, sweeps),
    (1, is_swept_while_in_use),
    (1, poisons),
    (3, lives_through_an_order),
    (1, sends_rubbish),
    (2, markets),
    (1, looks),
    (1, makes_a_rule),
)
"""Each with its weight."""


OBSERVED: tuple[tuple[int, Actor], ...] = ((3, takes_over), (2, changes_their_mind), (4, spends_a_gift))
"""Who acts besides where people are told."""


def chosen(dice: random.Random, *, observed: bool) -> Actor:
    weights, actors = zip(*ACTORS, *(OBSERVED if observed else ()), strict=True)
    picked: Actor = dice.choices(actors, weights)[0]
    return picked
