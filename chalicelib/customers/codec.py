"""How a profile becomes the body of a document, and back. What a customer did: `activity_codec`."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any, ClassVar, NamedTuple

from chalicelib.customers.activity_codec import StoredActivity, activity_body, said
from chalicelib.customers.profile import Address, Consents, Person, Profile
from chalicelib.customers.stored import Json, Parts, Stored
from chalicelib.store.signals import NewerSchema

SCHEMA = 1


def body_of(profile: Profile) -> Json:
    """A profile as JSON, without its customer and version, which are the document's."""
    told = {
        "s": SCHEMA,
        "p": _person(profile.person),
        "a": activity_body(profile.activity),
        "x": int(profile.erased),
        "m": profile.merged_into,
        "d": profile.depth,
        "j": profile.joined_at,
    }
    return said(told)


def profile_of(customer: str, version: int, body: Json) -> Profile:
    """:raises NewerSchema: a later version of this code wrote it"""
    if body["s"] > SCHEMA:
        raise NewerSchema(f"profile {customer} has schema {body['s']}, this code knows {SCHEMA}")
    return Profile(
        customer=customer,
        person=_StoredPerson.told(body.get("p", {})),
        activity=StoredActivity.told(body.get("a", {})),
        version=version,
        erased=bool(body.get("x")),
        merged_into=body.get("m"),
        depth=body.get("d", 0),
        joined_at=body.get("j"),
    )


class Tie(NamedTuple):
    """What a profile says of merges: see `Profile`."""

    into: str | None
    depth: int
    joined_at: int | None


ALONE = Tie(None, 0, None)


def tie_of(body: Json) -> Tie:
    """Of whatever version."""
    return Tie(body.get("m"), body.get("d", 0), body.get("j"))


def _person(person: Person) -> Json:
    address, consents = person.address, person.consents
    return said(
        {
            "email": person.email,
            "phone": person.phone,
            "locale": person.locale,
            "birth_date": person.birth_date.isoformat() if person.birth_date else None,
            "consents": [consents.email, consents.sms, consents.push] if consents != Consents() else None,
            "tags": list(person.tags),
            "attributes": dict(person.attributes),
            "address": [address.country, address.region, address.city, address.postal_code]
            if address != Address()
            else None,
            "tier": person.predicted_spend_tier,
            "account": int(person.has_account) + 1 if person.has_account is not None else None,
            "at": _stamps(person),
        }
    )


def _stamps(person: Person) -> list[Any]:
    """When fields were told: [instant, [fields]], since most were told together."""
    by_instant: dict[int, list[str]] = {}
    for name, at in sorted(person.told_at.items()):
        by_instant.setdefault(at, []).append(name)
    return [[at, by_instant[at]] for at in sorted(by_instant)]


class _StoredPerson(Stored, Person):
    parts: ClassVar[Parts] = {
        "email": lambda told: told.get("email"),
        "phone": lambda told: told.get("phone"),
        "locale": lambda told: told.get("locale"),
        "birth_date": lambda told: date.fromisoformat(told["birth_date"]) if "birth_date" in told else None,
        "consents": lambda told: Consents(*told.get("consents", ())),
        "tags": lambda told: tuple(told.get("tags", ())),
        "attributes": lambda told: told.get("attributes", {}),
        "address": lambda told: Address(*told.get("address", ())),
        "predicted_spend_tier": lambda told: told.get("tier"),
        "has_account": lambda told: told["account"] == 2 if "account" in told else None,
        "told_at": lambda told: {name: at for at, names in told.get("at", ()) for name in names},
    }


assert _StoredPerson.parts.keys() == {each.name for each in fields(Person)}
