"""Members who are not the only id of their person: customers were merged since the run began.

    the ids that are gone       the operation of each is settled first: it was done, or now never will be
    the id that stands          its operation credits the person, if none of the others has: for the first member

So however many ids of a person are in an audience, and whatever workers know of a merge, one is credited; two only if
both were before they were merged, or by a worker that had read them before. What was refused to one is refused to all.
An operation says for which member it was done, so each member has an outcome of its own, and what was granted is
counted once. A worker that finds an id settled as one that is gone looks again who stands. All others, nearly
everybody, are credited in groups, and looked at again when that is done: what was granted to a customer who was merged
meanwhile goes where the merge would have moved it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

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
from chalicelib.campaigns.release.pieces import MERGED
from chalicelib.campaigns.store import CAMPAIGNS
from chalicelib.customers.codec import Tie
from chalicelib.customers.passing import MAX_IDS_ASKED, pass_on
from chalicelib.customers.store import Profiles
from chalicelib.ledger.limits import MINUTE_MS
from chalicelib.ledger.refusals import LedgerFault
from chalicelib.runtime.clock import Deadline
from chalicelib.store.commit import Engine
from chalicelib.store.release import MARKED_WALLETS, Mark, Operation, read_group, read_marks
from chalicelib.store.signals import NewerSchema

CLOCKS_APART_MS = 10 * MINUTE_MS
"""A merge so long before a run began may have come after it: two machines' clocks say when."""
MAX_LOOKS = 4
"""How often it is looked again who stands; whoever is merged more often meanwhile waits for the next try."""
JOINED_SECONDS = 3 * GROUP_SECONDS
"""What settling one of them may take; with less time left none is begun."""

TOO_MANY_IDS = "too_many_ids"
"""Why nothing is done for a person with more than MAX_IDS_ASKED ids."""

Settle = Callable[[Operation, Sequence[Mark]], Decide]
"""How the operation of the id that stands is decided, with the marks of the others."""


class NotKnown(Exception):
    """Some outcome is not known yet; what was done stays, and is found again."""


