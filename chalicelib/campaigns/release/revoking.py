"""What a cancelled campaign granted before anybody could use it is taken back, piece by piece.

    its grant was not done       refused for good: a worker that is still on its way with it comes too late
    its grant was done           what is unheld of its lot is revoked, by an operation of its own

So after a piece was gone through, nothing of it is left, and nothing can follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.carrying import GROUP_SECONDS, carry_out
from chalicelib.campaigns.release.deciding import sealed, taking_back
from chalicelib.campaigns.release.granting import MAX_TRIES, due_of
from chalicelib.campaigns.release.joined import JOINED_SECONDS, Joined, NotKnown, Untouchable, is_of_one
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import NOTE_ATTEMPTS
from chalicelib.campaigns.release.operations import (
    Granted,
    Skipped,
    crediting,
    outcome_of,
    revoked_amount,
    revoking,
)
from chalicelib.campaigns.release.pacing import Pace
from chalicelib.campaigns.release.pieces import CANCELLED, Member, Plan, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_trouble
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.release import GROUP_WALLETS, MARKED_WALLETS, Operation
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit

MAX_TRIES_IN_ALL = 2 * MAX_TRIES
"""To grant a piece with wallets that cannot be touched, and to take back what it granted."""


def revoke_piece(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Take back what a piece granted, and note it; what the deadline does not allow is handed on. Whether the message
    is done with.

    :raises Unread: something could not be read; what was revoked stays so, and is found again
    """
    run = Run(engine.store, job.campaign, job.run)
    campaign = cancelled(engine, job)
    plan = run.plan() if campaign else None
    piece = run.piece(job.shard, job.piece) if plan else None
    if campaign is None or plan is None or piece is None:
        return True
    before = run.result(job.shard, job.piece)
    if before is None or before.revoked is None:
        due, skipped = due_of(piece.members, plan.within_budget(job.shard, job.piece))
        result = _Revoking(engine, campaign, job, skipped, deadline).result(due)
        if result is None:
            return not queue.send([messages.written(job)])
        tries = (before.tries if before else 0) + bool(result.failed)
        if result.failed and tries < MAX_TRIES_IN_ALL:
            # Not the end of it: a wallet that cannot be touched now may be later, and its credit is to be taken back.
            _note(engine, run, job, replace(result, tries=tries, revoked=None, revoked_amount=0))
            return False
        if not _note(engine, run, job, replace(result, tries=tries)):
            return False
    return end_if_revoked(engine, run, job, plan)


def cancelled(engine: Engine, job: Job) -> Campaign | None:
    """The campaign, if this run of it is being revoked."""
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    campaign = shelf.load(docs, job.campaign)
    return campaign if campaign is not None and campaign.revoking == job.run else None


def end_if_revoked(engine: Engine, run: Run, job: Job, plan: Plan | None) -> bool:
    """Note that nothing is left to revoke, if that is so. False: it is, and could not be noted; the minute job comes to
    it."""
    if plan is not None and not run.has_all_results(plan, figure="revoked_pieces"):
        return True
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    for attempt in range(1, NOTE_ATTEMPTS + 1):
        campaign = cancelled(engine, job)
        if campaign is None:
            return True
        after = transitions.revoked(campaign, engine.store.now())
        if commit(engine.store, [shelf.saved(docs, after, campaign.version)]) is Signal.COMMITTED:
            return True
        engine.sleep(after_trouble(attempt, engine.uniform))
    return False


