"""The two functions of releases, as Lambda calls them: one look of the minute job, or one batch of the release queue.

A message that could not be finished is reported, and comes again; one that can never be ends with the dead letters,
where an alarm is. Nothing is lost with it: the minute job sends again what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from chalicelib.campaigns.release import driving, messages
from chalicelib.campaigns.release.messages import Poison, ReleaseQueue
from chalicelib.campaigns.release.nudging import Schedules, schedule_look
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.runtime import telemetry
from chalicelib.runtime.clock import Deadline, stopwatch
from chalicelib.runtime.environment import settings
from chalicelib.store.commit import Engine
from chalicelib.store.signals import Busy, OutcomeUnknown, Unread

MARGIN_SECONDS = 3.0
"""Of a function's time, kept for a read that was begun at the last moment, and for the answer."""
IMPORT = "import"
"""The job of a chunk of imported customers."""


class Context(Protocol):
    """What is needed of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def release_now(engine: Engine, queue: ReleaseQueue, context: Context) -> dict[str, Any]:
    """Look once at every campaign about which something is to be done.

    :raises Unread: the index could not be read, and the function counts as failed
    """
    began = stopwatch()
    deadline = _deadline(context)
    looked, left = list[driving.Looked](), 0

    def look(campaign: str) -> bool:
        looked.append(driving.look_at(engine, queue, campaign, deadline))
        return True

    for campaign in driving.ids_due(engine):
        left += not _guarded(partial(look, campaign), context.aws_request_id)
    told = {
        "begun": sum(each.begun for each in looked),
        "ended": sum(each.ended for each in looked),
        "sent": sum(each.sent for each in looked),
    }
    telemetry.write_line(
        settings().stage,
        "release",
        "left" if left else "ok",
        context.aws_request_id,
        metrics={
            "ReleaseLagSeconds": max((each.late_ms for each in looked), default=0) / SECOND_MS,
            "Nominated": told["sent"],
            "LeftMessages": left,
            "DurationMs": _since(began),
        },
        facts={"campaigns": len(looked), "begun": told["begun"] or None, "ended": told["ended"] or None},
    )
    return told


def release_batch(
    engine: Engine,
    queue: ReleaseQueue,
    event: dict[str, Any],
    context: Context,
    schedules: Schedules | None = None,
) -> dict[str, Any]:
    """The messages of one batch; those that could not be finished, as Lambda wants them told. Without `schedules` the
    minute job alone begins what is scheduled for later."""
    began = stopwatch()
    deadline = _deadline(context)
    left, jobs = list[str](), list[str]()
    for record in event["Records"]:
        work = partial(_work, engine, queue, record["body"], deadline, jobs, schedules)
        if not _guarded(work, context.aws_request_id):
            left.append(record["messageId"])
    telemetry.write_line(
        settings().stage,
        "campaign",
        "left" if left else "ok",
        context.aws_request_id,
        metrics={"LeftMessages": len(left), "DurationMs": _since(began)},
        facts={"messages": len(event["Records"]), "jobs": ",".join(jobs)},
    )
    return {"batchItemFailures": [{"itemIdentifier": message} for message in left]}


def _work(
    engine: Engine,
    queue: ReleaseQueue,
    body: str,
    deadline: Deadline,
    jobs: list[str],
    schedules: Schedules | None,
) -> bool:
    message = _read(body)
    jobs.append(str(message.get("job"))[:20])
    if message.get("job") == IMPORT:
        from chalicelib.customers.imports import apply_chunk

        return apply_chunk(engine, message, deadline)
    job = messages.read(message)
    done = driving.work(engine, queue, job, deadline)
    if schedules is not None and job.job == messages.START:
        schedule_look(engine, schedules, job.campaign)
    return done


def _read(body: str) -> dict[str, Any]:
    """:raises Poison: it is no JSON object"""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Poison("it is not JSON") from error
    if not isinstance(told, dict):
        raise Poison("it is not a JSON object")
    return told


def _guarded(step: Callable[[], bool], request_id: str) -> bool:
    """What the step says; False where it failed, for a reason that passes or for one that is told as a fault."""
    try:
        return step()
    except (Busy, OutcomeUnknown, Unread):
        return False
    except Exception as error:  # noqa: BLE001 the outermost handler: what is wrong here must not stop the rest
        telemetry.write_fault(request_id, "campaign", error)
        return False


def _deadline(context: Context) -> Deadline:
    return Deadline.after(context.get_remaining_time_in_millis() / SECOND_MS - MARGIN_SECONDS)


def _since(began: float) -> float:
    return round((stopwatch() - began) * 1000, 1)
