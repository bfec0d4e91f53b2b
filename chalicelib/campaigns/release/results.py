"""How far a release is, and what became of each customer: of the run that began last, or of one before.

Of each run there are its plan and its results, as long as a run is kept. When it began and ended is known of the
campaign, and so of the run that began last alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.campaigns.model import FIRST_RUN, Campaign, State
from chalicelib.campaigns.refusals import WrongRun
from chalicelib.campaigns.release.pieces import (
    BUDGET_EXHAUSTED,
    HOLDOUT,
    SHARDS,
    Member,
    Piece,
    Place,
    Plan,
    Result,
    Totals,
)
from chalicelib.campaigns.release.run import Run
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.store.reading import Store

GRANTED = "granted"
SKIPPED = "skipped"
FAILED = "failed"
PLANNED = "planned"
REVOKED = "revoked"
STATUSES = (GRANTED, HOLDOUT, SKIPPED, FAILED, PLANNED, REVOKED)

PIECES_A_READ = 20
"""Pieces that are read at once, with their results."""
MAX_PIECES = 60
"""Pieces that one page of recipients looks through."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of customers; amounts are minor units, instants milliseconds. `audience`, `planned` and `holdout` grow
    until the run is planned; the others with each piece that ends. `state` is the campaign's. `started_at`,
    `finished_at` and `rate` are None of a run before the one that began last; `rate` is customers a second that got
    an outcome, None too while there is nothing to tell it from."""

    state: State
    run: int
    audience: int
    holdout: int
    planned: int
    liability: int
    granted: int
    granted_amount: int
    skipped: int
    failed: int
    revoked: int
    revoked_amount: int
    started_at: int | None
    finished_at: int | None
    rate: float | None


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of one customer. `amount` (minor units) is what was planned; `reason` why it was not granted."""

    customer: str
    status: str
    group: int
    amount: int
    reason: str | None = None


def shown_run(campaign: Campaign) -> int:
    """The run that has begun last; 0 if none has."""
    waiting = State.SCHEDULED in (campaign.state, campaign.paused_from)
    return campaign.run - 1 if waiting else campaign.run


def run_of(campaign: Campaign, asked: int | None) -> int:
    """The run that is asked for; where none is, the one that began last, 0 if none has.

    :raises WrongRun: it never began
    """
    last = shown_run(campaign)
    if asked is None:
        return last
    if not FIRST_RUN <= asked <= last:
        raise WrongRun("The campaign has had no such run.", field="/query/run", last_run=last)
    return asked


def progress(store: Store, campaign: Campaign, asked: int | None = None) -> Progress:
    """How far a run is: the one that began last, unless another is asked for.

    :raises WrongRun: the run that is asked for never began, or is not kept any more
    :raises Unread: it could not be read
    """
    number = run_of(campaign, asked)
    run, plan = _planned(store, campaign, number)
    is_last = number == shown_run(campaign)
    started_at, finished_at = (campaign.started_at, campaign.finished_at) if is_last else (None, None)
    figures = _sums(run) if number else {}
    if plan is not None:
        told = plan.summary
        audience, holdout, planned, liability = told.audience, told.holdout, told.planned, told.liability
    else:
        totals = Totals()
        for shard in run.shards().values() if number else ():
            totals = totals.plus(shard.totals)
        audience, holdout, planned, liability = totals.audience, totals.holdout, totals.planned, totals.liability
    done = sum(figures.get(name, 0) for name in ("granted", "skipped", "failed"))
    return Progress(
        state=campaign.state,
        run=number,
        audience=audience,
        holdout=holdout,
        planned=planned,
        liability=liability,
        granted=figures.get("granted", 0),
        granted_amount=figures.get("granted_amount", 0),
        skipped=figures.get("skipped", 0),
        failed=figures.get("failed", 0),
        revoked=figures.get("revoked", 0),
        revoked_amount=figures.get("revoked_amount", 0),
        started_at=started_at,
        finished_at=finished_at,
        rate=_rate(done, started_at, finished_at or store.now()),
    )


