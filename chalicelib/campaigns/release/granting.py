"""One piece granted: its members in order, in groups that are credited together.

Before each group the campaign is looked at, in the same read as the wallets: paused or cancelled, the piece ends there,
and what it did so far is its result. A piece that is done again, from wherever its worker was lost, finds by a read
what has its outcome already. Members who were merged since the run began come last, one by one (see `joined`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.carrying import GROUP_SECONDS, carry_out
from chalicelib.campaigns.release.deciding import Decision
from chalicelib.campaigns.release.joined import JOINED_SECONDS, Joined, NotKnown, Untouchable, is_of_one
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import finish_if_done, is_releasing, note_result, releasing
from chalicelib.campaigns.release.operations import Decide, Granted, Skipped, crediting, outcome_of
from chalicelib.campaigns.release.pacing import Pace
from chalicelib.campaigns.release.pieces import BUDGET_EXHAUSTED, HOLDOUT, Member, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.performance.memberships import enrol
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.release import GROUP_WALLETS, MARKED_WALLETS, Mark, Operation
from chalicelib.store.signals import Unread

MAX_TRIES = 5
"""A piece with wallets that cannot be touched is tried so often before that is its result."""


@dataclass(slots=True)
class _Tally:
    """What is known of the members of a piece so far."""

    granted: int = 0
    granted_amount: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    credited: list[str] = field(default_factory=list)
    """Customers into whose wallets something was granted that is not noted yet."""
    out_of_time: bool = False

    def go_on(self, before: Result, due: Sequence[Member]) -> list[Member]:
        """Begin with what was noted, which does not change any more; those who have no outcome in it."""
        self.granted, self.granted_amount = before.granted, before.granted_amount
        self.skipped = dict(before.skipped)
        open_ = {*before.left, *before.failed}
        return [member for member in due if member.customer in open_]

    def take(self, customer: str, outcome: Granted | Skipped) -> None:
        match outcome:
            case Granted():
                self.granted += 1
                self.granted_amount += outcome.amount
                self.credited.append(outcome.wallet)
            case Skipped():
                self.skipped[customer] = outcome.reason

    def result(self, left: Sequence[Member], tries: int) -> Result:
        done = not left and (not self.failed or tries >= MAX_TRIES)
        open_ = tuple(member.customer for member in left)
        return Result(done, self.granted, self.granted_amount, dict(self.skipped), dict(self.failed), open_, tries)


def grant_piece(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Grant a piece, as far as the deadline allows; the rest is handed on. Whether the message is done with.

    :raises Busy, Unread: something could not be read, or passed on; what was granted stays, and is found again
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
    left = _Crediting(engine, campaign, job, tally, deadline).credit(due)
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


class _Crediting:
    """One worker, on its way through members of one piece."""

    def __init__(self, engine: Engine, campaign: Campaign, job: Job, tally: _Tally, deadline: Deadline) -> None:
        self._engine = engine
        self._campaign = campaign
        self._stopped = False
        """Whether this run of the campaign is not being released any more."""
        self._job = job
        self._tally = tally
        self._deadline = deadline
        self._joined = Joined(engine, campaign, job.run, deadline)
        self._pace = Pace(engine)
        self._size = self._pace.group(MARKED_WALLETS if campaign.repeat else GROUP_WALLETS)

    def credit(self, due: Sequence[Member]) -> list[Member]:
        """Credit members: those alone in order, in groups, and then those who are joined. Who has no outcome yet.

        :raises Busy, Unread: what was granted stays, and is found again
        """
        joined = self._joined.among(member.customer for member in due)
        alone = [member for member in due if member.customer not in joined]
        later = [member for member in due if member.customer in joined]
        left: list[Member] = []
        while alone and self._may_go_on(len(alone[: self._size]), GROUP_SECONDS):
            group, alone = alone[: self._size], alone[self._size :]
            without, joined_by_now = self._together(group)
            left, later = left + without, later + joined_by_now
        while later and not alone and self._may_go_on(1, JOINED_SECONDS):
            left += self._by_itself(later.pop(0))
        self._joined.pass_on(self._tally.credited)
        return left + alone + later

    def _may_go_on(self, wallets: int, seconds: float) -> bool:
        """Wait until so many may be credited; False where there is not the time that it takes, or the run stopped."""
        if self._stopped:
            return False
        pause = self._pace.seconds(wallets)
        if self._deadline.remaining_seconds < pause + seconds:
            self._tally.out_of_time = True
            return False
        self._pace.sleep(pause)
        return True

    def _together(self, group: Sequence[Member]) -> tuple[list[Member], list[Member]]:
        """Credit a group; who has no outcome, and who turns out to be joined."""
        members = {crediting(self._campaign, self._job.run, member.customer): member for member in group}
        todo, joined = list(members), list[Member]()
        while todo and not self._stopped:
            campaign = self._campaign
            decide = Decision(campaign, members, self._engine.policy)
            carried = carry_out(self._engine, campaign.id, campaign.version, todo, decide, self._deadline)
            for operation in todo:
                customer = members[operation].customer
                if operation.id in carried.failed:
                    self._tally.failed[customer] = carried.failed[operation.id]
                elif operation.id in carried.answers:
                    outcome = outcome_of(operation, carried.answers[operation.id])
                    if is_of_one(outcome, customer):
                        self._tally.take(customer, outcome)
                    else:
                        joined.append(members[operation])
            todo = carried.left
            if not carried.moved:
                break
            self._look_again()
        return [members[operation] for operation in todo], joined

    def _by_itself(self, member: Member) -> list[Member]:
        """Credit a member who is joined; the same, if the outcome is not known."""
        while not self._stopped:
            campaign = self._campaign

            def settle(operation: Operation, marks: Sequence[Mark], campaign: Campaign = campaign) -> Decide:
                return Decision(campaign, {operation: member}, self._engine.policy, marks)

            try:
                self._tally.take(member.customer, self._joined.outcome(member.customer, settle, campaign.version))
            except Untouchable as wallet:
                self._tally.failed[member.customer] = wallet.reason
            except (NotKnown, Unread):
                self._look_again()
                if self._campaign.version != campaign.version:
                    continue
                return [member]
            return []
        return [member]

    def _look_again(self) -> None:
        now = releasing(self._engine, self._job)
        self._campaign, self._stopped = now or self._campaign, now is None
