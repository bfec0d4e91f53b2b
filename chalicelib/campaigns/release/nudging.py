"""A one-off schedule for the instant at which the next run of a campaign is to begin.

    a message asks for a look at a campaign that is scheduled for later      a schedule sends the same message then

It asks for a look and says nothing else: what is to be done then the campaign's state decides, as when the minute job
looks. So nothing takes a schedule back: one for a campaign that was paused, cancelled or released meanwhile, or one
that fires twice, finds nothing to do; and where none could be made the minute job begins the run.
"""

from __future__ import annotations

from typing import Protocol

from chalicelib.campaigns import store as shelf
from chalicelib.campaigns.model import State
from chalicelib.campaigns.release import messages
from chalicelib.campaigns.release.messages import Job
from chalicelib.ledger.limits import SECOND_MS
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents

SOON_SECONDS = 60
"""What begins within so many seconds is left to the minute job, which is there as soon."""


class Schedules(Protocol):
    """What is needed of the schedules; see `messaging.schedules.Schedules`."""

    def put(self, of: str, at: int, body: str) -> bool: ...


def schedule_look(engine: Engine, schedules: Schedules, campaign_id: str) -> bool:
    """Let the release look at a campaign when its next run is to begin; once, however often it is asked for. Whether a
    look is scheduled.

    Schedules go by the machine's clock. Where the stage's clock was set they come at another time, and find nothing.

    :raises Unread: the campaign could not be read
    """
    docs = Documents(engine.store, engine.store.tables.campaigns_name)
    campaign = shelf.load(docs, campaign_id)
    if campaign is None or campaign.state is not State.SCHEDULED or campaign.due_at is None:
        return False
    if campaign.due_at <= engine.store.clock.now() + SOON_SECONDS * SECOND_MS:
        return False
    return schedules.put(campaign_id, campaign.due_at, messages.written(Job(messages.START, campaign_id)))
