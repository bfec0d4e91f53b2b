"""What a member is to get, or is to be taken back, decided from the wallet as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import operations
from chalicelib.campaigns.release.operations import Decide, Granted, actor_of, source_of
from chalicelib.campaigns.release.pieces import NOT_ENTITLED, Member
from chalicelib.campaigns.schedule import entitled
from chalicelib.customers.days import day_of
from chalicelib.ledger.correcting import revoke_in_order
from chalicelib.ledger.granting import Grant, issue
from chalicelib.ledger.lots import Kind, Lot
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.plans import Act
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import CurrencyUnknown, Refused
from chalicelib.store.release import Mark, Operation, Outcome
from chalicelib.store.signals import NewerSchema

CANCELLATION = "campaign_cancelled"
"""The reason of what is taken back."""


class Decision:
    """What each member of a group is to get, decided from the wallet."""

    def __init__(
        self, campaign: Campaign, members: Mapping[Operation, Member], policy: Policy, before: Sequence[Mark] = ()
    ) -> None:
        """`before` are marks of the same person by other ids."""
        self._before = before
        self._campaign = campaign
        self._members = members
        self._policy = policy
        self._actor = actor_of(campaign.id)
        self._source = source_of(campaign.id)
        self._day = day_of(campaign.given_at, policy.zone)

    def __call__(self, operation: Operation, wallet: Wallet | None, mark: Mark | None, now: int) -> Outcome:
        campaign, wallet = self._campaign, _readable(wallet)
        member = self._members[operation]
        if operation.mark is not None and not self._entitled(mark):
            return Outcome(operation, operations.skipped(NOT_ENTITLED))
        try:
            if campaign.currency not in self._policy.currencies:
                raise CurrencyUnknown("The currency is not known.", currency=campaign.currency)
            plan = issue(wallet, self._grant(member, now), Act(operation.id, self._actor, now), self._policy)
        except Refused as refused:
            return Outcome(operation, operations.skipped(refused.code))
        after = Mark(mark.times + 1 if mark else 1, self._day) if operation.mark is not None else None
        return Outcome(operation, operations.granted(plan, member.customer), wallet.version, plan, after)

    def _entitled(self, mark: Mark | None) -> bool:
        return entitled(self._campaign.repeat, *received((mark, *self._before)), self._day)

    def _grant(self, member: Member, now: int) -> Grant:
        campaign = self._campaign
        release_at = campaign.release_at or now
        return Grant(
            member.amount,
            Kind.PROMOTION,
            operations.CAMPAIGN,
            source=self._source,
            effective_at=release_at if release_at > now else None,
            expires=campaign.groups[member.group].expires,
            conditions=campaign.conditions,
            notify=True if campaign.notify is not None else None,
        )


def received(marks: Iterable[Mark | None]) -> tuple[int, int | None]:
    """How often a person received something by all of their ids, and the last day on which they did."""
    found = [mark for mark in marks if mark is not None]
    return sum(mark.times for mark in found), max((mark.day for mark in found), default=None)


def sealed(reason: str) -> Decide:
    """Nothing is granted, for good."""

    def decide(operation: Operation, _wallet: Wallet | None, _mark: Mark | None, _now: int) -> Outcome:
        return Outcome(operation, operations.skipped(reason))

    return decide


def taking_back(campaign: Campaign, credited: Mapping[Operation, Granted], policy: Policy) -> Decide:
    """As much as was granted is taken back, as far as it is unheld: of the lot that was made, or, where a merge has
    moved it, of whatever this run granted."""

    def decide(operation: Operation, wallet: Wallet | None, _mark: Mark | None, now: int) -> Outcome:
        given, before = credited[operation], _readable(wallet)
        act, lots = Act(operation.id, actor_of(campaign.id), now), _lots_in(before, given, campaign)
        plan = revoke_in_order(before, lots, given.amount, CANCELLATION, act, policy)
        taken = sum(-entry.amount for entry in plan.entries if entry.type is EntryType.REVOKED)
        if not taken:
            return Outcome(operation, operations.revoked(0))
        return Outcome(operation, operations.revoked(taken), before.version, plan)

    return decide


def _lots_in(wallet: Wallet, given: Granted, campaign: Campaign) -> list[str]:
    """Lots that this run granted: the one in question first, then those that merges have brought here. All of them
    together are no more than was granted to all, so nothing is left when all was taken back."""
    source = source_of(campaign.id)
    # Of a campaign that repeats, what earlier runs gave stays; the run that follows may be scheduled by now.
    since = (campaign.release_at if campaign.revoking == campaign.run else campaign.previous_release_at) or 0
    own = given.lot if wallet.customer == given.wallet else None

    def of_run(lot: Lot) -> bool:
        return lot.kind is Kind.PROMOTION and lot.source == source and lot.effective_at >= since

    lots = [lot for lot in wallet.lots if lot.id == own or of_run(lot)]
    return [lot.id for lot in sorted(lots, key=lambda lot: (lot.id != own, lot.unheld))]


def _readable(wallet: Wallet | None) -> Wallet:
    """:raises NewerSchema: it is not"""
    if wallet is None:
        raise NewerSchema("a later version of this code wrote the wallet")
    return wallet
