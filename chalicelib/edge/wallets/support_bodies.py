"""What support may send to grant credit and to correct a wallet, and the command that each becomes. Null is the same as
left out."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.edge.fields import Amount, Body, Identifier, Instant, Reason, SourceWord, Text
from chalicelib.edge.terms import Expires, LotConditions
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.granting import Grant
from chalicelib.ledger.indebting import Waiver
from chalicelib.ledger.limits import DEFAULT_PRIORITY, MAX_PRIORITY
from chalicelib.ledger.lots import Kind, Source

GrantableKind = Literal[
    "refund",
    "exchange",
    "purchased",
    "migration",
    "compensation",
    "manual",
    "promotion",
    "cashback",
    "loyalty",
    "referral",
    "occasion",
]
"""Every kind but `reinstated`, which only the ledger grants."""


class SourceBody(Body):
    type: SourceWord
    id: SourceWord


class CreditBody(Body):
    amount: Amount
    kind: GrantableKind
    reason: Reason
    note: Text | None = None
    customer_text: Text | None = None
    source: SourceBody | None = None
    effective_at: Instant | None = None
    expires: Expires | None = None
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] | None = DEFAULT_PRIORITY
    conditions: LotConditions | None = None
    notify: bool | None = None

    def grant(self) -> Grant:
        return Grant(
            amount=self.amount,
            kind=Kind(self.kind),
            reason=self.reason,
            note=self.note,
            customer_text=self.customer_text,
            source=Source(self.source.type, self.source.id) if self.source else None,
            effective_at=self.effective_at,
            expires=self.expires.expiry() if self.expires else None,
            priority=DEFAULT_PRIORITY if self.priority is None else self.priority,
            conditions=self.conditions.conditions() if self.conditions else None,
            notify=self.notify,
        )


class DebitBody(Body):
    amount: Amount
    reason: Reason
    note: Text | None = None
    lot: Identifier | None = None

    def debit(self) -> Debit:
        return Debit(self.amount, self.reason, self.note, self.lot)


class RevocationBody(Body):
    reason: Reason
    amount: Amount | None = None

    def revocation(self, lot: str) -> Revocation:
        return Revocation(lot, self.reason, self.amount)


class ExtensionBody(Body):
    expires: Expires
    reason: Reason

    def extension(self, lot: str) -> Extension:
        return Extension(lot, self.expires.expiry(), self.reason)


class ReasonBody(Body):
    """Why a wallet is frozen or unfrozen."""

    reason: Reason


class WaiverBody(Body):
    amount: Amount | None = None
    reason: Reason
    note: Text | None = None

    def waiver(self) -> Waiver:
        return Waiver(self.reason, self.amount, self.note)
