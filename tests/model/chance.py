"""What chance may choose for a walk: the merchant's rules, orders, conditions; all of it from the dice passed in."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC
from typing import Any

from chalicelib.ledger.cart import Cart, Line
from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import (
    SPENDING_ORDER,
    Extend,
    Grace,
    NoExpiry,
    OriginalExpiry,
    Policy,
    Reinstatement,
)
from tests.model.envelopes import Settings

PRODUCTS = ("hat", "shirt", "socks")
ORDERS = {  # keys of the spending order, as the ledger and as the paper call them
    SPENDING_ORDER: (
        "priority",
        "ends",
        "scoped",
        "class",
        "starts",
        "number",
        "name",
    ),
    ("lot_class", "expires_at", "issued_in", "id"): ("class", "ends", "number", "name"),
    ("issued_in", "id"): ("number", "name"),
}
PROFILES = {  # how often each command comes; what a walk is like
    "mixed": {"grant": 5, "redeem": 5, "reverse": 4, "hold": 5, "capture": 4, "release": 2, "support": 3, "sweep": 1},
    "checkouts": {
        "grant": 3,
        "redeem": 1,
        "reverse": 2,
        "hold": 8,
        "capture": 4,
        "release": 3,
        "support": 1,
        "sweep": 1,
    },
    "refunds": {"grant": 4, "redeem": 6, "reverse": 9, "hold": 1, "capture": 1, "release": 0, "support": 2, "sweep": 1},
    "points": {"grant": 6, "redeem": 7, "reverse": 6, "hold": 1, "capture": 1, "release": 0, "support": 1, "sweep": 0},
    "returns": {"grant": 2, "round": 6, "reverse": 2, "hold": 4, "capture": 1, "release": 3, "sweep": 1},
    "crowded": {"grant": 6, "redeem": 2, "reverse": 7, "hold": 7, "capture": 1, "release": 1, "support": 1, "sweep": 1},
}


def rules(dice: random.Random) -> tuple[Policy, Settings]:
    modes: list[tuple[Reinstatement, dict[str, Any]]] = [
        (Grace(), {}),
        (Grace(), {}),
        (Grace(2, 5), {"lifted_days": 2, "reinstated_days": 5}),
        (Grace(0, 1), {"lifted_days": 0, "reinstated_days": 1}),
        (OriginalExpiry(), {"mode": "original_expiry"}),
        (Extend(3), {"mode": "extend", "lifted_days": 3}),
        (NoExpiry(), {"mode": "no_expiry"}),
    ]
    mode, numbers = dice.choice(modes)
    order = dice.choice([*([SPENDING_ORDER] * 4), *ORDERS])
    hours = dice.choice([24, 24, 1])
    merged = dice.choice([frozenset({Kind.LOYALTY}), frozenset({Kind.LOYALTY, Kind.CASHBACK, Kind.MANUAL})])
    policy = Policy(
        "1",
        UTC,
        spending_order=order,
        merged_kinds=merged,
        reinstatement=mode,
        released_grace_hours=hours,
    )
    paper = Settings(order=ORDERS[order], merged=frozenset(map(str, merged)), released_hours=hours, **numbers)
    return policy, paper


def cart(dice: random.Random, orders: int) -> Cart:
    told = Cart(f"order-{dice.randint(1, orders)}")
    if dice.random() < 0.6:
        told = replace(told, total=dice.choice([0, _amount(dice), *(_amount(dice, 1_000) for _ in range(6))]))
    if dice.random() < 0.5:
        lines = tuple(
            Line(
                dice.choice(PRODUCTS),
                dice.randint(1, 3),
                dice.randint(0, 150),
                dice.choice([0, 0, 5]),
                tags=dice.choice([(), ("new",)]),
            )
            for _ in range(dice.randint(1, 3))
        )
        told = replace(told, lines=lines)
    return replace(
        told,
        channel=dice.choice([None, "app", "web"]),
        discounted=dice.choice([None, True, False]),
    )


def conditions(dice: random.Random) -> Conditions:
    some: dict[str, Any] = {
        "min_order": _amount(dice, 50),
        "min_order_multiple": dice.randint(1, 4),
        "max_share_of_order": dice.choice([1, 2_500, 3_333, 5_000, 10_000]),
        "max_per_order": _amount(dice, 20),
        "include": Selection(
            products=tuple(dice.sample(PRODUCTS, dice.randint(0, 2))),
            tags=dice.choice([(), ("new",)]),
            channels=dice.choice([(), (), ("app",)]),
        ),
        "exclude": Selection(products=tuple(dice.sample(PRODUCTS, 1)), channels=dice.choice([(), (), ("web",)])),
        "weekdays": tuple(dice.sample(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), 5)),
        "hours": (dice.randrange(1440), dice.randrange(1440)),
        "first_order_only": True,
        "not_with_discounts": True,
        "not_on_order": f"order-{dice.randint(1, 6)}",
    }
    chosen = dice.sample(list(some), dice.choice([1, 1, 1, 2]))
    return Conditions(**{name: some[name] for name in chosen})


def _amount(dice: random.Random, most: int = 60) -> int:
    return dice.randint(1, most)
