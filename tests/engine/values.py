"""Values of the ledger as hypothesis draws them: any that can be stored, whether or not an operation would make it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from chalicelib.ledger import limits
from chalicelib.ledger.conditions import WEEKDAYS, Conditions, Selection
from chalicelib.ledger.lots import CLASS_OF_KIND, Allocation, Kind, Lot, LotClass, Source
from chalicelib.ledger.model import Entry, EntryType, Hold, Redemption, RedemptionPart, Wallet

CUSTOMER = st.text("abcXYZ019._:@+-", min_size=1, max_size=limits.MAX_ID_CHARACTERS)
WORD = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)
AMOUNT = st.integers(1, limits.MAX_BALANCE)
INSTANT = st.integers(0, 7_258_118_400_000)
OPERATION = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=24, max_size=24)
LOT_ID = st.builds(
    lambda sequence, ordinal: f"lot_{sequence}.{ordinal}" if ordinal else f"lot_{sequence}",
    st.integers(1, 10**9),
    st.integers(0, 120),
)
NAMES = st.lists(WORD, max_size=3).map(tuple)
MINUTE = st.integers(0, 1439)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


SELECTION = st.builds(
    Selection, products=NAMES, categories=NAMES, collections=NAMES, tags=NAMES, sites=NAMES, channels=NAMES
)
CONDITIONS = st.builds(
    Conditions,
    min_order=maybe(AMOUNT),
    min_order_multiple=maybe(st.integers(1, 100)),
    max_share_of_order=maybe(st.integers(1, 10_000)),
    max_per_order=maybe(AMOUNT),
    include=SELECTION,
    exclude=SELECTION,
    weekdays=st.lists(st.sampled_from(WEEKDAYS), unique=True).map(tuple),
    hours=maybe(st.tuples(MINUTE, MINUTE)),
    first_order_only=st.booleans(),
    not_with_discounts=st.booleans(),
    not_on_order=maybe(WORD),
)
SOURCE = st.builds(Source, WORD, WORD)


@st.composite
def lots(draw: st.DrawFn, terms_only: bool = False) -> Lot:
    granted = draw(AMOUNT)
    remaining = 0 if terms_only else draw(st.integers(0, granted))
    kind = draw(st.sampled_from(Kind))
    reinstated = kind is Kind.REINSTATED
    return Lot(
        id=draw(LOT_ID),
        kind=kind,
        lot_class=draw(st.sampled_from(LotClass)) if reinstated else CLASS_OF_KIND[kind],
        granted=granted,
        remaining=remaining,
        held=draw(st.integers(0, remaining)),
        priority=draw(st.integers(0, limits.MAX_PRIORITY)),
        effective_at=draw(INSTANT),
        expires_at=draw(maybe(INSTANT)),
        conditions=draw(maybe(CONDITIONS)),
        source=draw(maybe(SOURCE)),
        parent=draw(LOT_ID) if reinstated else None,
        reinstatements=draw(st.integers(1, 9)) if reinstated else 0,
        from_release=draw(st.booleans()) if reinstated else False,
    )


ALLOCATION = st.builds(Allocation, LOT_ID, AMOUNT, maybe(LOT_ID))
HOLD = st.builds(
    Hold,
    OPERATION.map(lambda operation: f"hld_{operation}"),
    WORD,
    AMOUNT,
    st.integers(0, 10**12),
    st.lists(st.builds(Allocation, LOT_ID, AMOUNT), min_size=1, max_size=4).map(tuple),
    INSTANT,
)
WALLET = st.builds(
    Wallet,
    CUSTOMER,
    st.sampled_from(["EUR", "JPY", "KWD", "PTS"]),
    version=st.integers(1, 10**12),
    lots=st.lists(lots(), max_size=6).map(tuple),
    holds=st.lists(HOLD, max_size=3).map(tuple),
    debt=st.integers(0, 10**12),
    frozen=st.booleans(),
    entry_at=INSTANT,
    first_order=maybe(WORD),
)
ENTRY = st.builds(
    Entry,
    sequence=st.integers(1, 10**12),
    type=st.sampled_from(EntryType),
    amount=st.integers(-(10**13), 10**13),
    balance_after=st.integers(0, 10**13),
    held_after=st.integers(0, 10**13),
    debt_after=st.integers(0, 10**13),
    allocations=st.lists(ALLOCATION, max_size=4).map(tuple),
    at=INSTANT,
    actor=WORD,
    reason=WORD,
    operation=OPERATION,
    policy=WORD,
    note=maybe(TEXT),
    customer_text=maybe(TEXT),
    source=maybe(SOURCE),
    lots=st.lists(lots(terms_only=True), max_size=3).map(tuple),
    order_id=maybe(WORD),
    redemption=maybe(OPERATION.map(lambda operation: f"rdm_{operation}")),
    hold=maybe(OPERATION.map(lambda operation: f"hld_{operation}")),
    hold_expires_at=maybe(INSTANT),
    notify=maybe(st.booleans()),
)
PART = st.builds(RedemptionPart, lots(terms_only=True), AMOUNT, st.integers(0, 10**12))
REDEMPTION = st.builds(
    Redemption, OPERATION.map(lambda operation: f"rdm_{operation}"), WORD, st.lists(PART, max_size=5).map(tuple)
)
