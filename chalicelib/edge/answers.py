"""What is answered, as models: for the API's description and for tests. Nothing that serves a request imports them.

Clients must expect members that are not described here yet: more of them may come, none goes.
"""

from __future__ import annotations

from pydantic import BaseModel

from chalicelib.edge import (
    campaign_answers,
    customer_answers,
    import_answers,
    notice_answers,
    performance_answers,
    rule_answers,
    segment_answers,
)
from chalicelib.edge.answer_parts import Problem
from chalicelib.edge.order_answers import REASONS, EventFate, RefundQuote, RejectionPage, Retried
from chalicelib.edge.service_answers import Description, Health, Settings, TestClock
from chalicelib.edge.wallet_answers import (
    Captured,
    EntryPage,
    Explanation,
    FrozenOrNot,
    GivenBack,
    Held,
    LotChanged,
    Quote,
    Redeemed,
    Redemption,
    TakenOut,
    Wallet,
    WalletList,
)

__all__ = (
    "REASONS",
    "Captured",
    "Description",
    "EntryPage",
    "EventFate",
    "Explanation",
    "FrozenOrNot",
    "GivenBack",
    "Health",
    "Held",
    "LotChanged",
    "Problem",
    "Quote",
    "Redeemed",
    "Redemption",
    "RefundQuote",
    "RejectionPage",
    "Retried",
    "Settings",
    "TakenOut",
    "TestClock",
    "Wallet",
    "WalletList",
)


_PLACES = (
    campaign_answers,
    customer_answers,
    import_answers,
    notice_answers,
    performance_answers,
    rule_answers,
    segment_answers,
)


def model(name: str) -> type[BaseModel]:
    """The model of an answer, by the name that a route has for it."""
    found: type[BaseModel] | None = globals().get(name)
    if found is None:
        found = next(getattr(place, name) for place in _PLACES if hasattr(place, name))
    return found
