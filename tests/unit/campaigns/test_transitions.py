"""What may become of a campaign: every transition from every state, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import pytest

from chalicelib.campaigns import transitions
from chalicelib.campaigns.model import LOOK_AGAIN_MS, Campaign, Repeat
from chalicelib.campaigns.refusals import CampaignState
from chalicelib.campaigns.schedule import local_of
from chalicelib.ledger.limits import DAY_MS
from tests.unit.campaigns.drafts import (
    BEGUN,
    DAILY,
    LATER,
    NINE,
    NOON,
    PLANNED,
    cancelled,
    draft,
    in_every_state,
    paused,
    released,
    releasing,
    scheduled,
)

Transition = Callable[[Campaign], Campaign]
NOW = BEGUN + 30_000

TRANSITIONS: dict[str, Transition] = {
    "schedule": lambda was: transitions.schedule(was, NINE, local_of(NINE, UTC), was.groups, NOW),
    "release_now": lambda was: transitions.release_now(was, NOW),
    "begin_release": lambda was: transitions.begin_release(was, NOW),
    "miss": lambda was: transitions.miss(was, NOW),
    "planned": lambda was: transitions.planned(was, PLANNED, NOW),
    "finish": lambda was: transitions.finish(was, NOW, UTC),
    "pause": lambda was: transitions.pause(was, NOW),
    "resume": lambda was: transitions.resume(was, NOW),
    "cancel": lambda was: transitions.cancel(was, NOW),
    "revoked": lambda was: transitions.revoked(was, NOW),
    "fail": lambda was: transitions.fail(was, "too_large", NOW),
    "looked_at": lambda was: transitions.looked_at(was, NOW),
}
ALLOWED: dict[str, dict[str, str]] = {
    "schedule": {"draft": "scheduled"},
    "release_now": {"scheduled": "scheduled"},
    "begin_release": {"scheduled": "releasing"},
    "miss": {"scheduled": "failed"},
    "planned": {"releasing": "releasing", "paused within": "paused"},
    "finish": {"releasing": "released"},
    "pause": {"scheduled": "paused", "releasing": "paused"},
    "resume": {"paused before": "scheduled", "paused within": "releasing"},
    "cancel": {
        "draft": "cancelled",
        "scheduled": "cancelled",
        "releasing": "cancelled",
        "released, pending": "cancelled",
        "paused before": "cancelled",
        "paused within": "cancelled",
    },
    "revoked": {"cancelled": "cancelled", "cancelled, revoking": "cancelled"},
    "fail": {"scheduled": "failed", "releasing": "failed"},
    "looked_at": {"scheduled": "scheduled", "releasing": "releasing", "cancelled, revoking": "cancelled"},
}
"""Whatever is not there is refused."""


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("state", in_every_state())
def test_a_transition_leads_where_the_table_says_or_is_refused(name: str, state: str) -> None:
    was = in_every_state()[state]
    leads_to = ALLOWED[name].get(state)
    if leads_to is None:
        with pytest.raises(CampaignState) as refusal:
            TRANSITIONS[name](was)
        assert refusal.value.facts["state"] == was.state.value
    else:
        assert TRANSITIONS[name](was).state.value == leads_to


def test_what_is_scheduled_is_due_a_quarter_of_an_hour_before_its_credit_is_usable() -> None:
    told = scheduled()
    assert (told.run, told.release_at, told.starts_at, told.due_at) == (1, NINE, BEGUN, BEGUN)
    assert told.scheduled_at == NOON


def test_what_is_released_now_is_due_and_usable_now() -> None:
    told = transitions.release_now(scheduled(), NOON)
    assert (told.release_at, told.due_at) == (NOON, NOON)


def test_a_run_begins_with_the_instant_of_its_audience_and_is_looked_at_again() -> None:
    told = transitions.begin_release(scheduled(), BEGUN)
    assert (told.started_at, told.finished_at, told.summary) == (BEGUN, None, None)
    assert told.due_at == BEGUN + LOOK_AGAIN_MS


def test_a_run_that_is_done_is_looked_at_no_more() -> None:
    told = released()
    assert (told.finished_at, told.due_at, told.summary, told.spent) == (BEGUN + 60_000, None, PLANNED, 4_500)


def test_what_is_paused_is_looked_at_no_more_until_it_is_resumed() -> None:
    assert paused(releasing()).due_at is None
    assert transitions.resume(paused(releasing()), NOW).due_at == NOW
    assert transitions.resume(paused(scheduled()), NOON).due_at == BEGUN
    assert transitions.resume(paused(scheduled()), NOW).paused_from is None


def test_what_has_ended_while_it_was_paused_is_not_resumed() -> None:
    was = paused(scheduled(ends_at=NINE + DAY_MS))
    assert transitions.resume(was, NINE + DAY_MS - 1).state.value == "scheduled"
    with pytest.raises(CampaignState):
        transitions.resume(was, NINE + DAY_MS)


@pytest.mark.parametrize(
    ("was", "at", "revoking"),
    [
        (draft(), NOON, None),
        (scheduled(), BEGUN, None),
        (paused(scheduled()), BEGUN, None),
        (releasing(), BEGUN, 1),
        (releasing(), NINE - 1, 1),
        (releasing(), NINE, None),
        (paused(releasing()), BEGUN, 1),
        (released(), NINE - 1, 1),
    ],
)
def test_cancelling_takes_back_what_is_not_usable_yet(was: Campaign, at: int, revoking: int | None) -> None:
    told = transitions.cancel(was, at)
    assert (told.revoking, told.due_at) == (revoking, None if revoking is None else at + LOOK_AGAIN_MS)


def test_what_is_taken_back_is_looked_at_until_that_is_done() -> None:
    was = cancelled(releasing())
    assert transitions.looked_at(was, LATER).due_at == LATER + LOOK_AGAIN_MS
    done = transitions.revoked(was, LATER)
    assert (done.revoking, done.due_at) == (None, None)


def test_what_repeats_is_scheduled_again_for_its_next_run() -> None:
    told = released(repeat=DAILY)
    assert (told.state.value, told.run, told.finished_at) == ("scheduled", 2, BEGUN + 60_000)
    assert (told.release_at, told.previous_release_at) == (NINE + DAY_MS, NINE)
    assert told.due_at == BEGUN + DAY_MS


def test_runs_that_were_missed_are_not_made_up_for() -> None:
    late = NINE + 3 * DAY_MS + 1
    assert transitions.finish(releasing(repeat=DAILY), late, UTC).release_at == NINE + 4 * DAY_MS


def test_a_first_run_that_could_not_begin_in_time_has_failed() -> None:
    was = transitions.miss(scheduled(ends_at=NINE + DAY_MS), NINE + DAY_MS)
    assert (was.state.value, was.failure, was.due_at) == ("failed", "ended", None)


def test_a_later_run_that_could_not_begin_in_time_leaves_the_campaign_as_it_was_released() -> None:
    last = released()
    again = released(repeat=DAILY)
    assert (again.state.value, again.run) == ("scheduled", last.run + 1)
    was = transitions.miss(again, NINE + 2 * DAY_MS)
    assert (was.state, was.run, was.release_at, was.due_at) == (last.state, last.run, last.release_at, None)
    assert (was.summary, was.spent, was.finished_at) == (last.summary, last.spent, last.finished_at)


def test_what_has_ended_is_not_released_at_once() -> None:
    was = scheduled(ends_at=NINE + DAY_MS)
    assert transitions.release_now(was, NINE + DAY_MS - 1).state.value == "scheduled"
    with pytest.raises(CampaignState):
        transitions.release_now(was, NINE + DAY_MS)


@pytest.mark.parametrize(("ends_at", "state"), [(NINE + DAY_MS, "released"), (NINE + DAY_MS + 1, "scheduled")])
def test_no_run_begins_when_the_campaign_has_ended(ends_at: int, state: str) -> None:
    assert released(repeat=DAILY, ends_at=ends_at).state.value == state


def test_cancelling_before_the_last_runs_credit_is_usable_takes_that_run_back() -> None:
    again = released(repeat=DAILY)
    assert transitions.cancel(again, NINE - 1).revoking == 1
    assert transitions.cancel(again, NINE).revoking is None
    begun = transitions.begin_release(again, BEGUN + DAY_MS)
    assert transitions.cancel(begun, NINE + DAY_MS - 1).revoking == 2


def test_a_run_that_waited_when_it_was_cancelled_never_was() -> None:
    """What is shown, and taken back, is the run that was; also where the campaign was paused meanwhile."""
    again = released(repeat=DAILY)
    for was in (again, transitions.pause(again, BEGUN + 1)):
        cancelled = transitions.cancel(was, NINE - 1)
        assert (again.run, cancelled.run, cancelled.revoking) == (2, 1, 1)
        assert (cancelled.release_at, cancelled.finished_at) == (NINE, again.finished_at)


def test_runs_share_the_budget() -> None:
    again = released(repeat=DAILY, budget=5_000)
    assert (again.spent, again.budget_left) == (4_500, 500)
    second = transitions.begin_release(again, BEGUN + DAY_MS)
    done = transitions.finish(replace(second, summary=PLANNED), BEGUN + DAY_MS, UTC, granted=400)
    assert (done.spent, done.budget_left) == (4_900, 100)


def test_on_entry_is_a_run_each_day() -> None:
    assert released(repeat=Repeat(DAILY.every, on_entry=True)).release_at == NINE + DAY_MS
