"""Measuring lifts, for the API: the one function that has a statistics library, in a layer of its own.

It is told numbers and tells numbers: it knows no table, no queue and no customer.
"""

from __future__ import annotations

from typing import Any

from chalicelib.performance.intervals import measure
from chalicelib.performance.measuring import answer


def measure_lifts(asked: dict[str, Any]) -> dict[str, Any]:
    """The lifts of the comparisons that are asked about; see `performance.measuring`."""
    return answer(asked, measure)
