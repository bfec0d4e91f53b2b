"""What a member is to get, or is to be taken back, decided from the wallet as it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import operations
from chalicelib.campaigns.release.operations import Decide, Granted, actor_of, source_of
from chalicelib.campaigns.release.pieces import NOT_ENTITLED, Member
from chalicelib.campaigns.schedule import entitled
from chalicelib.customers.days import day_of
from chalicelib.ledger.correcting import Revocation, revoke
from chalicelib.ledger.granting import Grant, issue
from chalicelib.ledger.model import Act, Kind, Lot, Wallet
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import CurrencyUnknown, Refused
from chalicelib.store.release import Mark, Operation, Outcome

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

    def __call__(self, operation: Operation, wallet: Wallet, mark: Mark | None, now: int) -> Outcome:
        campaign = self._campaign
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
        marks = [each for each in (mark, *self._before) if each is not None]
        times, day = sum(each.times for each in marks), max((each.day for each in marks), default=None)
        return entitled(self._campaign.repeat, times, day, self._day)

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


def sealed(reason: str) -> Decide:
    """Nothing is granted, for good."""

    def decide(operation: Operation, _wallet: Wallet, _mark: Mark | None, _now: int) -> Outcome:
        return Outcome(operation, operations.skipped(reason))

    return decide


def taking_back(campaign: Campaign, credited: Mapping[Operation, Granted], policy: Policy) -> Decide:
    """What is unheld of a lot that was granted, or of what it became by a merge, is taken back."""

    def decide(operation: Operation, wallet: Wallet, _mark: Mark | None, now: int) -> Outcome:
        given = credited[operation]
        lot = _lot_in(wallet, given, campaign)
        amount = min(given.amount, lot.unheld) if lot is not None else 0
        if lot is None or not amount:
            return Outcome(operation, operations.revoked(0))
        act = Act(operation.id, actor_of(campaign.id), now)
        try:
            plan = revoke(wallet, Revocation(lot.id, CANCELLATION, amount), act, policy)
        except Refused:
            return Outcome(operation, operations.revoked(0))
        return Outcome(operation, operations.revoked(amount), wallet.version, plan)

    return decide


def _lot_in(wallet: Wallet, given: Granted, campaign: Campaign) -> Lot | None:
    """The lot that was granted. Where it is not there any more, the likest that this run granted: a merge has moved it,
    or it was taken in the place of one that was."""
    lot = wallet.lot(given.lot) if wallet.customer == given.wallet else None
    if lot is not None and lot.unheld:
        return lot
    source = source_of(campaign.id)
    # Of a campaign that repeats, what earlier runs gave stays; the run that follows may be scheduled by now.
    since = (campaign.release_at if campaign.revoking == campaign.run else campaign.previous_release_at) or 0
    moved = [lot for lot in wallet.lots if lot.source == source and lot.effective_at >= since and lot.unheld]
    return min(moved, key=lambda lot: abs(lot.unheld - given.amount), default=None)
