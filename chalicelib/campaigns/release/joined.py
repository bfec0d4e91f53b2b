"""Members who are not the only id of their person: customers were merged since the run began.

    the ids that are gone       the operation of each is settled first: it was done, or now never will be
    the id that stands          its operation credits the person, if none of the others has: for the first member

So however many ids of a person are in an audience, and whatever workers know of a merge, one is credited; two only if
both were before they were merged. An operation says for which member it was done, so each member has an outcome of
its own, and what was granted is counted once. A worker that finds an id settled as one that is gone looks again who
stands. All others, nearly everybody, are credited in groups, and looked at again when that is done: what was granted
to a customer who was merged meanwhile goes where the merge would have moved it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import operations
from chalicelib.campaigns.release.carrying import GROUP_SECONDS, Carried, carry_out
from chalicelib.campaigns.release.deciding import sealed, taking_back
from chalicelib.campaigns.release.operations import (
    Decide,
    Granted,
    Skipped,
    crediting,
    outcome_of,
    revoked_amount,
    revoking,
)
from chalicelib.campaigns.release.pieces import CANCELLED, MERGED
from chalicelib.customers.passing import MAX_IDS_ASKED, pass_on
from chalicelib.customers.profile import Profile
from chalicelib.customers.store import Profiles
from chalicelib.ledger.limits import MINUTE_MS
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.release import MARKED_WALLETS, Mark, Operation, read_marks

CLOCKS_APART_MS = 10 * MINUTE_MS
"""A merge so long before a run began may have come after it: two machines' clocks say when."""
MAX_LOOKS = 4
"""How often it is looked again who stands; whoever is merged more often meanwhile waits for the next try."""
JOINED_SECONDS = 3 * GROUP_SECONDS
"""What settling one of them may take; with less time left none is begun."""

Settle = Callable[[Operation, Sequence[Mark]], Decide]
"""How the operation of the id that stands is decided, with the marks of the others."""


class NotKnown(Exception):
    """Some outcome is not known yet; what was done stays, and is found again."""


class Untouchable(Exception):
    """A wallet of the person cannot be touched."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Joined:
    """The persons of one run who have several ids."""

    def __init__(self, engine: Engine, campaign: Campaign, run: int, deadline: Deadline) -> None:
        self._engine = engine
        self._campaign = campaign
        self._run = run
        self._deadline = deadline
        self._profiles = Profiles(engine.store)
        self.written = 0
        """Operations that were committed here."""

    def among(self, customers: Iterable[str]) -> frozenset[str]:
        """Those who were merged, or into whom another was since the run began.

        :raises Unread: DynamoDB could not be read, retries included
        """
        found = self._profiles.get_many(customers)
        return frozenset(customer for customer, profile in found.items() if self._is_joined(profile))

    def _is_joined(self, profile: Profile) -> bool:
        if profile.merged_into is not None or not profile.depth:
            return profile.merged_into is not None
        if self._campaign.repeat is not None or profile.joined_at is None:
            return True
        return profile.joined_at >= (self._campaign.started_at or 0) - CLOCKS_APART_MS

    def pass_on(self, customers: Iterable[str]) -> None:
        """Let what was granted to customers who were merged meanwhile go to who is left of them.

        :raises Busy, Unread: to be tried again; doing it again does nothing twice
        """
        gone = [each for each in self._profiles.get_many(customers).values() if each.merged_into is not None]
        for profile in gone:
            grant = crediting(self._campaign, self._run, profile.customer)
            pass_on(self._engine, grant.wallet, None, grant.id, self._deadline)

    def outcome(self, customer: str, settle: Settle, version: int | None = None) -> Granted | Skipped:
        """What the run did for a member, for good. `version` is the one that the campaign must still have, None: any.

        :raises NotKnown, Unread: to be tried again
        :raises Untouchable: see there
        """
        for _ in range(MAX_LOOKS):
            stands, *gone = self._ids_of(customer)
            told = self._settled(gone, sealed(MERGED), version)
            own = crediting(self._campaign, self._run, stands)
            decide = self._decided(own, told, gone, settle)
            told += self._outcomes(self._carried([own], decide, version), [own])
            granted = {each.customer: each for each in told if isinstance(each, Granted)}
            if customer in granted:
                return granted[customer]
            if granted:
                return Skipped(MERGED)
            last = told[-1]
            assert isinstance(last, Skipped), "nothing was granted"
            if last.reason != MERGED:
                return last
            # Whoever settled this one knew it as gone.
        raise NotKnown

    def taken_back(self, granted: Granted) -> int:
        """Take back what was granted to a member, wherever it has gone by merges: how much (minor units).

        :raises NotKnown, Unread: to be tried again
        :raises Untouchable: see there
        """
        seen = set[str]()
        for _ in range(MAX_LOOKS):
            ids = self._ids_of(granted.customer)
            for holder in dict.fromkeys((granted.wallet, *ids)):
                if holder in seen:
                    continue
                seen.add(holder)
                elsewhere = holder if holder != granted.customer else None
                operation = revoking(self._campaign, self._run, granted.customer, elsewhere)
                decide = taking_back(self._campaign, {operation: granted}, self._engine.policy)
                amount = revoked_amount(self._carried([operation], decide).answers[operation.id])
                if amount:
                    return amount
            if self._ids_of(granted.customer)[0] == ids[0]:
                return 0
        raise NotKnown

    def _ids_of(self, customer: str) -> list[str]:
        """All ids of a member's person, the one that stands first."""
        stands = self._profiles.standing(customer).customer
        return list(dict.fromkeys((stands, customer, *self._profiles.merged_into(stands, MAX_IDS_ASKED))))

    def _decided(
        self, own: Operation, told: Sequence[Granted | Skipped], gone: Sequence[str], settle: Settle
    ) -> Decide:
        if any(isinstance(each, Granted) for each in told):
            return sealed(MERGED)
        if Skipped(CANCELLED) in told:
            return sealed(CANCELLED)
        marks = [operations.mark_of(self._campaign.id, each) for each in gone] if own.mark is not None else []
        return settle(own, [mark for mark in read_marks(self._engine.store, marks) if mark is not None])

    def _settled(self, gone: Sequence[str], decide: Decide, version: int | None) -> list[Granted | Skipped]:
        told: list[Granted | Skipped] = []
        for start in range(0, len(gone), MARKED_WALLETS):
            some = [crediting(self._campaign, self._run, each) for each in gone[start : start + MARKED_WALLETS]]
            told += self._outcomes(self._carried(some, decide, version), some)
        return told

    def _carried(self, wanted: Sequence[Operation], decide: Decide, version: int | None = None) -> Carried:
        carried = carry_out(self._engine, self._campaign.id, version, wanted, decide, self._deadline)
        self.written += carried.written
        for reason in carried.failed.values():
            raise Untouchable(reason)
        if carried.left:
            raise NotKnown
        return carried

    def _outcomes(self, carried: Carried, wanted: Sequence[Operation]) -> list[Granted | Skipped]:
        return [outcome_of(each, carried.answers[each.id]) for each in wanted]


def is_of_one(outcome: Granted | Skipped, customer: str) -> bool:
    """Whether an operation says itself what became of its customer: nothing has to do with other ids."""
    return outcome.customer == customer if isinstance(outcome, Granted) else outcome.reason != MERGED
