"""Comparing what a profile has with what a leaf asks for, where not everything is known.

An answer is True, False or None: not known. What is not known is no member, and neither is its opposite. `AtLeast`
stands for a sum of which the oldest part is forgotten: "3 or more" is still known to be more than 2.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from chalicelib.customers.traces import Traces, needle_of, trace_of
from chalicelib.segments.scalars import Value

Answer = bool | None
Test = Callable[[Any], Answer]
"""Of a value that is there."""

COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
"""What each op that compares does."""


class AtLeast(int):
    """A number that is this, or more."""

    __slots__ = ()


def number_test(op: str, value: Value) -> Test:
    """Of a number that may be an `AtLeast`."""
    compared, asked = _compared(op, value)
    certain = _certain(op)
    limit = max(asked) if isinstance(asked, frozenset) else asked

    def test(number: int) -> Answer:
        if type(number) is not AtLeast:
            return compared(number, asked)
        settled = number >= limit if op in (">=", "<") else number > limit
        return certain if settled else None

    return test


def plain_test(op: str, value: Value) -> Test:
    """Of a day, a word, a flag."""
    compared, asked = _compared(op, value)
    return lambda told: compared(told, asked)


def attribute_test(op: str, value: Value) -> Test:
    """Of an attribute; one of another type than what is asked for is not known. To Python True is 1, here it is not."""
    if isinstance(value, tuple):
        asked = frozenset((type(each), each) for each in value)
        types = frozenset(type_ for type_, _ in asked)
        return lambda told: (type(told), told) in asked if type(told) in types else None
    compared, type_ = COMPARED[op], type(value)
    return lambda told: compared(told, value) if type(told) is type_ else None


def words_test(op: str, value: Value) -> Test:
    """Of all the words that there are."""
    asked = _words(value)
    match op:
        case "in":
            return lambda told: not asked.isdisjoint(told)
        case "!=":
            return lambda told: asked.isdisjoint(told)
    return lambda told: asked.issubset(told)


def traces_test(op: str, value: Value, first: int | None, last: int | None) -> Callable[[Traces], Answer]:
    """Of the traces from one day to another. Traces that are full may have lost what is asked for: then it is not known
    that it was not there."""
    asked = frozenset(trace_of(word) for word in _words(value))
    needs_all = op in ("=", "contains")
    one = next(iter(asked)) if len(asked) == 1 else None
    found_means = op != "!="
    needles = [needle_of(trace) for trace in asked]

    def test(traces: Traces) -> Answer:
        if not traces.may_have(needles):
            found = False
        elif one is not None:
            found = traces.has(one, first, last)
        elif needs_all:
            found = asked <= {trace for _, trace in traces.occurrences(first, last)}
        else:
            found = traces.has_any(asked, first, last)
        if found:
            return found_means
        return None if _forgotten(traces, first) else not found_means

    return test


def traces_exist(traces: Traces, first: int | None, last: int | None) -> Answer:
    """Whether something is there from one day to another."""
    if any(True for _ in traces.occurrences(first, last)):
        return True
    return None if _forgotten(traces, first) else False


def _forgotten(traces: Traces, first: int | None) -> bool:
    """Whether some may be gone that are not older than a day."""
    return traces.full and (first is None or min(day for day, _ in traces.cells) >= first)


def _compared(op: str, value: Value) -> tuple[Callable[[Any, Any], bool], Any]:
    if op == "in":
        assert isinstance(value, tuple)
        return lambda told, asked: told in asked, frozenset(value)
    return COMPARED[op], value


def _certain(op: str) -> bool:
    """What a number that is large enough, however large, makes of a comparison."""
    return op in (">", ">=", "!=")


def _words(value: Value) -> frozenset[str]:
    return frozenset(str(each) for each in (value if isinstance(value, tuple) else (value,)))
