"""What is answered, as models: for the API's description and for tests. Nothing that serves a request imports them.

Clients must expect members that are not described here yet: more of them may come, none goes.
"""

from __future__ import annotations

from pydantic import BaseModel

from chalicelib.edge.answer_parts import Problem
from chalicelib.edge.campaigns import answers as campaign_answers
from chalicelib.edge.customers import answers as customer_answers
from chalicelib.edge.imports import answers as import_answers
from chalicelib.edge.notices import answers as notice_answers
from chalicelib.edge.orders.answers import REASONS, EventFate, RefundQuote, RejectionPage, Retried
from chalicelib.edge.performance import answers as performance_answers
from chalicelib.edge.rules import answers as rule_answers
from chalicelib.edge.segments import answers as segment_answers
from chalicelib.edge.service.answers import Description, Health, Settings, TestClock
from chalicelib.edge.wallets.answers import (
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
