"""One piece granted: its members in order, in groups that are credited together.

Before each group the campaign is looked at, in the same read as the wallets: paused or cancelled, the piece ends there,
and what it did so far is its result. A piece that is done again, from wherever its worker was lost, finds by a read
what has its outcome already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.carrying import GROUP_SECONDS, carry_out
from chalicelib.campaigns.release.deciding import Decision
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import finish_if_done, is_releasing, note_result, releasing
from chalicelib.campaigns.release.operations import Granted, crediting, outcome_of
from chalicelib.campaigns.release.pacing import Pace
from chalicelib.campaigns.release.pieces import BUDGET_EXHAUSTED, HOLDOUT, Member, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.performance.memberships import enrol
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.release import GROUP_WALLETS, MARKED_WALLETS

MAX_TRIES = 5
"""A piece with wallets that cannot be touched is tried so often before that is its result."""


@dataclass(slots=True)
class _Tally:
    """What is known of the members of a piece so far."""

    granted: int = 0
    granted_amount: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    out_of_time: bool = False

    def go_on(self, before: Result, due: Sequence[Member]) -> list[Member]:
        """Begin with what was noted, which does not change any more; those who have no outcome in it."""
        self.granted, self.granted_amount = before.granted, before.granted_amount
        self.skipped = dict(before.skipped)
        open_ = {*before.left, *before.failed}
        return [member for member in due if member.customer in open_]

    def take(self, customer: str, answer: str) -> None:
        match outcome_of(answer):
            case Granted(amount):
                self.granted += 1
                self.granted_amount += amount
            case refused:
                self.skipped[customer] = refused.reason

    def result(self, left: Sequence[str], tries: int) -> Result:
        done = not left and (not self.failed or tries >= MAX_TRIES)
        return Result(
            done, self.granted, self.granted_amount, dict(self.skipped), dict(self.failed), tuple(left), tries
        )


def grant_piece(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Grant a piece, as far as the deadline allows; the rest is handed on. Whether the message is done with.

    :raises Unread: something could not be read; what was granted stays, and is found again
    """
    run = Run(engine.store, job.campaign, job.run)
    work = run.work(job.shard, job.piece)
    campaign, plan, piece, before = work.campaign, work.plan, work.piece, work.result
    if campaign is None or not is_releasing(campaign, job) or plan is None or piece is None:
        return True
    if before is not None and before.complete:
        return True
    held_out = [member.customer for member in piece.members if member.reason == HOLDOUT]
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    enrol(docs, campaign.id, held_out, holdout=True, at=campaign.release_at or engine.store.now())
    tally = _Tally()
    due, tally.skipped = due_of(piece.members, plan.within_budget(job.shard, job.piece))
    if before is not None:
        due = tally.go_on(before, due)
    left = _grant(engine, campaign, job, due, tally, deadline)
    tries = (before.tries if before else 0) + bool(tally.failed)
    result = tally.result(left, tries)
    noted = note_result(engine, run, job, result, before)
    if result.complete:
        return noted and finish_if_done(engine, queue, run, job, plan)
    if tally.out_of_time:
        return not queue.send([messages.written(job)])
    # What has no outcome yet, or failed, is to come again in a while; but not while the campaign is paused.
    return releasing(engine, job) is None


def due_of(members: Sequence[Member], within_budget: int) -> tuple[list[Member], dict[str, str]]:
    """Those of a piece who are to be granted something, and why the others are not; who is kept out is in neither."""
    due: list[Member] = []
    skipped: dict[str, str] = {}
    for member in members:
        if member.reason == HOLDOUT:
            continue
        if not member.planned:
            skipped[member.customer] = str(member.reason)
        elif len(due) < within_budget:
            due.append(member)
        else:
            skipped[member.customer] = BUDGET_EXHAUSTED
    return due, skipped


def _grant(
    engine: Engine, campaign: Campaign, job: Job, due: Sequence[Member], tally: _Tally, deadline: Deadline
) -> list[str]:
    """Grant members in order; the customers that have no outcome yet."""
    pace = Pace(engine)
    left: list[str] = []
    groups = list(_groups(due, pace.group(MARKED_WALLETS if campaign.repeat else GROUP_WALLETS)))
    for place, group in enumerate(groups):
        rest = [member.customer for later in groups[place:] for member in later]
        pause = pace.seconds(len(group))
        if deadline.remaining_seconds < pause + GROUP_SECONDS:
            tally.out_of_time = True
            return left + rest
        pace.sleep(pause)
        members = {crediting(campaign, job.run, member.customer): member for member in group}
        todo = list(members)
        while todo:
            decide = Decision(campaign, members, engine.policy)
            carried = carry_out(engine, campaign.id, campaign.version, todo, decide, deadline)
            for operation, member in members.items():
                if operation.id in carried.answers:
                    tally.take(member.customer, carried.answers[operation.id])
                elif operation.id in carried.failed:
                    tally.failed[member.customer] = carried.failed[operation.id]
            todo = carried.left
            if not carried.moved:
                break
            now = releasing(engine, job)
            if now is None:
                behind = [member.customer for later in groups[place + 1 :] for member in later]
                return left + [operation.wallet.customer for operation in todo] + behind
            campaign = now
        left += [operation.wallet.customer for operation in todo]
    return left


def _groups(due: Sequence[Member], size: int) -> Iterator[Sequence[Member]]:
    for start in range(0, len(due), size):
        yield due[start : start + size]
