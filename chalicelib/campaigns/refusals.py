"""What is refused about campaigns. A refusal changed nothing."""

from __future__ import annotations

from chalicelib.ledger.refusals import Refused


class CampaignState(Refused):
    """The campaign is in a state in which that cannot be done."""

    code = "campaign_state"


class AvailableAtInPast(Refused):
    code = "available_at_in_past"


class WrongCampaign(Refused):
    """It is well formed, and something in it cannot be."""

    code = "validation_failed"


class WrongRun(Refused):
    """Nothing can be told of such a run: it never began, or is too long ago."""

    code = "validation_failed"
