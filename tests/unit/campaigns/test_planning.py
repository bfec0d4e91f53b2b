"""The plan of a release: where the budget ends, and what each piece may grant of it."""

from __future__ import annotations

import random

import pytest

from chalicelib.campaigns.model import Campaign, Fixed, Group
from chalicelib.campaigns.release.granting import due_of
from chalicelib.campaigns.release.pieces import (
    BUDGET_EXHAUSTED,
    HOLDOUT,
    LISTED,
    NO_BASIS,
    SHARDS,
    Member,
    Piece,
    Plan,
    Shard,
    Totals,
    shards_of,
    totals_of,
)
from chalicelib.campaigns.release.planning import plan_of

Shop = dict[str, list[Piece]]


def shop(*shards: list[list[Member]]) -> Shop:
    """The pieces of the first shards; the others have one without members, as a shard always has a last one."""
    made: Shop = {}
    for place, shard in enumerate(SHARDS):
        pieces = shards[place] if place < len(shards) else [[]]
        totals, made[shard] = Totals(), []
        for number, members in enumerate(pieces, start=1):
            totals = totals.plus(totals_of(members))
            made[shard].append(Piece(shard, number, tuple(members), None, totals))
    return made


def members(*amounts: int, start: int = 0) -> list[Member]:
    return [Member(f"c-{start + place}", 0, amount) for place, amount in enumerate(amounts)]


def planned(pieces: Shop, budget: int | None) -> Plan:
    shards = {shard: Shard(len(each), each[-1].totals) for shard, each in pieces.items()}
    return plan_of(shards, budget, lambda shard: pieces[shard])


def granted(pieces: Shop, plan: Plan) -> list[int]:
    """The amounts that workers grant by the plan, in the plan's order of shards."""
    return [
        member.amount
        for shard, each in pieces.items()
        for piece in each
        for member in due_of(piece.members, plan.within_budget(shard, piece.number))[0]
    ]


def test_without_a_budget_everybody_is_planned() -> None:
    pieces = shop([members(500, 300)], [members(200)])
    plan = planned(pieces, None)
    assert granted(pieces, plan) == [500, 300, 200]
    assert (plan.summary.audience, plan.summary.planned, plan.summary.liability) == (3, 3, 1_000)
    assert plan.cut is None


def test_a_budget_that_is_enough_cuts_nobody() -> None:
    pieces = shop([members(500, 300)], [members(200)])
    assert planned(pieces, 1_000).cut is None
    assert planned(pieces, 999).cut is not None


def test_the_first_who_is_too_much_ends_it_also_for_smaller_ones_behind() -> None:
    pieces = shop([members(500, 300, 100), members(1)], [members(1)])
    plan = planned(pieces, 799)
    assert granted(pieces, plan) == [500]
    assert plan.summary.skipped == {BUDGET_EXHAUSTED: 4}
    assert (plan.summary.planned, plan.summary.liability) == (1, 500)


def test_who_is_kept_out_takes_nothing_of_the_budget() -> None:
    kept_out = [Member("h", 0, 900, HOLDOUT), Member("n", 0, 0, NO_BASIS)]
    pieces = shop([[*kept_out, *members(400, 400)]])
    plan = planned(pieces, 400)
    assert granted(pieces, plan) == [400]
    assert (plan.summary.audience, plan.summary.holdout) == (4, 1)
    assert plan.summary.skipped == {NO_BASIS: 1, BUDGET_EXHAUSTED: 1}


def test_why_somebody_gets_nothing_is_told() -> None:
    told = [Member("h", 0, 900, HOLDOUT), Member("n", 0, 0, NO_BASIS), *members(1, 1)]
    due, skipped = due_of(told, 1)
    assert [member.customer for member in due] == ["c-0"]
    assert skipped == {"n": NO_BASIS, "c-1": BUDGET_EXHAUSTED}


def test_no_budget_at_all_grants_nothing() -> None:
    pieces = shop([members(5)], [members(5)])
    plan = planned(pieces, 0)
    assert granted(pieces, plan) == []
    assert plan.summary.liability == 0


@pytest.mark.parametrize("throw", range(50))
def test_all_pieces_together_never_pass_the_budget_and_nobody_ahead_of_its_end_is_left_out(throw: int) -> None:
    dice = random.Random(throw)
    pieces = shop(
        *(
            [members(*(dice.randrange(1, 50) for _ in range(dice.randrange(6)))) for _ in range(dice.randrange(1, 4))]
            for _ in range(dice.randrange(1, len(SHARDS)))
        )
    )
    everybody = [m.amount for each in pieces.values() for piece in each for m in piece.members]
    budget = dice.randrange(0, sum(everybody) + 20)
    plan = planned(pieces, budget)
    amounts = granted(pieces, plan)
    assert amounts == everybody[: len(amounts)]
    assert sum(amounts) == plan.summary.liability <= budget
    assert len(amounts) == plan.summary.planned
    if len(amounts) < len(everybody):
        assert sum(everybody[: len(amounts) + 1]) > budget
    assert plan == planned(pieces, budget), "whoever makes it, it is the same"


def test_neighbours_among_the_messages_are_of_different_shards() -> None:
    pieces = shop([members(1), members(1)], [members(1), members(1)])
    assert list(planned(pieces, None).all()) == [("p00", 1), ("p01", 1), ("p00", 2), ("p01", 2)]


def test_a_shard_without_anybody_needs_no_message() -> None:
    assert planned(shop([members(1)]), None).pieces == {"p00": 1}


def test_only_who_is_looked_for_is_looked_at() -> None:
    def campaign(*groups: Group) -> Campaign:
        return Campaign(id="cmp_a", name="Spring", currency="EUR", groups=groups)

    listed, matched = Group(Fixed(1), customers=("a",)), Group(Fixed(1), where={"all": []})
    assert shards_of(campaign(listed)) == (LISTED,)
    assert shards_of(campaign(matched)) == SHARDS[:-1]
    assert shards_of(campaign(matched, listed)) == SHARDS
