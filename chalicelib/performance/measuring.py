"""Having lifts measured by the function that can: what it is asked, and what it answers.

asked       {"comparisons": [[recipients, of them bought, holdout, of them bought], …]}
answered    {"lifts": [{"recipients": [value, low, high], "holdout": […], "relative": […]}, …]}     basis points
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from chalicelib.messaging.functions import Function, NotAnswered
from chalicelib.performance.lift import Comparison, Group, Interval, Lift, Measure, NotMeasured
from chalicelib.runtime.clock import Deadline

Json = dict[str, Any]
_log = logging.getLogger(__name__)
NAMES = tuple(each.name for each in fields(Lift))


def measured_by(function: Function, deadline: Deadline) -> Measure:
    """A measure that asks this function, once for all comparisons, and waits no longer than this."""

    def measure(comparisons: Sequence[Comparison]) -> Sequence[Lift]:
        asked = [[*astuple(each.recipients), *astuple(each.holdout)] for each in comparisons]
        try:
            answered = function.ask({"comparisons": asked}, deadline)
        except NotAnswered as error:
            raise NotMeasured from error
        try:
            lifts = [Lift(*(_interval(told[name]) for name in NAMES)) for told in answered["lifts"]]
            if len(lifts) != len(comparisons):
                raise ValueError(f"{len(lifts)} lifts of {len(comparisons)}")
        except (LookupError, TypeError, ValueError) as error:
            # It may be an answer of another version of this code: both are deployed one after the other.
            _log.warning("lifts were not measured: %r", error)
            raise NotMeasured from error
        return lifts

    return measure


def answer(asked: Json, measure: Measure) -> Json:
    """What the function answers."""
    comparisons = [Comparison(Group(*told[:2]), Group(*told[2:])) for told in asked["comparisons"]]
    return {"lifts": [_told(lift) for lift in measure(comparisons)]}


def _interval(told: object) -> Interval:
    match told:
        case [int(value), int(low), int(high)]:
            return Interval(value, low, high)
    raise ValueError(f"no interval: {told!r}"[:100])


def _told(lift: Lift) -> Json:
    return {name: astuple(getattr(lift, name)) for name in NAMES}
