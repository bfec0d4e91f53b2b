"""What can be asked about campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.campaigns import store as campaigns
from chalicelib.campaigns.model import Campaign
from chalicelib.ledger.refusals import NotFound
from chalicelib.store.documents import Documents
from chalicelib.store.reading import Store

MAX_PAGES_READ = 4
"""Pages that are read for one of a list that leaves out campaigns in other states."""
LOOKED_AT = 100
"""Campaigns of such a page; and those, the newest, among which those that are alike are looked for."""
MAX_ALIKE = 20


@dataclass(frozen=True, slots=True)
class Page:
    """Campaigns, newest first, and where the list goes on, if it does."""

    campaigns: tuple[Campaign, ...]
    older: str | None


def documents(store: Store) -> Documents:
    """The documents among which campaigns and segments are kept."""
    return Documents(store, store.tables.campaigns_name)


def one(docs: Documents, campaign_id: str) -> Campaign:
    """:raises NotFound: there is no such campaign
    :raises Unread: it could not be read
    """
    found = campaigns.load(docs, campaign_id)
    if found is None:
        raise NotFound("There is no such campaign.", campaign=campaign_id)
    return found


def newest(docs: Documents, before: str | None, limit: int, state: str | None) -> Page:
    """A page of campaigns, those before a place in the list, in a state if one is named. A page may have fewer than
    `limit` and still not be the last.

    :raises Unread: they could not be read
    """
    kept: list[Campaign] = []
    for _ in range(MAX_PAGES_READ):
        found, older = campaigns.newest(docs, before, limit if state is None else max(limit, LOOKED_AT))
        for number, each in enumerate(found, start=1):
            if state is None or each.state.value == state:
                kept.append(each)
            if len(kept) == limit:
                return Page(tuple(kept), campaigns.place_of(each) if number < len(found) else older)
        before = older
        if before is None or state is None:
            break
    return Page(tuple(kept), before)


def alike(docs: Documents, campaign: Campaign) -> list[Campaign]:
    """Other campaigns with the same goal and currency whose credit was released, the newest of the last ones made.

    :raises Unread: they could not be read
    """
    found, _ = campaigns.newest(docs, None, LOOKED_AT)
    return [
        each
        for each in found
        if each.id != campaign.id
        and (each.goal, each.currency) == (campaign.goal, campaign.currency)
        and each.finished_at is not None
    ][:MAX_ALIKE]
