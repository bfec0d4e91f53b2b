"""What other systems tell of a customer, and what it makes of a profile. Pure; in any order it makes the same one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.customers.activity import Abandoned, Activity, Recent, newest_products, with_email
from chalicelib.customers.days import day_of
from chalicelib.customers.profile import Profile, Telling, person_told
from chalicelib.customers.traces import trace_of
from chalicelib.ledger.policy import Policy


@dataclass(frozen=True)
class PersonTold:
    """What is known of the person from now, as far as it is told; also what a customer agreed to be sent."""

    customer: str
    telling: Telling


@dataclass(frozen=True)
class EmailSeen:
    """An email was opened, or something in it clicked."""

    customer: str
    opens: int = 0
    clicks: int = 0


@dataclass(frozen=True)
class ProductViewed:
    """A product was viewed, and so were the collections that it is in."""

    customer: str
    product: str
    collections: tuple[str, ...] = ()


@dataclass(frozen=True)
class CollectionViewed:
    customer: str
    collection: str


@dataclass(frozen=True)
class CheckoutStarted:
    customer: str


@dataclass(frozen=True)
class CheckoutAbandoned:
    """`currency` None: the merchant's own."""

    customer: str
    total: int
    currency: str | None = None


Happening = PersonTold | EmailSeen | ProductViewed | CollectionViewed | CheckoutStarted | CheckoutAbandoned


def after(profile: Profile, what: Happening, at: int, policy: Policy) -> Profile:
    """The profile after this was told to have happened at an instant (milliseconds). Of one that was erased nothing is
    taken in: all of this is about a person."""
    if profile.erased:
        return profile
    if isinstance(what, PersonTold):
        return replace(profile, person=person_told(profile.person, what.telling, at))
    return replace(profile, activity=_activity(profile.activity, what, at, policy))


def _activity(activity: Activity, what: Happening, at: int, policy: Policy) -> Activity:
    day = day_of(at, policy.zone)
    match what:
        case EmailSeen(opens=opens, clicks=clicks):
            return with_email(activity, day, opens=opens, clicks=clicks)
        case ProductViewed(product=product, collections=collections):
            activity = _viewed(activity, collections, day)
            return replace(
                activity,
                viewed=activity.viewed.plus([((day, trace_of(product)), 1)]),
                recently_viewed=newest_products((*activity.recently_viewed, Recent(at, product))),
            )
        case CollectionViewed(collection=collection):
            return _viewed(activity, (collection,), day)
        case CheckoutStarted():
            return replace(activity, checkout_started_at=max(at, activity.checkout_started_at or at))
        case CheckoutAbandoned(total=total, currency=currency):
            told = Abandoned(at, total, currency or policy.default_currency)
            return replace(activity, abandoned=max(told, activity.abandoned or told))
        case _:
            return activity


def _viewed(activity: Activity, collections: tuple[str, ...], day: int) -> Activity:
    traces = sorted({trace_of(collection) for collection in collections})
    viewed = activity.collections_viewed.plus([((day, trace), 1) for trace in traces])
    return replace(activity, collections_viewed=viewed)
