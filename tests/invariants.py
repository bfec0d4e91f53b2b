"""The invariants of one wallet, each an executable check on the wallet and ALL its entries, oldest first.

The numbers are those of the list that they come from; the others (one effect for a key, events in order) concern a
store. Each check reads the entries by itself and calls no operation of the ledger, save `folding_gives_the_wallet`,
which is about the fold. All raise AssertionError with what does not tie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chalicelib.ledger.folding import fold
from chalicelib.ledger.lots import Lot, LotClass
from chalicelib.ledger.model import Entry, Wallet

GIVES = {"issued", "restored"}
TAKES = {"redeemed", "captured", "expired", "revoked", "clawed_back", "debited", "debt_settled"}
ENDS_HOLD = {"captured", "released", "lapsed"}
SPENDS_UNHELD = {"redeemed", "held", "debited"}


@dataclass
class Slip:
    """What one lot is worth at some point of its history."""

    terms: Lot
    remaining: int = 0
    held: int = 0

    @property
    def unheld(self) -> int:
        return self.remaining - self.held

    def active(self, at: int) -> bool:
        return self.terms.effective_at <= at and (self.terms.expires_at is None or at < self.terms.expires_at)


def before_each(entries: Sequence[Entry]) -> Iterator[tuple[Entry, dict[str, Slip]]]:
    """Each entry with the open lots as they are just before it. Look at them before asking for the next."""
    lots: dict[str, Slip] = {}
    for entry in entries:
        yield entry, lots
        for terms in entry.lots:
            lots.setdefault(terms.id, Slip(terms)).terms = terms
        for part in entry.allocations:
            slip = lots[part.lot]
            if entry.type in GIVES:
                slip.remaining += part.amount
            if entry.type in TAKES:
                slip.remaining -= part.amount
            if entry.type == "held":
                slip.held += part.amount
            if entry.type in ENDS_HOLD:
                slip.held -= part.amount
            if part.into:
                slip.remaining -= part.amount
                lots[part.into].remaining += part.amount
        for lot in [lot for lot, slip in lots.items() if not slip.remaining]:
            del lots[lot]


def entry_amounts_sum_to_remaining(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """1: the sum of the entry amounts is what remains in the open lots."""
    assert sum(entry.amount for entry in entries) == sum(lot.remaining for lot in wallet.lots)


def value_is_conserved(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """1: issued and given back = redeemed, expired, revoked, clawed back, debited, and what is outstanding."""
    given = sum(part.amount for entry in entries if entry.type in GIVES for part in entry.allocations)
    taken = sum(part.amount for entry in entries if entry.type in TAKES for part in entry.allocations)
    assert given == taken + sum(lot.remaining for lot in wallet.lots)


def held_within_remaining_within_granted(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """2: no lot is negative or above its grant, and what is held of it is what the open holds name."""
    named: dict[str, int] = {}
    for hold in wallet.holds:
        assert hold.allocations, f"{hold.id} is open and sets nothing aside"
        for part in hold.allocations:
            assert part.amount > 0, hold.id
            named[part.lot] = named.get(part.lot, 0) + part.amount
    for lot in wallet.lots:
        assert 0 <= lot.held <= lot.remaining <= lot.granted, lot
        assert lot.remaining > 0, f"{lot.id} is open and empty"
        assert lot.held == named.pop(lot.id, 0), lot
    assert not named, f"holds name lots that are not open: {named}"
    assert len({lot.id for lot in wallet.lots}) == len(wallet.lots), "a lot is there twice"
    assert wallet.debt >= 0


def sequences_have_no_gap(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """3: sequences are 1..n, and the wallet's version is n."""
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert wallet.version == len(entries)


