"""What keeps releases moving: the minute job, and whom each message of the release queue goes to.

    scheduled, and its time has come     begins: a message for each shard of the audience; but not after `ends_at`
    releasing                            ends where every piece is done; else, where nothing moved for STALL_SECONDS or
                                         it was paused meanwhile, what is missing is sent again; fails, where it was
                                         so MOST_STALLS times and nobody can read whom it is for
    cancelled, with a run to revoke      the same with what is to be taken back

It does nothing that is wrong to do twice, or by two at once. How far a run is, and since when, is noted by the
machine's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign, State
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.evaluating import evaluate_shard
from chalicelib.campaigns.release.granting import grant_piece
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.noting import finish_if_done
from chalicelib.campaigns.release.pieces import SHARDS, Place, Plan, Result, shards_of
from chalicelib.campaigns.release.planning import make_plan
from chalicelib.campaigns.release.revoking import end_if_revoked, revoke_piece
from chalicelib.campaigns.release.run import Run
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.runtime.clock import Deadline
from chalicelib.segments.where import WrongWhere, parse
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.items import MAX_KEYS
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit

Wanted = Callable[[Result], bool]

STALL_SECONDS = 120
"""A run that has not moved for so long has lost a message, or a worker."""
MOST_STALLS = 5
"""A run whose trees cannot be read is sent again so often: ten minutes, in which its messages become dead letters."""
LOOK_SECONDS = 10.0
"""With less time left the minute job leaves what is left to its next run."""


@dataclass(slots=True)
class Looked:
    """What one look at one campaign came to."""

    begun: bool = False
    sent: int = 0
    ended: bool = False
    late_ms: int = 0
    """How long ago its credit should have been there, where it is not all there yet."""


def ids_due(engine: Engine) -> list[str]:
    """Campaigns that are to be looked at by now.

    :raises Unread: the index could not be read
    """
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    return shelf.ids_due(docs, engine.store.now())


def work(engine: Engine, queue: ReleaseQueue, job: Job, deadline: Deadline) -> bool:
    """Do what a message asks for, as far as the deadline allows. Whether the message is done with.

    :raises Unread: something could not be read; the message is to come again
    """
    match job.job:
        case messages.EVALUATE:
            return evaluate_shard(engine, queue, job, deadline)
        case messages.PLAN:
            return make_plan(engine, queue, job, deadline)
        case messages.GRANT:
            return grant_piece(engine, queue, job, deadline)
        case messages.REVOKE:
            return revoke_piece(engine, queue, job, deadline)
    look_at(engine, queue, job.campaign, deadline)
    return True


def look_at(engine: Engine, queue: ReleaseQueue, campaign_id: str, deadline: Deadline) -> Looked:
    """Do for a campaign what is to be done by now.

    :raises Unread: something could not be read
    """
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    campaign = shelf.load(docs, campaign_id)
    if campaign is None:
        return Looked()
    now = engine.store.now()
    if campaign.state is State.SCHEDULED:
        if campaign.due_at is None or campaign.due_at > now:
            return Looked()
        if transitions.has_ended(campaign, now):
            return _end(engine, campaign, transitions.miss(campaign, now))
        begun = transitions.begin_release(campaign, now)
        if commit(engine.store, [shelf.saved(docs, begun, campaign.version)]) is not Signal.COMMITTED:
            return Looked()
        sent = _send(queue, _evaluations(Run(engine.store, campaign.id, begun.run), begun), deadline)
        return Looked(True, sent, late_ms=_late(campaign, now))
    if campaign.state is State.RELEASING:
        looked = _drive(engine, queue, campaign, deadline)
        looked.late_ms = 0 if looked.ended else _late(campaign, now)
    elif campaign.revoking is not None:
        looked = _drive_revoking(engine, queue, campaign, campaign.revoking, deadline)
    else:
        return Looked()
    if not looked.ended:
        # Where this loses a race the campaign is looked at again at once, by whoever won it or a minute later.
        commit(engine.store, [shelf.saved(docs, transitions.looked_at(campaign, now), campaign.version)])
    return looked


def _drive(engine: Engine, queue: ReleaseQueue, campaign: Campaign, deadline: Deadline) -> Looked:
    run = Run(engine.store, campaign.id, campaign.run)
    plan = run.plan()
    if plan is not None and campaign.summary is not None and run.has_all_results(plan):
        job = Job(messages.GRANT, campaign.id, campaign.run, SHARDS[0])
        ended = finish_if_done(engine, queue, run, job, plan)
        return Looked(ended=ended)
    done = _pieces_written(run, campaign) if plan is None else _figure(run, "pieces")
    at = f"release/{plan is not None}/{campaign.summary is not None}/{done}"
    resumed = campaign.due_at is not None and campaign.due_at <= campaign.updated_at
    stalls = _stalled(engine, run, at)
    if not stalls and not resumed:
        return Looked()
    if plan is None and stalls >= MOST_STALLS and not _is_readable(campaign):
        return _end(engine, campaign, transitions.fail(campaign, transitions.UNREADABLE, engine.store.now()))
    if plan is None:
        missing = list(_evaluations(run, campaign))
        jobs: Iterable[Job] = missing or [Job(messages.PLAN, campaign.id, campaign.run)]
    elif campaign.summary is None:
        jobs = [Job(messages.PLAN, campaign.id, campaign.run)]
    else:
        unfinished = _pieces(run, plan, lambda result: not result.complete)
        jobs = (Job(messages.GRANT, campaign.id, campaign.run, *place) for place in unfinished)
    return Looked(sent=_send(queue, jobs, deadline))


def _drive_revoking(
    engine: Engine, queue: ReleaseQueue, campaign: Campaign, revoked_run: int, deadline: Deadline
) -> Looked:
    run = Run(engine.store, campaign.id, revoked_run)
    plan = run.plan()
    if plan is None or run.has_all_results(plan, figure="revoked_pieces"):
        job = Job(messages.REVOKE, campaign.id, revoked_run)
        return Looked(ended=end_if_revoked(engine, run, job, plan))
    note, _ = run.driving()
    first = not str(note.get("at", "")).startswith("revoke/")
    if not _stalled(engine, run, f"revoke/{_figure(run, 'revoked_pieces')}") and not first:
        return Looked()
    places = _pieces(run, plan, lambda result: result.revoked is None)
    jobs = (Job(messages.REVOKE, campaign.id, revoked_run, *place) for place in places)
    return Looked(sent=_send(queue, jobs, deadline))


def _end(engine: Engine, campaign: Campaign, ended: Campaign) -> Looked:
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    return Looked(ended=commit(engine.store, [shelf.saved(docs, ended, campaign.version)]) is Signal.COMMITTED)


def _is_readable(campaign: Campaign) -> bool:
    """Whether this code knows whom the campaign is for. A worker of another version may, which is why a run that it is
    not readable for is tried for a while."""
    try:
        for group in campaign.groups:
            if group.where is not None:
                parse(group.where)
    except WrongWhere:
        return False
    return True


def _late(campaign: Campaign, now: int) -> int:
    return 0 if campaign.release_at is None else max(0, now - campaign.release_at)


def _stalled(engine: Engine, run: Run, at: str) -> int:
    """How often by now the run has been there for so long that what is missing is to be sent again, 0 where it is not;
    it is noted where it is. Of several that look at once one is told so."""
    note, version = run.driving()
    now = engine.store.clock.now()
    same = note.get("at") == at
    if same and now - int(note["since"]) < STALL_SECONDS * SECOND_MS:
        return 0
    stalls = int(note.get("stalls", 0)) + 1 if same else 0
    told = {"at": at, "since": now, "stalls": stalls}
    return stalls if commit(engine.store, [run.put_driving(told, version)]) is Signal.COMMITTED else 0


def _evaluations(run: Run, campaign: Campaign) -> Iterator[Job]:
    done = run.shards()
    missing = (shard for shard in shards_of(campaign) if shard not in done)
    return (Job(messages.EVALUATE, campaign.id, campaign.run, shard) for shard in missing)


def _pieces_written(run: Run, campaign: Campaign) -> int:
    done = run.shards()
    others = (run.last_piece(shard) for shard in shards_of(campaign) if shard not in done)
    return sum(shard.pieces for shard in done.values()) + sum(piece.number for piece in others if piece)


def _figure(run: Run, name: str) -> int:
    return sum(figures.get(name, 0) for figures in run.figures().values())


def _pieces(run: Run, plan: Plan, wanted: Wanted) -> Iterator[Place]:
    """Pieces whose result is wanting, in the order of the plan."""
    places = plan.all()
    while some := list(islice(places, MAX_KEYS)):
        results = run.results(some)
        yield from (place for place in some if place not in results or wanted(results[place]))


def _send(queue: ReleaseQueue, jobs: Iterable[Job], deadline: Deadline) -> int:
    """Send as many as there is time for; how many the queue took."""
    sent, rest = 0, iter(jobs)
    while deadline.remaining_seconds >= LOOK_SECONDS and (some := list(islice(rest, MAX_KEYS))):
        left = queue.send([messages.written(job) for job in some])
        sent += len(some) - len(left)
        if left:
            break
    return sent
