"""What must be true of a campaign before it is kept, and again before it is scheduled. What is wrong is told with a
pointer to it in the body that asked for it.

A body may say one group at its top (`segment`, `amount`) or several under `groups`; `short` tells which it was. Later
calls have no such body: their pointers lead into the campaign as it is shown, which always has `groups`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.campaigns.model import MAX_TREES_BYTES, Campaign, Group
from chalicelib.campaigns.refusals import AvailableAtInPast, WrongCampaign
from chalicelib.campaigns.schedule import instant_of
from chalicelib.ledger.lots import Kind, LotClass
from chalicelib.ledger.policy import Policy, expires_at
from chalicelib.ledger.refusals import CurrencyUnknown, ExpiresInPast, ExpiryNotPermitted
from chalicelib.segments import store as segment_store
from chalicelib.segments.store import Segment
from chalicelib.segments.where import WrongWhere, parse
from chalicelib.store.documents import Documents
from chalicelib.store.packing import compact

Segments = Mapping[str, Segment]


def check(campaign: Campaign, segments: Segments, now: int, policy: Policy, *, short: bool = False) -> int:
    """The instant (milliseconds) from which on its credit would be usable, if the campaign can be.

    :raises CurrencyUnknown: no such currency is known
    :raises AvailableAtInPast: its time has passed
    :raises WrongCampaign: it would end before it begins, or a segment of it does not exist
    :raises WrongWhere: a tree of it is none
    :raises ExpiryNotPermitted, ExpiresInPast: its credit would be refused
    """
    if campaign.currency not in policy.currencies:
        raise CurrencyUnknown("The currency is not known.", field="/currency", currency=campaign.currency)
    release_at = instant_of(campaign.available_at, now, policy.zone)
    if release_at < now:
        raise AvailableAtInPast("The campaign's time has passed.", field="/available_at")
    if campaign.ends_at is not None and campaign.ends_at <= release_at:
        raise WrongCampaign("The campaign would end before its credit is usable.", field="/ends_at")
    for number, group in enumerate(campaign.groups):
        place = "" if short else f"/groups/{number}"
        _check_members(group, segments, place)
        _check_expiry(group, release_at, now, policy, place)
    return release_at


def segments_of(docs: Documents, campaign: Campaign) -> Segments:
    """Those of the campaign's segments that there are.

    :raises Unread: they could not be read
    """
    ids = dict.fromkeys(group.segment for group in campaign.groups if group.segment is not None)
    found = {each: segment_store.get(docs, each) for each in ids}
    return {each: segment for each, segment in found.items() if segment is not None}


def current(docs: Documents, campaign: Campaign) -> tuple[Group, ...]:
    """The groups as they would be scheduled now.

    :raises WrongCampaign: a segment is gone, or all together are larger than a campaign can be
    :raises Unread: they could not be read
    """
    segments = segments_of(docs, campaign)
    for number, group in enumerate(campaign.groups):
        _check_members(group, segments, f"/groups/{number}")
    return frozen(campaign, segments)


def frozen(campaign: Campaign, segments: Segments) -> tuple[Group, ...]:
    """The campaign's groups with the trees of their segments as they are now; all of them are there.

    :raises WrongCampaign: all together are larger than a campaign can be
    """
    groups = tuple(
        group if group.segment is None else replace(group, where=segments[group.segment].where)
        for group in campaign.groups
    )
    if sum(len(compact(group.where).encode()) for group in groups) > MAX_TREES_BYTES:
        raise WrongCampaign("The segments of the campaign are larger than one campaign can be.", field="/groups")
    return groups


def _check_members(group: Group, segments: Segments, place: str) -> None:
    if group.segment is not None and group.segment not in segments:
        raise WrongCampaign("There is no such segment.", field=f"{place}/segment", segment=group.segment)
    if group.segment is None and group.where is not None:
        try:
            parse(group.where)
        except WrongWhere as wrong:
            raise wrong.below(f"{place}/where") from None


def _check_expiry(group: Group, release_at: int, now: int, policy: Policy, place: str) -> None:
    try:
        expires_at(group.expires, Kind.PROMOTION, LotClass.PROMOTIONAL, release_at, now, policy)
    except (ExpiryNotPermitted, ExpiresInPast) as refused:
        raise type(refused)(refused.detail, field=f"{place}/expires", **refused.facts) from None
