"""`make replay` asks until all is told, and says from where to go on when it is not."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from dev import replay as tool
from dev.replay import Refused, replay


class Function:
    """A replayer that gives these answers, one after another, the last one for ever."""

    def __init__(self, *answers: dict[str, Any], breaks: bool = False) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.breaks = breaks

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 as the SDK has them
        assert FunctionName == "store-credit-Replay"
        self.asked.append(json.loads(Payload))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        told: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(answer).encode())}
        return {**told, "FunctionError": "Unhandled"} if self.breaks else told


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "PAUSE_SECONDS", 0.0)


def told(function: Function, first: int = 1, last: int = 900) -> tuple[int, int | None]:
    return replay(function, "store-credit-Replay", "anna", "EUR", first, last)


def test_a_long_range_is_asked_for_in_parts_until_all_is_told() -> None:
    function = Function({"published": 500, "next": 501}, {"published": 400, "next": None})
    assert told(function) == (900, None)
    assert function.asked == [
        {"customer": "anna", "currency": "EUR", "from": 1, "to": 900},
        {"customer": "anna", "currency": "EUR", "from": 501, "to": 900},
    ]


def test_what_the_bus_did_not_take_is_asked_for_again() -> None:
    stuck = {"published": 3, "next": 4, "error": "the bus did not take it"}
    function = Function(stuck, {"published": 897, "next": None})
    assert told(function) == (900, None)
    assert [asked["from"] for asked in function.asked] == [1, 4]


def test_it_is_given_up_where_nothing_moves_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    function = Function({"published": 0, "next": 7, "error": "the bus did not take it"})
    assert told(function, first=7) == (0, 7)
    assert len(function.asked) == tool.STUCK
    assert "at 7: the bus did not take it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "function",
    [
        Function({"published": 0, "next": None, "error": "from: is after to"}),
        Function({"errorType": "KeyError", "errorMessage": "'x'"}, breaks=True),
    ],
    ids=["no sense", "broken"],
)
def test_what_cannot_be_done_is_an_error_with_its_reason(function: Function) -> None:
    with pytest.raises(Refused, match=r"is after|KeyError"):
        told(function)
    assert len(function.asked) == 1
