"""What is refused about customers. A refusal changed nothing."""

from __future__ import annotations

from chalicelib.ledger.refusals import Refused


class CustomerMerged(Refused):
    """The customer was merged into another one, who is the one to name."""

    code = "customer_merged"


class MergeTooLarge(Refused):
    """There are more wallets than can be moved at once, or customers were merged one into the other too often."""

    code = "merge_too_large"


class WrongCustomer(Refused):
    """It is well formed, and something in it cannot be."""

    code = "validation_failed"
