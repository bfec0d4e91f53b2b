"""The operations of a campaign, by what they do for whom, and what they answer.

A customer is credited once by a campaign, or once by each of its runs: the run is in the key of one that repeats. What
such a one did for a customer is counted by a mark.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.campaigns.model import Campaign
from chalicelib.ledger.lots import Source
from chalicelib.ledger.model import EntryType, Wallet
from chalicelib.ledger.plans import Plan
from chalicelib.store.envelope import WalletId, operation_id
from chalicelib.store.packing import compact
from chalicelib.store.release import Mark, Operation, Outcome

CAMPAIGN = "campaign"
"""Type of the source of what a campaign granted, and its reason."""

Decide = Callable[[Operation, Wallet | None, Mark | None, int], Outcome]
"""What an operation comes to on its wallet, with its mark, at the present (milliseconds). The wallet is None where a
later version of this code wrote it.

:raises NewerSchema: the wallet is needed
:raises LedgerFault: it is damaged
"""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a run gave: `amount` in minor units, for whom, and in whose wallet the lot was made. That is another
    customer's where the one who was to get it had been merged."""

    amount: int
    lot: str
    customer: str
    wallet: str


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


def revoking(campaign: Campaign, run: int, customer: str, wallet: str | None = None) -> Operation:
    """What takes it back: from the customer's wallet, or from the one where it has gone by a merge."""
    key = f"revoke/{run}/{customer}" if wallet is None else f"revoke/{run}/{customer}\0{wallet}"
    return Operation(operation_id(caller_of(campaign.id), key), WalletId(wallet or customer, campaign.currency))


def mark_of(campaign: str, customer: str) -> str:
    """The id of the mark that counts what a campaign gave to a customer."""
    return operation_id(caller_of(campaign), f"received/{customer}")


def granted(plan: Plan, customer: str) -> str:
    """The answer of a grant for a customer."""
    issued = next(entry for entry in reversed(plan.entries) if entry.type is EntryType.ISSUED)
    told = {"amount": issued.amount, "lot": issued.allocations[0].lot}
    return compact(told if customer == plan.wallet.customer else {**told, "for": customer})


def skipped(reason: str) -> str:
    return compact({"skipped": reason})


def outcome_of(operation: Operation, answer: str) -> Granted | Skipped:
    """What an operation that credits came to, by its answer."""
    told: dict[str, Any] = json.loads(answer)
    if "skipped" in told:
        return Skipped(told["skipped"])
    wallet = operation.wallet.customer
    return Granted(told["amount"], told["lot"], told.get("for", wallet), wallet)


def revoked_amount(answer: str) -> int:
    """What was taken back: 0 where nothing of it was there any more."""
    amount: int = json.loads(answer).get("revoked", 0)
    return amount


def revoked(amount: int) -> str:
    return compact({"revoked": amount})
