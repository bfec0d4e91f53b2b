"""Having lifts measured by the function that can: what it is asked, and what it answers.

asked       {"comparisons": [[recipients, of them bought, holdout, of them bought], …]}
answered    {"lifts": [{"recipients": [value, low, high], "holdout": […], "relative": […]}, …]}     basis points
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from chalicelib.messaging.functions import Function, NotAnswered
from chalicelib.performance.lift import Comparison, Group, Interval, Lift, Measure, NotMeasured
from chalicelib.runtime.clock import Deadline

Json = dict[str, Any]
NAMES = tuple(each.name for each in fields(Lift))


def measured_by(function: Function, deadline: Deadline) -> Measure:
    """A measure that asks this function, once for all comparisons, and waits no longer than this."""

    def measure(comparisons: Sequence[Comparison]) -> Sequence[Lift]:
        asked = [[*astuple(each.recipients), *astuple(each.holdout)] for each in comparisons]
        try:
            answered = function.ask({"comparisons": asked}, deadline)
            lifts = [Lift(*(Interval(*told[name]) for name in NAMES)) for told in answered["lifts"]]
        except (NotAnswered, LookupError, TypeError) as error:
            # What is no answer may be one of another version of this code: both are deployed one after the other.
            raise NotMeasured from error
        if len(lifts) != len(comparisons):
            raise NotMeasured
        return lifts

    return measure


def answer(asked: Json, measure: Measure) -> Json:
    """What the function answers."""
    comparisons = [Comparison(Group(*told[:2]), Group(*told[2:])) for told in asked["comparisons"]]
    return {"lifts": [_told(lift) for lift in measure(comparisons)]}


def _told(lift: Lift) -> Json:
    return {name: astuple(getattr(lift, name)) for name in NAMES}
