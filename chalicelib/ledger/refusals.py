"""Everything the ledger refuses, on one page. A refusal changed nothing; the same command may succeed later.

`code` is stable and part of the API; the facts are the numbers a caller needs to act on it.
"""

from __future__ import annotations

from typing import ClassVar


class Refused(Exception):
    """A business refusal: a sentence for a person, the field it is about, if any, and JSON-ready facts."""

    code: ClassVar[str]

    def __init__(self, detail: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts = facts


# About what the wallet holds
class InsufficientCredit(Refused):
    code = "insufficient_credit"


class ConditionNotMet(Refused):
    """There is enough credit, but the conditions of its lots keep it from this order."""

    code = "condition_not_met"


class WalletFrozen(Refused):
    code = "wallet_frozen"


class BalanceLimitExceeded(Refused):
    code = "balance_limit_exceeded"


class LotLimitExceeded(Refused):
    code = "lot_limit_exceeded"


# About a lot, a hold, a redemption
class LotNotFound(Refused):
    code = "lot_not_found"


class LotClosed(Refused):
    code = "lot_closed"


class HoldClosed(Refused):
    code = "hold_closed"


class HoldLapsed(Refused):
    code = "hold_lapsed"


class HoldOpen(Refused):
    code = "hold_open"


class OverCapture(Refused):
    code = "over_capture"


class OverReversal(Refused):
    code = "over_reversal"


class VersionConflict(Refused):
    """What is to be replaced has another version than the caller has seen."""

    code = "version_conflict"


class NotFound(Refused):
    code = "not_found"


# About an order and its refunds
class OverRefund(Refused):
    code = "over_refund"


class OrderMismatch(Refused):
    """The order is another customer's, or is known with another total."""

    code = "order_mismatch"


class SpentByAnother(OrderMismatch):
    """The order is not known yet, and was paid with credit of another id of the same person: the fact `customer`."""


class RefundMismatch(Refused):
    """The refund was made before, and was another one."""

    code = "refund_mismatch"


class OrderLimitExceeded(Refused):
    """The order has more redemptions, grants or refunds than can be dealt with at once."""

    code = "order_limit_exceeded"


class FeatureDisabled(Refused):
    code = "feature_disabled"


class NotSeenYet(Refused):
    """It names something that may still come: worth trying again later."""

    code = "not_seen_yet"


class OrderNotSeen(NotSeenYet):
    code = "order_not_seen"


class RedemptionNotSeen(NotSeenYet):
    code = "redemption_not_seen"


class RefundNotSeen(NotSeenYet):
    code = "refund_not_seen"


# About the command
class AmountOutOfRange(Refused):
    code = "amount_out_of_range"


class CurrencyUnknown(Refused):
    code = "currency_unknown"


class CurrencyMismatch(Refused):
    code = "currency_mismatch"


class ExpiresInPast(Refused):
    code = "expires_in_past"


class ExpiresEarlier(Refused):
    code = "expires_earlier"


class ExpiryNotPermitted(Refused):
    code = "expiry_not_permitted"


class LedgerFault(Exception):
    """An entry that cannot be applied: a defect or a damaged ledger, never something a caller did."""
