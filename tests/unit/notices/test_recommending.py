"""What a notice recommends: a list, what is bought together with what the customer saw last, or that itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from chalicelib.customers.activity import MAX_TRACES, Activity, Recent
from chalicelib.customers.profile import Profile
from chalicelib.customers.together_store import MAX_ASKED
from chalicelib.customers.traces import Traces, trace_of
from chalicelib.notices.model import Recommend
from chalicelib.notices.recommending import Together, products_for
from chalicelib.store.signals import Unread

LAST_SEEN, TOGETHER = Recommend.LAST_SEEN, Recommend.BOUGHT_TOGETHER


def anna(viewed: Sequence[str] = (), bought: Sequence[str] = (), long_ago: Sequence[str] = ()) -> Profile:
    """Who viewed and bought these, the newest first; what was viewed is newer."""
    traces = Traces(MAX_TRACES).plus(((1, trace_of(each)), 1) for each in (*bought, *long_ago))
    return Profile(
        "anna",
        activity=Activity(
            bought=traces,
            recently_viewed=tuple(Recent(99 - place, each) for place, each in enumerate(viewed)),
            recently_bought=tuple(Recent(49 - place, each) for place, each in enumerate(bought)),
        ),
    )


def knows(**counts: int) -> Together:
    return lambda _: counts


def nobody(_: Sequence[str]) -> Mapping[str, int]:
    raise AssertionError("it was asked")


@pytest.mark.parametrize("recommend", Recommend)
def test_a_list_goes_before_everything(recommend: Recommend) -> None:
    assert products_for(anna(["tea"]), ["a", "b", "c", "d", "e", "f"], recommend, nobody) == ["a", "b", "c", "d", "e"]


def test_what_was_seen_last_is_recommended_and_nothing_asked() -> None:
    assert products_for(anna(["cup", "tea"], ["tea", "pot"]), (), LAST_SEEN, nobody) == ["cup", "tea", "pot"]


def test_what_is_bought_together_most_comes_first() -> None:
    assert products_for(anna(["tea"]), (), TOGETHER, knows(cup=3, pot=8, jar=2)) == ["pot", "cup", "jar"]


def test_there_are_at_most_five() -> None:
    together = knows(a=9, b=8, c=7, d=6, e=5, f=4)
    assert products_for(anna(["tea"]), (), TOGETHER, together) == ["a", "b", "c", "d", "e"]


def test_what_the_customer_has_bought_is_not_recommended_again() -> None:
    together = knows(cup=3, pot=8, jar=2, lid=5)
    assert products_for(anna(["tea"], ["pot"], long_ago=["lid"]), (), TOGETHER, together) == ["cup", "jar"]


def test_what_was_only_viewed_may_be_recommended() -> None:
    assert products_for(anna(["tea", "cup"]), (), TOGETHER, knows(cup=3)) == ["cup"]


def test_the_newest_few_products_are_asked_about_each_once() -> None:
    asked: list[list[str]] = []

    def together(products: Sequence[str]) -> Mapping[str, int]:
        asked.append(list(products))
        return {}

    products_for(anna(["a", "b"], ["b", "c", "d"]), (), TOGETHER, together)
    assert asked == [["a", "b", "c"]]
    assert len(asked[0]) == MAX_ASKED


@pytest.mark.parametrize("counts", [{}, {"cup": 1}, {"pot": 9}], ids=["nothing", "chance", "bought already"])
def test_where_nothing_is_known_it_is_what_was_seen_last(counts: dict[str, int]) -> None:
    assert products_for(anna(["tea"], ["pot"]), (), TOGETHER, knows(**counts)) == ["tea", "pot"]


def test_of_who_saw_nothing_nothing_is_asked() -> None:
    assert products_for(anna(), (), TOGETHER, nobody) == []


def test_a_notice_does_not_wait_for_what_it_recommends() -> None:
    def unread(_: Sequence[str]) -> Mapping[str, int]:
        raise Unread("DynamoDB is not well")

    assert products_for(anna(["tea"]), (), TOGETHER, unread) == ["tea"]
