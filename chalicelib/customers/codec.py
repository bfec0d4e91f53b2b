"""How a profile becomes the body of a document, and back. What a customer did: `activity_codec`."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.customers.activity_codec import activity_body, activity_of, said
from chalicelib.customers.profile import Address, Consents, Person, Profile
from chalicelib.store.signals import NewerSchema

Json = dict[str, Any]
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
    }
    return said(told)


def profile_of(customer: str, version: int, body: Json) -> Profile:
    """:raises NewerSchema: a later version of this code wrote it"""
    if body["s"] > SCHEMA:
        raise NewerSchema(f"profile {customer} has schema {body['s']}, this code knows {SCHEMA}")
    return Profile(
        customer=customer,
        person=_to_person(body.get("p", {})),
        activity=activity_of(body.get("a", {})),
        version=version,
        erased=bool(body.get("x")),
        merged_into=body.get("m"),
        depth=body.get("d", 0),
    )


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


def _to_person(told: Json) -> Person:
    birth = told.get("birth_date")
    account = told.get("account")
    return Person(
        email=told.get("email"),
        phone=told.get("phone"),
        locale=told.get("locale"),
        birth_date=date.fromisoformat(birth) if birth else None,
        consents=Consents(*told["consents"]) if "consents" in told else Consents(),
        tags=tuple(told.get("tags", ())),
        attributes=told.get("attributes", {}),
        address=Address(*told["address"]) if "address" in told else Address(),
        predicted_spend_tier=told.get("tier"),
        has_account=None if account is None else account == 2,
        told_at={name: at for at, names in told.get("at", ()) for name in names},
    )
