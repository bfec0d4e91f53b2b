"""Examples of requests about customers, by the names of their routes."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from chalicelib.customers.activity import Activity, Recent
from chalicelib.customers.commands import Merging
from chalicelib.customers.contribution import Contribution, contributed
from chalicelib.customers.days import day_of
from chalicelib.customers.happening import EmailSeen, after
from chalicelib.customers.merging import without_behaviour
from chalicelib.customers.profile import Person, Profile, person_replaced
from chalicelib.edge.customers import presenter as customer_presenter
from chalicelib.edge.customers.bodies import CustomerBody
from chalicelib.edge.instants import parse
from chalicelib.ledger.granting import Grant, issue
from chalicelib.ledger.lots import Kind
from chalicelib.ledger.merging import merge
from chalicelib.ledger.model import Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Policy

_AT = parse("2026-03-02T09:00:00Z")
_CUSTOMER, _OTHER = "alice", "alice-2"
_PERSON = {
    "email": "alice@example.com",
    "phone": "+4915112345678",
    "locale": "de-DE",
    "birth_date": "1990-02-28",
    "consents": {"email": True, "sms": False},
    "tags": ["tea", "early-bird"],
    "attributes": {"loyal": True, "shoe_size": 39},
    "address": {"country": "DE", "region": "BE", "city": "Berlin", "postal_code": "10115"},
    "predicted_spend_tier": "medium",
    "has_account": True,
}

REQUESTS: dict[str, Any] = {"put_customer": _PERSON, "merge_customer": {"into": _OTHER}}


def _profile() -> Profile:
    telling = CustomerBody.model_validate_json(json.dumps(_PERSON)).telling()
    profile = Profile(_CUSTOMER, person_replaced(telling, _AT), Activity(recently_viewed=(Recent(_AT, "tea"),)))
    order = Contribution(_AT, day_of(_AT, UTC), "EUR", counts=True, total=3_000, recent=("tea",))
    profile = contributed(profile, "order-1001", None, order)
    return after(profile, EmailSeen(_CUSTOMER, clicks=1), _AT, Policy("1", UTC))


def _shown(profile: Profile, version: int) -> dict[str, Any]:
    return customer_presenter.told(Profile(_CUSTOMER, profile.person, profile.activity, version, erased=profile.erased))


def _merged() -> dict[str, Any]:
    policy, act = Policy("1", UTC), Act("example", "shop", _AT)
    source = issue(Wallet(_CUSTOMER, "EUR"), Grant(2_500, Kind.PROMOTION, "spring"), act, policy).wallet
    moved = merge(source, Wallet(_OTHER, "EUR"), act, policy)
    told: dict[str, Any] = json.loads(
        customer_presenter.merged(Merging(_CUSTOMER, Profile(_OTHER), {"EUR": moved}, _AT))
    )
    return told


def _answers() -> dict[str, Any]:
    profile = _profile()
    erased = Profile(_CUSTOMER, Person(), without_behaviour(profile.activity), erased=True)
    return {
        "put_customer": _shown(profile, 3),
        "get_customer": _shown(profile, 3),
        "erase_customer": _shown(erased, 4),
        "merge_customer": _merged(),
    }


ANSWERS: dict[str, Any] = _answers()
