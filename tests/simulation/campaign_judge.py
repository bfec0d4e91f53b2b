"""What became of campaigns: each customer got at most one grant, nobody was left out, and the budget held.

Held against what the marketers asked for, and against the figures that the campaign tells of itself.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.campaigns.model import Campaign, State, held_out
from chalicelib.campaigns.release.operations import CAMPAIGN, actor_of, crediting, revoking
from chalicelib.campaigns.release.pieces import BUDGET_EXHAUSTED, HOLDOUT
from chalicelib.campaigns.release.results import GRANTED, REVOKED, SKIPPED, Recipient, progress, recipients
from chalicelib.campaigns.store import load
from chalicelib.ledger.model import Entry
from chalicelib.store.documents import Documents
from tests.simulation import functions, marketing
from tests.simulation.world import CURRENCY, MadeCampaign, World

if TYPE_CHECKING:
    from tests.simulation.stored import Stored

MOST_LOOKS = 60
"""Minutes after which every release has ended, once nothing goes wrong any more."""
PAGE = 4
REFUSALS = frozenset({"lot_limit_exceeded", "balance_limit_exceeded", "expires_in_past"})
"""Why a wallet may be left without its credit."""


def end_campaigns(world: World) -> None:
    """Let everything end that was begun: what is paused goes on, and the minute job looks until nothing is due."""
    dice = random.Random(f"{world.seed} campaigns")
    for place, made in enumerate(world.campaigns.values()):
        campaign = _stored(world, made)
        if campaign is not None and campaign.state is State.PAUSED:
            marketing.does(world, dice, made, "resume", f"last {place}")
    for _ in range(MOST_LOOKS):
        due = [each.due_at for each in _all(world) if each.due_at is not None]
        if not due:
            return
        world.weaver.pause(max(0, min(due) - world.now) / 1_000)
        functions.last_look(world)
    raise AssertionError(f"9: campaigns do not end: {[(each.id, each.state) for each in _all(world) if each.due_at]}")


def operations_of_campaigns(world: World) -> set[str]:
    """Every operation that a campaign may do for somebody."""
    told = set()
    for made in world.campaigns.values():
        campaign = Campaign(id=made.id, name="", currency=CURRENCY, groups=())
        for customer in world.people:
            told |= {crediting(campaign, 1, customer).id, revoking(campaign, 1, customer).id}
    return told


def judge_campaigns(world: World, stored: Stored) -> None:
    """:raises AssertionError: 9: somebody got a grant twice, or none, or there is more than the budget"""
    for made in world.campaigns.values():
        campaign = _stored(world, made)
        assert campaign is not None or not made.told, f"9: told, and not there: {made}"
        grants = _grants(world, made, stored)
        if campaign is None or campaign.state is State.DRAFT:
            assert not grants, f"9: granted without a release: {made}"
            continue
        assert grants.keys() <= made.most, f"9: granted to others: {made}"
        assert all(len(each) == 1 for each in grants.values()), f"9: granted more than once: {made}: {grants}"
        assert all(each.amount == made.amount for (each,) in grants.values()), f"9: another amount: {made}: {grants}"
        spent = made.amount * len(grants)
        assert made.budget is None or spent <= made.budget, f"9: {spent} granted of {made}"
        assert campaign.state in (State.RELEASED, State.CANCELLED), f"9: left {campaign.state}: {made}"
        world.marketed[campaign.state.value] += 1
        world.marketed["credited"] += len(grants)
        if campaign.state is State.RELEASED:
            _everybody_has_an_outcome(world, made, campaign, grants)
        else:
            _what_was_pending_is_taken_back(world, made, campaign, grants, stored)


def _everybody_has_an_outcome(
    world: World, made: MadeCampaign, campaign: Campaign, grants: dict[str, list[Entry]]
) -> None:
    told = _recipients(world, campaign)
    customers = Counter(each.customer for each in told)
    assert all(count == 1 for count in customers.values()), f"9: planned twice: {made}: {customers}"
    assert made.least <= customers.keys() <= made.most, f"9: left out {made.least - customers.keys()}: {made}"
    by = {status: {each.customer for each in told if each.status == status} for status in (GRANTED, SKIPPED, HOLDOUT)}
    assert sum(map(len, by.values())) == len(told), f"9: without an outcome: {made}: {told}"
    assert by[GRANTED] == grants.keys(), f"9: told {by[GRANTED]}, granted {grants.keys()}: {made}"
    kept_out = {each for each in customers if held_out(made.id, each, made.holdout_basis_points)}
    assert by[HOLDOUT] == kept_out, f"9: kept out {by[HOLDOUT]}: {made}"
    reasons = Counter(each.reason for each in told if each.status == SKIPPED)
    assert reasons.keys() <= {BUDGET_EXHAUSTED, *REFUSALS}, f"9: skipped for {reasons}: {made}"
    planned = len(told) - len(kept_out)
    within = planned if made.budget is None else made.budget // made.amount
    assert reasons[BUDGET_EXHAUSTED] == max(0, planned - within), f"9: {reasons} of {planned}: {made}"
    figures = progress(world.processes[0].store, campaign)
    assert (figures.audience, figures.holdout, figures.granted, figures.skipped, figures.failed) == (
        len(told),
        len(kept_out),
        len(grants),
        len(by[SKIPPED]),
        0,
    ), f"9: {figures}: {made}"
    assert figures.granted_amount == campaign.spent == made.amount * len(grants), f"9: {figures}: {made}"


def _what_was_pending_is_taken_back(
    world: World, made: MadeCampaign, campaign: Campaign, grants: dict[str, list[Entry]], stored: Stored
) -> None:
    assert campaign.revoking is None, f"9: left revoking: {made}"
    told = _recipients(world, campaign)
    if not any(each.status == REVOKED for each in told):
        return
    figures = progress(world.processes[0].store, campaign)
    assert (figures.granted, figures.granted_amount) == (len(grants), made.amount * len(grants)), f"9: {figures}"
    taken = 0
    for customer in grants:
        wallet = f"{customer}/{CURRENCY}"
        entries = stored.entries[wallet]
        taken -= sum(each.amount for each in entries if each.type == "revoked" and each.actor == actor_of(made.id))
        lots = {lot.id for lot in stored.wallets[wallet].lots if lot.source and lot.source.id == made.id}
        used = {part.lot for each in entries if each.type in ("redeemed", "held") for part in each.allocations}
        assert lots <= used, f"9: {customer} keeps {lots} of {made}"
    assert figures.revoked_amount == taken, f"9: {taken} taken back: {figures}"


def _grants(world: World, made: MadeCampaign, stored: Stored) -> dict[str, list[Entry]]:
    """What the campaign granted, by customer."""
    found: dict[str, list[Entry]] = {}
    for wallet, entries in stored.entries.items():
        for entry in entries:
            source = entry.source
            if entry.type == "issued" and source and (source.type, source.id) == (CAMPAIGN, made.id):
                found.setdefault(wallet.rpartition("/")[0], []).append(entry)
    return found


def _recipients(world: World, campaign: Campaign) -> list[Recipient]:
    found: list[Recipient] = []
    after: str | None = None
    while True:
        some, after = recipients(world.processes[0].store, campaign, after, PAGE)
        found += some
        if after is None:
            return found


def _stored(world: World, made: MadeCampaign) -> Campaign | None:
    return load(_documents(world), made.id)


def _all(world: World) -> list[Campaign]:
    return [found for found in (_stored(world, made) for made in world.campaigns.values()) if found]


def _documents(world: World) -> Documents:
    store = world.processes[0].store
    return Documents(store, store.tables.campaigns_name)
