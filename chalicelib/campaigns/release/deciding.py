"""What a member is to get, decided from the wallet as it is read."""

from __future__ import annotations

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.release import operations
from chalicelib.campaigns.release.operations import actor_of, source_of
from chalicelib.campaigns.release.pieces import NOT_ENTITLED, Member
from chalicelib.campaigns.schedule import entitled
from chalicelib.customers.days import day_of
from chalicelib.ledger.granting import Grant, issue
from chalicelib.ledger.model import Act, Kind, Wallet
from chalicelib.ledger.policy import Policy
from chalicelib.ledger.refusals import CurrencyUnknown, Refused
from chalicelib.store.release import Mark, Operation, Outcome


class Decision:
    """What each member of a group is to get, decided from the wallet."""

    def __init__(self, campaign: Campaign, members: dict[Operation, Member], policy: Policy) -> None:
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
        return Outcome(operation, operations.granted(plan), wallet.version, plan, after)

    def _entitled(self, mark: Mark | None) -> bool:
        if mark is None:
            return True
        return entitled(self._campaign.repeat, mark.times, mark.day, self._day)

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
