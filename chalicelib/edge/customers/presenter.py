"""Customers as JSON. Days are those of the merchant's zone; money is minor units by currency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chalicelib.customers.activity import Activity, Recent, WalletFigures
from chalicelib.customers.commands import Merging
from chalicelib.customers.days import date_of
from chalicelib.customers.profile import Person, Profile
from chalicelib.edge.instants import show
from chalicelib.edge.wallets import presenter
from chalicelib.ledger.merging import Moved

Json = dict[str, Any]


def customer(profile: Profile) -> str:
    """A profile with its aggregates. Every member is there, null where nothing is known."""
    return presenter.document(told(profile))


def merged(merging: Merging) -> str:
    """What was moved, by currency, and the entries that say so on either side."""
    wallets = [_moved(currency, moved) for currency, moved in sorted(merging.moved.items())]
    return presenter.document(
        {"customer": merging.customer, "into": merging.profile.customer, "wallets": wallets, "at": show(merging.at)}
    )


def told(profile: Profile) -> Json:
    updated_at = profile.person.updated_at
    return {
        "customer": profile.customer,
        **_person(profile.person),
        "erased": profile.erased,
        "merged_into": profile.merged_into,
        "aggregates": _aggregates(profile.activity),
        "version": profile.version,
        "updated_at": None if updated_at is None else show(updated_at),
    }


def _person(person: Person) -> Json:
    address, consents = person.address, person.consents
    return {
        "email": person.email,
        "phone": person.phone,
        "locale": person.locale,
        "birth_date": None if person.birth_date is None else person.birth_date.isoformat(),
        "consents": {"email": consents.email, "sms": consents.sms, "push": consents.push},
        "tags": list(person.tags),
        "attributes": dict(person.attributes),
        "address": {
            "country": address.country,
            "region": address.region,
            "city": address.city,
            "postal_code": address.postal_code,
        },
        "predicted_spend_tier": person.predicted_spend_tier,
        "has_account": person.has_account,
    }


def _aggregates(activity: Activity) -> Json:
    abandoned = activity.abandoned
    return {
        "orders": _orders(activity),
        "products": {"bought": _recent(activity.recently_bought), "viewed": _recent(activity.recently_viewed)},
        "email": _email(activity),
        "checkout": {
            "started_at": None if activity.checkout_started_at is None else show(activity.checkout_started_at),
            "abandoned_at": None if abandoned is None else show(abandoned.at),
            "abandoned_total": None if abandoned is None else {abandoned.currency: abandoned.total},
        },
        "wallets": {currency: _figures(told) for currency, told in sorted(activity.wallets.items())},
    }


def _orders(activity: Activity) -> Json:
    standing = {currency: ever for currency, ever in sorted(activity.lifetime.items()) if ever.count > 0}
    return {
        "count": activity.orders_ever().count,
        "total": {currency: ever.total for currency, ever in standing.items()},
        "average": {currency: ever.total // ever.count for currency, ever in standing.items()},
        "first_at": _date(activity.first_order_day()),
        "last_at": _date(activity.last_order_day()),
    }


def _email(activity: Activity) -> Json:
    told = activity.email
    return {
        "opens": sum(told.opens),
        "clicks": sum(told.clicks),
        "last_at": _date(told.days[-1] if told.days else None),
    }


def _figures(told: WalletFigures) -> Json:
    return {
        "issued": told.issued,
        "redemptions": told.redemptions,
        "redeemed": told.redeemed,
        "first_issued_at": None if told.first_issued_at is None else show(told.first_issued_at),
        "last_redeemed_at": None if told.last_redeemed_at is None else show(told.last_redeemed_at),
    }


def _recent(products: Iterable[Recent]) -> list[Json]:
    return [{"product": each.id, "at": show(each.at)} for each in products]


def _moved(currency: str, moved: Moved) -> Json:
    return {
        "currency": currency,
        "amount": moved.amount,
        "debt": moved.debt,
        "from_entries": [entry.sequence for entry in moved.source.entries],
        "into_entries": [entry.sequence for entry in moved.target.entries],
    }


def _date(day: int | None) -> str | None:
    return None if day is None else date_of(day).isoformat()
