"""Campaigns that must not begin any more, or never can."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.campaigns.model import Every, Fixed, Group, Repeat, State
from chalicelib.campaigns.release.driving import MOST_STALLS
from tests.engine.fair import MINUTE, Fair, of_list
from tests.engine.test_release import fair, ground

__all__ = ["fair", "ground"]
DAY = 24 * 60 * MINUTE
GONE = Group(Fixed(500), where={"field": "profile.gone", "op": "equals", "value": 1})


def test_a_run_that_begins_late_does_not_begin_after_the_end(fair: Fair) -> None:
    for late, state in ((-1, State.RELEASED), (0, State.FAILED)):
        campaign = fair.campaign(of_list(fair.named(3)), ends_at=fair.time.at + DAY)
        fair.time.at += DAY + late
        assert fair.release(campaign).state is state
        assert len(fair.credited(campaign)) == (3 if state is State.RELEASED else 0)
    assert fair.stored(campaign).failure == "ended"


def test_a_repeated_run_that_begins_late_leaves_the_campaign_released(fair: Fair) -> None:
    campaign = fair.campaign(of_list(fair.named(3)), repeat=Repeat(Every(days=7)), ends_at=fair.time.at + 8 * DAY)
    first = fair.release(campaign)
    assert (first.state, first.run) == (State.SCHEDULED, 2)
    fair.time.at += 9 * DAY
    told = fair.release(campaign)
    assert (told.state, told.run, told.failure) == (State.RELEASED, 1, None)
    assert fair.credited(campaign) == dict.fromkeys(fair.named(3), 1)
    assert fair.minute(60)["begun"] == 0


def test_a_campaign_that_nobody_can_read_fails_and_is_left_alone(fair: Fair) -> None:
    campaign = fair.campaign(GONE)
    fair.minute(0)
    for look in range(MOST_STALLS + 1):
        assert fair.stored(campaign).state is State.RELEASING, look
        assert not any(fair.deliver(body) for body in fair.line.bodies)
        fair.line.bodies.clear()
        fair.minute(3)
    told = fair.stored(campaign)
    assert (told.state, told.failure, told.due_at) == (State.FAILED, "unreadable_where", None)
    fair.minute(3)
    assert fair.line.bodies == []


def test_a_campaign_that_can_be_read_is_sent_again_however_long_it_takes(fair: Fair) -> None:
    fair.people(3)
    campaign = fair.campaign()
    fair.minute(0)
    for _ in range(2 * MOST_STALLS):
        fair.line.bodies.clear()
        fair.minute(3)
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
    assert set(fair.credited(campaign).values()) == {1}


def test_what_becomes_readable_in_time_is_released(fair: Fair) -> None:
    """A worker of a newer version may be there by then."""
    fair.people(3)
    campaign = fair.campaign(GONE)
    fair.minute(0)
    for _ in range(MOST_STALLS - 1):
        fair.line.bodies.clear()
        fair.minute(3)
    fair.change(campaign, lambda found, _: replace(found, groups=(Group(Fixed(500), where=fair.where),)))
    fair.work()
    assert fair.stored(campaign).state is State.RELEASED
