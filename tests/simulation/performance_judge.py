"""19: what is told of campaigns, and of wallets in profiles, ties with the ledger's entries; each counted once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from chalicelib.campaigns.model import State, held_out
from chalicelib.campaigns.store import load
from chalicelib.customers.figures import NOTHING, observed
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.notices.nominating import CAMPAIGN
from chalicelib.performance.queries import Measured, performance
from chalicelib.store.documents import Documents
from tests.simulation.world import CURRENCY, MadeCampaign, World

if TYPE_CHECKING:
    from chalicelib.performance.figures import Figures
    from tests.simulation.stored import Stored

FIGURES = {
    EntryType.ISSUED: "issued",
    EntryType.REDEEMED: "redeemed",
    EntryType.CAPTURED: "redeemed",
    EntryType.EXPIRED: "expired",
    EntryType.REVOKED: "revoked",
    EntryType.CLAWED_BACK: "clawed_back",
    EntryType.DEBITED: "debited",
    EntryType.DEBT_SETTLED: "debt_settled",
}
TOLD = {*FIGURES.values(), "given_back", "returned", "issues", "redemptions", "lots_expired", "orders"}


def judge_performance(world: World, stored: Stored) -> None:
    """:raises AssertionError: 19: a figure is another than the entries say"""
    if world.telling is None:
        return
    assert not world.telling.reader.behind and not world.telling.reader.dead, "19: not everything was observed"
    store, made = world.processes[0].store, list(world.campaigns.values())
    told = performance(store, [Measured(each.id, CURRENCY, True) for each in made][:20])
    for campaign, figures in zip(made, told, strict=False):
        _ties(world, stored, campaign, figures)
    profiles = Profiles(store)
    for name, entries in stored.entries.items():
        customer, _, currency = name.rpartition("/")
        profile = profiles.get(customer) or Profile(customer)
        figures_then = profile.activity.wallets.get(currency, NOTHING)
        assert figures_then == observed(NOTHING, entries), f"19: {name}: {figures_then}"


def _ties(world: World, stored: Stored, made: MadeCampaign, figures: Figures) -> None:
    sums: Counter[str] = Counter()
    people, remaining = set(), 0
    for name, entries in stored.entries.items():
        counted = _counted(entries, made.id)
        sums.update(counted)
        if any(each.type is EntryType.ISSUED and _is_of(each.source, made.id) for each in entries):
            people.add(name.rpartition("/")[0])
        remaining += sum(lot.remaining for lot in stored.wallets[name].lots if _is_of(lot.source, made.id))
    told = {name: number for name, number in figures.money.items() if name in TOLD and number}
    assert told == {name: number for name, number in sums.items() if number}, f"19: {made}: {told}, entries say {sums}"
    assert figures.outstanding == remaining, f"19: {made}: {figures.outstanding} outstanding, there are {remaining}"
    assert figures.recipients.customers == len(people), f"19: {made}: {figures.recipients} of {people}"
    world.marketed["redeemed of campaigns"] += told.get("redeemed", 0) > 0
    campaign = load(Documents(world.processes[0].store, world.tables.campaigns_name), made.id)
    if campaign is not None and campaign.state is State.RELEASED:
        kept_out = {each for each in made.most if held_out(made.id, each, made.holdout_basis_points)}
        assert figures.holdout.customers <= len(kept_out), f"19: {made}: {figures.holdout}"


def _counted(entries: list[Entry], campaign: str) -> Counter[str]:
    """What the entries of one wallet say of a campaign."""
    lots: set[str] = set()
    sums: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    for entry in entries:
        lots |= {lot.id for lot in entry.lots if _is_of(lot.source, campaign)}
        parts = [part for part in entry.allocations if part.lot in lots]
        if not parts or entry.type in (EntryType.HELD, EntryType.RELEASED, EntryType.LAPSED):
            continue
        amount = sum(part.amount for part in parts)
        if entry.type is EntryType.RESTORED:
            figure = "returned" if entry.redemption is None else "given_back"
        else:
            figure = FIGURES[entry.type]
        sums[figure] += amount
        sums["issues"] += figure == "issued"
        sums["redemptions"] += figure == "redeemed"
        sums["lots_expired"] += len(parts) if figure == "expired" else 0
        if entry.order_id and figure in ("redeemed", "given_back"):
            orders[entry.order_id] += amount if figure == "redeemed" else -amount
    sums["orders"] = sum(used > 0 for used in orders.values())
    return sums


def _is_of(source: Source | None, campaign: str) -> bool:
    return source is not None and (source.type, source.id) == (CAMPAIGN, campaign)
