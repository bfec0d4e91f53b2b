"""What the release queue carries for campaigns.

{"job": "start", "campaign"}                             somebody asks for a campaign to be looked at now
{"job": "evaluate", "campaign", "run", "shard"}          the pieces of a shard, from the last that there is
{"job": "plan", "campaign", "run", "sent"}               the plan, and a message for each piece behind the first `sent`
{"job": "grant", "campaign", "run", "shard", "piece"}    one piece
{"job": "revoke", "campaign", "run", "shard", "piece"}   what one piece granted, taken back
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.campaigns.release.pieces import MAX_PIECES_OF_SHARD, SHARDS
from chalicelib.store.packing import compact

START = "start"
EVALUATE = "evaluate"
PLAN = "plan"
GRANT = "grant"
REVOKE = "revoke"

_NAMES = {
    START: frozenset({"campaign"}),
    EVALUATE: frozenset({"campaign", "run", "shard"}),
    PLAN: frozenset({"campaign", "run", "sent"}),
    GRANT: frozenset({"campaign", "run", "shard", "piece"}),
    REVOKE: frozenset({"campaign", "run", "shard", "piece"}),
}
_CAMPAIGN = re.compile(r"cmp_[a-z0-9]{1,64}")
MAX_NUMBER = 10**9


class Poison(Exception):
    """A message that nobody can do anything with; its text says why."""


class ReleaseQueue(Protocol):
    """What is needed of the queue; see `messaging.queues.Queue`."""

    def send(self, bodies: Sequence[str]) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One message. What a job has no use for is empty."""

    job: str
    campaign: str
    run: int = 0
    shard: str = ""
    piece: int = 0
    sent: int = 0


def written(job: Job) -> str:
    told: dict[str, Any] = {"job": job.job}
    return compact(told | {name: getattr(job, name) for name in sorted(_NAMES[job.job])})


def read(told: dict[str, Any]) -> Job:
    """:raises Poison: it is no such message"""
    names = _NAMES.get(told["job"]) if isinstance(told.get("job"), str) else None
    if names is None or told.keys() != names | {"job"}:
        raise Poison("it is no job of a campaign")
    job = Job(**told)
    if not _CAMPAIGN.fullmatch(str(told["campaign"])):
        raise Poison("it names something that is no campaign")
    if job.shard not in (*SHARDS, ""):
        raise Poison("there is no such shard")
    for number, most in ((job.run, MAX_NUMBER), (job.piece, MAX_PIECES_OF_SHARD), (job.sent, MAX_NUMBER)):
        if type(number) is not int or not 0 <= number <= most:
            raise Poison("a number cannot be")
    return job
