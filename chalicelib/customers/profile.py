"""A customer's profile: a person, as far as the shop told, and what that customer did; bounded, whatever happens.

Each field of a person is told with an instant, and the newest telling stands; of two with the same instant, the greater
value by its JSON. So the same tellings make the same person in any order. The limits say how large a person can be at
the most; with those of `activity` they keep a stored profile below MAX_PROFILE_BYTES.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from chalicelib.customers.activity import Activity

__all__ = ["Activity", "Address", "Consents", "Person", "Profile", "Telling"]

MAX_PROFILE_BYTES = 8_000
"""Of a profile as stored, deflated: a read of it costs two units, a write eight."""
MAX_EMAIL_CHARACTERS = 254
MAX_LOCALE_CHARACTERS = 35
MAX_TAGS = 40
MAX_TAG_CHARACTERS = 64
MAX_TAGS_BYTES = 720
"""All tags together, as compact JSON."""
MAX_ATTRIBUTES = 30
MAX_ATTRIBUTES_BYTES = 720
"""All attributes together, as compact JSON."""
MAX_ATTRIBUTE_CHARACTERS = 128
MAX_PLACE_CHARACTERS = 40
"""Of a region or a city."""
MAX_POSTAL_CODE_CHARACTERS = 16
MAX_MERGE_DEPTH = 8
"""Profiles that are read, one behind the other, to find the one that a customer was merged into."""

TIERS = ("high", "medium", "low")
"""Predicted spend."""
Attribute = str | int | bool


@dataclass(frozen=True, slots=True)
class Consents:
    """What a customer agreed to be sent; None where nobody said."""

    email: bool | None = None
    sms: bool | None = None
    push: bool | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """`country` is ISO 3166-1 alpha-2."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What the shop told of a person. `told_at` has when each field was told last (milliseconds)."""

    email: str | None = None
    phone: str | None = None
    locale: str | None = None
    birth_date: date | None = None
    consents: Consents = Consents()
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    address: Address = Address()
    predicted_spend_tier: str | None = None
    has_account: bool | None = None
    told_at: Mapping[str, int] = field(default_factory=dict)

    @property
    def updated_at(self) -> int | None:
        """When something of it was told last (milliseconds)."""
        return max(self.told_at.values(), default=None)


Telling = Mapping[str, Any]
"""Values by the names of FIELDS."""
FIELDS = (
    "email",
    "phone",
    "locale",
    "birth_date",
    "consents.email",
    "consents.sms",
    "consents.push",
    "tags",
    "attributes",
    "address",
    "predicted_spend_tier",
    "has_account",
)
"""What is told, and stands or falls, by itself."""
_NOBODY = Person()
_NOTHING_DONE = Activity()


@dataclass(frozen=True, slots=True)
class Profile:
    """`version` is how often it was written. One that was merged only says into whom; all else is there."""

    customer: str
    person: Person = _NOBODY
    activity: Activity = _NOTHING_DONE
    version: int = 0
    erased: bool = False
    """The personal data were erased, and what events tell of the person is not taken in again."""
    merged_into: str | None = None
    depth: int = 0
    """The longest chain of merges that ends here."""
    joined_at: int | None = None
    """When a customer was merged into this one last (milliseconds)."""


def value_of(person: Person, name: str) -> Any:
    """What stands for one of FIELDS."""
    head, _, channel = name.partition(".")
    told = getattr(person, head)
    return getattr(told, channel) if channel else told


def person_told(person: Person, telling: Telling, at: int) -> Person:
    """The person after being told this at an instant: what was told later stands."""
    for name, value in telling.items():
        before = person.told_at.get(name)
        if before is not None and (before, _order(value_of(person, name))) >= (at, _order(value)):
            continue
        person = _with(person, name, value, at)
    return person


def person_replaced(telling: Telling, at: int) -> Person:
    """A person of whom this and nothing else is said; what is left out is said to be nothing."""
    return person_told(_NOBODY, {name: telling.get(name, value_of(_NOBODY, name)) for name in FIELDS}, at)


def people_joined(one: Person, other: Person) -> Person:
    """One person of two: of each field what was told last. That nothing is known gives way to what is, whenever it was
    told."""
    for name, at in other.told_at.items():
        value = value_of(other, name)
        if value == value_of(_NOBODY, name):
            continue
        if value_of(one, name) == value_of(_NOBODY, name):
            one = _with(one, name, value, max(at, one.told_at.get(name, at)))
            continue
        one = person_told(one, {name: value}, at)
    return one


def _with(person: Person, name: str, value: Any, at: int) -> Person:
    told_at = {**person.told_at, name: at}
    head, _, channel = name.partition(".")
    if channel:
        return replace(person, consents=replace(person.consents, **{channel: value}), told_at=told_at)
    changed: dict[str, Any] = {head: value}
    return replace(person, **changed, told_at=told_at)


def _order(value: Any) -> str:
    """Something to tell two values of one field apart by, the same in every process."""
    return json.dumps(value, sort_keys=True, default=str)