def balances_run_on(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """3: each balance_after is the one before it and the entry's amount; none is negative."""
    balance = 0
    for entry in entries:
        balance += entry.amount
        assert entry.balance_after == balance, f"entry {entry.sequence}"
        assert 0 <= entry.held_after <= entry.balance_after, f"entry {entry.sequence}"
        assert all(part.amount > 0 for part in entry.allocations), f"entry {entry.sequence}"


def nothing_is_taken_outside_a_lots_life(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """5: nothing is spent, held or taken out at or after expires_at, or before effective_at; a held part excepted."""
    for entry, lots in before_each(entries):
        if entry.type in SPENDS_UNHELD:
            for part in entry.allocations:
                assert lots[part.lot].active(entry.at), f"entry {entry.sequence} takes from {part.lot}"


def only_dead_lots_expire(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """5, the other way round: nothing expires that is alive, and no held part does."""
    for entry, lots in before_each(entries):
        if entry.type == "expired":
            for part in entry.allocations:
                ends = lots[part.lot].terms.expires_at
                assert ends is not None and ends <= entry.at, f"entry {entry.sequence} ends {part.lot} early"
                assert part.amount == lots[part.lot].unheld, f"entry {entry.sequence} ends part of {part.lot}"


def spending_order(lot: Lot) -> tuple[Any, ...]:
    """The order that a wallet spends in unless a setting chooses another."""
    rank = {LotClass.PROMOTIONAL: 0, LotClass.GOODWILL: 1, LotClass.PAID: 2}[lot.lot_class]
    scoped = lot.conditions is not None and lot.conditions.item_scoped
    never = lot.expires_at is None
    sequence = int(lot.id.removeprefix("lot_").partition(".")[0])
    return (lot.priority, never, lot.expires_at or 0, not scoped, rank, lot.effective_at, sequence, lot.id)


def allocation_follows_spending_order(
    wallet: Wallet, entries: Sequence[Entry], order: Callable[[Lot], tuple[Any, ...]] = spending_order
) -> None:
    """6: lots are taken in spending order, and none without conditions is passed over or only half taken.

    A debit may name its lot, so one that takes from a single lot may pass others over.
    """
    for entry, lots in before_each(entries):
        if entry.type not in SPENDS_UNHELD or entry.reason == "refund_reversed":
            continue  # a refund that is undone takes from the lots that it went to first
        if entry.source is not None and entry.source.type == "merge":
            continue  # so does what is lent to undo one; and a merge takes all there is
        taken = {part.lot: part.amount for part in entry.allocations}
        ranks = [order(lots[lot].terms) for lot in taken]
        assert len(taken) == len(entry.allocations) and ranks == sorted(ranks), f"entry {entry.sequence}"
        if entry.type == "debited" and len(taken) == 1:
            continue
        for lot, slip in lots.items():
            bound = slip.terms.conditions is not None and entry.type != "debited"
            if not bound and slip.active(entry.at) and order(slip.terms) < ranks[-1]:
                assert taken.get(lot, 0) == slip.unheld, f"entry {entry.sequence} passes over {lot}"


def reversals_stay_within_the_redemption(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """7: lot by lot, no more is given back than was taken, and the last consumed comes back first."""
    left: dict[str | None, dict[str, int]] = {}
    for entry in entries:
        if entry.type in ("redeemed", "captured"):
            assert entry.redemption not in left, f"entry {entry.sequence} redeems {entry.redemption} again"
            left[entry.redemption] = {part.lot: part.amount for part in entry.allocations}
        if entry.type == "restored" and entry.redemption is not None:
            parents = {lot.id: lot.parent for lot in entry.lots}
            for part in entry.allocations:
                taken = left[entry.redemption]
                home = part.lot if part.lot in taken else parents.get(part.lot)
                assert any(taken.values()), f"entry {entry.sequence} gives back what nothing is left of"
                last = [lot for lot, amount in taken.items() if amount][-1]
                assert home == last, f"entry {entry.sequence} gives back to {home} before {last}"
                taken[last] -= part.amount
                assert taken[last] >= 0, f"entry {entry.sequence} gives {last} more than it gave"


def no_more_is_given_back_than_was_taken_back(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """Promotional credit: all that was taken back, and owed, bounds what came back of it; debt is never negative."""
    taken = given = owed = 0
    for entry in entries:
        change, owed = entry.debt_after - owed, entry.debt_after
        assert entry.debt_after >= 0, f"entry {entry.sequence}"
        if entry.type == "clawed_back":
            taken += change - entry.amount
            for lot in entry.lots:
                assert lot.lot_class is LotClass.PROMOTIONAL, f"entry {entry.sequence} takes {lot.id} back"
        elif entry.type == "restored" and entry.redemption is None:
            given += entry.amount
        elif entry.type == "debt_settled":
            assert change < 0 and entry.amount in (0, change), f"entry {entry.sequence}"
        else:
            assert not change, f"entry {entry.sequence} changes what is owed"
        assert given <= taken, f"entry {entry.sequence} gives back more than was taken"
    assert wallet.debt == owed


def folding_gives_the_wallet(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """12: folding the entries gives the stored wallet, field by field."""
    assert fold(wallet.customer, wallet.currency, entries) == wallet


def entry_times_do_not_decrease(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """13: no entry is dated before the one ahead of it."""
    for earlier, later in pairwise(entries):
        assert earlier.at <= later.at, f"entry {later.sequence}"
    assert not entries or wallet.entry_at == entries[-1].at


INVARIANTS: tuple[Callable[[Wallet, Sequence[Entry]], None], ...] = (
    entry_amounts_sum_to_remaining,
    value_is_conserved,
    held_within_remaining_within_granted,
    sequences_have_no_gap,
    balances_run_on,
    nothing_is_taken_outside_a_lots_life,
    only_dead_lots_expire,
    allocation_follows_spending_order,
    reversals_stay_within_the_redemption,
    no_more_is_given_back_than_was_taken_back,
    folding_gives_the_wallet,
    entry_times_do_not_decrease,
)


def check(wallet: Wallet, entries: Sequence[Entry]) -> None:
    """Every invariant of one wallet under the default spending order."""
    for invariant in INVARIANTS:
        invariant(wallet, entries)
