"""Parts of request bodies that say how credit may be used, and until when."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.edge.fields import Amount, Body, Few, Identifier, Instant, Name
from chalicelib.ledger.conditions import BASIS_POINTS, UNCONDITIONAL, Conditions, as_dict, from_dict
from chalicelib.ledger.limits import (
    MAX_CONDITIONS_BYTES,
    MAX_EXPIRY_DAYS,
    MAX_EXPIRY_MONTHS,
)
from chalicelib.ledger.policy import At, Days, Expiry, Months, Never

_HOUR = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Expires(Body):
    """When credit ends: one of these. Days and months run to the end of that day in the merchant's time zone."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    never: bool = Field(default=False, json_schema_extra={"const": True})
    at: Instant = 0
    days: int = Field(default=0, ge=1, le=MAX_EXPIRY_DAYS)
    months: int = Field(default=0, ge=1, le=MAX_EXPIRY_MONTHS)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        said = self.model_fields_set
        if len(said) != 1 or ("never" in said and not self.never):
            raise PydanticCustomError("expires", "Input should have one of never (true), at, days, months")
        return self

    def expiry(self) -> Expiry:
        match next(iter(self.model_fields_set)):
            case "at":
                return At(self.at)
            case "days":
                return Days(self.days)
            case "months":
                return Months(self.months)
        return Never()


class NamedThings(Body):
    """Lists of what a condition lets in or keeps out; an empty one says nothing."""

    products: Few[Name] | None = None
    categories: Few[Name] | None = None
    collections: Few[Name] | None = None
    tags: Few[Name] | None = None
    sites: Few[Name] | None = None
    channels: Few[Name] | None = None


class Hours(Body):
    """From one time of the merchant's day to before another; over midnight where `from` is the later one."""

    from_: _HOUR = Field(alias="from")
    to: _HOUR

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.from_ == self.to:
            raise PydanticCustomError("hours", "Input should have a from and a to that differ")
        return self


class LotConditions(Body):
    """When a lot may be used, and for how much of an order. All that is said must hold."""

    min_order: Amount | None = None
    min_order_multiple: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_share_of_order: Annotated[int, Field(ge=1, le=BASIS_POINTS)] | None = None
    max_per_order: Amount | None = None
    first_order_only: bool | None = None
    not_with_discounts: bool | None = None
    not_on_order: Identifier | None = None
    include: NamedThings | None = None
    exclude: NamedThings | None = None
    weekdays: (
        Annotated[tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(max_length=7)] | None
    ) = None
    hours: Hours | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(_compact(as_dict(self._conditions())).encode()) > MAX_CONDITIONS_BYTES:
            raise PydanticCustomError(
                "conditions_size",
                "Input should be at most {limit} bytes as compact JSON",
                {"limit": MAX_CONDITIONS_BYTES},
            )
        return self

    def conditions(self) -> Conditions | None:
        """What the ledger keeps; None where nothing is demanded."""
        told = self._conditions()
        return None if told == UNCONDITIONAL else told

    def _conditions(self) -> Conditions:
        return from_dict(self.model_dump(by_alias=True, exclude_none=True))


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