class Untouchable(Exception):
    """A wallet of the person cannot be touched, or there are more of them than can be looked at."""

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
        self._ids: dict[str, list[str]] = {}
        self._settled: dict[str, Granted | Skipped] = {}
        """What operations of ids that are gone came to: that does not change."""
        self.written = 0
        """Operations that were committed here."""

    def among(self, customers: Iterable[str]) -> frozenset[str]:
        """Those who were merged, or into whom another was since the run began.

        :raises Unread: DynamoDB could not be read, retries included
        """
        return frozenset(customer for customer, tie in self._profiles.ties(customers).items() if self._is_joined(tie))

    def _is_joined(self, tie: Tie) -> bool:
        if tie.into is not None:
            return True
        if not tie.depth:
            return False
        if self._campaign.repeat is not None or tie.joined_at is None:
            return True
        return tie.joined_at >= (self._campaign.started_at or 0) - CLOCKS_APART_MS

    def pass_on(self, customers: Iterable[str]) -> None:
        """Let what was granted to customers who were merged meanwhile go to who is left of them. It stays where it is
        if one of the wallets cannot be touched.

        :raises Busy, Unread: to be tried again; doing it again does nothing twice
        """
        for customer, tie in self._profiles.ties(customers).items():
            if tie.into is not None:
                grant = crediting(self._campaign, self._run, customer)
                with suppress(LedgerFault, NewerSchema):
                    pass_on(self._engine, grant.wallet, None, grant.id, self._deadline)

    def outcome(self, customer: str, settle: Settle, version: int | None = None) -> Granted | Skipped:
        """What the run did for a member, for good. `version` is the one that the campaign must still have, None: any.

        :raises NotKnown, Unread: to be tried again
        :raises Untouchable: see there
        """
        for look in range(MAX_LOOKS):
            try:
                stands, *gone = self._ids_of(customer, again=look > 0)
            except Untouchable:
                if (done := self._done(customer)) is not None:
                    return done
                raise
            told = self._settle(gone, version)
            if customer in told and is_of_one(told[customer], customer):
                return told[customer]
            own = crediting(self._campaign, self._run, stands)
            decide = self._decided(own, told, settle)
            told[stands] = self._carried([own], decide, version)[0]
            if customer == stands and is_of_one(told[stands], customer):
                return told[stands]
            granted = {each.customer: each for each in told.values() if isinstance(each, Granted)}
            if granted:
                return granted.get(customer, Skipped(MERGED))
            if told[stands] != Skipped(MERGED):
                return told[stands]
            # Whoever settled this one knew it as gone.
        raise NotKnown

    def taken_back(self, granted: Granted) -> int:
        """Take back what was granted to a member, wherever it has gone by merges: how much (minor units).

        :raises NotKnown, Unread: to be tried again
        :raises Untouchable: see there
        """
        seen, untouchable = set[str](), list[Untouchable]()
        for look in range(MAX_LOOKS):
            stands = self._profiles.stands_for(granted.customer)
            for holder in dict.fromkeys((granted.wallet, stands, *self._ids_if_few(granted.customer, again=look > 0))):
                if holder in seen:
                    continue
                seen.add(holder)
                try:
                    if amount := self._taken_from(holder, granted):
                        return amount
                except Untouchable as wallet:
                    untouchable.append(wallet)
            if self._profiles.stands_for(granted.customer) == stands:
                if untouchable:
                    raise untouchable[0]
                return 0
        raise NotKnown

    def _taken_from(self, holder: str, granted: Granted) -> int:
        elsewhere = holder if holder != granted.customer else None
        operation = revoking(self._campaign, self._run, granted.customer, elsewhere)
        decide = taking_back(self._campaign, {operation: granted}, self._engine.policy)
        return revoked_amount(self._carry_out([operation], decide).answers[operation.id])

    def _ids_of(self, customer: str, *, again: bool) -> list[str]:
        """All ids of a member's person, the one that stands first; `again`: as they are now, not as they were read."""
        if again or customer not in self._ids:
            ids = self._profiles.ids_of(customer, MAX_IDS_ASKED + 1)
            if len(ids) > MAX_IDS_ASKED:
                raise Untouchable(TOO_MANY_IDS)
            self._ids |= dict.fromkeys(ids, ids)
        return self._ids[customer]

    def _ids_if_few(self, customer: str, *, again: bool) -> list[str]:
        try:
            return self._ids_of(customer, again=again)
        except Untouchable:
            return []

    def _done(self, customer: str) -> Granted | Skipped | None:
        """What an id's own operation came to, if it was done, and says what became of the member."""
        own, store = crediting(self._campaign, self._run, customer), self._engine.store
        (answer,) = read_group(store, [own], store.tables.campaigns_name, (CAMPAIGNS, self._campaign.id)).outcomes
        outcome = outcome_of(own, answer) if answer is not None else None
        return outcome if outcome is not None and is_of_one(outcome, customer) else None

    def _settle(self, gone: Sequence[str], version: int | None) -> dict[str, Granted | Skipped]:
        """What became of the operations of ids that are gone: those that were not done never will be."""
        open_ = [each for each in gone if each not in self._settled]
        for start in range(0, len(open_), MARKED_WALLETS):
            some = open_[start : start + MARKED_WALLETS]
            grants = [crediting(self._campaign, self._run, each) for each in some]
            self._settled |= zip(some, self._carried(grants, sealed(MERGED), version), strict=True)
        return {each: self._settled[each] for each in gone}

    def _decided(self, own: Operation, told: Mapping[str, Granted | Skipped], settle: Settle) -> Decide:
        """Whatever was done for one id of a person is done: it was granted, or refused."""
        if any(isinstance(each, Granted) for each in told.values()):
            return sealed(MERGED)
        refused = [each.reason for each in told.values() if isinstance(each, Skipped) and each.reason != MERGED]
        if refused:
            return sealed(refused[0])
        return settle(own, self._marks_of(told) if own.mark is not None else [])

    def _marks_of(self, customers: Iterable[str]) -> list[Mark]:
        marks = [operations.mark_of(self._campaign.id, each) for each in customers]
        return [mark for mark in read_marks(self._engine.store, marks) if mark is not None]

    def _carried(self, grants: Sequence[Operation], decide: Decide, version: int | None) -> list[Granted | Skipped]:
        answers = self._carry_out(grants, decide, version).answers
        return [outcome_of(each, answers[each.id]) for each in grants]

    def _carry_out(self, wanted: Sequence[Operation], decide: Decide, version: int | None = None) -> Carried:
        carried = carry_out(self._engine, self._campaign.id, version, wanted, decide, self._deadline)
        self.written += carried.written
        for reason in carried.failed.values():
            raise Untouchable(reason)
        if carried.left:
            raise NotKnown
        return carried


def is_of_one(outcome: Granted | Skipped, customer: str) -> bool:
    """Whether an operation says itself what became of its customer: nothing has to do with other ids."""
    return outcome.customer == customer if isinstance(outcome, Granted) else outcome.reason != MERGED
