"""The profiles of one stack, as documents. They are spread over SHARDS by customer, so that each can be read in order.

document   profile shard / customer     the profile
document   m#<customer> / customer      the second was merged into the first
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from chalicelib.customers.codec import ALONE, Tie, body_of, profile_of, tie_of
from chalicelib.customers.profile import MAX_MERGE_DEPTH, Profile
from chalicelib.store.documents import Document, Documents, Key, document_of
from chalicelib.store.items import Item, Place
from chalicelib.store.reading import Store
from chalicelib.store.signals import Unread
from chalicelib.store.writes import Write

SHARD_COUNT = 32
SHARDS = tuple(f"p{number:02}" for number in range(SHARD_COUNT))


def shard_of(customer: str) -> str:
    """The shard of a customer's profile: the same in every process."""
    return SHARDS[hashlib.sha256(customer.encode()).digest()[0] % SHARD_COUNT]


class Named(NamedTuple):
    """A profile under the id by which its customer is named, and the one that stands, who has the wallets."""

    profile: Profile
    stands: str


class ReadAhead(NamedTuple):
    """A customer's profile as it was stored some time before; no item where there was none. Only good to be written
    over, on the condition that it is still the same."""

    item: Item | None


class Profiles:
    """The profiles in one stack's table of customers."""

    def __init__(self, store: Store) -> None:
        self.documents = Documents(store, store.tables.customers_name)

    def get(self, customer: str) -> Profile | None:
        """A profile as stored, strongly consistent; also one that was erased, or merged into another.

        :raises Unread: DynamoDB could not be read, retries included
        :raises NewerSchema: a later version of this code wrote it
        """
        return self.get_many([customer]).get(customer)

    def get_many(self, customers: Iterable[str]) -> dict[str, Profile]:
        """Those of these profiles that there are, a hundred in a round trip.

        :raises: as `get`
        """
        found = self.documents.get_many(_key(customer) for customer in customers)
        return {key[1]: _profile(document) for key, document in found.items()}

    def people(self, customers: Iterable[str]) -> dict[str, Named]:
        """Those of whom something is known, by the ids by which they are named. Nothing can be written from what is.

        :raises: as `get`
        """
        found = self.get_many(customers)
        for _ in range(MAX_MERGE_DEPTH):
            gone = {customer: told.merged_into for customer, told in found.items() if told.merged_into is not None}
            if not gone:
                break
            above = self.get_many(gone.values())
            found |= {customer: above.get(into, Profile(into)) for customer, into in gone.items()}
        return {
            customer: Named(replace(stands, customer=customer, version=0), stands.customer)
            for customer, stands in found.items()
        }

    def page(self, shard: str, after: str | None, limit: int) -> tuple[list[Profile], str | None]:
        """Profiles of a shard by customer, those behind `after`; and the next page's `after`, if there is more. A page
        may have fewer than `limit` (or none) and still not be the last.

        :raises: as `get`
        """
        documents, behind = self.documents.page(shard, limit, after=after)
        return [_profile(document) for document in documents], behind

    def looked_at(self, shard: str, after: str | None, limit: int) -> tuple[Iterator[Profile], str | None]:
        """The same page for who only looks, one by one: read at once, parsed as they are taken. They are without their
        versions, which are 0, so nothing can be written from them.

        :raises: as `get`
        """
        bodies, behind = self.documents.bodies(shard, limit, after=after)
        return (profile_of(customer, 0, body) for customer, body in bodies), behind

    def place(self, customer: str) -> Place:
        """Where a customer's profile is, to be read ahead."""
        return self.documents.place(_key(customer))

    def standing(self, customer: str, ahead: ReadAhead | None = None) -> Profile:
        """The profile that is kept for a customer: the one that it was merged into, where it was; a new one (version
        0) where there is none. What was read ahead is not read again.

        :raises: as `get`
        """
        for _ in range(MAX_MERGE_DEPTH + 1):
            profile = self.get(customer) if ahead is None else _of_item(ahead.item)
            ahead = None
            if profile is None:
                return Profile(customer)
            if profile.merged_into is None:
                return profile
            customer = profile.merged_into
        raise Unread("a chain of merged customers has no end")

    def ties(self, customers: Iterable[str]) -> dict[str, Tie]:
        """Those of these profiles that there are, as far as merges go, whatever else a later version of this code may
        have written into them.

        :raises Unread: DynamoDB could not be read, retries included
        """
        found = self.documents.bodies_of(_key(customer) for customer in customers)
        return {key[1]: tie_of(body) for key, body in found}

    def ids_of(self, customer: str, limit: int) -> list[str]:
        """All ids of a customer's person, the one that stands first; no more than `limit`.

        :raises Unread: DynamoDB could not be read, retries included
        """
        stands, tie = self._top_of(customer)
        for _ in range(MAX_MERGE_DEPTH):
            others = self.merged_into(stands, limit, tie.depth)
            before, (stands, tie) = (stands, tie), self._top_of(stands)
            if (stands, tie) == before:
                return list(dict.fromkeys((stands, customer, *others)))[:limit]
            # Merged meanwhile: the walk may have stopped too early.
        raise Unread("a customer is merged again and again")

    def stands_for(self, customer: str) -> str:
        """The id that stands for a customer: its own, where it was not merged.

        :raises Unread: DynamoDB could not be read, retries included
        """
        return self._top_of(customer)[0]

    def _top_of(self, customer: str) -> tuple[str, Tie]:
        for _ in range(MAX_MERGE_DEPTH + 1):
            tie = self.ties([customer]).get(customer, ALONE)
            if tie.into is None:
                return customer, tie
            customer = tie.into
        raise Unread("a chain of merged customers has no end")

    def merged_into(self, customer: str, limit: int, depth: int = MAX_MERGE_DEPTH) -> list[str]:
        """Customers who were merged into one, also by way of others as far as the chains go; no more than `limit`.

        :raises Unread: DynamoDB could not be read, retries included
        """
        found, last = list[str](), [customer]
        for _ in range(depth):
            here = list[str]()
            for into in last:
                rows, _ = self.documents.page(_merged(into), max(1, limit - len(found) - len(here)))
                here += [row.key[1] for row in rows]
            found, last = found + here, here
            if len(found) >= limit:
                break
        return found[:limit]

    def note_merge(self, customer: str, into: str) -> Write:
        """Keep that a customer is merged into another, which happens once."""
        return self.documents.save((_merged(into), customer), {}, 0)

    def write(self, profile: Profile) -> Write:
        """Put a profile as its next version, if its version is still the one that was read."""
        return self.documents.save(_key(profile.customer), body_of(profile), profile.version)

    def check(self, profile: Profile) -> Write:
        """Demand that a profile's version is still the one that was read."""
        return self.documents.check(_key(profile.customer), profile.version)


def _merged(into: str) -> str:
    return f"m#{into}"


def _key(customer: str) -> Key:
    return shard_of(customer), customer


def _of_item(item: Item | None) -> Profile | None:
    return None if item is None else _profile(document_of(item))


def _profile(document: Document) -> Profile:
    return profile_of(document.key[1], document.version, document.body)
