"""Who a campaign's people are: those of its holdout are told, its recipients are known from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.performance import standing
from chalicelib.performance.model import Purchase, Standing
from chalicelib.performance.store import MAX_TOGETHER, Changed, Standings
from chalicelib.store.documents import Documents


def enrol(docs: Documents, campaign: str, customers: Sequence[str], holdout: bool, at: int) -> None:
    """Make customers people of a campaign, of its holdout or recipients, whose orders count from `at` (milliseconds):
    the instant from which the campaign's credit can be used. Told again it changes nothing.

    :raises Unread, Busy: to be told again; who was enrolled before stays so once
    """

    def decide(standings: Mapping[str, Standing], _purchases: Mapping[str, Purchase]) -> Changed:
        return [standing.enrolled(each, campaign, holdout=holdout, since=at) for each in standings.values()], ()

    wanted = list(dict.fromkeys(customers))
    for start in range(0, len(wanted), MAX_TOGETHER):
        Standings(docs.store).change(wanted[start : start + MAX_TOGETHER], decide)
