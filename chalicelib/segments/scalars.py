"""What the value of a leaf must be for its field: read strictly, and pointed at where it is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.ledger.limits import MAX_AMOUNT, MAX_CONDITION_VALUES, MAX_ID_CHARACTERS
from chalicelib.ledger.refusals import Refused
from chalicelib.segments.fields import Field, Shape

Json = Any
MAX_VALUES = MAX_CONDITION_VALUES
"""Values in one list."""
MAX_COUNT = 1_000_000_000
MAX_DAYS = 36_500
"""Days ago, or ahead. How far back a profile remembers days one by one is `customers.activity.HORIZON_DAYS`."""
_DATE = re.compile(r"(19[0-9]{2}|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"(19[0-9]{2}|2[01][0-9]{2})-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Day = date | datetime | int
"""A day of the calendar, the merchant's day that an instant (in UTC) is in, or so many days ago."""
Scalar = str | int | bool | date
Value = Scalar | tuple[Scalar, ...]


class WrongWhere(Refused):
    """A tree that cannot be: `pointer` leads into it to what is wrong."""

    code = "validation_failed"

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message, field=pointer)
        self.pointer = pointer
        self.message = message

    def below(self, pointer: str) -> WrongWhere:
        """The same, of a tree that itself stands at `pointer`."""
        return WrongWhere(pointer + self.pointer, self.message)


def value_of(field: Field, op: str, told: Json, at: str) -> Value:
    """What a leaf about the field may be held against with that op.

    :raises WrongWhere: it is something else
    """
    words = field.shape is Shape.WORDS
    many = not isinstance(told, str) if words else op == "in"
    if not many:
        return _scalar(field, op, told, at)
    if not isinstance(told, Sequence) or isinstance(told, str) or not 1 <= len(told) <= MAX_VALUES:
        raise WrongWhere(at, f"must be a list of 1 to {MAX_VALUES} values")
    if words and op in ("=", "!="):
        raise WrongWhere(at, f"must be one value with {op}; in and contains take a list")
    return tuple(_scalar(field, op, each, f"{at}/{number}") for number, each in enumerate(told))


def _scalar(field: Field, op: str, told: Json, at: str) -> Scalar:
    match field.shape:
        case Shape.COUNT:
            return _integer(told, 0, MAX_COUNT, at)
        case Shape.MONEY:
            return _integer(told, 0, MAX_AMOUNT, at)
        case Shape.PERCENTILE:
            return _integer(told, 0, 100, at)
        case Shape.DAY:
            return day(told, at)
        case Shape.FLAG:
            if not isinstance(told, bool):
                raise WrongWhere(at, "must be true or false")
            return told
        case Shape.WORD | Shape.WORDS:
            said = word(told, at)
            if field.words is not None and said not in field.words:
                raise WrongWhere(at, f"must be one of {' '.join(sorted(field.words))}")
            return said
    if op in (">", ">=", "<", "<="):
        return _integer(told, -MAX_AMOUNT, MAX_AMOUNT, at)
    if isinstance(told, bool):
        return told
    return _integer(told, -MAX_AMOUNT, MAX_AMOUNT, at) if isinstance(told, int) else word(told, at)


def day(told: Json, at: str) -> Day:
    """A day of the calendar, an RFC 3339 instant of it, or so many days ago.

    :raises WrongWhere: it is none of them
    """
    if isinstance(told, str) and _DATE.fullmatch(told):
        try:
            return date.fromisoformat(told)
        except ValueError:
            raise WrongWhere(at, "is not a day of the calendar") from None
    if isinstance(told, str) and _INSTANT.fullmatch(told):
        try:
            return datetime.fromisoformat(told.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise WrongWhere(at, "is not an instant") from None
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= MAX_DAYS:
        return told
    raise WrongWhere(
        at, f"must be a date YYYY-MM-DD or an RFC 3339 instant, 1900 to 2199, or so many days ago, 0 to {MAX_DAYS}"
    )


def disorder(first: Day | None, last: Day | None) -> str | None:
    """What is wrong with a last day before the first; None where nothing is, or only the merchant's zone could say."""
    match first, last:
        case int(), int():
            return "must not be more days ago than from" if last > first else None
        case datetime(), datetime():
            return "must not be before from" if last < first else None
        case date(), date():
            mixed = isinstance(first, datetime) or isinstance(last, datetime)
            return "must not be before from" if (_date(last) - _date(first)).days < -mixed else None
    return None


def _date(day: date | datetime) -> date:
    """In UTC; in the merchant's zone an instant may be of the day before or after."""
    return day.date() if isinstance(day, datetime) else day


def days(told: Json, at: str) -> int:
    """A number of days.

    :raises WrongWhere: it is none
    """
    return _integer(told, 0, MAX_DAYS, at)


def _integer(told: Json, least: int, most: int, at: str) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or not least <= told <= most:
        raise WrongWhere(at, f"must be an integer from {least} to {most}")
    return told


def word(told: Json, at: str) -> str:
    """A string as ids, tags and names are.

    :raises WrongWhere: it is none
    """
    if not isinstance(told, str) or not 1 <= len(told) <= MAX_ID_CHARACTERS or _CONTROL.search(told):
        raise WrongWhere(at, f"must be a string of 1 to {MAX_ID_CHARACTERS} characters without control characters")
    return told
