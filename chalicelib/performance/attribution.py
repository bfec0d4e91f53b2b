"""What one ledger entry means for campaigns. Pure.

A lot belongs to the campaign that its source names, and so do the lots that its credit comes back as. All that moves
in a lot counts for its campaign; so for each campaign and currency, at any moment, exactly:

    outstanding = issued + given_back + returned + moved
                  - redeemed - expired - revoked - clawed_back - debited - debt_settled
                = what remains in the open lots of the campaign

    issued         granted into lots of the campaign; credit that joins a lot that is there counts where that lot does
    redeemed       spent on orders, by redemptions and captures; given_back is what reversals put back of it
    clawed_back    taken back since an order that earned credit is worth less; returned is what came back of that
    debited        taken out by hand; debt_settled paid for what should have been taken back earlier
    moved          came from another wallet of the same person, less what went into one: nothing, once both were told

A hold moves nothing; a part of it that comes back as a new lot stays with its campaign. A grant whose own source names
a campaign makes its customer a recipient of that campaign, whichever lot it joined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chalicelib.ledger.booking import EFFECT, SPENDS
from chalicelib.ledger.limits import DAY_MS
from chalicelib.ledger.lots import Source
from chalicelib.ledger.merging import MERGE
from chalicelib.ledger.model import Entry, EntryType
from chalicelib.performance.model import CAMPAIGN, LAST_DAY, Followed, TrackedLot

ISSUED, REDEEMED, GIVEN_BACK, EXPIRED, REVOKED = "issued", "redeemed", "given_back", "expired", "revoked"
CLAWED_BACK, RETURNED, DEBITED, DEBT_SETTLED = "clawed_back", "returned", "debited", "debt_settled"
MOVED = "moved"
SIGN = {
    ISSUED: 1,
    MOVED: 1,
    GIVEN_BACK: 1,
    RETURNED: 1,
    REDEEMED: -1,
    EXPIRED: -1,
    REVOKED: -1,
    CLAWED_BACK: -1,
    DEBITED: -1,
    DEBT_SETTLED: -1,
}
"""How each figure enters what is outstanding."""
ISSUES, REDEMPTIONS, LOTS_EXPIRED = "issues", "redemptions", "lots_expired"
DAY = "day_"
"""Begins the names of the counters of redemptions by days since the credit was there."""

_FIGURE = {
    EntryType.ISSUED: ISSUED,
    EntryType.REDEEMED: REDEEMED,
    EntryType.CAPTURED: REDEEMED,
    EntryType.EXPIRED: EXPIRED,
    EntryType.REVOKED: REVOKED,
    EntryType.CLAWED_BACK: CLAWED_BACK,
    EntryType.DEBITED: DEBITED,
    EntryType.DEBT_SETTLED: DEBT_SETTLED,
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an entry did: the wallet's lots of campaigns after it, and by campaign what it adds to counters.

    `spent` is what it spent of each campaign on the order that it names, less than nothing where it gave back.
    """

    followed: Followed
    counts: Mapping[str, Mapping[str, int]]
    spent: Mapping[str, int]
    joined: str | None = None
    """The campaign that the customer becomes a recipient of."""
    since: int = 0
    """From when on (milliseconds) the granted credit can be used."""


def meaning_of(entry: Entry, followed: Followed) -> Meaning:
    """What the entry means, which follows the last that was applied to this wallet."""
    assert entry.sequence == followed.sequence + 1, "entries are applied one after another"
    lots = dict(followed.lots)
    for terms in entry.lots:
        campaign = campaign_of(terms.source)
        if campaign is not None and terms.id not in lots:
            lots[terms.id] = TrackedLot(campaign, 0, terms.effective_at, again=terms.parent is not None)
    counts: dict[str, Counter[str]] = {}
    spent: Counter[str] = Counter()
    figure, sign = _figure(entry), EFFECT[entry.type][0]
    for part in entry.allocations:
        if part.lot not in lots:
            continue
        lot = lots[part.lot]
        moved = part.amount if part.into else 0
        lots[part.lot] = lot = replace(lot, remaining=lot.remaining + sign * part.amount - moved)
        if part.into:
            lots[part.into] = replace(lots[part.into], remaining=lots[part.into].remaining + moved)
        if figure is not None:
            counts.setdefault(lot.campaign, Counter()).update(_of_part(entry, figure, part.amount, lot))
            if figure in (REDEEMED, GIVEN_BACK):
                spent[lot.campaign] -= sign * part.amount
    for told in counts.values():
        told.update(_of_entry(figure))
    open_lots = {lot_id: lot for lot_id, lot in lots.items() if lot.remaining}
    joined = campaign_of(entry.source) if entry.type is EntryType.ISSUED else None
    since = max(entry.at, *(terms.effective_at for terms in entry.lots)) if joined else 0
    return Meaning(Followed(entry.sequence, open_lots), counts, spent, joined, since)


def campaign_of(source: Source | None) -> str | None:
    return source.id if source is not None and source.type == CAMPAIGN else None


def outstanding(counts: Mapping[str, int]) -> int:
    """What remains in a campaign's lots, by its counters."""
    return sum(sign * counts.get(figure, 0) for figure, sign in SIGN.items())


def _figure(entry: Entry) -> str | None:
    """The figure that the entry's parts add to. What comes back without a redemption had been taken back."""
    if entry.source is not None and entry.source.type == MERGE:
        return MOVED if entry.allocations else None
    if entry.type is EntryType.RESTORED:
        return RETURNED if entry.redemption is None else GIVEN_BACK
    return _FIGURE.get(entry.type)


def _of_part(entry: Entry, figure: str, amount: int, lot: TrackedLot) -> dict[str, int]:
    told = {figure: EFFECT[entry.type][0] * amount if figure == MOVED else amount}
    if figure == EXPIRED:
        told[LOTS_EXPIRED] = 1
    if entry.type in SPENDS and not lot.again:
        told[f"{DAY}{min(LAST_DAY, max(0, entry.at - lot.since) // DAY_MS)}"] = 1
    return told


def _of_entry(figure: str | None) -> dict[str, int]:
    """What counts once for an entry, however many lots of a campaign it moved."""
    match figure:
        case "issued":
            return {ISSUES: 1}
        case "redeemed":
            return {REDEMPTIONS: 1}
        case _:
            return {}