def recipients(
    store: Store,
    campaign: Campaign,
    after: str | None,
    limit: int,
    status: str | None = None,
    *,
    asked: int | None = None,
) -> tuple[list[Recipient], str | None]:
    """Recipients of a run (the one that began last, unless another is asked for), behind a place in the order of its
    plan, of one status if one is named; and the place to go on from, if there is more to look at. A page may have fewer
    than `limit` (or none) and still not be the last. There are none before the run is planned.

    :raises WrongRun: the run that is asked for never began, or is not kept any more
    :raises ValueError: it is no place
    :raises Unread: they could not be read
    """
    place = _place(after) if after is not None else None
    run, plan = _planned(store, campaign, run_of(campaign, asked))
    if plan is None:
        return [], None
    found: list[Recipient] = []
    looked = 0
    rest = _in_order(plan, place[0] if place else None)
    while some := list(islice(rest, min(PIECES_A_READ, MAX_PIECES - looked))):
        pieces, results = run.pieces(some), run.results(some)
        for each in some:
            piece, skip = pieces.get(each), place[1] if place and each == place[0] else 0
            looked += 1
            if piece is None:
                continue
            for number, told in enumerate(_told(piece, results.get(each), plan)):
                if number < skip or (status is not None and told.status != status):
                    continue
                if len(found) == limit:
                    return found, _written(each, number)
                found.append(told)
        if looked >= MAX_PIECES:
            break
    following = next(rest, None)
    return found, None if following is None else _written(following, 0)


def _planned(store: Store, campaign: Campaign, number: int) -> tuple[Run, Plan | None]:
    """A run with its plan, None before it is planned.

    :raises WrongRun: another has begun since, and this one is not kept any more
    """
    run = Run(store, campaign.id, number)
    plan = run.plan() if number else None
    if plan is None and number < shown_run(campaign):
        raise WrongRun("What became of this run is not kept any more.", field="/query/run")
    return run, plan


def _told(piece: Piece, result: Result | None, plan: Plan) -> Iterator[Recipient]:
    within, planned = plan.within_budget(piece.shard, piece.number), 0
    left = frozenset(result.left) if result is not None else frozenset()
    for member in piece.members:
        planned += member.planned
        yield _recipient(member, result, left, beyond=member.planned and planned > within)


def _recipient(member: Member, result: Result | None, left: frozenset[str], *, beyond: bool) -> Recipient:
    def told(status: str, reason: str | None = None) -> Recipient:
        return Recipient(member.customer, status, member.group, member.amount, reason)

    if member.reason == HOLDOUT:
        return told(HOLDOUT)
    if result is not None and member.customer in result.skipped:
        return told(SKIPPED, result.skipped[member.customer])
    if not member.planned:
        return told(SKIPPED, member.reason)
    if result is not None and member.customer in result.failed:
        return told(FAILED, result.failed[member.customer])
    if beyond:
        return told(SKIPPED, BUDGET_EXHAUSTED)
    if result is None or member.customer in left:
        return told(PLANNED)
    return told(REVOKED if result.revoked is not None else GRANTED)


def _in_order(plan: Plan, first: Place | None) -> Iterator[Place]:
    """Pieces shard by shard, from that one on."""
    begin = first or (SHARDS[0], 1)
    for shard in SHARDS[SHARDS.index(begin[0]) :]:
        for number in range(begin[1] if shard == begin[0] else 1, plan.pieces.get(shard, 0) + 1):
            yield shard, number


def _written(place: Place, member: int) -> str:
    return f"{place[0]}/{place[1]}/{member}"


def _place(told: str) -> tuple[Place, int]:
    shard, number, member = told.split("/")
    if shard not in SHARDS or not 1 <= len(number) <= 6 or not 1 <= len(member) <= 6:
        raise ValueError("it is no place among recipients")
    return (shard, int(number)), int(member)


def _sums(run: Run) -> dict[str, int]:
    sums: dict[str, int] = {}
    for figures in run.figures().values():
        for name, value in figures.items():
            sums[name] = sums.get(name, 0) + value
    return sums


def _rate(done: int, started_at: int | None, until: int) -> float | None:
    if started_at is None or not done or until <= started_at:
        return None
    return round(done * SECOND_MS / (until - started_at), 1)
