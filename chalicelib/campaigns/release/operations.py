"""The operations of a campaign, by what they do for whom, and what they answer.

A customer is credited once by a campaign, or once by each of its runs: the run is in the key of one that repeats. What
such a one did for a customer is counted by a mark.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.campaigns.model import Campaign
from chalicelib.ledger.model import EntryType, Plan, Source
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.packing import compact
from chalicelib.store.release import Operation

CAMPAIGN = "campaign"
"""Type of the source of what a campaign granted, and its reason."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a run gave to a customer. `amount` in minor units."""

    amount: int
    lot: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A run gives nothing to a customer, for good; `reason` is the code of a refusal, or one of `pieces`."""

    reason: str


def caller_of(campaign: str) -> str:
    return f"\0campaign\0{campaign}"


def actor_of(campaign: str) -> str:
    return f"campaign:{campaign}"


def source_of(campaign: str) -> Source:
    return Source(CAMPAIGN, campaign)


def crediting(campaign: Campaign, run: int, customer: str) -> Operation:
    """What gives a customer the campaign's credit in a run."""
    caller = caller_of(campaign.id)
    wallet = WalletId(customer, campaign.currency)
    if campaign.repeat is None:
        return Operation(operation_id(caller, customer), wallet)
    return Operation(operation_id(caller, f"{run}/{customer}"), wallet, mark_of(campaign.id, customer))


def revoking(campaign: Campaign, run: int, customer: str) -> Operation:
    """What takes it back."""
    wallet = WalletId(customer, campaign.currency)
    return Operation(operation_id(caller_of(campaign.id), f"revoke/{run}/{customer}"), wallet)


def mark_of(campaign: str, customer: str) -> str:
    """The id of the mark that counts what a campaign gave to a customer."""
    return operation_id(caller_of(campaign), f"received/{customer}")


def granted(plan: Plan) -> str:
    """The answer of a grant."""
    issued = next(entry for entry in reversed(plan.entries) if entry.type is EntryType.ISSUED)
    return compact({"amount": issued.amount, "lot": issued.allocations[0].lot})


def skipped(reason: str) -> str:
    return compact({"skipped": reason})


def outcome_of(answer: str) -> Granted | Skipped:
    told: dict[str, Any] = json.loads(answer)
    if "skipped" in told:
        return Skipped(told["skipped"])
    return Granted(told["amount"], told["lot"])


def revoked_amount(answer: str) -> int:
    """What was taken back: 0 where nothing of it was there any more."""
    amount: int = json.loads(answer).get("revoked", 0)
    return amount


def revoked(amount: int) -> str:
    return compact({"revoked": amount})
