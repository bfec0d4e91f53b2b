"""Customers as callers send them. Null is the same as left out."""

import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from chalicelib.customers.profile import (
    MAX_ATTRIBUTE_CHARACTERS,
    MAX_ATTRIBUTES,
    MAX_ATTRIBUTES_BYTES,
    MAX_EMAIL_CHARACTERS,
    MAX_PLACE_CHARACTERS,
    MAX_POSTAL_CODE_CHARACTERS,
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    MAX_TAGS_BYTES,
    Address,
    Attribute,
)
from chalicelib.edge.fields import Body, Identifier

MAX_ATTRIBUTE_NUMBER = 2**53 - 1
"""Exact in every JSON reader."""
FIRST_BIRTH_DATE = "1900-01-01"

_NO_CONTROL = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,187}[A-Za-z0-9])?$"
_PHONE = r"^\+[1-9][0-9]{6,14}$"

Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG_CHARACTERS, pattern=_NO_CONTROL)]
Place = Annotated[str, Field(min_length=1, max_length=MAX_PLACE_CHARACTERS, pattern=_NO_CONTROL)]
AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
AttributeText = Annotated[str, Field(max_length=MAX_ATTRIBUTE_CHARACTERS, pattern=_NO_CONTROL)]
AttributeNumber = Annotated[int, Field(ge=-MAX_ATTRIBUTE_NUMBER, le=MAX_ATTRIBUTE_NUMBER)]


class ConsentsBody(Body):
    """What a customer agreed to be sent."""

    email: bool | None = None
    sms: bool | None = None
    push: bool | None = None


class AddressBody(Body):
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")] | None = None
    region: Place | None = None
    city: Place | None = None
    postal_code: (
        Annotated[str, Field(min_length=1, max_length=MAX_POSTAL_CODE_CHARACTERS, pattern=_NO_CONTROL)] | None
    ) = None


class CustomerBody(Body):
    """Who a customer is. `email` is kept as it is written; `phone` is E.164, `locale` BCP 47."""

    email: Annotated[str, Field(max_length=MAX_EMAIL_CHARACTERS, pattern=_EMAIL)] | None = None
    phone: Annotated[str, Field(pattern=_PHONE)] | None = None
    locale: Annotated[str, Field(pattern=_LOCALE)] | None = None
    birth_date: Annotated[date, Field(ge=date.fromisoformat(FIRST_BIRTH_DATE))] | None = None
    consents: ConsentsBody | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)] | None = None
    attributes: (
        Annotated[dict[AttributeName, AttributeText | AttributeNumber | bool], Field(max_length=MAX_ATTRIBUTES)] | None
    ) = None
    address: AddressBody | None = None
    predicted_spend_tier: Literal["high", "medium", "low"] | None = None
    has_account: bool | None = None

    @field_validator("tags")
    @classmethod
    def _tags_fit(cls, tags: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Each once, in the order told; see MAX_TAGS_BYTES."""
        if tags is None:
            return None
        once = tuple(dict.fromkeys(tags))
        _refuse_large(list(once), MAX_TAGS_BYTES)
        return once

    @field_validator("attributes")
    @classmethod
    def _attributes_fit(cls, attributes: dict[str, Attribute] | None) -> dict[str, Attribute] | None:
        if attributes is not None:
            _refuse_large(attributes, MAX_ATTRIBUTES_BYTES)
        return attributes

    def telling(self) -> dict[str, Any]:
        """What is said, by the names that `customers.profile` has."""
        told: dict[str, Any] = {
            "email": self.email,
            "phone": self.phone,
            "locale": self.locale,
            "birth_date": self.birth_date,
            "tags": self.tags,
            "attributes": self.attributes,
            "predicted_spend_tier": self.predicted_spend_tier,
            "has_account": self.has_account,
        }
        if self.consents is not None:
            told |= {f"consents.{channel}": agreed for channel, agreed in self.consents}
        if self.address is not None:
            told["address"] = Address(**self.address.model_dump())
        return {name: value for name, value in told.items() if value is not None}


class MergeBody(Body):
    """Whom a customer is merged into."""

    into: Identifier


def _refuse_large(value: object, most: int) -> None:
    size = len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
    if size > most:
        raise PydanticCustomError(
            "too_large", "Input should have at most {most} bytes as JSON, and has {size}", {"most": most, "size": size}
        )
