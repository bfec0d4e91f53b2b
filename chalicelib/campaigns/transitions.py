"""What may become of a campaign: each transition as a value for a value. Whoever stores the result does it on the
condition that the version is the one that was read, so of several at once one happens.

    transition      from                                    to
    schedule        draft                                   scheduled
    release_now     draft, scheduled                        scheduled, and due at once
    begin_release   scheduled                               releasing
    miss            scheduled                               released, as its last run left it; failed, if there was none
    planned         releasing, paused                       the same, with what the plan came to
    finish          releasing                               released; one that repeats: scheduled
    pause           scheduled, releasing                    paused
    resume          paused                                  where it was paused
    cancel          draft, scheduled, paused, releasing,    cancelled; what is pending is to be revoked
                    released before its credit is usable
    revoked         cancelled                               the same, with nothing left to revoke
    fail            scheduled, releasing                    failed
    looked_at       scheduled, releasing, paused, cancelled the same; the minute job looks again later

Instants are milliseconds. Everything else is refused with `campaign_state`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

from chalicelib.campaigns.model import FIRST_RUN, LOOK_AGAIN_MS, Campaign, Group, Local, State, Summary
from chalicelib.campaigns.refusals import CampaignState
from chalicelib.campaigns.schedule import next_after

ENDED = "ended"
"""The failure of a campaign whose first run could not begin before `ends_at`."""
UNREADABLE = "unreadable_where"
"""The failure of one with a stored tree that is none."""


def schedule(campaign: Campaign, release_at: int, anchor: Local, groups: tuple[Group, ...], now: int) -> Campaign:
    """The campaign will be released for these groups, whose trees stay as they are now.

    :raises CampaignState: it is no draft
    """
    _demand(campaign, "scheduled", State.DRAFT)
    scheduled = replace(
        campaign,
        state=State.SCHEDULED,
        groups=groups,
        run=FIRST_RUN,
        anchor=anchor,
        release_at=release_at,
        scheduled_at=now,
        updated_at=now,
    )
    return replace(scheduled, due_at=scheduled.starts_at)


def release_now(campaign: Campaign, now: int) -> Campaign:
    """The run that is scheduled begins with the next look of the minute job, and its credit is usable at once.

    :raises CampaignState: nothing is scheduled, or the campaign has ended
    """
    _demand(campaign, "released now", State.SCHEDULED)
    _refuse_ended(campaign, now)
    return replace(campaign, release_at=now, updated_at=now, due_at=now)


def begin_release(campaign: Campaign, now: int) -> Campaign:
    """The run begins: its audience is that of this instant.

    :raises CampaignState: it is not scheduled
    """
    _demand(campaign, "released", State.SCHEDULED)
    assert campaign.release_at is not None, "what is scheduled has an instant"
    return replace(
        campaign,
        state=State.RELEASING,
        started_at=now,
        finished_at=None,
        summary=None,
        updated_at=now,
        due_at=now + LOOK_AGAIN_MS,
    )


def has_ended(campaign: Campaign, now: int) -> bool:
    """Whether no run of it may begin any more."""
    return campaign.ends_at is not None and now >= campaign.ends_at


def miss(campaign: Campaign, now: int) -> Campaign:
    """The run that is scheduled does not begin, since the campaign has ended before it could. One that has been
    released before is done, with the run before as its last.

    :raises CampaignState: it is not scheduled
    """
    _demand(campaign, "ended", State.SCHEDULED)
    if campaign.run == FIRST_RUN:
        return fail(campaign, ENDED, now)
    return replace(_without_waiting_run(campaign), state=State.RELEASED, updated_at=now, due_at=None)


def planned(campaign: Campaign, summary: Summary, now: int) -> Campaign:
    """The run has a plan; what it grants is known. A run that is paused meanwhile may be planned nevertheless.

    :raises CampaignState: it is not being released
    """
    if not (campaign.state is State.PAUSED and campaign.paused_from is State.RELEASING):
        _demand(campaign, "planned", State.RELEASING)
    return replace(campaign, summary=summary, updated_at=now)


def finish(campaign: Campaign, now: int, zone: tzinfo, granted: int | None = None) -> Campaign:
    """The run is done; it granted `granted` altogether (None: what was planned). The next occurrence that has not
    passed, if there is one before the campaign ends, is the next run.

    :raises CampaignState: it is not being released
    """
    _demand(campaign, "finished", State.RELEASING)
    liability = campaign.summary.liability if campaign.summary else 0
    spent = campaign.spent + (liability if granted is None else granted)
    done = replace(
        campaign, state=State.RELEASED, finished_at=now, updated_at=now, due_at=None, spent=spent, failure=None
    )
    following = _following(done, now, zone)
    if following is None:
        return done
    following_run = replace(
        done,
        state=State.SCHEDULED,
        run=done.run + 1,
        previous_release_at=done.release_at,
        release_at=following,
    )
    return replace(following_run, due_at=following_run.starts_at)


def pause(campaign: Campaign, now: int) -> Campaign:
    """Nothing more is granted until it is resumed; what is under way stops within a chunk.

    :raises CampaignState: it is neither scheduled nor being released
    """
    _demand(campaign, "paused", State.SCHEDULED, State.RELEASING)
    return replace(campaign, state=State.PAUSED, paused_from=campaign.state, updated_at=now, due_at=None)


def resume(campaign: Campaign, now: int) -> Campaign:
    """It goes on where it was paused; a run whose time has passed meanwhile begins at once.

    :raises CampaignState: it is not paused, or has ended meanwhile before its run began
    """
    _demand(campaign, "resumed", State.PAUSED)
    assert campaign.paused_from is not None, "it was paused from somewhere"
    resumed = replace(campaign, state=campaign.paused_from, paused_from=None, updated_at=now)
    if resumed.state is State.RELEASING:
        return replace(resumed, due_at=now)
    _refuse_ended(campaign, now)
    return replace(resumed, due_at=resumed.starts_at)


def cancel(campaign: Campaign, now: int) -> Campaign:
    """For ever. What it granted and is still pending is to be revoked; what is usable stays. A run that waited is none.

    :raises CampaignState: it is over: cancelled, failed, or released and its credit usable
    """
    if campaign.state in (State.CANCELLED, State.FAILED) or (
        campaign.state is State.RELEASED and not _pending(campaign.release_at, now)
    ):
        raise _refused(campaign, "cancelled")
    revoking = _to_revoke(campaign, now)
    waited = (campaign.paused_from or campaign.state) is State.SCHEDULED and campaign.run > FIRST_RUN
    return replace(
        _without_waiting_run(campaign) if waited else campaign,
        state=State.CANCELLED,
        paused_from=None,
        revoking=revoking,
        updated_at=now,
        due_at=None if revoking is None else now + LOOK_AGAIN_MS,
    )


def revoked(campaign: Campaign, now: int) -> Campaign:
    """Everything that was pending is revoked.

    :raises CampaignState: it was not cancelled
    """
    _demand(campaign, "revoked", State.CANCELLED)
    return replace(campaign, revoking=None, updated_at=now, due_at=None)


def fail(campaign: Campaign, failure: str, now: int) -> Campaign:
    """The run cannot be done, for a reason (a code) that time does not heal.

    :raises CampaignState: it is neither scheduled nor being released
    """
    _demand(campaign, "failed", State.SCHEDULED, State.RELEASING)
    return replace(campaign, state=State.FAILED, failure=failure, updated_at=now, due_at=None)


def looked_at(campaign: Campaign, now: int) -> Campaign:
    """The minute job has done what is to be done for now."""
    if campaign.due_at is None:
        raise _refused(campaign, "looked at")
    return replace(campaign, due_at=now + LOOK_AGAIN_MS)


def _without_waiting_run(campaign: Campaign) -> Campaign:
    """As the run before left it."""
    return replace(campaign, run=campaign.run - 1, release_at=campaign.previous_release_at, previous_release_at=None)


def _to_revoke(campaign: Campaign, now: int) -> int | None:
    """The run that may have granted what is still pending; there is one at the most, for runs are a day apart."""
    state = campaign.paused_from or campaign.state
    if state in (State.RELEASING, State.RELEASED) and _pending(campaign.release_at, now):
        return campaign.run
    if campaign.run > FIRST_RUN and _pending(campaign.previous_release_at, now):
        return campaign.run - 1
    return None


def _pending(release_at: int | None, now: int) -> bool:
    return release_at is not None and now < release_at


def _following(campaign: Campaign, now: int, zone: tzinfo) -> int | None:
    if campaign.repeat is None:
        return None
    assert campaign.anchor is not None, "what is scheduled has an anchor"
    after = max(now, campaign.release_at or now)
    following = next_after(campaign.anchor, campaign.repeat.every, after, zone)
    ended = following is not None and campaign.ends_at is not None and following >= campaign.ends_at
    return None if ended else following


def _refuse_ended(campaign: Campaign, now: int) -> None:
    if has_ended(campaign, now):
        raise CampaignState("The campaign has ended.", state=campaign.state.value, field="/state")


def _demand(campaign: Campaign, verb: str, *states: State) -> None:
    if campaign.state not in states:
        raise _refused(campaign, verb)


def _refused(campaign: Campaign, verb: str) -> CampaignState:
    return CampaignState(f"A campaign that is {campaign.state.value} cannot be {verb}.", state=campaign.state.value)
