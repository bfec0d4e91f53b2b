"""Having lifts measured by the function that can: what it is asked, and what it answers.

asked       {"comparisons": [[recipients, of them bought, holdout, of them bought], …]}
answered    {"lifts": [{"recipients": [value, low, high], "holdout": […], "relative": […]}, …]}     basis points
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from chalicelib.messaging.functions import Function, NotAnswered
from chalicelib.performance.lift import Comparison, Group, Interval, Lift, Measure, NotMeasured

Json = dict[str, Any]


def measured_by(function: Function) -> Measure:
    """A measure that asks this function, once for all comparisons."""

    def measure(comparisons: Sequence[Comparison]) -> Sequence[Lift]:
        asked = [[*astuple(each.recipients), *astuple(each.holdout)] for each in comparisons]
        try:
            answered = function.ask({"comparisons": asked})
        except NotAnswered as error:
            raise NotMeasured from error
        return [Lift(**{name: Interval(*bounds) for name, bounds in told.items()}) for told in answered["lifts"]]

    return measure


def answer(asked: Json, measure: Measure) -> Json:
    """What the function answers."""
    comparisons = [Comparison(Group(*told[:2]), Group(*told[2:])) for told in asked["comparisons"]]
    return {"lifts": [_told(lift) for lift in measure(comparisons)]}


def _told(lift: Lift) -> Json:
    return {name: astuple(getattr(lift, name)) for name in ("recipients", "holdout", "relative")}
