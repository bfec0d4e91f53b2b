"""What is asked about customers."""

from __future__ import annotations

from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.refusals import NotFound
from chalicelib.store.reading import Store


def profile(store: Store, customer: str) -> Profile:
    """A customer's profile; of one who was merged, what is left says into whom.

    :raises NotFound: nothing is known of such a customer
    :raises Unread: it could not be read
    """
    found = Profiles(store).get(customer)
    if found is None:
        raise NotFound("Nothing is known of such a customer.", customer=customer)
    return found
