"""Asking the function that measures lifts, and what is told where it does not answer."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.edge.functions.measuring import measure_lifts
from chalicelib.messaging.functions import Function
from chalicelib.performance import intervals
from chalicelib.performance.figures import figures, with_lifts
from chalicelib.performance.lift import Comparison, Group, NotMeasured, TooLittle
from chalicelib.performance.measuring import measured_by

ENOUGH = Comparison(Group(1_000, 310), Group(110, 21))
PEOPLE = {"recipients": 1_000, "recipients_bought": 310, "holdout": 110, "holdout_bought": 21}
NOBODY_HELD_OUT = {"recipients": 1_000, "recipients_bought": 310}


class Lambda:
    """Lambda, with that function behind it: what it is asked goes there and back as JSON."""

    def __init__(self, trouble: Exception | None = None, *, fails: bool = False) -> None:
        self.asked: list[dict[str, Any]] = []
        self.trouble = trouble
        self.fails = fails

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 as the SDK has it
        assert FunctionName == "lift"
        if self.trouble is not None:
            raise self.trouble
        if self.fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage":"out of memory"}')}
        self.asked.append(json.loads(Payload))
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(measure_lifts(self.asked[-1])).encode())}


def asking(service: Lambda, monkeypatch: pytest.MonkeyPatch) -> Function:
    function = Function("lift")
    monkeypatch.setitem(function.__dict__, "_client", service)
    return function


def test_what_comes_back_is_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    pairs = [ENOUGH, Comparison(Group(40, 30), Group(400, 20))]
    told = measured_by(asking(service, monkeypatch))(pairs)
    assert list(told) == intervals.measure(pairs)
    assert service.asked == [{"comparisons": [[1_000, 310, 110, 21], [40, 30, 400, 20]]}]


def test_campaigns_are_asked_about_together_and_only_where_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    measure = measured_by(asking(service, monkeypatch))
    people = [PEOPLE, NOBODY_HELD_OUT, {**PEOPLE, "holdout_bought": 30}]
    found = with_lifts([figures({}, each, begun=True) for each in people], measure)
    assert len(service.asked) == 1 and len(service.asked[0]["comparisons"]) == 2
    first, second, third = found
    assert first.lift == intervals.measure([ENOUGH])[0]
    assert (second.lift, second.compared) == (None, TooLittle.NO_HOLDOUT)
    assert third.lift is not None and third.lift.holdout.value == 2_727


def test_where_nothing_can_be_compared_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    (found,) = with_lifts([figures({}, NOBODY_HELD_OUT, begun=True)], measured_by(asking(service, monkeypatch)))
    assert (found.lift, service.asked) == (None, [])


@pytest.mark.parametrize(
    "service",
    [
        Lambda(ReadTimeoutError(endpoint_url="lambda")),
        Lambda(ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")),
        Lambda(fails=True),
    ],
    ids=["too slow", "no capacity", "failed"],
)
def test_where_it_does_not_answer_all_other_figures_are_told(service: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = measured_by(asking(service, monkeypatch))
    with pytest.raises(NotMeasured):
        measure([ENOUGH])
    (found,) = with_lifts([figures({"issued": 500}, PEOPLE, begun=True)], measure)
    assert (found.lift, found.compared, found.money) == (None, ENOUGH, {"issued": 500})
