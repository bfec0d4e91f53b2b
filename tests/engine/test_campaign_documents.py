"""Campaigns on a real DynamoDB: made once, replaced by who has seen them; of several who decide at once one wins."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.campaigns import commands, forecast, queries
from chalicelib.campaigns import store as shelf
from chalicelib.campaigns.codec import body_of
from chalicelib.campaigns.commands import Ask
from chalicelib.campaigns.model import Campaign, Fixed, Group, State
from chalicelib.campaigns.queries import documents, newest, one
from chalicelib.campaigns.refusals import CampaignState
from chalicelib.customers.profile import Address, Person, Profile
from chalicelib.customers.store import Profiles, shard_of
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.policy import Days
from chalicelib.ledger.refusals import Refused
from chalicelib.runtime.clock import Deadline
from chalicelib.segments import store as segments
from chalicelib.segments.store import Segment
from chalicelib.store.commit import Engine
from chalicelib.store.documents import Documents
from chalicelib.store.envelope import Answer, operation_id
from chalicelib.store.signals import Busy, KeyReused
from chalicelib.store.writes import Asked, commit
from tests.engine.crowd import at_once
from tests.engine.till import Till
from tests.engine.trouble import closed_after, error, lost_answer, lost_request, throttled
from tests.engine.wire import COMMIT, Fault, Request, Wire

CROWD = 6
WANTED = Campaign(id="", name="Spring", currency="EUR", groups=(Group(Fixed(500), customers=("alice",)),))


@pytest.fixture
def engine(hasty: Till) -> Engine:
    return hasty.engine


@pytest.fixture
def docs(engine: Engine) -> Documents:
    return documents(engine.store)


def shown(campaign: Campaign) -> str:
    return json.dumps({"id": campaign.id, "version": campaign.version, **body_of(campaign)})


def ask(key: str | None = None, fingerprint: str = "") -> Ask:
    """A request of its own, unless a key is given."""
    asked = Asked(operation_id("marketer", key or uuid.uuid4().hex), fingerprint)
    return Ask("marketer", asked, Deadline.after(8.0), shown)


def without_key() -> Ask:
    return replace(ask(), asked=None)


def told(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


def made(engine: Engine, **more: Any) -> str:
    campaign: str = told(commands.create(engine, replace(WANTED, **more), ask()))["id"]
    return campaign


def test_it_is_kept_as_it_was_made_and_stands_first_in_the_list(engine: Engine, docs: Documents) -> None:
    names = [made(engine, name=f"Campaign {number}") for number in range(3)]
    listed = newest(docs, None, 3, None).campaigns
    assert {each.id for each in listed} == set(names)
    assert [each.created_at for each in listed] == sorted((each.created_at for each in listed), reverse=True)
    found = one(docs, names[0])
    assert (found.state, found.version, found.groups) == (State.DRAFT, 1, WANTED.groups)


def test_the_same_key_makes_one_campaign(engine: Engine, docs: Documents) -> None:
    key = uuid.uuid4().hex
    first, again = (commands.create(engine, WANTED, ask(key)) for _ in range(2))
    assert (first.replayed, again.replayed, again.body) == (False, True, first.body)
    with pytest.raises(KeyReused):
        commands.create(engine, WANTED, ask(key, "another request"))


def test_of_many_with_the_same_key_one_makes_it(engine: Engine, docs: Documents) -> None:
    key = uuid.uuid4().hex
    answers = at_once([lambda: commands.create(engine, WANTED, ask(key))] * CROWD)
    assert len({answer.body for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    (campaign,) = {told(answer)["id"] for answer in answers}
    assert [each.id for each in newest(docs, None, 20, None).campaigns].count(campaign) == 1


@pytest.mark.parametrize(
    "fault",
    [lost_answer(), closed_after(), error(500, after=True), lost_request(), throttled()],
    ids=["lost answer", "closed", "500", "lost request", "throttled"],
)
def test_a_campaign_is_made_once_whatever_becomes_of_the_answer(
    engine: Engine, docs: Documents, wire: Wire, fault: Fault
) -> None:
    wire.on(COMMIT, fault)
    campaign = made(engine)
    assert [each.id for each in newest(docs, None, 20, None).campaigns].count(campaign) == 1


@pytest.mark.parametrize("fault", [lost_answer(), error(500, after=True)], ids=["lost answer", "500"])
def test_a_replacement_whose_answer_was_lost_is_found_out(
    engine: Engine, docs: Documents, wire: Wire, fault: Fault
) -> None:
    campaign = made(engine)
    wire.on(COMMIT, fault)
    answer = commands.put(engine, campaign, replace(WANTED, name="Summer"), 1, without_key())
    assert (told(answer)["version"], told(answer)["name"]) == (2, "Summer")
    assert (one(docs, campaign).version, one(docs, campaign).name) == (2, "Summer")


def test_of_several_who_replace_the_same_version_one_wins(engine: Engine, docs: Documents) -> None:
    campaign = made(engine)

    def put(number: int) -> Callable[[], object]:
        wanted = replace(WANTED, name=f"Campaign {number}")
        return lambda: outcome(lambda: commands.put(engine, campaign, wanted, 1, without_key()))

    outcomes = at_once([put(number) for number in range(CROWD)])
    (winner,) = [each for each in outcomes if isinstance(each, Answer)]
    assert [each for each in outcomes if not isinstance(each, Answer)] == ["version_conflict"] * (CROWD - 1)
    assert (one(docs, campaign).version, one(docs, campaign).name) == (2, told(winner)["name"])


def test_of_several_who_schedule_one_wins(engine: Engine, docs: Documents) -> None:
    campaign = made(engine)
    outcomes = at_once([lambda: outcome(lambda: commands.schedule(engine, campaign, ask()))] * CROWD)
    assert [isinstance(each, Answer) for each in outcomes].count(True) == 1
    assert [each for each in outcomes if not isinstance(each, Answer)] == ["campaign_state"] * (CROWD - 1)
    found = one(docs, campaign)
    assert (found.state, found.version, found.run) == (State.SCHEDULED, 2, 1)


def test_of_cancelling_and_scheduling_at_once_neither_is_lost(engine: Engine, docs: Documents) -> None:
    for _ in range(3):
        campaign = made(engine)
        outcomes = at_once(
            [
                lambda campaign=campaign: outcome(lambda: commands.schedule(engine, campaign, ask())),  # type: ignore[misc]
                lambda campaign=campaign: outcome(lambda: commands.cancel(engine, campaign, ask())),  # type: ignore[misc]
            ]
        )
        scheduled, cancelled = outcomes
        assert isinstance(cancelled, Answer)
        assert isinstance(scheduled, Answer) or scheduled == "campaign_state"
        found = one(docs, campaign)
        assert (found.state, found.due_at) == (State.CANCELLED, None)
        assert found.version == (3 if isinstance(scheduled, Answer) else 2)


def test_somebody_who_schedules_in_between_is_not_overwritten(engine: Engine, docs: Documents, wire: Wire) -> None:
    campaign = made(engine)

    def sooner(_: Request) -> None:
        commands.schedule(engine, campaign, ask())

    wire.on(COMMIT, sooner)
    with pytest.raises(CampaignState):
        commands.put(engine, campaign, replace(WANTED, name="Summer"), 1, without_key())
    assert (one(docs, campaign).state, one(docs, campaign).name) == (State.SCHEDULED, "Spring")


def test_a_segment_that_is_changed_after_scheduling_changes_nothing(engine: Engine, docs: Documents) -> None:
    gold = Segment(f"seg_{uuid.uuid4().hex}", "Gold", {"field": "tier", "op": "=", "value": "gold"})
    commit(engine.store, [segments.saved(docs, gold)])
    campaign = made(engine, groups=(Group(Fixed(500), segment=gold.id),))
    commands.schedule(engine, campaign, ask())
    changed = replace(gold, where={"field": "tier", "op": "=", "value": "iron"}, version=1)
    commit(engine.store, [segments.saved(docs, changed)])
    assert one(docs, campaign).groups[0].where == gold.where
    again = told(commands.copy(engine, campaign, ask()))
    assert one(docs, again["id"]).groups[0].where is None


def test_what_is_scheduled_is_nominated_when_its_release_is_to_begin(engine: Engine, docs: Documents) -> None:
    now = engine.store.now()
    soon, later, draft = made(engine), made(engine, available_at=now + DAY_MS), made(engine)
    for campaign in (soon, later):
        commands.schedule(engine, campaign, ask())
    begins = one(docs, later).due_at
    assert begins == now + DAY_MS - 900_000
    assert nominated(docs, begins - 1) & {soon, later, draft} == {soon}
    assert nominated(docs, begins) & {soon, later, draft} == {soon, later}
    for campaign in (soon, later):
        commands.cancel(engine, campaign, ask())
    assert nominated(docs, begins) & {soon, later, draft} == set()


def nominated(docs: Documents, at: int) -> set[str]:
    return set(shelf.ids_due(docs, at))


def test_the_list_goes_on_where_it_ended(engine: Engine, docs: Documents) -> None:
    names = {made(engine) for _ in range(5)}
    seen: list[str] = []
    before: str | None = None
    while len(names & set(seen)) < len(names):
        page = newest(docs, before, 2, None)
        seen += [each.id for each in page.campaigns]
        before = page.older
        assert before is not None or names <= set(seen)
    assert len(set(seen)) == len(seen)


def test_the_list_of_a_state_leaves_out_the_others(engine: Engine, docs: Documents) -> None:
    first, second = made(engine), made(engine)
    commands.cancel(engine, first, ask())
    found = [each.id for each in newest(docs, None, 2, "cancelled").campaigns]
    assert first in found
    assert second not in found


def outcome(step: Callable[[], Answer]) -> Answer | str:
    """What is answered, or the code of the refusal; who is told that it is busy asks again."""
    while True:
        try:
            return step()
        except Busy:
            continue
        except Refused as refused:
            return refused.code


@pytest.fixture
def germans(engine: Engine) -> Iterator[str]:
    """A country in which forty customers live, gone at the end."""
    country, profiles = uuid.uuid4().hex[:12], Profiles(engine.store)
    people = [Profile(f"{country}-{number}", Person(address=Address(country=country))) for number in range(40)]
    commit(engine.store, [profiles.write(each) for each in people])
    yield country
    found = profiles.get_many(each.customer for each in people)
    commit(
        engine.store,
        [profiles.documents.drop((shard_of(each.customer), each.customer), each.version) for each in found.values()],
    )


def test_a_forecast_counts_every_shard(engine: Engine, germans: str) -> None:
    where = {"field": "profile.country", "op": "=", "value": germans}
    campaign = made(engine, groups=(Group(Fixed(500), where=where, expires=Days(30)),))
    found = forecast.forecast(engine, campaign, Deadline.after(8.0))
    assert (found.audience, found.liability, found.exact) == (40, 20_000, True)


def test_a_forecast_of_a_part_is_scaled_up(engine: Engine, germans: str) -> None:
    """With room for a few shards only."""
    where = {"field": "profile.country", "op": "=", "value": germans}
    campaign = made(engine, groups=(Group(Fixed(500), where=where, expires=Days(30)),))
    first, _ = Profiles(engine.store).page("p00", None, 500)
    found = forecast.forecast(engine, campaign, Deadline.after(8.0), profiles=8 * max(1, len(first)))
    assert not found.exact
    assert found.liability == found.audience * 500


def test_campaigns_alike_are_of_the_same_goal_and_currency_and_released(engine: Engine, docs: Documents) -> None:
    now = engine.store.now()
    finished = [replace(WANTED, id=f"cmp_{uuid.uuid4().hex}", created_at=now, finished_at=now) for _ in range(3)]
    others = [replace(finished[1], currency="USD"), replace(finished[2], finished_at=None)]
    for each in (finished[0], *others):
        commit(engine.store, [shelf.saved(docs, each, 0), shelf.listed(docs, each)])
    asked = replace(WANTED, id="cmp_mine")
    found = {each.id for each in queries.alike(docs, asked)}
    assert finished[0].id in found
    assert found & {each.id for each in others} == set()
