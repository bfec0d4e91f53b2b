"""A campaign comes back from its document as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, time

import pytest

from chalicelib.campaigns.codec import amount_rule, amount_told, body_of, campaign_of
from chalicelib.campaigns.model import (
    AmountRule,
    Basis,
    Campaign,
    Every,
    Fixed,
    Goal,
    Group,
    Local,
    Notify,
    Repeat,
    Share,
    State,
    Step,
    Stepped,
)
from chalicelib.ledger.conditions import Conditions, Selection
from chalicelib.ledger.policy import At, Days, Months, Never
from chalicelib.store.packing import compact
from tests.unit.campaigns.drafts import DAILY, draft, in_every_state, released

AMOUNTS: list[AmountRule] = [
    Fixed(500),
    Share(Basis.LAST_ORDER, 1_000),
    Share(Basis.AVERAGE_ORDER, 1_000, min=1, max=5_000),
    Stepped("orders.total", (Step(300, at_least=0), Step(800, at_least=10_000))),
    Stepped("tier", (Step(300, equals="gold"),)),
]
EVERYTHING = draft(
    description="For spring.",
    goal=Goal.LOYALTY,
    groups=(
        *(Group(rule, where={"field": "tier", "op": "=", "value": "gold"}, expires=Never()) for rule in AMOUNTS),
        Group(Fixed(1), segment="seg_1", where={"field": "birthday", "op": "=", "value": 0}, expires=At(5)),
        Group(Fixed(1), segment="seg_2", expires=Months(3)),
        Group(Fixed(1), customers=("alice", "bob"), expires=Days(30)),
        Group(Fixed(1), customers=("carol",)),
    ),
    available_at=Local(date(2027, 3, 28), time(2, 30)),
    ends_at=10**13,
    conditions=Conditions(min_order=2_000, include=Selection(tags=("tea",)), hours=(540, 1_020)),
    budget=10**9,
    holdout_basis_points=1_000,
    notify=Notify(("email", "sms"), "spring"),
    reminders=(30, 7),
    repeat=Repeat(Every(months=3), cool_down_days=60, lifetime_cap=4),
    template="vip",
    created_by="marketer",
)
CAMPAIGNS = in_every_state() | {
    "everything": EVERYTHING,
    "repeating": released(repeat=DAILY, budget=10_000),
    "on entry": draft(repeat=Repeat(Every(days=1), on_entry=True)),
    "no reminders": draft(reminders=()),
}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_it_comes_back_as_it_was(name: str) -> None:
    was = CAMPAIGNS[name]
    body = json.loads(compact(body_of(was)))
    assert campaign_of(was.id, was.version, body, was.due_at) == was


def test_nothing_of_a_campaign_is_left_out_of_its_document() -> None:
    """Every field that is not beside the body changes it."""
    beside = {"id", "version", "due_at"}
    full = replace(
        EVERYTHING,
        state=State.PAUSED,
        created_at=1,
        updated_at=2,
        run=3,
        anchor=Local(date(2027, 3, 28), time(2, 30)),
        release_at=4,
        scheduled_at=5,
        started_at=6,
        finished_at=7,
        summary=released().summary,
        spent=8,
        previous_release_at=9,
        paused_from=State.RELEASING,
        revoking=3,
        failure="too_large",
    )
    bare = Campaign(id="", name="", currency="", groups=())
    for name in Campaign.__dataclass_fields__.keys() - beside:
        assert getattr(full, name) != getattr(bare, name), name
        assert body_of(replace(full, **{name: getattr(bare, name)})) != body_of(full), name


@pytest.mark.parametrize("rule", AMOUNTS, ids=str)
def test_an_amount_is_told_in_the_shape_in_which_it_is_asked_for(rule: AmountRule) -> None:
    assert amount_rule(amount_told(rule)) == rule
