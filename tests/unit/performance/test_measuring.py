"""Asking the function that measures lifts, and what is told where it does not answer."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.edge.functions.measuring import measure_lifts
from chalicelib.messaging.functions import LONGEST_SECONDS, Function
from chalicelib.performance import intervals
from chalicelib.performance.figures import figures, with_lifts
from chalicelib.performance.lift import Comparison, Group, Measure, NotMeasured, TooLittle
from chalicelib.performance.measuring import measured_by
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import API_DEADLINE_SECONDS

ENOUGH = Comparison(Group(1_000, 310), Group(110, 21))
PEOPLE = {"recipients": 1_000, "recipients_bought": 310, "holdout": 110, "holdout_bought": 21}
NONSENSE = (
    "",
    "null",
    "7",
    '{"message": "later"}',
    '{"lifts": []}',
    '{"lifts": [{"recipients": [1, 2, 3], "holdout": [1, 2, 3]}]}',
    '{"lifts": [{"recipients": [null, 2, 3], "holdout": [1, 2, 3], "relative": [1, 2, 3]}]}',
    '{"lifts": [{"recipients": "abc", "holdout": [1, 2, 3], "relative": [1, 2, 3]}]}',
    '{"lifts": [{"recipients": [1, 2], "holdout": [1, 2, 3], "relative": [1, 2, 3]}]}',
)
NOBODY_HELD_OUT = {"recipients": 1_000, "recipients_bought": 310}


class Lambda:
    """Lambda, with that function behind it: what it is asked goes there and back as JSON."""

    def __init__(self, trouble: Exception | None = None, *, fails: bool = False, says: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self.trouble = trouble
        self.fails = fails
        self.says = says

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 as the SDK has it
        assert FunctionName == "lift"
        if self.trouble is not None:
            raise self.trouble
        if self.fails:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage":"out of memory"}')}
        self.asked.append(json.loads(Payload))
        said = json.dumps(measure_lifts(self.asked[-1])) if self.says is None else self.says
        return {"StatusCode": 200, "Payload": io.BytesIO(said.encode())}


def asking(service: Lambda, monkeypatch: pytest.MonkeyPatch, seconds: float = API_DEADLINE_SECONDS) -> Measure:
    function = Function("lift")
    monkeypatch.setitem(function.__dict__, "_client", service)
    return measured_by(function, Deadline.after(seconds))


def test_what_comes_back_is_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    pairs = [ENOUGH, Comparison(Group(40, 30), Group(400, 20))]
    told = asking(service, monkeypatch)(pairs)
    assert list(told) == intervals.measure(pairs)
    assert service.asked == [{"comparisons": [[1_000, 310, 110, 21], [40, 30, 400, 20]]}]


def test_campaigns_are_asked_about_together_and_only_where_there_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    measure = asking(service, monkeypatch)
    people = [PEOPLE, NOBODY_HELD_OUT, {**PEOPLE, "holdout_bought": 30}]
    found = with_lifts([figures({}, each, begun=True) for each in people], measure)
    assert len(service.asked) == 1 and len(service.asked[0]["comparisons"]) == 2
    first, second, third = found
    assert first.lift == intervals.measure([ENOUGH])[0]
    assert (second.lift, second.compared) == (None, TooLittle.NO_HOLDOUT)
    assert third.lift is not None and third.lift.holdout.value == 2_727


def test_where_nothing_can_be_compared_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    (found,) = with_lifts([figures({}, NOBODY_HELD_OUT, begun=True)], asking(service, monkeypatch))
    assert (found.lift, service.asked) == (None, [])


def test_the_function_is_not_asked_where_the_call_could_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Lambda()
    with pytest.raises(NotMeasured):
        asking(service, monkeypatch, LONGEST_SECONDS - 0.1)([ENOUGH])
    assert service.asked == []
    assert LONGEST_SECONDS < API_DEADLINE_SECONDS
    assert len(asking(service, monkeypatch, LONGEST_SECONDS + 1)([ENOUGH])) == 1


def test_who_bought_is_never_more_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters are read lane by lane, and another worker adds to them meanwhile."""
    people = {"recipients": 100, "recipients_bought": 40, "holdout": 50, "holdout_bought": 51}
    (found,) = with_lifts([figures({}, people, begun=True)], asking(Lambda(), monkeypatch))
    assert found.holdout == Group(50, 50)
    assert found.lift is not None and found.lift.holdout.value == 10_000


@pytest.mark.parametrize(
    "service",
    [
        Lambda(ReadTimeoutError(endpoint_url="lambda")),
        Lambda(ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")),
        Lambda(fails=True),
        *(Lambda(says=words) for words in NONSENSE),
    ],
    ids=["too slow", "no capacity", "failed", *NONSENSE],
)
def test_where_it_does_not_answer_all_other_figures_are_told(service: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = asking(service, monkeypatch)
    with pytest.raises(NotMeasured):
        measure([ENOUGH])
    (found,) = with_lifts([figures({"issued": 500}, PEOPLE, begun=True)], measure)
    assert (found.lift, found.compared, found.money) == (None, ENOUGH, {"issued": 500})
