"""Where campaigns are kept: one document each, and one row each in a list by the time of their making."""

from __future__ import annotations

from chalicelib.campaigns.codec import body_of, campaign_of
from chalicelib.campaigns.model import Campaign
from chalicelib.store.documents import Document, Documents, Key
from chalicelib.store.due import SHARDS
from chalicelib.store.writes import Write

CAMPAIGNS = "#campaigns"
BY_TIME = "#campaigns-by-time"
ID_PREFIX = "cmp_"
MAX_DUE_OF_SHARD = 100
"""Campaigns of one shard of the index that one look takes up; the rest is for the next."""


def load(docs: Documents, campaign_id: str) -> Campaign | None:
    """A campaign, strongly consistent.

    :raises Unread: it could not be read
    """
    document = docs.get(_key(campaign_id))
    return None if document is None else campaign_in(document)


def saved(docs: Documents, campaign: Campaign, expected: int) -> Write:
    """Store a campaign as version `expected + 1`, if its version is `expected` (0: if there is none)."""
    return docs.save(_key(campaign.id), body_of(campaign), expected, due_at=campaign.due_at)


def listed(docs: Documents, campaign: Campaign) -> Write:
    """Put a new campaign into the list."""
    return docs.save((BY_TIME, place_of(campaign)), {}, 0)


def newest(docs: Documents, before: str | None, limit: int) -> tuple[list[Campaign], str | None]:
    """Campaigns by the time of their making, newest first; and where the list goes on, if it does.

    :raises Unread: they could not be read
    """
    places, older = docs.page(BY_TIME, limit, after=before, newest_first=True)
    keys = [_key(ID_PREFIX + place.key[1].partition("-")[2]) for place in places]
    found = docs.get_many(keys)
    return [campaign_in(found[key]) for key in keys if key in found], older


def ids_due(docs: Documents, now: int) -> list[str]:
    """Ids of campaigns at which somebody must look by now (milliseconds); the index lags, and only nominates.

    :raises Unread: the index could not be read
    """
    return [
        campaign_id for shard in SHARDS for pk, campaign_id in docs.due(shard, now, MAX_DUE_OF_SHARD) if pk == CAMPAIGNS
    ]


def _key(campaign_id: str) -> Key:
    return CAMPAIGNS, campaign_id


def place_of(campaign: Campaign) -> str:
    """In the list of all. Sorts by time; the id in it makes it unique. What follows `cmp_` is of `0-9 a-z`."""
    return f"{campaign.created_at:013}-{campaign.id.removeprefix(ID_PREFIX)}"


def campaign_in(document: Document) -> Campaign:
    return campaign_of(document.key[1], document.version, document.body, document.due_at)
