"""What producers tell of customers: which messages are events, and what they ask for."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.customers.happening import CheckoutAbandoned, EmailSeen, PersonTold, ProductViewed
from chalicelib.edge.events.parsing import received
from chalicelib.events.model import CustomerDid, CustomersMerged, Event
from chalicelib.store.inbox import Reason


def read(type_: str, data: dict[str, Any], **envelope: Any) -> Event | Reason:
    told = {"specversion": "1.0", "id": "e", "source": "shop", "type": type_, "time": "2026-05-01T10:00:00Z"}
    return received("customer-events", json.dumps({**told, "data": data, **envelope}), "m").read


def wanted(type_: str, data: dict[str, Any]) -> object:
    event = read(type_, {"customer": "alice", **data})
    assert isinstance(event, Event)
    return event.wanted


def test_what_an_update_leaves_out_is_not_told() -> None:
    told = wanted("customer.updated", {"email": "a@example.com", "locale": None, "consents": {"sms": True}})
    assert told == CustomerDid(PersonTold("alice", {"email": "a@example.com", "consents.sms": True}))


def test_what_events_ask_for() -> None:
    assert wanted("customer.merged", {"into": "bob"}) == CustomersMerged("alice", "bob")
    assert wanted("email.clicked", {}) == CustomerDid(EmailSeen("alice", clicks=1))
    assert wanted("email.unsubscribed", {}) == CustomerDid(PersonTold("alice", {"consents.email": False}))
    viewed = {"product": "hat", "collections": ["summer"], "tags": ["new"]}
    assert wanted("product.viewed", viewed) == CustomerDid(ProductViewed("alice", "hat", ("summer",)))
    abandoned = CustomerDid(CheckoutAbandoned("alice", 900, "EUR"))
    assert wanted("checkout.abandoned", {"total": 900, "currency": "EUR"}) == abandoned


def test_an_abandoned_checkout_need_not_say_its_currency() -> None:
    assert wanted("checkout.abandoned", {"total": 900, "lines": []}) == CustomerDid(CheckoutAbandoned("alice", 900))
