"""When a campaign's credit is to be usable, as callers say it: an instant, or a date and a time of a local day."""

from datetime import date, time
from typing import Annotated, Any

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from chalicelib.campaigns.model import AvailableAt, Local
from chalicelib.edge import instants
from chalicelib.edge.fields import Body

_DATE = r"^(20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class LocalBody(Body):
    """A time of a day in the merchant's zone. One that daylight saving skips is the next instant that there is; one
    that occurs twice is the first."""

    date: Annotated[str, Field(pattern=_DATE, json_schema_extra={"format": "date"})]
    time: Annotated[str, Field(pattern=_TIME)]

    @field_validator("date")
    @classmethod
    def _of_the_calendar(cls, told: str) -> str:
        try:
            date.fromisoformat(told)
        except ValueError:
            raise PydanticCustomError("date", "Input should be a day of the calendar") from None
        return told


def _read(told: object, handler: ValidatorFunctionWrapHandler) -> object:
    if not isinstance(told, str):
        return handler(told)
    try:
        return instants.parse(told)
    except ValueError:
        raise PydanticCustomError(
            "instant_parsing", "Input should be an RFC 3339 instant with an offset, 1970 to 2199, or a date and a time"
        ) from None


def _shown(told: object) -> object:
    return told.model_dump() if isinstance(told, LocalBody) else told


class _OrInstant:
    """In the schema: or an instant."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "format": "date-time", "pattern": instants.RFC_3339}, handler(schema)]}


AvailableAtBody = Annotated[LocalBody, WrapValidator(_read), PlainSerializer(_shown), _OrInstant()]
"""Milliseconds, where an instant was sent."""


def asked_for(told: object) -> AvailableAt:
    """What a body says."""
    if isinstance(told, LocalBody):
        return Local(date.fromisoformat(told.date), time.fromisoformat(told.time))
    assert isinstance(told, int), "it is an instant or a local time"
    return told
