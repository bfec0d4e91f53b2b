"""What support may send to correct a wallet, and the command that each becomes. Null is the same as left out."""

from chalicelib.edge.fields import Amount, Body, Identifier, Reason, Text
from chalicelib.edge.terms import Expires
from chalicelib.ledger.correcting import Debit, Extension, Revocation
from chalicelib.ledger.indebting import Waiver


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
