"""What is refused about segments. A refusal changed nothing."""

from __future__ import annotations

from chalicelib.ledger.refusals import Refused


class WrongSegment(Refused):
    """It is well formed, and something in it cannot be."""

    code = "validation_failed"
