"""What is written about a piece that was granted, and about the run that it was the last of."""

from __future__ import annotations

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import Campaign, State
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.messages import Job, ReleaseQueue
from chalicelib.campaigns.release.pieces import Plan, Result
from chalicelib.campaigns.release.run import Run
from chalicelib.store.backoff import after_trouble
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.signals import Signal
from chalicelib.store.writes import commit

NOTE_ATTEMPTS = 6


def releasing(engine: Engine, job: Job) -> Campaign | None:
    """The campaign, if this run of it is being released."""
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    campaign = shelf.load(docs, job.campaign)
    return campaign if campaign is not None and is_releasing(campaign, job) else None


def is_releasing(campaign: Campaign, job: Job) -> bool:
    return campaign.state is State.RELEASING and campaign.run == job.run


def note_result(engine: Engine, run: Run, job: Job, result: Result, before: Result | None) -> bool:
    """Put the result of a piece in the place of one that says less; whether it stands there now.

    Nothing is put in the place of a complete one: another worker had the same piece, and each of its members has one
    outcome, whoever looks.
    """
    for attempt in range(1, NOTE_ATTEMPTS + 1):
        if before is not None and (before.complete or _says_less(result, before)):
            return before.complete or not result.complete
        if commit(engine.store, run.put_result(job.shard, job.piece, result, before)) is Signal.COMMITTED:
            return True
        engine.sleep(after_trouble(attempt, engine.uniform))
        before = run.result(job.shard, job.piece)
    return False


def _says_less(result: Result, before: Result) -> bool:
    return not result.complete and len(result.left) >= len(before.left) and result.tries <= before.tries


def finish_if_done(engine: Engine, queue: ReleaseQueue, run: Run, job: Job, plan: Plan) -> bool:
    """End the run, if every piece has a complete result; where another follows, ask for the look that schedules it.
    False: it has, and that could not be noted; the minute job comes to it."""
    if not run.has_all_results(plan, job.shard) or not run.has_all_results(plan):
        return True
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    for attempt in range(1, NOTE_ATTEMPTS + 1):
        campaign = releasing(engine, job)
        if campaign is None or campaign.summary is None:
            return campaign is None
        granted = sum(figures.get("granted_amount", 0) for figures in run.figures().values())
        after = transitions.finish(campaign, engine.store.now(), engine.policy.zone, granted)
        if commit(engine.store, [shelf.saved(docs, after, campaign.version)]) is Signal.COMMITTED:
            if after.state is State.SCHEDULED:
                queue.send([messages.written(Job(messages.START, job.campaign))])
            return True
        engine.sleep(after_trouble(attempt, engine.uniform))
    return False
