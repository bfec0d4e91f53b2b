"""Performance over HTTP: what is answered, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.campaigns.model import Campaign, State
from chalicelib.edge.performance import answers as performance_answers
from chalicelib.edge.performance import examples as performance_examples
from chalicelib.ledger.refusals import NotFound
from chalicelib.performance import queries
from chalicelib.performance.figures import Figures, figures
from chalicelib.performance.intervals import measure
from chalicelib.performance.lift import Comparison, Group, Lift, NotMeasured
from chalicelib.performance.queries import Measured
from tests.unit.edge.till import NOW, Till

COMPARISON = "/v1/campaign-comparison"
MONEY = {"issues": 2, "issued": 1_000, "redemptions": 1, "redeemed": 400, "given_back": 100, "day_3": 1}
MONEY |= {"lots_expired": 1, "expired": 200, "orders": 1, "revenue": 3_000, "overspend": 2_700}
PEOPLE = {
    "recipients": 100,
    "recipients_bought": 40,
    "recipients_bought_again": 10,
    "holdout": 50,
    "holdout_bought": 10,
}


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[str, Campaign]:
    """Campaigns `cmp_a`, of a release that is over, and `cmp_b`, whose credit cannot be used yet."""
    known = {
        "cmp_a": Campaign(id="cmp_a", name="A", currency="EUR", groups=(), state=State.RELEASED, run=1, release_at=NOW),
        "cmp_b": Campaign(id="cmp_b", name="B", currency="JPY", groups=(), run=1, release_at=NOW + 1),
    }

    def one(_docs: object, campaign: str) -> Campaign:
        if campaign not in known:
            raise NotFound("There is no such campaign.", campaign=campaign)
        return known[campaign]

    def performance(_store: object, asked: list[Measured]) -> list[Figures]:
        return [figures(MONEY, PEOPLE, begun=each.begun) for each in asked]

    monkeypatch.setattr("chalicelib.campaigns.queries.one", one)
    monkeypatch.setattr("chalicelib.campaigns.queries.documents", lambda _store: None)
    monkeypatch.setattr(queries, "performance", performance)
    monkeypatch.setattr(wiring, "measure", lambda _deadline: measure)
    return known


def of(till: Till, campaign: str) -> Any:
    answered = till.get(f"/v1/campaigns/{campaign}/performance")
    assert answered.status == 200
    told = performance_answers.Performance.model_validate_json(answered.text)
    assert told.model_dump(mode="json") == answered.json
    return answered.json


def test_a_campaigns_figures_are_told_with_amounts_and_basis_points(till: Till) -> None:
    told = of(till, "cmp_a")
    assert told["issued"] == {"count": 2, "value": 1_000}
    assert told["redeemed"] == {"count": 1, "value": 400, "given_back": 100, "rate_basis_points": 3_000}
    assert told["expired"] == {"count": 1, "value": 200}
    assert told["outstanding"] == {"value": 500}
    assert told["days_to_redeem"] == {"median": 3, "histogram": [{"days": 3, "count": 1}]}
    assert told["orders"] == {"count": 1, "revenue": 3_000, "overspend": 2_700}
    assert told["recipients"]["repeat_rate_basis_points"] == 2_500
    assert told["display"]["outstanding"] == "5.00 EUR"


def test_lift_is_told_with_its_interval(till: Till) -> None:
    lift = of(till, "cmp_a")["lift"]
    assert (lift["status"], lift["confidence_basis_points"]) == ("measured", 9_500)
    for name, value in (("recipients_rate", 4_000), ("holdout_rate", 2_000), ("relative", 10_000)):
        interval = lift[f"{name}_basis_points"]
        assert interval["low"] < interval["value"] == value < interval["high"]


def test_a_lift_that_cannot_be_measured_now_leaves_all_else(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_order(_: object) -> list[Lift]:
        raise NotMeasured

    monkeypatch.setattr(wiring, "measure", lambda _deadline: out_of_order)
    told = of(till, "cmp_a")
    assert told["lift"] == {"status": "unavailable"}
    assert told["recipients"]["count"] == 100


def test_the_example_is_what_is_measured_of_its_people() -> None:
    told = performance_examples.ANSWERS["get_performance"]
    recipients, holdout = (Group(told[side]["count"], told[side]["with_order"]) for side in ("recipients", "holdout"))
    (lift,) = measure([Comparison(recipients, holdout)])
    names = {"recipients": "recipients_rate", "holdout": "holdout_rate", "relative": "relative"}
    shown = {name: told["lift"][f"{said}_basis_points"] for name, said in names.items()}
    assert asdict(lift) == shown


def test_before_the_credit_can_be_used_no_lift_is_told(till: Till) -> None:
    assert of(till, "cmp_b")["lift"] == {"status": "insufficient_data", "reason": "not_begun"}


def test_campaigns_are_compared_in_the_order_in_which_they_are_named(till: Till) -> None:
    told = till.get(COMPARISON, campaigns="cmp_b,cmp_a,cmp_b").json["data"]
    assert [each["campaign"] for each in told] == ["cmp_b", "cmp_a"]
    assert [each["display"]["issued"] for each in told] == ["1000 JPY", "10.00 EUR"]


@pytest.mark.parametrize("path", ["/v1/campaigns/cmp_c/performance", f"{COMPARISON}?campaigns=cmp_a,cmp_c"])
def test_a_campaign_that_does_not_exist_has_no_performance(till: Till, path: str) -> None:
    bare, _, campaigns = path.partition("?campaigns=")
    answered = till.get(bare, **({"campaigns": campaigns} if campaigns else {}))
    assert (answered.status, answered.code, answered.json["campaign"]) == (404, "not_found", "cmp_c")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"campaigns": ""},
        {"campaigns": "cmp_a,"},
        {"campaigns": "cmp_a cmp_b"},
        {"campaigns": ",".join(["cmp_a"] * 21)},
        {"campaigns": ["cmp_a", "cmp_b"]},
    ],
)
def test_a_comparison_names_one_to_twenty_campaigns(till: Till, query: Mapping[str, str | list[str]]) -> None:
    answered = till.get(COMPARISON, **query)
    assert (answered.status, answered.pointers) == (422, ["/query/campaigns"])


def test_performance_is_for_who_may_read_campaigns(till: Till) -> None:
    support = till.but(scope="wallets:read wallets:write")
    assert support.get("/v1/campaigns/cmp_a/performance").code == "forbidden"
    assert till.but(scope="campaigns:read").get(COMPARISON, campaigns="cmp_a").status == 200
