"""What can be done to campaigns. Each is done on the version that was read, and once for its key where it has one.

All of them answer with `Answer`, whose body `present` makes; they raise a `Refused` (nothing changed), `KeyReused`,
`Busy` (nothing changed), `Unread` (nothing changed) or `OutcomeUnknown`; see `store.once`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.campaigns import store as campaigns
from chalicelib.campaigns import transitions
from chalicelib.campaigns.checking import Segments, check, frozen, segments_of
from chalicelib.campaigns.model import Campaign, Local, State
from chalicelib.campaigns.queries import documents, one
from chalicelib.campaigns.refusals import CampaignState
from chalicelib.campaigns.schedule import local_of
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import VersionConflict
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.envelope import Answer
from chalicelib.store.once import Deed, once
from chalicelib.store.writes import Asked

DEFAULT_NAME = "Campaign"


@dataclass(frozen=True)
class Ask:
    """Around one change: who wants it, the request's key (None for what needs none), how long it may take."""

    actor: str
    asked: Asked | None
    deadline: Deadline
    present: Callable[[Campaign], str]
    dry_run: bool = False


def create(
    engine: Engine, wanted: Campaign, ask: Ask, *, short: bool = False, also: Callable[[Campaign], object] | None = None
) -> Answer:
    """Make a draft. `wanted` has neither an id nor, if nobody gave it one, a name; see `checking` for `short`. What
    `also` raises about it is refused too.

    :raises: as `checking.check`
    """
    docs, policy = documents(engine.store), engine.policy

    def decide() -> Deed:
        if also is not None:
            also(wanted)
        now, segments = engine.store.now(), segments_of(docs, wanted)
        asked_for = _in_a_currency(wanted, policy)
        check(asked_for, segments, now, policy, short=short)
        named = next((segment.name for segment in segments.values()), DEFAULT_NAME)
        draft = replace(_drafted(asked_for, ask, now), name=wanted.name or named)
        return _made(engine, draft, ask)

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)


def copy(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """Make a draft that asks for what a campaign asks for; its segments are then those of now.

    :raises NotFound: there is no such campaign
    """
    docs = documents(engine.store)

    def decide() -> Deed:
        found = one(docs, campaign_id)
        groups = tuple(each if each.segment is None else replace(each, where=None) for each in found.groups)
        return _made(engine, _drafted(replace(found, groups=groups), ask, engine.store.now()), ask)

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)


def put(
    engine: Engine, campaign_id: str, wanted: Campaign, expected_version: int, ask: Ask, *, short: bool = False
) -> Answer:
    """Replace all that a draft asks for.

    :raises NotFound: there is no such campaign
    :raises CampaignState: it is no draft
    :raises VersionConflict: it has another version than the expected one
    :raises: as `checking.check`
    """
    docs = documents(engine.store)

    def change(found: Campaign, now: int, policy: Policy) -> Campaign:
        if found.state is not State.DRAFT:
            raise CampaignState(f"A campaign that is {found.state.value} cannot be replaced.", state=found.state.value)
        if found.version != expected_version:
            raise VersionConflict(
                "The campaign has another version by now.", field="/header/If-Match", current_version=found.version
            )
        asked_for = _in_a_currency(wanted, policy, found.currency)
        check(asked_for, segments_of(docs, wanted), now, policy, short=short)
        return replace(
            asked_for,
            id=found.id,
            name=wanted.name or found.name,
            template=found.template,
            version=found.version,
            created_at=found.created_at,
            created_by=found.created_by,
            updated_at=now,
        )

    return _change(engine, campaign_id, change, ask)


def schedule(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """Fix what is to be released, for whom and when: a change of a segment changes it no more.

    :raises NotFound: there is no such campaign
    :raises CampaignState: it is no draft
    :raises: as `checking.check`
    """
    docs = documents(engine.store)

    def change(found: Campaign, now: int, policy: Policy) -> Campaign:
        return _scheduled(found, now, policy, segments_of(docs, found))

    return _change(engine, campaign_id, change, ask)


def release_now(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """Release a draft or what is scheduled with the next look of the minute job; its credit is usable at once.

    :raises NotFound: there is no such campaign
    :raises CampaignState: it is neither a draft nor scheduled
    :raises: as `checking.check`
    """
    docs = documents(engine.store)

    def change(found: Campaign, now: int, policy: Policy) -> Campaign:
        if found.state is State.DRAFT:
            found = _scheduled(replace(found, available_at=None), now, policy, segments_of(docs, found))
        return transitions.release_now(found, now)

    return _change(engine, campaign_id, change, ask)


def pause(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """:raises NotFound, CampaignState: see `transitions.pause`"""
    return _change(engine, campaign_id, lambda found, now, _: transitions.pause(found, now), ask)


def resume(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """:raises NotFound, CampaignState: see `transitions.resume`"""
    return _change(engine, campaign_id, lambda found, now, _: transitions.resume(found, now), ask)


def cancel(engine: Engine, campaign_id: str, ask: Ask) -> Answer:
    """:raises NotFound, CampaignState: see `transitions.cancel`"""
    return _change(engine, campaign_id, lambda found, now, _: transitions.cancel(found, now), ask)


Change = Callable[[Campaign, int, Policy], Campaign]


def _change(engine: Engine, campaign_id: str, change: Change, ask: Ask) -> Answer:
    docs = documents(engine.store)

    def decide() -> Deed:
        found = one(docs, campaign_id)
        changed = change(found, engine.store.now(), engine.policy)
        write = campaigns.saved(docs, changed, found.version)
        return Deed([write], ask.present(replace(changed, version=found.version + 1)))

    return once(engine.store, ask.asked, ask.deadline, decide, dry_run=ask.dry_run)


def _scheduled(found: Campaign, now: int, policy: Policy, segments: Segments) -> Campaign:
    if found.state is not State.DRAFT:
        raise CampaignState(f"A campaign that is {found.state.value} cannot be scheduled.", state=found.state.value)
    release_at = check(found, segments, now, policy)
    anchor = found.available_at if isinstance(found.available_at, Local) else local_of(release_at, policy.zone)
    return transitions.schedule(found, release_at, anchor, frozen(found, segments), now)


def _in_a_currency(wanted: Campaign, policy: Policy, before: str = "") -> Campaign:
    """Where nobody says which, it is the one from before, or else the merchant's."""
    return replace(wanted, currency=wanted.currency or before or policy.default_currency)


def _drafted(wanted: Campaign, ask: Ask, now: int) -> Campaign:
    """A new draft that asks for the same, with nothing of the other's life."""
    return Campaign(
        id=f"{campaigns.ID_PREFIX}{ask.asked.operation if ask.asked else 'dry'}",
        name=wanted.name,
        currency=wanted.currency,
        groups=wanted.groups,
        description=wanted.description,
        goal=wanted.goal,
        available_at=wanted.available_at,
        ends_at=wanted.ends_at,
        conditions=wanted.conditions,
        budget=wanted.budget,
        holdout_basis_points=wanted.holdout_basis_points,
        notify=wanted.notify,
        reminders=wanted.reminders,
        repeat=wanted.repeat,
        template=wanted.template,
        created_at=now,
        created_by=ask.actor,
        updated_at=now,
    )


def _made(engine: Engine, draft: Campaign, ask: Ask) -> Deed:
    docs = documents(engine.store)
    writes = [campaigns.saved(docs, draft, 0), campaigns.listed(docs, draft)]
    return Deed(writes, ask.present(replace(draft, version=1)))
