"""What a campaign must be before it is kept, and what is fixed when it is scheduled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, time
from zoneinfo import ZoneInfo

import pytest

from chalicelib.campaigns.checking import check, frozen
from chalicelib.campaigns.model import MAX_TREES_BYTES, Campaign, Fixed, Group, Local
from chalicelib.campaigns.refusals import WrongCampaign
from chalicelib.ledger.limits import HOUR_MS
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.policy import At, Never, Policy
from chalicelib.ledger.refusals import Refused
from chalicelib.segments.store import Segment
from tests.unit.campaigns.drafts import NINE, NOON, draft

POLICY = Policy("1", UTC)
TREE = {"field": "tier", "op": "=", "value": "gold"}
SEGMENTS = {"seg_1": Segment("seg_1", "Gold", TREE)}


def refusal(campaign: Campaign, policy: Policy = POLICY, *, short: bool = False) -> tuple[str, str | None]:
    """Code and pointer."""
    with pytest.raises(Refused) as refused:
        check(campaign, SEGMENTS, NOON, policy, short=short)
    return refused.value.code, refused.value.field


def of(*groups: Group) -> Campaign:
    return draft(groups=groups)


def test_what_can_be_is_told_when_its_credit_would_be_usable() -> None:
    assert check(draft(), SEGMENTS, NOON, POLICY) == NINE
    assert check(draft(available_at=None), SEGMENTS, NOON, POLICY) == NOON


def test_a_local_time_is_of_the_merchants_zone() -> None:
    at = draft(available_at=Local(date(2027, 3, 2), time(9)))
    assert check(at, SEGMENTS, NOON, Policy("1", ZoneInfo("America/New_York"))) == NINE + 5 * HOUR_MS


@pytest.mark.parametrize("at", [NOON - 1, 0])
def test_its_time_must_not_have_passed(at: int) -> None:
    assert refusal(draft(available_at=at)) == ("available_at_in_past", "/available_at")
    assert check(draft(available_at=NOON), SEGMENTS, NOON, POLICY) == NOON


def test_it_must_not_end_before_it_begins() -> None:
    assert refusal(draft(ends_at=NINE)) == ("validation_failed", "/ends_at")
    assert check(draft(ends_at=NINE + 1), SEGMENTS, NOON, POLICY) == NINE


def test_its_currency_must_be_known() -> None:
    assert refusal(draft(currency="XQX")) == ("currency_unknown", "/currency")


@pytest.mark.parametrize(("short", "place"), [(True, ""), (False, "/groups/0")])
@pytest.mark.parametrize(
    ("group", "code", "pointer"),
    [
        (Group(Fixed(1), segment="seg_2"), "validation_failed", "/segment"),
        (Group(Fixed(1), where={"all": [TREE, {"field": "luck"}]}), "validation_failed", "/where/all/1/field"),
        (Group(Fixed(1), segment="seg_1", expires=At(NINE)), "expires_in_past", "/expires"),
    ],
)
def test_what_is_wrong_is_pointed_to_where_it_was_said(
    group: Group, code: str, pointer: str, short: bool, place: str
) -> None:
    assert refusal(of(group), short=short) == (code, place + pointer)


def test_the_second_group_is_pointed_to_too() -> None:
    groups = (Group(Fixed(1), segment="seg_1"), Group(Fixed(1), segment="seg_2"))
    assert refusal(of(*groups)) == ("validation_failed", "/groups/1/segment")


def test_its_credit_must_be_allowed_to_expire() -> None:
    forbidding = replace(POLICY, kinds_without_expiry=frozenset({Kind.PROMOTION}))
    assert refusal(draft(), forbidding) == ("expiry_not_permitted", "/groups/0/expires")
    never = replace(draft().groups[0], expires=Never())
    assert check(of(never), SEGMENTS, NOON, forbidding) == NINE


def test_what_is_scheduled_has_the_trees_of_its_segments_as_they_are_then() -> None:
    one, other = Group(Fixed(1), segment="seg_1"), Group(Fixed(1), customers=("alice",))
    assert frozen(of(one, other), SEGMENTS) == (replace(one, where=TREE), other)


def test_trees_that_are_too_large_for_one_campaign_are_refused() -> None:
    large = Segment("seg_1", "Large", {"field": "tier", "op": "=", "value": "é" * (MAX_TREES_BYTES // 4)})
    twice = of(Group(Fixed(1), segment="seg_1"), Group(Fixed(2), segment="seg_1"))
    with pytest.raises(WrongCampaign):
        frozen(twice, {"seg_1": large})
