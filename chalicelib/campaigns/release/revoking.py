"""What a cancelled campaign granted before anybody could use it is taken back, piece by piece.

    its grant was not done       refused for good: a worker that is still on its way with it comes too late
    its grant was done           what is unheld of its lot is revoked, by an operation of its own

So after a piece was gone through, nothing of it is left, and nothing can follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import messages, operations
from chalicelib.campaigns.release.carrying import GROUP_SECONDS, Decide, carry_out
from chalicelib.campaigns.release.granting import due_of
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import NOTE_ATTEMPTS
from chalicelib.campaigns.release.operations import Granted, actor_of, crediting, outcome_of, revoked_amount, revoking
from chalicelib.campaigns.release.pacing import Pace
from chalicelib.campaigns.release.pieces import CANCELLED, Member, Plan, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.ledger.correcting import Revocation, revoke
from chalicelib.ledger.model import Act, Wallet
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.store.backoff import after_trouble
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents, commit
from chalicelib.store.release import GROUP_WALLETS, MARKED_WALLETS, Mark, Operation, Outcome
from chalicelib.store.signals import Signal

REASON = "campaign_cancelled"


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
        result = _revoke(
            engine, campaign, job, *due_of(piece.members, plan.within_budget(job.shard, job.piece)), deadline
        )
        if result is None:
            return not queue.send([messages.written(job)])
        if not _note(engine, run, job, result):
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


def _revoke(
    engine: Engine, campaign: Campaign, job: Job, due: Sequence[Member], skipped: dict[str, str], deadline: Deadline
) -> Result | None:
    """What became of those who were due, and of the others; None where it is not all known yet. What was done before
    is found again at once, without a pause: so however slowly it may be done, each try comes further than the last."""
    failed: dict[str, str] = {}
    granted = granted_amount = taken = taken_amount = 0
    pace, pause = Pace(engine), 0.0
    size = pace.group(MARKED_WALLETS if campaign.repeat else GROUP_WALLETS)
    for start in range(0, len(due), size):
        customers = [member.customer for member in due[start : start + size]]
        if deadline.remaining_seconds < pause + 2 * GROUP_SECONDS:
            return None
        engine.sleep(pause)
        grants = [crediting(campaign, job.run, customer) for customer in customers]
        sealed = carry_out(engine, campaign.id, None, grants, _seal, deadline)
        if sealed.left:
            return None
        credited: dict[Operation, Granted] = {}
        for grant in grants:
            customer = grant.wallet.customer
            if grant.id in sealed.failed:
                failed[customer] = sealed.failed[grant.id]
                continue
            match outcome_of(sealed.answers[grant.id]):
                case Granted() as done:
                    granted, granted_amount = granted + 1, granted_amount + done.amount
                    credited[revoking(campaign, job.run, customer)] = done
                case refused:
                    skipped[customer] = refused.reason
        decide = _taking_back(campaign, credited, engine.policy)
        revoked = carry_out(engine, campaign.id, None, list(credited), decide, deadline)
        if revoked.left:
            return None
        amounts = [revoked_amount(answer) for answer in revoked.answers.values()]
        taken, taken_amount = taken + sum(1 for amount in amounts if amount), taken_amount + sum(amounts)
        failed |= {each.wallet.customer: revoked.failed[each.id] for each in credited if each.id in revoked.failed}
        pause = pace.seconds(sealed.written + revoked.written)
    engine.sleep(max(0.0, min(pause, deadline.remaining_seconds - GROUP_SECONDS)))
    return Result(True, granted, granted_amount, skipped, failed, revoked=taken, revoked_amount=taken_amount)


def _seal(operation: Operation, _wallet: Wallet, _mark: Mark | None, _now: int) -> Outcome:
    return Outcome(operation, operations.skipped(CANCELLED))


def _taking_back(campaign: Campaign, credited: dict[Operation, Granted], policy: Policy) -> Decide:
    def decide(operation: Operation, wallet: Wallet, _mark: Mark | None, now: int) -> Outcome:
        given = credited[operation]
        lot = wallet.lot(given.lot)
        amount = min(given.amount, lot.unheld) if lot is not None else 0
        if not amount:
            return Outcome(operation, operations.revoked(0))
        act = Act(operation.id, actor_of(campaign.id), now)
        try:
            plan = revoke(wallet, Revocation(given.lot, REASON, amount), act, policy)
        except Refused:
            return Outcome(operation, operations.revoked(0))
        return Outcome(operation, operations.revoked(amount), wallet.version, plan)

    return decide


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
