"""Reading performance: the counters of a campaign, thirty-two documents in one batch, however many customers it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.performance.figures import Figures, figures
from chalicelib.performance.model import NOTHING, PEOPLE
from chalicelib.performance.store import Standings
from chalicelib.store.reading import Store

MAX_COMPARED = 20
"""Campaigns that one comparison takes: 640 documents, seven round trips."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A campaign as far as its figures depend on it: its currency, and whether its credit can be used already."""

    campaign: str
    currency: str
    begun: bool


def performance(store: Store, campaigns: Sequence[Measured]) -> list[Figures]:
    """The figures of these campaigns, in their order, without lifts (see `figures.with_lifts`).

    :raises Unread: they could not be read, retries included
    """
    assert len(campaigns) <= MAX_COMPARED
    parts = [(each.campaign, part) for each in campaigns for part in (each.currency, PEOPLE)]
    counts = Standings(store).counts(parts)
    return [
        figures(
            counts.get((each.campaign, each.currency), NOTHING),
            counts.get((each.campaign, PEOPLE), NOTHING),
            begun=each.begun,
        )
        for each in campaigns
    ]