class _Revoking:
    """One worker, on its way through members of one piece: what became of them, as far as it knows."""

    def __init__(
        self, engine: Engine, campaign: Campaign, job: Job, skipped: dict[str, str], deadline: Deadline
    ) -> None:
        self._engine = engine
        self._campaign = campaign
        self._run = job.run
        self._deadline = deadline
        self._joined = Joined(engine, campaign, job.run, deadline)
        self._pace = Pace(engine)
        self._skipped = skipped
        self._failed: dict[str, str] = {}
        self._granted: dict[str, Granted] = {}
        self._taken: dict[str, int] = {}

    def result(self, due: Sequence[Member]) -> Result | None:
        """What became of those who were due, and of the others; None where it is not all known yet. What was done
        before is found again at once, without a pause: so however slowly it may be done, each try comes further.

        :raises Unread: what was revoked stays so, and is found again
        """
        customers = [member.customer for member in due]
        joined = self._joined.among(customers)
        alone = [customer for customer in customers if customer not in joined]
        later = [customer for customer in customers if customer in joined]
        size = self._pace.group(MARKED_WALLETS if self._campaign.repeat else GROUP_WALLETS)
        pause = 0.0
        for start in range(0, len(alone), size):
            if self._deadline.remaining_seconds < pause + 2 * GROUP_SECONDS:
                return None
            self._engine.sleep(pause)
            written = self._together(alone[start : start + size], later)
            if written is None:
                return None
            pause = self._pace.seconds(written)
        # Whose credit was not there any more: perhaps they have been merged meanwhile.
        later += self._joined.among(each for each, taken in self._taken.items() if not taken)
        for customer in later:
            if self._deadline.remaining_seconds < pause + JOINED_SECONDS:
                return None
            self._engine.sleep(pause)
            before = self._joined.written
            if not self._by_itself(customer):
                return None
            pause = self._pace.seconds(self._joined.written - before)
        self._engine.sleep(max(0.0, min(pause, self._deadline.remaining_seconds - GROUP_SECONDS)))
        amounts = [taken for taken in self._taken.values() if taken]
        granted = [each.amount for each in self._granted.values()]
        skipped, failed = self._skipped, self._failed
        return Result(
            True, len(granted), sum(granted), skipped, failed, revoked=len(amounts), revoked_amount=sum(amounts)
        )

    def _together(self, customers: Sequence[str], joined: list[str]) -> int | None:
        """Go through a group: how many operations that wrote; None where an outcome is not known. Who turns out to be
        joined is added to the others."""
        grants = [crediting(self._campaign, self._run, customer) for customer in customers]
        settled = carry_out(self._engine, self._campaign.id, None, grants, sealed(CANCELLED), self._deadline)
        if settled.left:
            return None
        back: dict[Operation, Granted] = {}
        for grant in grants:
            customer = grant.wallet.customer
            if grant.id in settled.failed:
                self._failed[customer] = settled.failed[grant.id]
                continue
            outcome = outcome_of(grant, settled.answers[grant.id])
            if not is_of_one(outcome, customer):
                joined.append(customer)
            elif self._take(customer, outcome):
                back[revoking(self._campaign, self._run, customer)] = self._granted[customer]
        decide = taking_back(self._campaign, back, self._engine.policy)
        revoked = carry_out(self._engine, self._campaign.id, None, list(back), decide, self._deadline)
        if revoked.left:
            return None
        for operation in back:
            if operation.id in revoked.failed:
                self._failed[operation.wallet.customer] = revoked.failed[operation.id]
            else:
                self._taken[operation.wallet.customer] = revoked_amount(revoked.answers[operation.id])
        return settled.written + revoked.written

    def _by_itself(self, customer: str) -> bool:
        """Go through a member who is joined; whether its outcome is known."""
        try:
            outcome = self._joined.outcome(customer, lambda _own, _marks: sealed(CANCELLED))
            if self._take(customer, outcome):
                self._taken[customer] = self._joined.taken_back(self._granted[customer])
        except Untouchable as wallet:
            self._failed[customer] = wallet.reason
        except NotKnown:
            return False
        return True

    def _take(self, customer: str, outcome: Granted | Skipped) -> bool:
        """Note what the run did for a member; whether it granted something."""
        if isinstance(outcome, Granted):
            self._granted[customer] = outcome
            return True
        self._skipped[customer] = outcome.reason
        return False


def _note(engine: Engine, run: Run, job: Job, result: Result) -> bool:
    """Put the result of a piece that was revoked in the place of whatever is there; whether one stands there now."""
    for attempt in range(1, NOTE_ATTEMPTS + 1):
        before = run.result(job.shard, job.piece)
        if before is not None and before.revoked is not None:
            return True
        if commit(engine.store, run.put_result(job.shard, job.piece, result, before)) is Signal.COMMITTED:
            return True
        engine.sleep(after_trouble(attempt, engine.uniform))
    return False
