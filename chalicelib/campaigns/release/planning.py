"""The plan of a run: how many pieces there are, and where the budget ends.

    members in the order of the plan      shard by shard, piece by piece, as they stand in it
    within the budget                     those from the beginning whose amounts together are at most the budget;
                                          the first that is not ends it, also for smaller ones behind

So each piece has an allowance of its own before the first is granted, and however many workers there are, together
they cannot pass it: what each customer gets is in the piece, and each gets it once. What is refused later leaves its
part of the budget unspent. The plan is written once, and the same whoever makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign, Summary
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import finish_if_done, releasing
from chalicelib.campaigns.release.pieces import BUDGET_EXHAUSTED, SHARDS, Cut, Piece, Plan, Shard, Totals, shards_of
from chalicelib.campaigns.release.run import Run
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.signals import Signal, Unread
from chalicelib.store.writes import commit

PAGE_PIECES = 20
"""Pieces that are in memory at once while the end of the budget is looked for."""
SEND_SECONDS = 10.0
"""With less time left the rest of the messages is handed on."""
MESSAGES = 100
"""Messages that are sent between two looks at the time."""
ATTEMPTS = 6

PiecesOf = Callable[[str], Iterable[Piece]]


def plan_of(shards: Mapping[str, Shard], budget: int | None, pieces_of: PiecesOf) -> Plan:
    """The plan for all shards of an audience, with all their pieces. `pieces_of` is only asked about the shard in which
    the budget (minor units) ends."""
    totals = Totals()
    for shard in shards.values():
        totals = totals.plus(shard.totals)
    pieces = {shard: told.pieces for shard, told in shards.items() if told.totals.audience}
    planned, liability, cut = totals.planned, totals.liability, None
    if budget is not None and liability > budget:
        planned, liability, cut = _cut(shards, budget, pieces_of)
    skipped = dict(totals.skipped)
    if planned < totals.planned:
        skipped[BUDGET_EXHAUSTED] = totals.planned - planned
    return Plan(pieces, Summary(totals.audience, totals.holdout, planned, liability, skipped), cut)


def _cut(shards: Mapping[str, Shard], budget: int, pieces_of: PiecesOf) -> tuple[int, int, Cut]:
    """How many members are within the budget, for how much, and where it ends: it does."""
    planned = liability = 0
    for shard in (each for each in SHARDS if each in shards):
        whole = shards[shard].totals
        if liability + whole.liability <= budget:
            planned, liability = planned + whole.planned, liability + whole.liability
            continue
        for piece in pieces_of(shard):
            here = 0
            for member in piece.members:
                if not member.planned:
                    continue
                if liability + member.amount > budget:
                    return planned + here, liability, Cut(shard, piece.number, here)
                here, liability = here + 1, liability + member.amount
            planned += here
    raise AssertionError("the budget ends among pieces that come to more")


def make_plan(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Make the plan of a run, if it has none and can have one, and send a message for each piece after the first
    `job.sent`. Whether the message is done with.

    :raises Unread: something could not be read
    """
    run = Run(engine.store, job.campaign, job.run)
    campaign = releasing(engine, job)
    if campaign is None:
        return True
    plan = run.plan() or _written(engine, run, campaign)
    if plan is None:
        return not _is_whole(run.shards(), campaign)
    if campaign.summary is None and not _noted(engine, job, plan):
        return False
    sent, places = job.sent, islice(plan.all(), job.sent, None)
    while some := [messages.written(Job(messages.GRANT, job.campaign, job.run, *place)) for place in _few(places)]:
        if deadline.remaining_seconds < SEND_SECONDS:
            return not queue.send([messages.written(Job(messages.PLAN, job.campaign, job.run, sent=sent))])
        if queue.send(some):
            return False
        sent += len(some)
    return bool(plan.pieces) or finish_if_done(engine, queue, run, job, plan)


def _few(places: Iterator[tuple[str, int]]) -> list[tuple[str, int]]:
    return list(islice(places, MESSAGES))


def _written(engine: Engine, run: Run, campaign: Campaign) -> Plan | None:
    """The plan as it stands: ours, or another's who was first. None: there cannot be one yet, or it is not known."""
    shards = run.shards()
    if not _is_whole(shards, campaign):
        return None
    plan = plan_of(shards, campaign.budget_left, lambda shard: _pieces(run, shard, shards[shard].pieces))
    if commit(engine.store, [run.put_plan(plan)]) is Signal.COMMITTED:
        return plan
    return run.plan()


def _is_whole(shards: Mapping[str, Shard], campaign: Campaign) -> bool:
    return shards.keys() >= set(shards_of(campaign))


def _pieces(run: Run, shard: str, last: int) -> Iterator[Piece]:
    number = 1
    while number <= last:
        pieces = run.pieces_from(shard, number, PAGE_PIECES)
        if not pieces:
            raise Unread(f"piece {number} of shard {shard} is not there")
        yield from pieces
        number += len(pieces)


def _noted(engine: Engine, job: Job, plan: Plan) -> bool:
    """Whether the campaign's document says what the plan came to."""
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    for _ in range(ATTEMPTS):
        campaign = releasing(engine, job)
        if campaign is None or campaign.summary is not None:
            return True
        after = transitions.planned(campaign, plan.summary, engine.store.now())
        if commit(engine.store, [shelf.saved(docs, after, campaign.version)]) is Signal.COMMITTED:
            return True
        engine.sleep(engine.uniform() * 0.2)
    return False
