"""The types that fields of requests are made of: what each accepts, once, for parsing and for the API's description.

Lengths are characters. Nothing accepts control characters; notes and texts may have line breaks and tabs.

This module, `wallets.carts` and `wallets.bodies` have no `from __future__ import annotations`: pydantic would have to
evaluate every annotation again, which doubles what they cost a function that starts.
"""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from chalicelib.edge import instants
from chalicelib.edge.shapes import CURRENCY, IDENTIFIER
from chalicelib.ledger.limits import (
    MAX_AMOUNT,
    MAX_CONDITION_VALUES,
    MAX_ID_CHARACTERS,
    MAX_REASON_CHARACTERS,
    MAX_TEXT_CHARACTERS,
)

MAX_QUANTITY = 1_000_000
"""Pieces in one order line."""

_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"


def _instant(told: object) -> int:
    if not isinstance(told, str):
        raise PydanticCustomError("instant_type", "Input should be a string with an RFC 3339 instant")
    try:
        return instants.parse(told)
    except ValueError:
        raise PydanticCustomError(
            "instant_parsing", "Input should be an RFC 3339 instant with an offset, 1970 to 2199"
        ) from None


Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
"""Minor units that a command moves."""
Money = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
"""Minor units of something in an order; nothing is possible."""
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Currency = Annotated[str, Field(pattern=CURRENCY)]
Reason = Annotated[str, Field(pattern=rf"^[a-z0-9_-]{{1,{MAX_REASON_CHARACTERS}}}$")]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS, pattern=_NO_CONTROL)]
"""Of things that the shop names in its own way: products, categories, tags, sites."""
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS, pattern=_LINES)]
SourceWord = Annotated[str, Field(pattern=rf"^[\x21-\x7e]{{1,{MAX_ID_CHARACTERS}}}$")]
"""A source's type or id: printable ASCII without spaces, since it lives in the wallet item, counted in bytes."""
Instant = Annotated[
    int,
    BeforeValidator(_instant),
    Field(json_schema_extra={"type": "string", "format": "date-time", "pattern": instants.RFC_3339}),
]
"""RFC 3339 outside, milliseconds inside."""

T = TypeVar("T")
Few = Annotated[tuple[T, ...], Field(max_length=MAX_CONDITION_VALUES)]
"""A list as it may stand in a condition or an order line."""

MONEY_FIELDS = frozenset({"amount", "total", "unit_price", "discount", "min_order", "max_per_order"})
"""Fields whose being out of range is told as `amount_out_of_range`."""


class Body(BaseModel):
    """A request's body, or a part of it. Strict: a number is no string, a boolean no number, an unknown field an error.

    Validators are built at a model's first use: a process pays for what it serves, and the import for none.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
